"""Approvals: one for each source and target, updated in place, closed by whatever settles it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from server.domain.approvals import Approval, Approvals, Waits, plan_hash_of
from server.propagation import edits, links
from tests.domain.world import World

YELLOW, GREEN, BLUE = {"colour": "#ffee00"}, {"colour": "#00aa00"}, {"colour": "#2233aa"}


def a_final_shot() -> World:
    world = World()
    world.create("character", "mara", {"hair": "#111111"})
    world.create("wardrobe", "coat", YELLOW, ["mara"])
    world.create("shot", "sh010", {}, ["coat"], status="final")
    world.create("shot", "sh020", {}, ["coat"])
    world.create("sequence", "seq")
    world.link("sh010", "seq")
    return world


def approval(
    id_: str = "appr-1", source: str = "coat", target: str = "sh010", to: int = 2
) -> Approval:
    waits = (Waits("r1", 1, to),)
    return Approval(id_, source, target, waits, ("visual",), "r", "R", "run", "mara", "a", "b")


def actions(world: World) -> list[str]:
    return [entry.action for commit in world.commits for entry in commit.audit]


def told(world: World, type_: str) -> list[dict[str, object]]:
    events = [event for commit in world.commits for event in commit.events]
    return [dict(event.body) for event in events if event.type == type_]


def test_what_a_rule_holds_back_waits_with_what_it_is_about() -> None:
    world = a_final_shot()
    world.edit("coat", GREEN)
    assert world.open_approvals() == {("coat", "sh010"): (1, 2)}
    (one,) = world.state.approvals
    assert one.classes == ("visual",)
    assert (one.rule_id, one.run_id, one.author) == ("final-asks", "run-test", "mara")
    assert one.since == one.at
    assert actions(world).count("approval_requested") == 1
    (frame,) = told(world, "approval_requested")
    assert frame["approvals"] == [one.id]
    assert frame["entities"] == ["sh010"]
    assert frame["version"] == "coat_v2"


def test_a_later_change_updates_it_in_place() -> None:
    world = a_final_shot()
    world.edit("coat", GREEN)
    (first,) = world.state.approvals
    world.edit("coat", BLUE)
    (one,) = world.state.approvals
    assert one.id == first.id
    assert (one.from_version, one.to_version) == (1, 3)
    assert one.since == first.since
    assert one.at > first.at
    assert one.plan_hash != first.plan_hash


def test_a_change_of_something_else_leaves_it_as_it_is() -> None:
    world = a_final_shot()
    world.edit("coat", GREEN)
    (first,) = world.state.approvals
    world.create("prop", "lamp", {})
    world.link("lamp", "sh010")
    assert list(world.state.approvals) == [first]


def test_approving_moves_the_reference_and_nothing_else() -> None:
    world = a_final_shot()
    world.create("shot", "sh030", {}, ["coat"], status="final")
    world.edit("coat", GREEN)
    before = world.state.entity("seq").digests
    outcome = world.decide("coat", "sh010", "approve", "looks right")
    assert (outcome.outcome, outcome.reason) == (
        "updated",
        "Coat v2 was approved by mara: looks right",
    )
    assert world.open_approvals() == {("coat", "sh030"): (1, 2)}
    assert world.shows("sh010")["references"][0]["version"] == 2
    assert world.shows("sh030")["references"][0]["version"] == 1
    assert world.state.entity("seq").digests != before
    assert "approval_approved" in actions(world)
    assert told(world, "approval_decided")[0]["status"] == "approved"


def test_what_is_rejected_stays_until_a_newer_version_comes() -> None:
    world = a_final_shot()
    world.edit("coat", GREEN)
    (first,) = world.state.approvals
    outcome = world.decide("coat", "sh010", "reject", "too green")
    assert "Coat v2 was rejected by mara: too green" in outcome.reason
    assert not world.open_approvals()
    # Another change reaches the shot: the rejected version is not asked about again.
    again = world.edit("mara", {"hair": "#222222"})["sh010"]
    assert again.outcome == "awaiting_approval"
    assert world.open_approvals() == {("coat", "sh010"): (1, 3)}
    (second,) = world.state.approvals
    assert second.id != first.id


def test_what_is_rejected_is_not_asked_again_by_another_run() -> None:
    world = a_final_shot()
    world.edit("coat", GREEN)
    world.decide("coat", "sh010", "reject", "too green")
    version = world.state.entity("coat").current
    roots = world.step(lambda tx: edits.approve_version(tx, "coat", version))
    outcome = world.run(roots, ("visual",))["sh010"]
    assert outcome.outcome == "stale"
    assert "was rejected by mara: too green; v1 stays" in outcome.reason
    assert not world.open_approvals()
    assert "v2 was rejected by mara" in world.shows("sh010")["stale_reasons"][0]


def test_the_source_back_at_what_is_shown_closes_it() -> None:
    world = a_final_shot()
    world.edit("coat", GREEN)
    world.rollback("coat", 1)
    assert not world.open_approvals()
    (frame,) = told(world, "approval_decided")
    assert frame["status"] == "closed"
    assert world.shows("sh010")["last_outcome"]["outcome"] == "unchanged"


def test_a_shot_that_is_no_longer_final_catches_up_and_closes_it() -> None:
    world = a_final_shot()
    world.edit("coat", GREEN)
    world.edit("sh010", {}, status="review")
    assert not world.open_approvals()
    assert world.shows("sh010")["references"][0]["version"] == 2
    assert actions(world)[-1] == "approval_closed"


def test_a_reference_that_is_pinned_taken_away_or_overridden_closes_it() -> None:
    for how in ("pinned", "removed", "hidden"):
        world = a_final_shot()
        world.edit("coat", GREEN)
        (reference,) = world.state.inputs("sh010").values()
        match how:
            case "pinned":
                world.step(partial(links.relink, reference=reference, policy="pinned"))
            case "removed":
                world.step(partial(links.unlink, reference=reference))
            case _:
                world.step(partial(links.relink, reference=reference, overrides=BLUE))
        assert not world.open_approvals(), how


def test_a_deleted_source_or_target_closes_it_and_a_restored_one_asks_again() -> None:
    for gone in ("coat", "sh010"):
        world = a_final_shot()
        world.edit("coat", GREEN)
        world.step(partial(edits.delete_entity, entity_id=gone, force=True))
        assert not world.open_approvals()
        world.step(partial(edits.restore_entity, entity_id=gone))
        assert world.open_approvals() == {("coat", "sh010"): (1, 2)}


def test_a_final_asset_embeds_what_was_approved_and_passes_it_on() -> None:
    world = a_final_shot()
    world.edit("coat", {}, status="final")
    world.edit("mara", {"hair": "#222222"})
    assert world.open_approvals() == {("mara", "coat"): (1, 2)}
    world.decide("mara", "coat", "approve")
    assert world.state.entity("coat").current.references[0].version == 2
    # The shot that wears it is final too: now it is asked for the coat's new version.
    assert world.open_approvals() == {("coat", "sh010"): (1, 3)}
    assert world.shows("sh020")["references"][0]["version"] == 3


def test_what_else_still_waits_comes_first() -> None:
    world = a_final_shot()
    world.create("style", "noir", {"palette": "#000000"})
    world.create("shot", "sh040", {}, ["coat", "noir"], status="final")
    world.edit("coat", GREEN)
    world.edit("noir", {"palette": "#111111"})
    outcome = world.decide("coat", "sh040", "approve")
    assert outcome.outcome == "awaiting_approval"
    assert outcome.reason == "Noir v2 still waits for approval; Coat v2 was approved by mara"


def test_a_choice_of_approvals_is_named_by_the_sum_of_their_hashes() -> None:
    one, other = approval("a"), approval("b", target="sh020")
    assert plan_hash_of([one]) == one.plan_hash
    assert plan_hash_of([one, other]) == plan_hash_of([other, one])
    both = (int(one.plan_hash, 16) + int(other.plan_hash, 16)) % 2**256
    assert plan_hash_of([one, other]) == f"{both:064x}"


@given(st.integers(1, 50), st.integers(1, 50))
def test_a_plan_differs_where_what_it_would_show_differs(here: int, there: int) -> None:
    assert (approval(to=here).plan_hash == approval(to=there).plan_hash) == (here == there)


def test_of_a_pair_what_came_last_counts() -> None:
    known = Approvals()
    known.put(approval("a"))
    assert len(known) == 1
    assert known.of_target("sh010")["coat"].id == "a"
    known.put(replace(approval("a"), status="rejected"))
    assert not known
    assert known.rejected("coat", "sh010") is not None
    known.put(approval("b"))
    assert known.rejected("coat", "sh010") is None
