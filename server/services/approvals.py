"""Approvals: what waits for a yes or a no, as it was and as it would be, and deciding it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from protocol.errors import FieldError, Invalid, NotFound, StalePlan
from server.domain.actors import Actor
from server.domain.approvals import STATUSES, Approval, ApprovalStatus, plan_hash_of
from server.domain.entities import version_id
from server.domain.ids import new_id
from server.domain.resolve import resolve
from server.domain.runs import Outcome, Root, Run
from server.domain.transaction import Transaction
from server.domain.versions import VersionManager
from server.ports import ApprovalFilter
from server.propagation.approvals import CAUSE, approve, record_decisions, reject, root_of
from server.propagation.project import ProjectOwner
from server.services.answers import PropagationResult, result_of

__all__ = ["Choice", "Decided", "approval_page", "decide_approvals", "get_approval"]

Choice = Literal["approve", "reject"]
WAIT = 10.0
MOST_IDS = 2000
"""More in one step would hold the loop for too long."""
_SLICE = 0.003
"""Seconds of loop time before others have their turn."""
_SAID = 10
"""As many differences are told one by one."""
_manager = VersionManager()


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


# -- reading ---------------------------------------------------------------------------------------


async def approval_page(
    owner: ProjectOwner,
    *,
    status: str | None = "open",
    source: str | None = None,
    target: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of approvals, those of one change together, what changed last first.

    ``groups`` are the changes that the items are about, each with the number of all that wait
    because of it and the hash of these together; ``open`` counts those of the project.
    """
    wanted = ApprovalFilter(_status(status), source, target)
    found, following = await owner.storage.approvals(owner.project_id, wanted, limit, cursor)
    shown = _Shown(owner)
    items = [item for one in found if (item := await shown.item(one, wanted.status)) is not None]
    runs = dict.fromkeys(item["run_id"] for item in items)
    groups = [await _group(owner, run_id) for run_id in runs]
    return {
        "items": items,
        "groups": groups,
        "open": len(owner.state.approvals),
        "next_cursor": following,
    }


def _status(status: str | None) -> ApprovalStatus | None:
    if status is None or status == "any":
        return None
    for known in STATUSES:
        if known == status:
            return known
    wanted = "must be one of: any, " + ", ".join(STATUSES)
    raise Invalid("The status is not valid", [FieldError("status", wanted)])


async def get_approval(owner: ProjectOwner, approval_id: str) -> dict[str, Any]:
    """One approval; while it is open with its target whole, as it looks before and after. Raises
    NotFound.
    """
    one = await owner.storage.approval(owner.project_id, approval_id)
    item = await _Shown(owner).item(one, None)
    if item is None:
        raise NotFound(f"There is no approval {approval_id!r} in this project")
    here = owner.state.approvals.get(approval_id)
    looks: list[dict[str, Any] | None] = [None, None]
    if here is not None:
        entity = owner.state.entity(here.target)
        looks = [resolve(tx, entity) for tx in (owner.look(), _moved(owner, here))]
    item["before"]["resolved"], item["after"]["resolved"] = looks
    return item


class _Shown:
    """Approvals as the API shows them; what they share is read once."""

    def __init__(self, owner: ProjectOwner) -> None:
        self._owner = owner
        self._diffs: dict[tuple[str, int, int], Mapping[str, Any]] = {}
        self._begun = time.monotonic()

    async def item(self, one: Approval, status: ApprovalStatus | None) -> dict[str, Any] | None:
        """``None`` where it is no longer what was asked for."""
        if time.monotonic() - self._begun > _SLICE:
            await asyncio.sleep(0)
            self._begun = time.monotonic()
        if one.status == "open":
            await _know(self._owner, [one])
        differs = await self._diff(one)
        return self._json(one, differs, status)

    def _json(
        self, one: Approval, differs: Mapping[str, Any], status: ApprovalStatus | None
    ) -> dict[str, Any] | None:
        state = self._owner.state
        here = state.approvals.get(one.id)
        if one.status == "open" and here != one:
            if status == "open" and here is None:
                return None
            one = here or one
        tx = self._owner.look()
        before: dict[str, Any] = {"version": one.from_version, "hash": None, "visual_hash": None}
        after: dict[str, Any] = {"version": one.to_version, "hash": None, "visual_hash": None}
        if here is not None:
            now, then = tx.digests(one.target), _moved(self._owner, one).digests(one.target)
            before |= {"hash": now.all.hex(), "visual_hash": now.visual.hex()}
            after |= {"hash": then.all.hex(), "visual_hash": then.visual.hex()}
        source, target = _entity(self._owner, one.source), _entity(self._owner, one.target)
        return {
            **one.to_json(),
            "project_id": state.id,
            "source_name": source.name,
            "source_kind": source.kind,
            "target_name": target.name,
            "target_kind": target.kind,
            "target_status": target.status,
            "before": before,
            "after": after,
            "differs": _seen(tx, one, differs),
        }

    async def _diff(self, one: Approval) -> Mapping[str, Any]:
        key = one.source, one.from_version, one.to_version
        if key not in self._diffs:
            kind = self._owner.state.kind(_entity(self._owner, one.source))
            before = await self._owner.version(one.source, one.from_version)
            after = await self._owner.version(one.source, one.to_version)
            found = _manager.diff(kind, before, after)
            del found["asset_id"], found["from"], found["to"]
            self._diffs[key] = {**found, "message": after.message}
        return self._diffs[key]


