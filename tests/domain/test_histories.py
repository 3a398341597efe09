"""Random histories: after whatever people did, the state is what a recomputation from nothing
says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol.errors import Conflict, Cycle, RipplecutError
from server.domain.digests import combine, contribution, inputs_digest, member_share, own_digests
from server.domain.entities import BuiltOn, Digests, Version
from server.domain.versions import VersionManager
from server.propagation import edits, links
from tests.domain.world import World

COLOURS = ["#111111", "#222222", "#333333"]
ASSETS = ["mara", "coat", "hat", "lamp", "quay"]
SHOTS = ["sh1", "sh2", "sh3", "sh4"]
GROUPS = ["sc1", "seq1"]


class Histories(RuleBasedStateMachine):
    """People edit, link, pin, approve, override, delete, restore and roll back, in any order."""

    @initialize()
    def a_small_production(self) -> None:
        self.world = World()
        world = self.world
        world.create("character", "mara", {"hair": "#111111"})
        world.create("wardrobe", "coat", {"colour": "#111111"}, ["mara"])
        world.create("wardrobe", "hat", {"colour": "#111111"}, ["mara"])
        world.create("location", "quay", {"colour": "#111111"})
        world.create("prop", "lamp", {"colour": "#111111"}, ["quay"])
        world.create("scene", "sc1", {}, ["quay"])
        world.create("sequence", "seq1")
        world.link("sc1", "seq1")
        for shot in SHOTS:
            world.create("shot", shot, {}, ["mara", "coat"])
            world.link(shot, "sc1")
            world.link(shot, "seq1")

    def alive(self, *ids: str) -> bool:
        return all(id_ in self.world.state.entities for id_ in ids)

    @rule(asset=st.sampled_from(ASSETS), colour=st.sampled_from(COLOURS))
    def recolour(self, asset: str, colour: str) -> None:
        if self.alive(asset):
            field = "hair" if asset == "mara" else "colour"
            self.world.edit(asset, {field: colour})

    @rule(asset=st.sampled_from(ASSETS + SHOTS + GROUPS), text=st.sampled_from(["a", "b", ""]))
    def annotate(self, asset: str, text: str) -> None:
        if self.alive(asset):
            self.world.edit(asset, {"notes": text})

    @rule(data=st.data(), decision=st.sampled_from(["approve", "reject"]))
    def decide(self, data: st.DataObject, decision: str) -> None:
        pairs = sorted(self.world.open_approvals())
        if pairs:
            self.world.decide(*data.draw(st.sampled_from(pairs)), decision)

    @rule(
        shot=st.sampled_from([*SHOTS, "coat"]), status=st.sampled_from(["wip", "final", "approved"])
    )
    def set_status(self, shot: str, status: str) -> None:
        if self.alive(shot):
            self.world.edit(shot, {}, status=status)

    @rule(source=st.sampled_from(ASSETS + SHOTS), user=st.sampled_from(ASSETS + SHOTS + GROUPS))
    def link(self, source: str, user: str) -> None:
        if self.alive(source, user):
            try:
                self.world.link(source, user)
            except (Conflict, Cycle, RipplecutError):
                return

    @rule(data=st.data())
    def unlink(self, data: st.DataObject) -> None:
        ids = sorted(self.world.state.references)
        if ids:
            reference = self.world.state.references[data.draw(st.sampled_from(ids))]
            roots = self.world.step(lambda tx: links.unlink(tx, reference))
            self.world.run(roots, ("relationship",))

    @rule(data=st.data(), policy=st.sampled_from(["latest", "approved", "pinned"]))
    def change_policy(self, data: st.DataObject, policy: Any) -> None:
        ids = sorted(self.world.state.references)
        if ids:
            reference = self.world.state.references[data.draw(st.sampled_from(ids))]
            _, roots = self.world.step(lambda tx: links.relink(tx, reference, policy=policy))
            self.world.run(roots, ("relationship",))

    @rule(data=st.data(), colour=st.sampled_from([*COLOURS, None]))
    def override(self, data: st.DataObject, colour: str | None) -> None:
        references = self.world.state.references
        ids = sorted(id_ for id_, one in references.items() if one.source in ("coat", "hat"))
        if ids:
            reference = references[data.draw(st.sampled_from(ids))]
            overrides = {"colour": colour} if colour else {}
            _, roots = self.world.step(lambda tx: links.relink(tx, reference, overrides=overrides))
            self.world.run(roots, ("relationship",))

    @rule(asset=st.sampled_from(ASSETS))
    def approve(self, asset: str) -> None:
        if self.alive(asset):
            version = self.world.state.entity(asset).current
            roots = self.world.step(lambda tx: edits.approve_version(tx, asset, version))
            self.world.run(roots, ("visual",))

    @rule(asset=st.sampled_from(ASSETS + SHOTS))
    def delete(self, asset: str) -> None:
        if self.alive(asset):
            roots = self.world.step(lambda tx: edits.delete_entity(tx, asset, force=True))
            self.world.run(roots, ("relationship",))

    @precondition(lambda self: bool(self.world.state.deleted))
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        asset = data.draw(st.sampled_from(sorted(self.world.state.deleted)))
        roots = self.world.step(lambda tx: edits.restore_entity(tx, asset))
        self.world.run(roots, ("relationship",))

    @rule(data=st.data(), asset=st.sampled_from(ASSETS + SHOTS))
    def roll_back(self, data: st.DataObject, asset: str) -> None:
        if self.alive(asset):
            last = self.world.state.entity(asset).current.number
            number = data.draw(st.integers(1, last))
            if (asset, number) in self.world.state.versions:
                self.world.rollback(asset, number)

    @rule(entity=st.sampled_from(ASSETS + SHOTS + GROUPS))
    def hang_a_picture(self, entity: str) -> None:
        if self.alive(entity):
            self.world.picture(entity)

    # -- what must hold after every step --------------------------------------------------------

    @invariant()
    def digests_are_what_a_recomputation_says(self) -> None:
        for entity_id, entity in self.world.state.entities.items():
            assert entity.digests == self.recomputed(entity_id), entity_id

    @invariant()
    def nothing_that_follows_the_latest_is_behind(self) -> None:
        state = self.world.state
        tx = self.world.begin()
        for reference in state.references.values():
            target = state.entity(reference.target)
            if reference.policy != "latest" or tx.is_member(reference):
                continue
            if target.status == "final":
                continue
            newest = tx.current(reference.source).number
            assert tx.contribution(reference, newest) == tx.contribution(
                reference, reference.version
            ), reference

    @invariant()
    def what_is_held_back_from_a_final_one_waits_or_was_rejected(self) -> None:
        """There is one approval for each pair that waits, of what stands there, and no other."""
        state = self.world.state
        tx = self.world.begin()
        waiting: dict[tuple[str, str], set[tuple[str, int, int]]] = {}
        for reference in state.references.values():
            target = state.entity(reference.target)
            if reference.policy == "pinned" or reference.member or target.status != "final":
                continue
            source = state.entity(reference.source)
            goal = source.current.number
            if reference.policy == "approved":
                goal = source.approved_version or reference.version
            here = tx.contribution(reference, reference.version)
            if here != tx.contribution(reference, goal) and not tx.rejected(reference, goal):
                pair = reference.source, reference.target
                waiting.setdefault(pair, set()).add((reference.id, reference.version, goal))
        assert waiting == {one.pair: set(one.references) for one in state.approvals}

    @invariant()
    def a_picture_is_stale_when_its_entity_looks_different_and_says_why(self) -> None:
        for entity_id, picture in self.world.state.pictures.items():
            if self.alive(entity_id):
                reasons = self.world.why_stale(entity_id)
                now = self.world.state.entity(entity_id).digests.visual
                assert bool(reasons) == (picture.visual != now)
                assert reasons != ["what it shows looks different now"]

    @invariant()
    def versions_are_intact_and_in_order(self) -> None:
        manager = VersionManager()
        for version in self.world.state.versions.values():
            assert manager.is_intact(version)
            for one in version.references:
                assert (one.source, one.version) in self.world.state.versions

    @invariant()
    def the_stream_and_the_chain_have_no_gap(self) -> None:
        seqs = [event.seq for commit in self.world.commits for event in commit.events]
        assert seqs == list(range(1, len(seqs) + 1))
        numbers = [entry.number for commit in self.world.commits for entry in commit.audit]
        assert numbers == list(range(1, len(numbers) + 1))

    def recomputed(self, entity_id: str) -> Digests:
        """The digests of an entity from its fields and references alone, members and all."""
        state = self.world.state
        entity = state.entities[entity_id]
        kind = state.kinds.get(entity.kind)
        own = own_digests(kind, entity.name, entity.current.fields, entity.current.visual_fields)
        parts, members = [], [0, 0]
        for one in state.inputs(entity_id).values():
            source = state.entities[one.source]
            if state.kinds.get(source.kind).category in ("shot", "scene"):
                share = member_share(one.source, one.order, self.recomputed(one.source))
                members = [(a + b) % 2**256 for a, b in zip(members, share, strict=True)]
            else:
                version = state.versions[one.source, one.version]
                parts.append((one.role, one.source, self.seen(source.kind, version, one.overrides)))
        return combine(own, inputs_digest(parts), (members[0], members[1]))

    def seen(self, kind_name: str, version: Version, overrides: Mapping[str, Any]) -> Digests:
        """What a version shows, from its own fields and what it was built on, all the way down."""
        kind = self.world.state.kinds.get(kind_name)
        parts = [(one.role, one.source, self.below(one)) for one in version.references]
        assert version.built_on_digests == inputs_digest(parts)
        return contribution(version, kind, overrides)

    def below(self, one: BuiltOn) -> Digests:
        state = self.world.state
        source = state.entities.get(one.source) or state.deleted[one.source]
        return self.seen(source.kind, state.versions[one.source, one.version], one.overrides)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
