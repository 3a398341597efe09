"""Plans: what a change would do, shown before it is done, and done only if it still is that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from protocol.errors import StalePlan
from server.domain.actors import Actor
from server.domain.changes import Classification
from server.domain.ids import new_id
from server.domain.phases import phases_of
from server.domain.plan import Plan, plan
from server.domain.runs import Phase
from server.domain.scopes import scope_of
from server.domain.shown import Seen, ShownPlan, Subject, differences
from server.domain.transaction import Transaction
from server.propagation.pipeline import Proposal
from server.propagation.project import ProjectOwner

__all__ = ["Build", "Impact", "check_plan", "check_shown", "impact_of", "preview", "subject_of"]

Build = Callable[[Transaction], Awaitable[Sequence[Proposal]]]
"""Makes a change on a transaction, up to what its run starts from: to try it, and to do it."""

_MANY = 100
"""More dependents than this are worth a batch."""
_SLICE = 0.003
"""Seconds of loop time before others have their turn."""
_SAID = 10
"""As many differences are told one by one."""


class Impact(dict[str, Any]):
    """A plan that was not committed, as the contract shows it."""


async def preview(
    owner: ProjectOwner, actor: Actor, build: Build, mode: Phase = "realtime"
) -> Impact:
    """What a change would do: the very plan that its execution would take now. It is remembered,
    so that an execution can name it.
    """
    async with owner.preview(actor) as tx:
        proposals = await build(tx)
        made, shown = await _plan(owner, tx, proposals, mode)
    owner.plans.remember(shown)
    return await impact_of(owner, proposals, made, shown.hash)


async def check_plan(
    owner: ProjectOwner, tx: Transaction, build: Build, plan_hash: str | None
) -> None:
    """Raises StalePlan where a step would not do what the named plan says; ``None`` names none.

    To be asked within the step that executes, before it has changed anything: the state stands
    still from here on.
    """
    if plan_hash is None:
        return
    trial = Transaction(owner.state, tx.author, tx.at)
    proposals = await build(trial)
    _, now = await _plan(owner, trial, proposals, "realtime")
    check_shown(owner, tx, now, plan_hash)


def check_shown(
    owner: ProjectOwner, tx: Transaction, now: ShownPlan, plan_hash: str | None
) -> None:
    """Raises StalePlan where a named plan is not the one that would be carried out now."""
    if plan_hash is None or now.hash == plan_hash:
        return
    then = owner.plans.get(plan_hash)
    if then is None:
        raise StalePlan("This plan is not known (any more); look at the impact again")
    raise _stale(owner, tx, then, now)


def _stale(owner: ProjectOwner, tx: Transaction, then: ShownPlan, now: ShownPlan) -> StalePlan:
    def plural(kind: str, count: int) -> str:
        known = owner.state.kinds.get(kind)
        return f"{count} {(known.label if count == 1 else known.plural).lower()}"

    found = differences(then, now, tx.name_of, plural)
    told, more = found[:_SAID], max(0, len(found) - _SAID)
    words = [one.text for one in told] + ([f"and {more} more"] if more else [])
    detail = "; ".join(words) + "."
    return StalePlan(detail[:1].upper() + detail[1:], [one.to_json() for one in told], more)


async def _plan(
    owner: ProjectOwner, tx: Transaction, proposals: Sequence[Proposal], mode: Phase
) -> tuple[Plan, ShownPlan]:
    """Reach every dependent on the thrown-away transaction, pausing now and then for others."""
    roots = [one.root for one in proposals if one.root is not None]
    classes = Classification.of_all(one.classification for one in proposals).classes
    scope = scope_of(owner.state, new_id("plan"), roots, classes, "preview")
    made = Plan(phases_of(owner.state, scope, owner.viewed(), mode))
    same: dict[Seen, Seen] = {}
    outcomes: dict[str, Seen] = {}
    begun = time.monotonic()
    for outcome in plan(tx, scope, made.phases):
        made.add(outcome)
        seen = Seen(outcome.kind, outcome.outcome, outcome.reason)
        outcomes[outcome.entity_id] = same.setdefault(seen, seen)
        if time.monotonic() - begun > _SLICE:
            await asyncio.sleep(0)
            begun = time.monotonic()
    rests_on = [
        [one.entity_id, one.change.to_json(), None if one.root is None else list(one.root)]
        for one in proposals
    ]
    subjects = [subject_of(owner, one) for one in proposals]
    return made, ShownPlan(made.hash(rests_on), tuple(subjects), outcomes)


def subject_of(owner: ProjectOwner, proposal: Proposal) -> Subject:
    """What a plan starts from, to tell later how it came to be stale."""
    id_ = proposal.entity_id
    return Subject(id_, _version(owner, id_), _sets(proposal))


def _version(owner: ProjectOwner, entity_id: str) -> int:
    entity = owner.state.entities.get(entity_id)
    return entity.current.number if entity is not None else 0


def _sets(proposal: Proposal) -> dict[str, Any]:
    """What a change sets, whatever it was before."""
    return {key: value.get("to", value) for key, value in proposal.change.to_json().items()}


async def impact_of(
    owner: ProjectOwner, proposals: Sequence[Proposal], made: Plan, plan_hash: str
) -> Impact:
    """A plan as it is shown."""
    category = owner.state.category
    rows: list[dict[str, Any]] = []
    affected: list[str] = []
    begun = time.monotonic()
    for one in made.outcomes:
        rows.append(
            {
                "entity_id": one.entity_id,
                "kind": one.kind,
                "outcome": one.outcome,
                "reason": one.reason,
            }
        )
        if one.outcome != "unchanged":
            affected.append(one.entity_id)
        if time.monotonic() - begun > _SLICE:
            await asyncio.sleep(0)
            begun = time.monotonic()
    here = [id_ for id_ in affected if id_ in owner.state.entities]
    shots = [id_ for id_ in here if category(id_) == "shot"]
    sequences = [id_ for id_ in here if category(id_) == "sequence"]
    return Impact(
        affected_shots=len(shots),
        affected_sequences=len(sequences),
        affected_entities=len(affected),
        shots=shots,
        sequences=sequences,
        phases=[{"phase": name, "entities": list(ids)} for name, ids in made.phases],
        outcomes=rows,
        counts=made.counts,
        conflicts=[conflict.to_json() for one in proposals for conflict in one.conflicts],
        estimated_processing_time=round(owner.engine.cost.seconds_for(len(rows)), 4),
        memory_impact=owner.engine.cost.bytes_for(len(rows)),
        can_be_batch_processed=len(rows) > _MANY,
        classification=Classification.of_all(one.classification for one in proposals).to_json(),
        plan_hash=plan_hash,
    )
