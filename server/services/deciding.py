"""Deciding approvals: a yes moves what is shown, a no keeps it; all that is named, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from protocol.errors import FieldError, Invalid, StalePlan
from server.domain.actors import Actor
from server.domain.approvals import Approval, plan_hash_of
from server.domain.entities import version_id
from server.domain.ids import new_id
from server.domain.runs import Outcome, Root, Run
from server.domain.transaction import Transaction
from server.propagation.approvals import CAUSE, approve, reject, root_of
from server.propagation.pacing import Pacer
from server.propagation.project import ProjectOwner
from server.propagation.recording import record_at_once
from server.services.answers import PropagationResult, result_of
from server.services.approvals import know

__all__ = ["Choice", "Decided", "decide_approvals"]

Choice = Literal["approve", "reject"]
WAIT = 10.0
MOST_IDS = 2000
"""More in one step would hold the loop for too long."""
_SAID = 10
"""As many differences are told one by one."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision did: its run, and the approvals as they are now."""

    decision: Choice
    approvals: Sequence[Approval]
    propagation: PropagationResult

    def to_json(self) -> dict[str, Any]:
        return {
            **self.propagation.to_json(),
            "decision": self.decision,
            "decided": len(self.approvals),
            "approvals": [
                {"id": one.id, "target": one.target, "status": one.status} for one in self.approvals
            ],
        }


async def decide_approvals(
    owner: ProjectOwner,
    ids: Sequence[str],
    decision: Choice,
    plan_hash: str,
    actor: Actor,
    comment: str = "",
    wait: float | None = WAIT,
) -> Decided:
    """Say yes or no to approvals, all or none, in one step; a yes goes on to what they stand in.

    Raises Invalid, NotFound for an id that never was, and StalePlan where what the plan named is
    not what waits now.
    """
    _check_ids(ids)
    await know(owner, [one for id_ in ids if (one := owner.state.approvals.get(id_)) is not None])
    async with owner.step(actor) as tx:
        ones = await _check_plan(owner, tx, ids, plan_hash)
        act = _approve_all if decision == "approve" else _reject_all
        run = await act(owner, tx, ones, comment.strip())
        decided = {one.id: one for one in tx.asked}
    await owner.engine.wait(run.id, wait)
    version = version_id(ones[0].source, ones[0].to_version)
    return Decided(decision, [decided[id_] for id_ in ids], result_of(run, version))


def _check_ids(ids: Sequence[str]) -> None:
    if not 1 <= len(ids) <= MOST_IDS:
        problem = f"must name 1 to {MOST_IDS} approvals"
        raise Invalid("Which approvals?", [FieldError("ids", problem)])
    seen: set[str] = set()
    errors: list[FieldError] = []
    for number, id_ in enumerate(ids):
        if id_ in seen:
            errors.append(FieldError(f"ids.{number}", "stands there twice"))
        seen.add(id_)
    if errors:
        raise Invalid("Some approvals are named twice; nothing was decided", errors)


async def _check_plan(
    owner: ProjectOwner, tx: Transaction, ids: Sequence[str], plan_hash: str
) -> list[Approval]:
    """The open approvals of these ids; raises StalePlan unless the plan is of them as they are."""
    found = owner.state.approvals
    ones = [one for id_ in ids if (one := found.get(id_)) is not None]
    changes: list[dict[str, Any]] = []
    if len(ones) < len(ids):
        for id_ in ids:
            if found.get(id_) is None:
                ended = await owner.storage.approval(owner.project_id, id_)
                changes.append(_change(tx, ended, f"was {_ended(ended)}"))
    elif plan_hash not in _names(owner, ones):
        changes += [
            _change(tx, one, f"would show v{one.to_version} by now")
            for one in ones
            if one.at != one.since
        ]
        if not changes:
            raise StalePlan("This plan is not of these approvals; look at them again")
    if not changes:
        return ones
    told, more = changes[:_SAID], max(0, len(changes) - _SAID)
    words = "; ".join(one["text"] for one in told) + (f"; and {more} more" if more else "")
    raise StalePlan(f"{words}. Nothing was decided; look at the approvals again", told, more)


def _ended(one: Approval) -> str:
    return one.reason if one.status != "closed" else f"closed: {one.reason}"


def _change(tx: Transaction, one: Approval, how: str) -> dict[str, Any]:
    text = f"{tx.name_of(one.source)} in {tx.name_of(one.target)} {how}"
    return {"approval": one.id, "entity_id": one.target, "what": one.status, "text": text}


def _names(owner: ProjectOwner, ones: Sequence[Approval]) -> set[str]:
    """The hashes that name a choice of approvals: their own, and that of the group they are of."""
    names = {plan_hash_of(ones)}
    runs = {one.run_id for one in ones}
    if len(runs) == 1:
        names.add(plan_hash_of(one for one in owner.state.approvals if one.run_id in runs))
    return names


async def _approve_all(
    owner: ProjectOwner, tx: Transaction, ones: Sequence[Approval], comment: str
) -> Run:
    """Move what was approved, each target after those that it is built on; the run goes on from
    them. A target below another is reached by it again, so its outcome is left to it.
    """
    targets = _by_target(ones)
    below = [id_ for id_ in owner.state.graph.affected(targets) if id_ in targets]
    first = [id_ for id_ in targets if id_ not in set(below)]
    classes = tuple(sorted({name for one in ones for name in one.classes}))
    roots = [root_of(tx, target) for target in first]
    run = owner.begin_run(tx, roots, classes, CAUSE, message=comment)
    outcomes: list[Outcome] = []
    pacer = Pacer()
    for number, target in enumerate([*first, *below]):
        outcome = approve(tx, run, targets[target], comment)
        if number < len(first):
            outcomes.append(outcome)
        await pacer.pause()
    run.roots = tuple(
        root._replace(to_version=tx.current(root.asset_id).number) for root in run.roots
    )
    run.total += len(outcomes)
    run.phases = {**run.phases, "realtime": run.phases.get("realtime", 0) + len(outcomes)}
    record_at_once(tx, run, outcomes)
    return run


async def _reject_all(
    owner: ProjectOwner, tx: Transaction, ones: Sequence[Approval], comment: str
) -> Run:
    """Keep what is shown: a run that has ended before it began, for nothing moves."""
    targets = _by_target(ones)
    outcomes: list[Outcome] = []
    pacer = Pacer()
    for those in targets.values():
        outcomes.append(reject(tx, those, comment))
        await pacer.pause()
    sources = dict.fromkeys((one.source, one.to_version) for one in ones)
    run = Run.at_once(
        new_id("run"),
        owner.project_id,
        [Root(source, number, number) for source, number in sources],
        sorted({name for one in ones for name in one.classes}),
        CAUSE,
        tx.author.user,
        comment,
        len(outcomes),
        tx.at,
    )
    record_at_once(tx, run, outcomes)
    tx.save_run(run)
    return run


def _by_target(ones: Sequence[Approval]) -> dict[str, list[Approval]]:
    targets: dict[str, list[Approval]] = {}
    for one in ones:
        targets.setdefault(one.target, []).append(one)
    return targets
