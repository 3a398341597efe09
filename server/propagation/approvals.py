"""Deciding: what yes and no do to what waited, each as a function on a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from server.domain.approvals import Approval, ApprovalStatus
from server.domain.asking import authors_of
from server.domain.changes import Change
from server.domain.runs import Outcome, OutcomeName, Root, Run
from server.domain.transaction import Transaction

__all__ = ["CAUSE", "approve", "reject", "root_of"]

CAUSE = "approval"


def root_of(tx: Transaction, target: str) -> Root:
    """Where a run goes on from a target that was brought up to date."""
    number = tx.current(target).number
    return Root(target, number, number)


def approve(tx: Transaction, run: Run, ones: Sequence[Approval], comment: str) -> Outcome:
    """Move the references of one target that its approvals name, and nothing else.

    Saying yes is no authorship: what an asset passes on stays the work of those who changed it.
    """
    first = ones[0]
    entity = tx.entity(first.target)
    before = tx.digests(entity.id).all.hex()
    answered = [_answered(tx, one, "approved", comment) for one in ones]
    waiting = [waits for one in ones for waits in one.references]
    moves = [(tx.reference(one.reference_id), one.to_version) for one in waiting]
    is_asset = tx.kind(entity).category == "asset"
    authors = authors_of(tx, moves) if is_asset else ()
    for reference, number in moves:
        tx.move_pointer(reference, number)
    reason = f"{_versions(tx, ones)} was approved by {answered[0].answer()}"
    if is_asset:
        tx.cut(
            entity.id,
            Change(references={"changed": [reference.id for reference, _ in moves]}),
            cause="run",
            message=reason[:1].upper() + reason[1:],
            run_id=run.id,
            roles=authors,
        )
    tx.refresh(entity.id)
    after = tx.digests(entity.id).all.hex()
    return _outcome(tx, first, "updated", reason, before, after)


def reject(tx: Transaction, ones: Sequence[Approval], comment: str) -> Outcome:
    """Leave a target as it is, until a newer version of what it refuses is there."""
    first = ones[0]
    answered = [_answered(tx, one, "rejected", comment) for one in ones]
    here = tx.digests(first.target).all.hex()
    stay = " and ".join(f"v{one.from_version}" for one in ones)
    reason = (
        f"{_versions(tx, ones)} was rejected by {answered[0].answer()}; "
        f"{stay} stays until there is a newer version"
    )
    return _outcome(tx, first, "stale", reason, here, here)


def _answered(tx: Transaction, one: Approval, status: ApprovalStatus, comment: str) -> Approval:
    answered = replace(
        one,
        status=status,
        decided_by=tx.author.user,
        comment=comment,
        at=tx.at,
    )
    answered = replace(answered, reason=f"{status} by {answered.answer()}")
    tx.put_approval(answered)
    return answered


def _outcome(
    tx: Transaction, one: Approval, name: OutcomeName, reason: str, before: str, after: str
) -> Outcome:
    """What the target still waits for comes first: then it still needs somebody."""
    left = tx.approvals_of(one.target)
    if left:
        name = "awaiting_approval"
        reason = f"{_versions(tx, left)} still waits for approval; {reason}"
    kind = tx.entity(one.target).kind
    return Outcome(one.target, kind, name, reason, one.source, one.to_version, before, after)


def _versions(tx: Transaction, ones: Iterable[Approval]) -> str:
    return " and ".join(f"{tx.name_of(one.source)} v{one.to_version}" for one in ones)
