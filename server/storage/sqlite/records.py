"""Records: rows of what happened, as ``rows`` are of what there is: runs and their outcomes, audit
entries, events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.domain.commit import AuditEntry
from server.domain.events import Event
from server.domain.runs import Outcome, Root, Run
from server.storage.sqlite.packing import Row, json_text, packed, unpacked

__all__ = [
    "AUDIT_COLUMNS",
    "EVENT_COLUMNS",
    "OUTCOMES",
    "OUTCOME_COLUMNS",
    "RUN_COLUMNS",
    "audit_row",
    "event_row",
    "run_row",
    "to_audit",
    "to_event",
    "to_outcome",
    "to_run",
]

# -- runs and outcomes ----------------------------------------------------------------------------

RUN_COLUMNS = (
    "id, project_id, json(roots), json(classes), cause, author, message, mode, notify, status, "
    "total, created_at, started_at, finished_at, processed, json(counts), json(phases), error, "
    "retry_of, rollback_of, superseded_by"
)


def run_row(one: Run) -> Row:
    return (
        one.id,
        one.project_id,
        json_text([tuple(root) for root in one.roots]),
        json_text(one.classes),
        one.cause,
        one.author,
        one.message,
        one.mode,
        one.notify,
        one.status,
        one.total,
        one.created_at,
        one.started_at,
        one.finished_at,
        one.processed,
        json_text(one.counts),
        json_text(dict(one.phases)),
        one.error,
        one.retry_of,
        one.rollback_of,
        one.superseded_by,
    )


def to_run(row: Sequence[Any]) -> Run:
    id_, project_id, roots, classes, cause, author, message, mode, notify, *rest = row
    return Run(
        id_,
        project_id,
        tuple(Root(*root) for root in roots),
        tuple(classes),
        cause,
        author,
        message,
        mode,
        bool(notify),
        *rest,
    )


OUTCOMES = "outcomes AS o JOIN findings AS f ON f.number = o.finding"
OUTCOME_COLUMNS = (
    "ordinal, at, entity_id, kind, outcome, reason, source, source_version, "
    "lower(hex(from_hash)), lower(hex(to_hash))"
)


def to_outcome(row: Sequence[Any]) -> tuple[Outcome, str]:
    """The outcome and its time."""
    return Outcome(*row[2:]), row[1]


# -- audit and events -----------------------------------------------------------------------------

AUDIT_COLUMNS = (
    "number, at, actor, via, action, entity_id, run_id, json(detail), previous, hash, hex(packed)"
)


def audit_row(project_id: str, one: AuditEntry) -> Row:
    detail = json_text(dict(one.detail))
    deflated = packed(detail)
    shown = detail if deflated is None else "{}"
    return (project_id, *one[:7], shown, one.previous, one.hash, deflated)


def to_audit(row: Sequence[Any]) -> AuditEntry:
    entry = AuditEntry(*row[:-1])
    return entry._replace(detail=unpacked(row[-1])) if row[-1] else entry


EVENT_COLUMNS = "seq, json(body), json(concerns)"


def event_row(project_id: str, at: str, one: Event) -> Row:
    concerns = None if one.concerns is None else json_text(sorted(one.concerns))
    return (project_id, one.seq, at, json_text(dict(one.body)), concerns)


def to_event(row: Sequence[Any]) -> Event:
    seq, body, concerns = row
    return Event(seq, body, None if concerns is None else frozenset(concerns))
