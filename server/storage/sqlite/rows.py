"""Rows: domain objects as tuples of columns, and back.

What goes in is a tuple in the order of the table's columns. What comes out is a list in the order
of the ``…_COLUMNS`` beside it, as ``bulk.fetch`` reads them. Strings that repeat are shared.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any

import orjson

from server.domain.commit import AuditEntry, ProjectRecord
from server.domain.entities import BuiltOn, Digests, Entity, LastOutcome, Reference, Version
from server.domain.events import Event
from server.domain.runs import Outcome, Root, Run

__all__ = [
    "AUDIT_COLUMNS",
    "ENTITY_COLUMNS",
    "EVENT_COLUMNS",
    "FINDING_COLUMNS",
    "OUTCOMES",
    "OUTCOME_COLUMNS",
    "PROJECT_COLUMNS",
    "REFERENCE_COLUMNS",
    "RUN_COLUMNS",
    "VERSION_COLUMNS",
    "Row",
    "audit_row",
    "entity_row",
    "event_row",
    "json_text",
    "project_row",
    "reference_row",
    "run_row",
    "state_row",
    "to_audit",
    "to_digests",
    "to_entity",
    "to_event",
    "to_finding",
    "to_outcome",
    "to_project",
    "to_reference",
    "to_references",
    "to_run",
    "to_state",
    "to_version",
    "version_row",
]

Row = tuple[Any, ...]

# One empty mapping for the many references without overrides; a Mapping is never written to.
_NOTHING: Mapping[str, Any] = {}
_new, _bytes = tuple.__new__, bytes.fromhex


_LONG = 1024
"""From so many bytes on it pays to deflate a text: it takes a fifth to a tenth of the room."""


def _packed(text: str) -> bytes | None:
    """A long text, deflated."""
    return zlib.compress(text.encode(), 1) if len(text) > _LONG else None


def _unpacked(packed: str) -> Any:
    return orjson.loads(zlib.decompress(_bytes(packed)))


def state_row(project_id: str, entity_id: str, number: int, state: bytes) -> Row:
    """The state of a version, deflated where it is long."""
    is_long = len(state) > _LONG
    return (project_id, entity_id, number, zlib.compress(state, 1) if is_long else state, is_long)


def to_state(state: bytes, packed: int) -> bytes:
    return zlib.decompress(state) if packed else bytes(state)


def json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _shared(text: str | None) -> str | None:
    return None if text is None else intern(text)


@lru_cache(maxsize=10_000)
def _roles(text: str) -> tuple[tuple[str, int], ...]:
    """Equal roles are one object: most versions have the same."""
    return tuple([(intern(role), number) for role, number in orjson.loads(text)])


@lru_cache(maxsize=10_000)
def _names(text: str) -> frozenset[str]:
    return frozenset(map(intern, orjson.loads(text)))


@lru_cache(maxsize=10_000)
def _overrides(text: str) -> Mapping[str, Any]:
    """Overrides are never written to, so that equal ones can be one object."""
    overrides: Mapping[str, Any] = orjson.loads(text)
    return overrides


# -- projects -------------------------------------------------------------------------------------

PROJECT_COLUMNS = "id, name, created_at, json(settings), json(kinds), json(rules)"


def project_row(one: ProjectRecord) -> Row:
    return (
        one.id,
        one.name,
        one.created_at,
        json_text(dict(one.settings)),
        json_text(dict(one.kinds)),
        json_text(list(one.rules)),
    )


def to_project(row: Sequence[Any]) -> ProjectRecord:
    return ProjectRecord(*row)


# -- entities -------------------------------------------------------------------------------------

ENTITY_COLUMNS = (
    "id, kind, number, last_number, approved_version, hex(visual_hash), hex(hash), finding, "
    "created_at, updated_at, deleted_at"
)


def entity_row(project_id: str, one: Entity) -> Row:
    return (
        project_id,
        one.id,
        one.kind,
        one.current.number,
        one.last_number,
        one.approved_version,
        one.created_at,
        one.deleted_at,
    )


def to_entity(
    row: Sequence[Any],
    versions: Mapping[tuple[str, int], Version],
    findings: Mapping[int, LastOutcome],
) -> Entity:
    """The entity, its current version out of ``versions``, its last outcome out of ``findings``;
    ``members`` are left to the caller.
    """
    id_, kind, number, last, approved, visual, everything, finding, created, updated, gone = row
    current = versions[id_, number]
    return Entity(
        current.entity_id,
        intern(kind),
        current,
        intern(created),
        intern(updated),
        last,
        approved,
        to_digests(visual, everything),
        last_outcome=None if finding is None else findings[finding],
        deleted_at=gone,
    )


FINDING_COLUMNS = "number, outcome, reason, source, source_version, run_id, at"


def to_finding(row: Sequence[Any]) -> tuple[int, LastOutcome]:
    """The number of a finding, and what it says of whoever it was found out about."""
    number, outcome, reason, source, source_version, run_id, at = row
    return number, LastOutcome(
        intern(outcome), reason, intern(source), source_version, intern(run_id), intern(at)
    )


def to_digests(visual: str, everything: str) -> Digests:
    return _new(Digests, (_bytes(visual), _bytes(everything)))


# -- versions -------------------------------------------------------------------------------------

VERSION_COLUMNS = (
    "entity_id, number, name, status, json(fields), visual_fields, built_on, changes, previous, "
    "timestamp, author, message, cause, run_id, checksum, state_number, hex(own_visual), "
    "hex(own_all), hex(built_on_visual), hex(built_on_all), hex(visual_hash), hex(hash), roles, "
    "hex(packed)"
)


def version_row(project_id: str, one: Version) -> Row:
    content = json_text(dict(one.fields)), json_text(dict(one.changes))
    packed = _packed("[" + ",".join(content) + "]")
    fields, changes = content if packed is None else ("{}", "{}")
    return (
        project_id,
        one.entity_id,
        one.number,
        one.name,
        one.status,
        fields,
        json_text(sorted(one.visual_fields)),
        json_text([_built_on_row(reference) for reference in one.references]),
        changes,
        one.previous,
        one.timestamp,
        one.author,
        one.message,
        one.cause,
        one.run_id,
        one.checksum,
        one.state_number,
        *one.own_digests,
        *one.built_on_digests,
        *one.digests,
        json_text(one.roles),
        packed,
    )


def to_version(row: Sequence[Any]) -> Version:
    if row[23]:
        fields, changes = _unpacked(row[23])
    else:
        fields, changes = row[4], _NOTHING if row[7] == "{}" else orjson.loads(row[7])
    return Version(
        entity_id=intern(row[0]),
        number=row[1],
        name=intern(row[2]),
        status=intern(row[3]),
        fields=fields,
        visual_fields=_names(row[5]),
        references=tuple([_to_built_on(one) for one in orjson.loads(row[6])]),
        changes=changes,
        previous=row[8],
        timestamp=intern(row[9]),
        author=intern(row[10]),
        message=intern(row[11]),
        cause=row[12],
        run_id=_shared(row[13]),
        checksum=row[14],
        state_number=row[15],
        own_digests=to_digests(row[16], row[17]),
        built_on_digests=to_digests(row[18], row[19]),
        digests=to_digests(row[20], row[21]),
        roles=_roles(row[22]),
    )


def _built_on_row(one: BuiltOn) -> Row:
    return (*one[:-1], dict(one.overrides))


def _to_built_on(row: Sequence[Any]) -> BuiltOn:
    id_, source, role, policy, version, order, overrides = row
    return _new(
        BuiltOn,
        (
            id_,
            intern(source),
            intern(role),
            intern(policy),
            version,
            intern(order),
            overrides or _NOTHING,
        ),
    )


# -- references -----------------------------------------------------------------------------------

REFERENCE_COLUMNS = "id, source, target, role, policy, version, position, overrides, pinned_by"


def reference_row(project_id: str, one: Reference) -> Row:
    return (
        project_id,
        one.id,
        one.source,
        one.target,
        one.role,
        one.policy,
        one.version,
        one.order,
        json_text(dict(one.overrides)),
        one.pinned_by,
    )


def to_references(columns: Sequence[Sequence[Any]]) -> Iterator[Reference]:
    """References by column: that many are made that each step between rows would cost a second."""
    id_, source, target, role, policy, version, order, overrides, pinned_by = columns
    return map(
        Reference,
        id_,
        map(intern, source),
        map(intern, target),
        map(intern, role),
        map(intern, policy),
        version,
        map(intern, order),
        map(_overrides, overrides),
        map(_shared, pinned_by),
    )


def to_reference(row: Sequence[Any]) -> Reference:
    return next(to_references([[value] for value in row]))


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
    packed = _packed(detail)
    shown = detail if packed is None else "{}"
    return (project_id, *one[:7], shown, one.previous, one.hash, packed)


def to_audit(row: Sequence[Any]) -> AuditEntry:
    entry = AuditEntry(*row[:-1])
    return entry._replace(detail=_unpacked(row[-1])) if row[-1] else entry


EVENT_COLUMNS = "seq, json(body), json(concerns)"


def event_row(project_id: str, at: str, one: Event) -> Row:
    concerns = None if one.concerns is None else json_text(sorted(one.concerns))
    return (project_id, one.seq, at, json_text(dict(one.body)), concerns)


def to_event(row: Sequence[Any]) -> Event:
    seq, body, concerns = row
    return Event(seq, body, None if concerns is None else frozenset(concerns))