def _entity(owner: ProjectOwner, entity_id: str) -> Any:
    return owner.state.entities.get(entity_id) or owner.state.deleted[entity_id]


def _seen(tx: Transaction, one: Approval, differs: Mapping[str, Any]) -> dict[str, Any]:
    """What differs for the target: without what each of its references overrides."""
    hidden: list[set[str]] = []
    for waits in one.references:
        try:
            hidden.append(set(tx.reference(waits.reference_id).overrides))
        except NotFound:
            hidden.append(set())
    always = set.intersection(*hidden)
    if not always:
        return dict(differs)
    fields = {name: pair for name, pair in differs["fields"].items() if name not in always}
    return {**differs, "fields": fields}


def _moved(owner: ProjectOwner, one: Approval) -> Transaction:
    """The project as it would be with the references of an approval moved, and nothing else."""
    tx = owner.look()
    for waits in one.references:
        tx.move_pointer(tx.reference(waits.reference_id), waits.to_version)
    tx.refresh(one.target)
    return tx


async def _group(owner: ProjectOwner, run_id: str) -> dict[str, Any]:
    """A change, and all that waits because of it."""
    ones = [one for one in owner.state.approvals if one.run_id == run_id]
    out: dict[str, Any] = {
        "run_id": run_id,
        "open": len(ones),
        "plan_hash": plan_hash_of(ones) if ones else None,
        "sources": [],
        "author": "",
        "message": "",
        "cause": "",
        "created_at": None,
    }
    try:
        run = owner.engine.known(run_id) or await owner.storage.run(run_id)
    except NotFound:
        return out
    tx = owner.look()
    out["sources"] = [
        {
            "id": root.asset_id,
            "name": tx.name_of(root.asset_id),
            "version": version_id(root.asset_id, root.to_version),
        }
        for root in run.roots
    ]
    out |= {"author": run.author, "message": run.message, "cause": run.cause}
    out["created_at"] = run.created_at
    return out


# -- deciding --------------------------------------------------------------------------------------


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
    await _know(owner, [one for id_ in ids if (one := owner.state.approvals.get(id_)) is not None])
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


async def _know(owner: ProjectOwner, ones: Sequence[Approval]) -> None:
    """Bring the versions that approvals would show to hand: newer ones may be current by now."""
    for source, number in {(one.source, ref.to_version) for one in ones for ref in one.references}:
        if source in owner.state.entities:
            await owner.know(source, number)


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
        now = "would show v{} by now"
        changes += [
            _change(tx, one, now.format(one.to_version)) for one in ones if one.at != one.since
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


Act = Callable[[ProjectOwner, Transaction, Sequence[Approval], str], Awaitable[Run]]


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
    begun = time.monotonic()
    for number, target in enumerate([*first, *below]):
        outcome = approve(tx, run, targets[target], comment)
        if number < len(first):
            outcomes.append(outcome)
        begun = await _pause(begun)
    run.roots = tuple(
        root._replace(to_version=tx.current(root.asset_id).number) for root in run.roots
    )
    run.total += len(outcomes)
    run.phases = {**run.phases, "realtime": run.phases.get("realtime", 0) + len(outcomes)}
    record_decisions(tx, run, outcomes)
    return run


async def _reject_all(
    owner: ProjectOwner, tx: Transaction, ones: Sequence[Approval], comment: str
) -> Run:
    """Keep what is shown: a run that has ended before it began, for nothing moves."""
    targets = _by_target(ones)
    outcomes: list[Outcome] = []
    begun = time.monotonic()
    for those in targets.values():
        outcomes.append(reject(tx, those, comment))
        begun = await _pause(begun)
    sources = dict.fromkeys((one.source, one.to_version) for one in ones)
    run = Run(
        new_id("run"),
        owner.project_id,
        tuple(Root(source, number, number) for source, number in sources),
        tuple(sorted({name for one in ones for name in one.classes})),
        CAUSE,
        tx.author.user,
        comment,
        "realtime",
        True,
        "done",
        len(outcomes),
        tx.at,
        tx.at,
        tx.at,
        phases={"realtime": len(outcomes)},
    )
    record_decisions(tx, run, outcomes)
    tx.save_run(run)
    return run


async def _pause(begun: float) -> float:
    """Let others have their turn where a slice of loop time is used up; the step holds its lock."""
    if time.monotonic() - begun <= _SLICE:
        return begun
    await asyncio.sleep(0)
    return time.monotonic()


def _by_target(ones: Sequence[Approval]) -> dict[str, list[Approval]]:
    targets: dict[str, list[Approval]] = {}
    for one in ones:
        targets.setdefault(one.target, []).append(one)
    return targets
