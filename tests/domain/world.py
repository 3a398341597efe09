"""A project in memory, without storage or loop: what property tests drive.

Every step is sealed and applied at once, so the state under test is made by the very code that
runs in the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from server.domain import drafts
from server.domain.actors import Actor
from server.domain.commit import Commit, ProjectRecord
from server.domain.default_kinds import default_kinds
from server.domain.depicting import picture_reasons
from server.domain.phases import phases_of
from server.domain.pictures import Image, Picture
from server.domain.plan import reach
from server.domain.project import ProjectState
from server.domain.rules import default_rules
from server.domain.runs import Outcome, Root, Run
from server.domain.scopes import Scope, scope_of
from server.domain.settling import settle
from server.domain.transaction import Transaction
from server.propagation import approvals, edits, links, pictures
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.pipeline import Documents, Edit, Proposal, propose
from server.propagation.rollback import propose_rollback

Result = TypeVar("Result")


def _reach_all(tx: Transaction, scope: Scope, ids: Sequence[str]) -> list[Outcome]:
    outcomes = [reach(tx, scope, entity_id) for entity_id in ids]
    for outcome in outcomes:
        tx.record([outcome])
    return outcomes


class World:
    """One project and its documents. ``edit`` and friends answer with the outcomes by entity."""

    def __init__(self) -> None:
        record = ProjectRecord(
            "film",
            "Film",
            "2026-01-01T00:00:00.000Z",
            {},
            default_kinds().to_json(),
            [rule.to_json() for rule in default_rules()],
        )
        self.state = ProjectState(record, 0, 0, "")
        self.states: dict[tuple[str, int], bytes] = {}
        self.documents: dict[str, list[bytes]] = {}
        self.commits: list[Commit] = []
        self.actor = Actor("mara")
        self._tick = 0
        self._references = 0

    def begin(self) -> Transaction:
        self._tick += 1
        return Transaction(self.state, self.actor, f"2026-01-01T00:00:00.{self._tick:06d}Z")

    def step(self, build: Callable[[Transaction], Result]) -> Result:
        tx = self.begin()
        result = build(tx)
        settle(tx)
        commit, members = tx.seal()
        self.states.update(commit.states)
        for version in commit.versions:
            if version.number == 1:
                self.documents[version.entity_id] = [commit.states[version.entity_id, 1]]
        for document in commit.documents:
            self.documents[document.entity_id].append(document.update)
        self.state.apply(commit, members)
        self.commits.append(commit)
        return result

    def create(
        self,
        kind: str,
        entity_id: str,
        fields: Mapping[str, Any] | None = None,
        references: Sequence[str | NewReference] = (),
        status: str = "wip",
    ) -> str:
        made = [self._named(one) for one in references]
        new = NewEntity(kind, entity_id.capitalize(), fields or {}, entity_id, status, made)
        self.step(lambda tx: edits.create_entity(tx, new))
        return entity_id

    def _named(self, one: str | NewReference) -> NewReference:
        """A reference with an id of its own counting: random ids would not repeat with the seed."""
        self._references += 1
        new = one if isinstance(one, NewReference) else NewReference(one)
        return replace(new, id=f"r{self._references:04d}")

    def link(self, source: str, target: str, **options: Any) -> str:
        new = self._named(NewReference(source, **options))
        reference, roots = self.step(lambda tx: links.link(tx, target, new))
        self.run(roots, ("relationship",))
        return reference.id

    def draft(self, entity_id: str) -> bytes:
        return drafts.merge_states(self.documents[entity_id])

    def docs(self, entity_id: str) -> Documents:
        current = self.state.entity(entity_id).current
        return Documents(self.states[entity_id, current.state_number], self.draft(entity_id))

    def propose(self, edit: Edit) -> Proposal:
        documents = self.docs(edit.entity_id)
        return self.step(lambda tx: propose(tx, edit, documents))

    def edit(self, entity_id: str, fields: Mapping[str, Any], **options: Any) -> dict[str, Outcome]:
        return self._run_of(self.propose(Edit(entity_id, fields, **options)))

    def rollback(self, entity_id: str, number: int) -> dict[str, Outcome]:
        target = self.state.versions[entity_id, number]
        documents = self.docs(entity_id)
        return self._run_of(self.step(lambda tx: propose_rollback(tx, target, documents, "")))

    def _run_of(self, proposal: Proposal) -> dict[str, Outcome]:
        if proposal.root is None:
            return {}
        return self.run([proposal.root], proposal.classification.classes)

    def scope(self, roots: Sequence[Root], classes: tuple[str, ...]) -> Scope:
        return scope_of(self.state, "run-test", roots, classes, "test")

    def run(
        self, roots: Sequence[Root], classes: tuple[str, ...], batch: int = 3
    ) -> dict[str, Outcome]:
        """Reach every dependent in small batches, as the engine does."""
        scope = self.scope(roots, classes)
        outcomes: dict[str, Outcome] = {}
        for _, ids in phases_of(self.state, scope, frozenset(), "batch"):
            for position in range(0, len(ids), batch):
                part = ids[position : position + batch]
                found = self.step(partial(_reach_all, scope=scope, ids=part))
                for outcome in found:
                    assert outcome.entity_id not in outcomes, "reached twice"
                    outcomes[outcome.entity_id] = outcome
        return outcomes

    def open_approvals(self) -> dict[tuple[str, str], tuple[int, int]]:
        """What is open: the versions shown and asked for, by source and target."""
        return {one.pair: (one.from_version, one.to_version) for one in self.state.approvals}

    def decide(self, source: str, target: str, decision: str, comment: str = "") -> Outcome:
        """Say yes or no to one approval; what it stands in follows."""
        one = self.state.approvals.of_target(target)[source]
        if decision == "reject":
            return self.step(lambda tx: approvals.reject(tx, [one], comment))
        run = Run(
            "run-decided", "film", (), one.classes, "approval", "ann", "", "batch", True,
            "queued", 0, "",
        )  # fmt: skip
        outcome = self.step(lambda tx: approvals.approve(tx, run, [one], comment))
        self.run([approvals.root_of(self.begin(), target)], one.classes)
        return outcome

    def picture(self, entity_id: str) -> Picture:
        """Hang a picture on an entity; what is on it does not matter here."""
        image = Image(640, 400, "image/webp", {"full": b"f", "640": b"f", "320": b"t"})
        hashes = pictures.hashes_of(image)
        return self.step(lambda tx: pictures.add_picture(tx, entity_id, image, hashes))

    def why_stale(self, entity_id: str) -> list[str]:
        """What moved since the newest picture of an entity was made."""
        picture = self.state.pictures[entity_id]
        return picture_reasons(self.begin(), self.state.entity(entity_id), picture)

    def shows(self, entity_id: str) -> dict[str, Any]:
        """The entity resolved, as the API shows it."""
        from server.domain.resolve import resolve

        return resolve(self.begin(), self.state.entity(entity_id))
