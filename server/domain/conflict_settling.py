"""What a step tells of conflicts, and which of them it makes moot: once, before it commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from server.domain.conflicts import REFERENCES, Conflict
from server.domain.dependency_conflicts import moot_reason
from server.domain.digests import canonical, checksum
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.merging import value_of
from server.domain.transaction import Transaction

__all__ = ["settle_conflicts"]

_SHOWN = 2_000
"""A longer value stands in the audit by its hash: it is in the conflict's own record."""


def settle_conflicts(tx: Transaction) -> None:
    """Close what has nothing left to ask, and tell of everything that was recorded or changed."""
    if tx.state.conflicts:
        done = {one.id for one in tx.contested}
        cut = {one.entity_id: one for one in tx.commit.versions if one.cause != "parked"}
        for entity_id in sorted(tx.touched | cut.keys() | tx.restated):
            for one in tx.conflicts_of(entity_id):
                reason = None if one.id in done else _moot(tx, one)
                if reason is not None:
                    tx.put_conflict(replace(one, status="closed", reason=reason))
    run = tx.commit.run.id if tx.commit.run is not None and tx.commit.outcomes else None
    together: list[Conflict] = []
    for one in tx.contested:
        if run is not None and one.run_id == run and one.status == "open":
            together.append(one)
        else:
            _tell_one(tx, one)
    for position in range(0, len(together), MAX_IDS_PER_FRAME):
        _tell_some(tx, together[position : position + MAX_IDS_PER_FRAME])


def _moot(tx: Transaction, one: Conflict) -> str | None:
    if one.field == REFERENCES:
        return moot_reason(tx, one)
    if one.field == "@deleted":
        return "it was restored" if tx.exists(one.entity_id) else None
    if not tx.exists(one.entity_id):
        return None
    current = tx.current(one.entity_id)
    approved = tx.entity(one.entity_id).approved_version
    value = approved if one.field == "@approved" else value_of(current, one.field)
    return None if value != one.theirs else "somebody made it so since then"


def _tell_one(tx: Transaction, one: Conflict) -> None:
    told = {
        "open": "conflict_detected",
        "resolved": "conflict_resolved",
        "closed": "conflict_closed",
    }
    frame = {
        "type": "conflict_resolved" if one.status != "open" else "conflict_detected",
        "conflict_id": one.id,
        "conflicts": [one.id],
        "conflict_type": one.type,
        "severity": one.severity,
        "entity_id": one.entity_id,
        "entities": [one.entity_id],
        "field": one.field,
        "affected_users": list(one.affected_users),
        "ours_by": one.ours_by,
        "theirs_by": one.theirs_by,
        "status": one.status,
        "automatic": one.automatic,
        "resolution": one.resolution,
        "by": one.resolved_by,
        "reason": one.reason,
        "run_id": one.run_id,
        "timestamp": tx.at,
    }
    tx.tell(frame, frozenset({one.entity_id}))
    tx.audit(told[one.status], _detail(one), one.entity_id, one.run_id)


def _tell_some(tx: Transaction, ones: Sequence[Conflict]) -> None:
    """One event and one audit entry for what a batch of a run came upon."""
    entities = [one.entity_id for one in ones]
    run_id, type_ = ones[0].run_id, ones[0].type
    frame = {
        "type": "conflict_detected",
        "conflicts": [one.id for one in ones],
        "conflict_type": type_,
        "severity": ones[0].severity,
        "entities": entities,
        "field": ones[0].field,
        "affected_users": sorted({user for one in ones for user in one.affected_users}),
        "status": "open",
        "automatic": False,
        "run_id": run_id,
        "timestamp": tx.at,
    }
    tx.tell(frame, frozenset(entities))
    detail = {"type": type_, "conflicts": {one.id: one.entity_id for one in ones}}
    tx.audit("conflict_detected", detail, None, run_id)


def _detail(one: Conflict) -> Mapping[str, Any]:
    """What the audit keeps: both sides, and how it ended."""
    sides = {"ours": one.ours, "theirs": one.theirs, "merged": one.merged}
    return {
        "conflict": one.id,
        "type": one.type,
        "field": one.field,
        **{name: _shown(value) for name, value in sides.items()},
        "ours_by": one.ours_by,
        "theirs_by": one.theirs_by,
        "resolution": one.resolution,
        "reason": one.reason,
    }


def _shown(value: Any) -> Any:
    return value if len(canonical(value)) <= _SHOWN else {"sha256": checksum(value)}
