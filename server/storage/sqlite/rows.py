"""Rows: domain objects as tuples of columns, and back.

What goes in is a tuple in the order of the table's columns. What comes out is a list in the order
of the ``…_COLUMNS`` beside it, as ``bulk.fetch`` reads them. Strings that repeat are shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any

import orjson

from server.domain.commit import ProjectRecord
from server.domain.entities import BuiltOn, Digests, Entity, LastOutcome, Reference, Version
from server.storage.sqlite.packing import Row, json_text, packed, unpacked

__all__ = [
    "ENTITY_COLUMNS",
    "FINDING_COLUMNS",
    "PROJECT_COLUMNS",
    "REFERENCE_COLUMNS",
    "VERSION_COLUMNS",
    "entity_row",
    "project_row",
    "reference_row",
    "to_digests",
    "to_entity",
    "to_finding",
    "to_project",
    "to_reference",
    "to_references",
    "to_version",
    "version_row",
]

# One empty mapping for the many references without overrides; a Mapping is never written to.
_NOTHING: Mapping[str, Any] = {}
_new, _bytes = tuple.__new__, bytes.fromhex


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
    deflated = packed("[" + ",".join(content) + "]")
    fields, changes = content if deflated is None else ("{}", "{}")
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
        deflated,
    )


def to_version(row: Sequence[Any]) -> Version:
    if row[23]:
        fields, changes = unpacked(row[23])
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
