"""Deciding: what yes and no do to what waited, each as a function on a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from server.domain.approvals import Approval
from server.domain.asking import authors_of
from server.domain.chain import outcomes_digest
from server.domain.changes import Change
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.runs import Outcome, OutcomeName, Root, Run
from server.domain.transaction import Transaction

__all__ = ["CAUSE", "approve", "record_decisions", "reject", "root_of"]

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


def record_decisions(tx: Transaction, run: Run, outcomes: Sequence[Outcome]) -> None:
    """Put the outcomes of decisions on the run that carries them, with word of what they moved."""
    for outcome in outcomes:
        tx.record(outcome)
        run.counts[outcome.outcome] = run.counts.get(outcome.outcome, 0) + 1
    run.processed += len(outcomes)
    by_source: dict[tuple[str, int], list[str]] = {}
    for one in outcomes:
        by_source.setdefault((one.source, one.source_version), []).append(one.entity_id)
    for (source, number), targets in by_source.items():
        for ids in _frames(targets):
            tx.tell(
                {
                    "type": "asset_update",
                    "stage": "published",
                    "asset_id": source,
                    "change_type": run.classes[-1] if run.classes else "metadata",
                    "affected_entities": ids,
                    "affected_count": len(ids),
                    "version": f"{source}_v{number}",
                    "run_id": run.id,
                    "timestamp": tx.at,
                },
                frozenset(ids) | {source},
            )
    tx.audit(
        "run_batch",
        {"outcomes": len(outcomes), "digest": outcomes_digest(outcomes)},
        run.roots[0].asset_id,
        run.id,
    )


def _answered(tx: Transaction, one: Approval, status: str, comment: str) -> Approval:
    answered = replace(
        one,
        status="approved" if status == "approved" else "rejected",
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


def _frames(ids: Sequence[str]) -> Iterator[list[str]]:
    for position in range(0, len(ids), MAX_IDS_PER_FRAME):
        yield list(ids[position : position + MAX_IDS_PER_FRAME])
