"""Runs: wait for one, cancel it, go over its failures again, take back what it did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from protocol.errors import Conflict
from server.domain.actors import Actor
from server.domain.approvals import Waits
from server.domain.commit import AuditEntry
from server.domain.entities import Version, version_id
from server.domain.plan import PINNED
from server.domain.runs import Root, Run
from server.domain.transaction import Transaction
from server.ports import AuditFilter, ConflictFilter
from server.propagation.conflicts import record
from server.propagation.engine import APPROVAL
from server.propagation.pipeline import Proposal
from server.propagation.project import ProjectOwner
from server.propagation.restoring import CAUSE as RESTORED
from server.propagation.reversal import (
    Given,
    Reversal,
    Sides,
    members_of,
    release_pin,
    reverse,
    reverse_approval,
    reverse_decision,
    reverse_deleted,
)
from server.services.answers import (
    PropagationResult,
    RunRollback,
    conflicted,
    result_of,
    unchanged,
)
from server.services.plans import Build, Impact, check_plan, preview

__all__ = [
    "WAIT",
    "cancel_run",
    "finish",
    "outcome_page",
    "retry_run",
    "rollback_run",
    "rollback_run_impact",
]

WAIT = 10.0
_PAGE = 500
_NOTHING: frozenset[str] = frozenset()
_INSTEAD = {
    "deletion": "a deletion is taken back by restoring what was deleted",
    "restore": "a restore is taken back by deleting again what was restored",
    RESTORED: "restore the project to before this run instead",
}
"""Runs whose roots are not what was changed: what to do instead of rolling them back."""


async def finish(
    owner: ProjectOwner, run: Run, version: str, wait: float | None
) -> PropagationResult:
    """Wait for the end of a committed run, at most ``wait`` seconds (None: as long as it takes).

    Where a newer one has taken it over, the answer is that one's.
    """
    last = await _ended(owner, run, wait)
    waiting = owner.state.conflicts.of_run(last.id)
    return result_of(last, version, None if last is run else run.id, waiting)


async def _ended(owner: ProjectOwner, run: Run, wait: float | None) -> Run:
    """The run that does the work of a run, ended, or as far as it is after ``wait`` seconds."""
    until = None if wait is None else time.monotonic() + wait
    while True:
        left = None if until is None else max(0.0, until - time.monotonic())
        await owner.engine.wait(run.id, left)
        if run.superseded_by is None:
            return run
        newer = run.superseded_by
        run = owner.engine.known(newer) or await owner.storage.run(newer)


async def cancel_run(owner: ProjectOwner, run: Run, actor: Actor, wait: float | None = WAIT) -> Run:
    """Stop a run after the batch that it is in; one that has ended stays as it is. Answers the
    run, ended or, after ``wait`` seconds, about to.
    """
    run = owner.engine.known(run.id) or run
    if not run.finished:
        await owner.engine.cancel(run, actor)
        await owner.engine.wait(run.id, wait)
    return run


async def retry_run(owner: ProjectOwner, run: Run, actor: Actor, wait: float | None = WAIT) -> Run:
    """Go over the failures of a run again, with all that hangs on them, in a run of its own.

    What a cancelled run did not come to counts as its failure. Raises Conflict where the run has
    not ended, where nothing failed, and where a retry is on its way already.
    """
    _check_ended(run, "retried")
    only = await owner.engine.failures(run.id)
    await owner.survey(root.asset_id for root in run.roots)
    async with owner.step(actor) as tx:
        other = owner.engine.retrying(run.id)
        if other is not None:
            raise Conflict(f"{other.id} is going over the failures of this run already")
        roots = [root for root in run.roots if tx.exists(root.asset_id)]
        again = None
        if only and roots:
            again = owner.begin_run(
                tx,
                roots,
                run.classes,
                run.cause,
                message=run.message,
                mode=run.mode,
                notify=run.notify,
                retry_of=run.id,
                only=only,
            )
        if again is None or not again.total:
            gone = "What failed in this run is deleted, or not built on what it changed any more"
            raise Conflict(f"{gone if only else 'Nothing failed in this run'}: nothing to retry")
        tx.audit("run_retried", {"by": again.id}, roots[0].asset_id, run.id)
    await owner.engine.wait(again.id, wait)
    return again


async def rollback_run(
    owner: ProjectOwner,
    run: Run,
    actor: Actor,
    reason: str = "",
    *,
    plan_hash: str | None = None,
    wait: float | None = WAIT,
) -> RunRollback:
    """Take back what a run started from: every root is what it was before, as a new version, in one
    step, with one run over all that depends on them.

    What was changed since then stays; where it is what the run itself had changed, the answer is
    ``conflict`` with both sides, and nothing is applied: they wait in the conflicts. What was kept
    there stays when the run is rolled back again. Raises Conflict where the run has not ended, or
    followed a deletion, StalePlan.
    """
    build, cause = await _reversal(owner, run, reason)
    first = run.roots[0].asset_id
    await owner.foresee(root.asset_id for root in run.roots)
    async with owner.step(actor) as tx:
        await check_plan(owner, tx, build, plan_hash)
        number = _number(owner, first)
        proposals = await build(tx)
        if any(one.conflicts for one in proposals):
            tx.discard()
            waiting = record(tx, proposals, run.id)
            return RunRollback(run, (), None, conflicted(unchanged(first, number), waiting))
        message = _message(run, reason)
        again = owner.run_for(tx, proposals, cause, message=message, rollback_of=run.id)
        if again is None:
            tx.discard()
            return RunRollback(run, (), None, unchanged(first, number))
        versions = tuple(one.version.id for one in proposals if one.version is not None)
        for one in proposals:
            _tell(tx, again, run, one, actor)
        tx.audit("run_rolled_back", {"by": again.id}, first, run.id)
        number = tx.current(first).number
    last = await _ended(owner, again, wait)
    result = result_of(last, version_id(first, number), None if last is again else again.id)
    return RunRollback(run, versions, last, result)


async def rollback_run_impact(
    owner: ProjectOwner, run: Run, actor: Actor, reason: str = ""
) -> Impact:
    """What taking back a run would do. Raises as ``rollback_run``."""
    build, _ = await _reversal(owner, run, reason)
    return await preview(owner, actor, build)


async def outcome_page(
    owner: ProjectOwner, run: Run, limit: int, cursor: str | None
) -> dict[str, Any]:
    """A page of what a run did, in the order in which it did it, each with its reason. What one
    that was superseded would have done is told by the run that took it over.
    """
    last = await _ended(owner, run, 0)
    found, following = await owner.storage.outcomes(last.id, limit, cursor)
    items = [{**outcome.to_json(), "at": at} for outcome, at in found]
    if last is not run:
        roots = [root.asset_id for root in run.roots if root.asset_id in owner.state.graph]
        reached = set(owner.state.graph.affected(roots))
        by = f"taken over by {last.id}"
        items = [
            {**item, "outcome": "superseded", "reason": f"{by}: {item['reason']}"}
            for item in items
            if item["entity_id"] in reached
        ]
    return {"items": items, "next_cursor": following}


def _check_ended(run: Run, what: str) -> None:
    if not run.finished:
        raise Conflict(f"This run is {run.status}: it can be {what} when it has ended; cancel it")
    if run.status == "superseded" and what == "retried":
        raise Conflict(f"This run was taken over by {run.superseded_by}: retry that one")


def _message(run: Run, reason: str) -> str:
    return reason or f"Rolled back {run.id}"


def _number(owner: ProjectOwner, entity_id: str) -> int:
    found = owner.state.entities.get(entity_id) or owner.state.deleted.get(entity_id)
    return found.current.number if found is not None else 0


def _tell(tx: Transaction, again: Run, run: Run, proposal: Proposal, actor: Actor) -> None:
    if proposal.version is None:
        return
    before = next(r.from_version for r in run.roots if r.asset_id == proposal.entity_id)
    tx.tell(
        {
            "type": "rollback_completed",
            "asset_id": proposal.entity_id,
            "restored_from": version_id(proposal.entity_id, before),
            "new_current_version": proposal.version.id,
            "run_id": again.id,
            "rollback_of": run.id,
            "author": actor.user,
            "timestamp": tx.at,
        },
        frozenset({proposal.entity_id}),
    )


async def _reversal(owner: ProjectOwner, run: Run, reason: str) -> tuple[Build, str]:
    """How a run is taken back on a transaction, and the cause of the run that follows. Everything
    that is stored is read before.
    """
    _check_ended(run, "rolled back")
    if run.cause in _INSTEAD:
        raise Conflict(f"This run cannot be rolled back: {_INSTEAD[run.cause]}")
    message = _message(run, reason)
    given = await _given(owner, run) if run.cause == APPROVAL else {}
    if given:
        return _of_decision(given), "rollback"
    kept = await _kept(owner, run)
    if run.cause == APPROVAL:
        approved = [await _approved(owner, root) for root in run.roots]
    else:
        wanted = [await _wanted(owner, root, kept) for root in run.roots]
        pins = [entry async for entry in _entries(owner, AuditFilter(run_id=run.id), {PINNED})]

    async def build(tx: Transaction) -> Sequence[Proposal]:
        proposals: list[Proposal] = []
        for number, root in enumerate(run.roots):
            await asyncio.sleep(0)
            if kept.get(root.asset_id, _NOTHING) & {"@deleted", "@approved"}:
                continue
            if not tx.exists(root.asset_id):
                proposals.append(reverse_deleted(tx, root))
            elif run.cause == APPROVAL:
                proposals.append(reverse_approval(tx, root, approved[number]))
            else:
                documents = await owner.documents(root.asset_id)
                proposals.append(reverse(tx, wanted[number], documents, message))
        if run.cause != APPROVAL and any(one.root is not None for one in proposals):
            for entry in pins:
                release_pin(tx, entry.detail["before"], entry.detail["after"])
        return proposals

    return build, APPROVAL if run.cause == APPROVAL else "rollback"


def _of_decision(given: Mapping[str, Sequence[Given]]) -> Build:
    async def build(tx: Transaction) -> Sequence[Proposal]:
        return [
            reverse_decision(tx, source, ones)
            for source, ones in given.items()
            if tx.exists(source)
        ]

    return build


async def _kept(owner: ProjectOwner, run: Run) -> Mapping[str, frozenset[str]]:
    """What somebody kept when this run was to be rolled back before, by entity: fields, and ids of
    references.
    """
    found: dict[str, frozenset[str]] = {}
    cursor: str | None = None
    wanted = ConflictFilter(status="resolved", run_id=run.id)
    while True:
        page, cursor = await owner.storage.conflicts(owner.project_id, wanted, _PAGE, cursor)
        for one in page:
            if one.resolution == "ours" and not one.automatic:
                names = found.get(one.entity_id, _NOTHING)
                found[one.entity_id] = names | {one.reference_id or one.field}
        if cursor is None:
            return found


async def _given(owner: ProjectOwner, run: Run) -> Mapping[str, Sequence[Given]]:
    """What a decision of approvals let through, by source; nothing where a run followed another
    approved version. Raises Conflict for a decision that let nothing through.
    """
    actions = {"approval_approved", "approval_rejected"}
    found: dict[str, list[Given]] = {}
    said_no = False
    async for entry in _entries(
        owner, AuditFilter(actor=run.author, since=run.created_at), actions
    ):
        if entry.at == run.created_at and entry.entity_id is not None:
            source, waits = entry.detail["source"], entry.detail["references"]
            said_no = said_no or entry.action == "approval_rejected"
            if entry.action == "approval_approved" and source in owner.state.entities:
                ones = [Waits(*one) for one in waits]
                for one in ones:
                    await owner.know(source, one.from_version)
                found.setdefault(source, []).append((entry.entity_id, ones))
    if said_no:
        raise Conflict("A rejection moved nothing; it is asked about again with the next version")
    return found


async def _approved(owner: ProjectOwner, root: Root) -> Version | None:
    """The version that was approved before a run; ``None`` where none was."""
    if not root.from_version or root.asset_id not in owner.state.entities:
        return None
    return await owner.know(root.asset_id, root.from_version)


async def _wanted(owner: ProjectOwner, root: Root, kept: Mapping[str, frozenset[str]]) -> Reversal:
    """A root of a run before and after it, with everything that its references name at hand."""
    before = await owner.version(root.asset_id, root.from_version)
    after = await owner.version(root.asset_id, root.to_version)
    for one in before.references:
        if one.source in owner.state.entities:
            await owner.know(one.source, one.version)
    members = await _members(owner, before, after)
    return Reversal(before, after, members, kept.get(root.asset_id, _NOTHING))


async def _members(owner: ProjectOwner, before: Version, after: Version) -> Mapping[str, Sides]:
    """The shots and scenes that came into a scene or sequence between two versions, went, or
    moved. There is more than one step in between where a run took over another.
    """
    entity = owner.state.entities.get(after.entity_id)
    if entity is None or entity.kind not in owner.state.container_kinds:
        return {}
    found: dict[str, Sides] = {}
    version = after
    while version.number != before.number and version.previous is not None:
        for id_, (then, made) in (await _members_at(owner, version)).items():
            found[id_] = then, found[id_][1] if id_ in found else made
        version = await owner.version(version.entity_id, version.previous)
    return found


async def _members_at(owner: ProjectOwner, version: Version) -> Mapping[str, Sides]:
    """What the step of a version did to the references of its entity, as the audit tells it."""
    changed = version.changes.get("@references")
    if not changed:
        return {}
    ids = {id_ for some in changed.values() for id_ in some}
    wanted = AuditFilter(entity_id=version.entity_id, since=version.timestamp)
    actions = {"reference_added", "reference_removed", "reference_changed"}
    entries = [
        (entry.action, entry.detail)
        async for entry in _entries(owner, wanted, actions)
        if entry.at == version.timestamp
    ]
    return {id_: pair for id_, pair in members_of(entries).items() if id_ in ids}


async def _entries(
    owner: ProjectOwner, wanted: AuditFilter, actions: set[str]
) -> AsyncIterator[AuditEntry]:
    cursor: str | None = None
    while True:
        page, cursor = await owner.storage.audit(owner.project_id, wanted, _PAGE, cursor)
        for entry in page:
            if entry.action in actions:
                yield entry
        if cursor is None:
            return
