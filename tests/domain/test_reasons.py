"""Reasons: the table that people read has a row for everything that is said, and no other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from server.domain import plan
from server.domain.revisions import CAUSE
from server.domain.runs import Outcome
from server.domain.scopes import scope_of
from server.domain.transaction import Transaction
from server.propagation import edits, recording
from server.propagation.links import NewReference
from server.propagation.pipeline import Edit, propose
from server.system import AssetPropagationSystem
from tests import reasons
from tests.batches import small_batches
from tests.domain.world import World
from tests.propagation.test_engine import ME, after_commits
from tests.ticking import Ticking

Said = set[tuple[str, str]]


def said(outcomes: dict[str, Outcome]) -> Said:
    return {(one.outcome, one.reason) for one in outcomes.values()}


def film(*rules: dict[str, Any]) -> World:
    """Mara wears a coat, which two shots of a sequence show."""
    world = World()
    named = [{"id": f"r{n}", "name": f"Rule {n}", **one} for n, one in enumerate(rules)]
    if named:
        record = replace(world.state.record, rules=named)
        world.step(lambda tx: tx.put_project(record))
    world.create("character", "mara", {"description": "Tall."})
    world.create("wardrobe", "coat", {"colour": "#d8a31a"}, ["mara"])
    world.create("shot", "sh010", {}, ["coat"])
    world.create("shot", "sh020", {}, [NewReference("coat", overrides={"colour": "#111111"})])
    world.create("sequence", "seq1")
    for shot in ("sh010", "sh020"):
        world.link(shot, "seq1")
    return world


def policies() -> Said:
    world = film()
    pin = NewReference("coat", policy="pinned")
    world.create("shot", "sh030", {}, [pin])
    world.create("shot", "sh040", {}, [pin, NewReference("mara", policy="pinned")])
    world.create("shot", "sh050", {}, [NewReference("coat", policy="approved")])
    world.create("shot", "sh060", {}, ["coat"], status="final")
    changes = [world.edit("mara", {"hair": "#000000"}), world.edit("coat", {"colour": "#000000"})]
    return set().union(*map(said, changes))


def rules() -> Said:
    found: Said = set()
    for verdict in ("block", "require_approval", "pin", "mark_stale", "notify"):
        world = film({"verdict": verdict, "target_kinds": ["shot"]})
        found |= said(world.edit("coat", {"colour": "#000000"}))
    return found


def conflicts() -> Said:
    """A final shot that no rule is about, and overrides of what is not there any more."""
    world = film({"verdict": "update", "target_statuses": ["wip"]})
    world.create("shot", "sh060", {}, ["coat"], status="final")
    found = said(world.edit("coat", {"colour": "#000000", "hem": "torn", "lining": "silk"}))
    over = {"hem": "sewn", "lining": "wool"}
    world.create("shot", "sh070", {}, [NewReference("coat", overrides={"hem": "sewn"})])
    world.create("shot", "sh080", {}, [NewReference("coat", overrides=over)])
    return found | said(world.edit("coat", {"hem": None, "lining": None}))


def decisions() -> Said:
    """One of two changes is approved while the other still waits, and then that one is rejected."""
    world = film()
    world.create("shot", "sh060", {}, ["coat", "mara"], status="final")
    world.edit("coat", {"colour": "#000000"})
    approved = world.decide("coat", "sh060", "approve")
    found = said({"sh060": approved})
    world.edit("coat", {"colour": "#222222"})
    world.edit("mara", {"hair": "#000000"})
    for source, decision in (("coat", "approve"), ("mara", "reject")):
        found |= said({"sh060": world.decide(source, "sh060", decision, "too bright")})
    return found


def revisions() -> Said:
    found: Said = set()
    for how in ("", "Rewritten in the draft of 2026-02-01: action"):
        world = film()
        world.create("scene", "sc1")
        world.link("sh010", "sc1")
        fields = {"revised_at": "2027-01-01T00:00:00.000Z", "revision": how}
        root = world.propose(Edit("sc1", fields)).root
        assert root is not None
        scope = scope_of(world.state, "run", [root], ("metadata",), CAUSE)
        tx = world.begin()
        outcome = plan.reach(tx, scope, "sh010")
        found.add((outcome.outcome, outcome.reason))
    return found


async def interrupted(monkeypatch: pytest.MonkeyPatch) -> Said:
    """One dependent fails, one is deleted, and the rest is cancelled."""
    small_batches(monkeypatch, 2)
    real = plan.reach

    def fails(tx: Transaction, scope: Any, entity_id: str) -> Outcome:
        if entity_id == shots[1]:
            raise ValueError("out of paint")
        return real(tx, scope, entity_id)

    monkeypatch.setattr(recording, "reach", fails)
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        shots = [one["id"] for one in await system.create_test_shots(20, hero["id"])]
        uses = [{"source": shots[0]}, {"source": shots[19]}]
        await system.create_entity("sequence", "One", references=uses)
        step = 0

        async def act(commit: Any) -> None:
            nonlocal step
            if commit.run is None or not commit.outcomes:
                return
            step += 1
            if step == 2:
                async with owner.step(ME) as tx:
                    edits.delete_entity(tx, shots[3], force=True)
            if step == 5:
                run = owner.engine.known(commit.run.id)
                assert run is not None
                await owner.engine.cancel(run)

        acting: list[Any] = []

        async def later(commit: Any) -> None:
            acting.append(asyncio.ensure_future(act(commit)))

        after_commits(owner, later)
        result = await system.propagate_asset_change(hero["id"], {"description": "b"})
        for one in acting:
            await one
        assert result.run_id is not None
        found, _ = await owner.storage.outcomes(result.run_id, 500, None)
        return {(one.outcome, one.reason) for one, _ in found}


async def restored(monkeypatch: pytest.MonkeyPatch) -> Said:
    """A project is restored to when one shot was behind, for its run had been cancelled."""
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        monkeypatch.setattr(owner, "_clock", Ticking())
        hero = await system.create_entity("character", "Mara", {"description": "a"}, id="mara")
        await system.create_test_shots(2, hero["id"])
        async with owner.step(ME) as tx:
            propose(tx, Edit("mara", {"hair": "#000000"}), await owner.documents("mara"))
        moment = owner.now()
        await system.propagate_asset_change("mara", {"description": "b"})
        done = await system.restore_project(moment)
        found, _ = await owner.storage.outcomes(done.propagation.run_id or "", 500, None)
        return {(one.outcome, one.reason) for one, _ in found}


async def broken_off(monkeypatch: pytest.MonkeyPatch) -> Said:
    """The store refuses a batch for good: the run ends, and what is left fails with it."""
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        await system.create_test_shots(3, hero["id"])
        commit = owner.storage.commit

        async def failing(one: Any) -> None:
            if one.outcomes:
                monkeypatch.setattr(owner.storage, "commit", commit)
                raise ValueError("out of paint")
            await commit(one)

        monkeypatch.setattr(owner.storage, "commit", failing)
        result = await system.propagate_asset_change(hero["id"], {"description": "b"})
        found, _ = await owner.storage.outcomes(result.run_id or "", 500, None)
        return {(one.outcome, one.reason) for one, _ in found}


async def test_every_row_of_the_table_is_produced_and_every_reason_has_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = policies() | rules() | conflicts() | decisions() | revisions()
    found |= await restored(monkeypatch)
    with monkeypatch.context() as patch:
        found |= await interrupted(patch)
    with monkeypatch.context() as patch:
        found |= await broken_off(patch)
    unknown = [one for one in found if not reasons.known(*one)]
    assert not unknown
    missing = [row for row in reasons.rows() if not produces(row, found)]
    assert not missing


def produces(row: reasons.Row, found: Said) -> bool:
    """Whether something that was said is this row, alone or first of several reasons."""
    expression = re.compile(row.pattern() + "(; .+)?", re.DOTALL)
    told: Sequence[str] = [text for outcome, text in found if outcome == row.outcome]
    return any(expression.fullmatch(text) for text in told)
