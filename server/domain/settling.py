"""Settling: which approvals a step opens, updates and closes, and the word of all that.

``ask`` is called for what a rule holds back; ``settle`` once, before a step commits: whatever the
step did, no approval stays open that has nothing left to ask, and no conflict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from protocol.errors import NotFound
from server.domain.approvals import Approval, Waits
from server.domain.conflict_settling import settle_conflicts
from server.domain.entities import Entity, Reference, version_id
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.ids import new_id
from server.domain.reasons import Held
from server.domain.scopes import Scope
from server.domain.transaction import Transaction

__all__ = ["ask", "settle"]


def ask(tx: Transaction, scope: Scope, entity: Entity, held: Sequence[Held]) -> None:
    """Open an approval for each source that a rule holds back from an entity until somebody says
    yes; what is open already is updated in place. What was rejected is not asked again.
    """
    by_source: dict[str, list[Held]] = {}
    for one in held:
        if one[2].verdict == "require_approval" and not one[2].rejected:
            by_source.setdefault(one[0].source, []).append(one)
    for source, ones in by_source.items():
        waits = tuple(sorted(Waits(ref.id, tx.pointer(ref), goal) for ref, goal, _ in ones))
        known = tx.approval(source, entity.id)
        if known is None or known.references != waits:
            tx.put_approval(_asked(tx, scope, entity, ones, waits, known))
    for reference, _, decision in held:
        moot = tx.approval(reference.source, entity.id)
        if moot is not None and reference.source not in by_source:
            by = f"the rule “{decision.name}” holds it back" if decision.rule else "no rule decides"
            _close(tx, moot, f"{by} now")


def _asked(
    tx: Transaction,
    scope: Scope,
    entity: Entity,
    held: Sequence[Held],
    waits: tuple[Waits, ...],
    known: Approval | None,
) -> Approval:
    reference, _, decision = held[0]
    classes = {name for one, goal, _ in held for name in _classes(tx, scope, one, goal)}
    version = tx.version(reference.source, waits[0].to_version)
    return Approval(
        known.id if known else new_id("appr"),
        reference.source,
        entity.id,
        waits,
        tuple(sorted(classes)),
        decision.rule.id if decision.rule else "",
        decision.name,
        scope.run_id,
        version.author,
        known.since if known else tx.at,
        tx.at,
    )


def _classes(tx: Transaction, scope: Scope, reference: Reference, goal: int) -> Iterable[str]:
    here = tx.contribution(reference, tx.pointer(reference))
    looks = here.visual != tx.contribution(reference, goal).visual
    yield "visual" if looks else "metadata"
    if "relationship" in scope.classes:
        yield "relationship"


def settle(tx: Transaction) -> None:
    """Close what has nothing left to ask, and tell of everything that was opened and closed."""
    if tx.state.approvals:
        done = {one.id for one in tx.asked}
        for target in sorted(tx.touched):
            for approval in tx.state.approvals.of_target(target).values():
                if approval.id not in done:
                    _check(tx, approval)
    if tx.asked:
        _tell(tx)
    settle_conflicts(tx)


def _check(tx: Transaction, approval: Approval) -> None:
    """Close an approval that is moot, and leave out of it what no longer waits."""
    gone = [one for one in (approval.target, approval.source) if not tx.exists(one)]
    if gone:
        _close(tx, approval, f"{tx.name_of(gone[0])} was deleted")
        return
    left: list[Waits] = []
    reason = ""
    for waits in approval.references:
        moot = _moot(tx, approval, waits)
        if moot is None:
            left.append(waits)
        reason = reason or moot or ""
    if not left:
        _close(tx, approval, reason)
    elif len(left) < len(approval.references):
        tx.put_approval(replace(approval, references=tuple(left), at=tx.at))


def _moot(tx: Transaction, approval: Approval, waits: Waits) -> str | None:
    """Why a reference no longer waits; ``None`` where it does."""
    source = tx.entity(approval.source)
    try:
        reference = tx.reference(waits.reference_id)
    except NotFound:
        return f"it no longer uses {source.name}"
    here = tx.pointer(reference)
    if reference.policy == "pinned":
        by = f" by {reference.pinned_by}" if reference.pinned_by else ""
        return f"it was pinned to {source.name} v{here}{by}"
    if here != waits.from_version:
        return f"it shows {source.name} v{here} now"
    goal = tx.goal(reference)
    if goal == here or tx.contribution(reference, goal) == tx.contribution(reference, here):
        return f"{source.name} v{goal} brings nothing that it does not show already"
    return None


def _close(tx: Transaction, approval: Approval, reason: str) -> None:
    tx.put_approval(replace(approval, status="closed", reason=reason, at=tx.at))


def _tell(tx: Transaction) -> None:
    """One event and one audit entry for what was asked or closed together; what somebody decided
    has an entry for each.
    """
    together: dict[tuple[str, str, str, int], list[Approval]] = {}
    for one in tx.asked:
        key = one.status, one.source, one.run_id, one.to_version
        together.setdefault(key, []).append(one)
    for (status, source, run_id, number), ones in together.items():
        for position in range(0, len(ones), MAX_IDS_PER_FRAME):
            _announce(tx, ones[position : position + MAX_IDS_PER_FRAME])
        if status in ("approved", "rejected"):
            for one in ones:
                tx.audit(f"approval_{status}", _decided(one), one.target, one.run_id)
            continue
        detail: dict[str, Any] = {"version": version_id(source, number)}
        if status == "open":
            detail["approvals"] = {one.id: one.target for one in ones}
            tx.audit("approval_requested", detail, source, run_id)
        else:
            detail["approvals"] = {one.id: one.reason for one in ones}
            tx.audit("approval_closed", detail, source, run_id)


def _decided(one: Approval) -> dict[str, Any]:
    return {
        "approval": one.id,
        "source": one.source,
        "references": [list(waits) for waits in one.references],
        "comment": one.comment,
        "plan_hash": one.plan_hash,
    }


def _announce(tx: Transaction, ones: Sequence[Approval]) -> None:
    first = ones[0]
    targets = [one.target for one in ones]
    frame: dict[str, Any] = {
        "type": "approval_requested" if first.status == "open" else "approval_decided",
        "approvals": [one.id for one in ones],
        "asset_id": first.source,
        "version": version_id(first.source, first.to_version),
        "entities": targets,
        "run_id": first.run_id,
        "timestamp": tx.at,
    }
    if first.status == "open":
        frame |= {"rule": first.rule, "author": first.author}
    else:
        frame |= {"status": first.status, "by": first.decided_by, "comment": first.comment}
    tx.tell(frame, frozenset({first.source, *targets}))
