"""Loading a project whole, without keeping the event loop from its work.

Everything happens on a database thread, in chunks small enough that the interpreter lock is free
every few milliseconds: between two chunks SQLite works without it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import orjson

from protocol.errors import NotFound
from server.collector import without_collector
from server.domain.entities import Entity, LastOutcome, Reference, Version
from server.domain.pictures import Picture
from server.ports import StoredProject
from server.storage.sqlite.approvals import read_standing
from server.storage.sqlite.bulk import chunks, fetch, fetch_columns, fetch_many, values
from server.storage.sqlite.conflicts import read_open
from server.storage.sqlite.late import late_versions
from server.storage.sqlite.packing import json_text
from server.storage.sqlite.pictures import PICTURE_COLUMNS, to_picture
from server.storage.sqlite.records import RUN_COLUMNS, to_run
from server.storage.sqlite.rows import (
    ENTITY_COLUMNS,
    FINDING_COLUMNS,
    PROJECT_COLUMNS,
    REFERENCE_COLUMNS,
    VERSION_COLUMNS,
    to_entity,
    to_finding,
    to_project,
    to_references,
    to_version,
)

__all__ = ["REFERENCES", "Versions", "add_findings", "add_versions", "read_project", "whole"]

_AT_ONCE = 400
"""So many entities with all that is theirs are read at once: a few milliseconds."""
_PICTURES = 200

Versions = dict[tuple[str, int], Version]

Span = tuple[str, str]
"""Entities by id: those after one, up to another."""

REFERENCES = (
    "SELECT r.number, r.id, r.source, r.target, r.role, r.policy, "
    "COALESCE(p.version, r.version) AS version, r.position, r.overrides, r.pinned_by "
    "FROM refs AS r LEFT JOIN pointers AS p ON p.number = r.number"
)
"""References at the versions that they resolve to."""


def read_project(
    connection: sqlite3.Connection, give: Callable[[StoredProject], None], project_id: str
) -> None:
    """Give all of a project as of one moment, part by part; raises NotFound. Opens a transaction of
    its own.
    """
    connection.execute("BEGIN")
    try:
        with without_collector():
            for part in _parts(connection, project_id):
                give(part)
    finally:
        connection.execute("ROLLBACK")


def whole(parts: Iterable[StoredProject]) -> StoredProject:
    """The parts of a project as one."""
    head, *rest = parts
    entities: list[Entity] = []
    references: list[Reference] = []
    versions: list[Version] = []
    for part in rest:
        entities += part.entities
        references += part.references
        versions += part.versions
    return replace(head, entities=entities, references=references, versions=versions)


def _parts(connection: sqlite3.Connection, project_id: str) -> Iterator[StoredProject]:
    head = _head(connection, project_id)
    yield head
    spans = _spans(connection, project_id)
    versions: Versions = {}
    findings: dict[int, LastOutcome] = {}
    wanted: set[tuple[str, int]] = set()
    assets = {k["name"] for k in head.record.kinds.get("kinds", ()) if k["category"] == "asset"}
    for span in spans:
        current = _current_versions(connection, project_id, span)
        versions.update(current)
        entities = _entities(connection, project_id, span, versions, findings)
        wanted.update((one.id, one.approved_version) for one in entities if one.approved_version)
        # What the current versions of assets embed: others resolve through it, all the way down.
        wanted.update(
            (one.source, one.version)
            for entity in entities
            if entity.kind in assets
            for one in entity.current.references
        )
        yield replace(head, entities=entities, versions=list(current.values()))
    for span in spans:
        references = _references(connection, project_id, span)
        wanted.update([(one.source, one.version) for one in references])
        yield replace(head, references=references)
    known = len(versions)
    _add_built_on(connection, project_id, versions, wanted)
    yield replace(head, versions=list(islice(versions.values(), known, None)))


def _head(connection: sqlite3.Connection, project_id: str) -> StoredProject:
    """All but entities, references and versions."""
    source = "SELECT * FROM projects WHERE id = ?"
    found = fetch(connection, PROJECT_COLUMNS, source, (project_id,))
    if not found:
        raise NotFound(f"There is no project {project_id!r}")
    seq = connection.execute(
        "SELECT COALESCE(MAX(seq), 0) FROM events WHERE project_id = ?", (project_id,)
    ).fetchone()[0]
    audit = connection.execute(
        "SELECT number, hash FROM audit_heads WHERE project_id = ?", (project_id,)
    ).fetchone()
    source = (
        "SELECT * FROM runs WHERE project_id = ? AND status IN ('queued', 'running', 'cancelling') "
        "ORDER BY number LIMIT -1"
    )
    return StoredProject(
        record=to_project(found[0]),
        entities=(),
        references=(),
        versions=(),
        seq=seq,
        audit_number=audit[0] if audit else 0,
        audit_hash=audit[1] if audit else "",
        open_runs=[to_run(row) for row in fetch(connection, RUN_COLUMNS, source, (project_id,))],
        pictures=_newest_pictures(connection, project_id),
        approvals=read_standing(connection, project_id),
        conflicts=read_open(connection, project_id),
    )


def _spans(connection: sqlite3.Connection, project_id: str) -> list[Span]:
    """All entities, in spans of some hundreds."""
    source = "SELECT id FROM entities WHERE project_id = ? ORDER BY id LIMIT -1"
    ids = [row[0] for row in fetch(connection, "id", source, (project_id,))]
    ends = [*ids[_AT_ONCE - 1 :: _AT_ONCE], *ids[-1:]]
    return list(zip(["", *ends], ends, strict=False))


def _current_versions(connection: sqlite3.Connection, project_id: str, span: Span) -> Versions:
    # CROSS JOIN keeps the order of the tables: entities by id, each with a look-up.
    source = (
        "SELECT v.* FROM entities AS e CROSS JOIN versions AS v ON v.project_id = e.project_id "
        "AND v.entity_id = e.id AND v.number = e.number "
        "WHERE e.project_id = ? AND e.id > ? AND e.id <= ?"
    )
    columns = fetch_columns(connection, VERSION_COLUMNS, source, (project_id, *span))
    return {(one.entity_id, one.number): one for one in late_versions(columns)}


def _entities(
    connection: sqlite3.Connection,
    project_id: str,
    span: Span,
    versions: Versions,
    findings: dict[int, LastOutcome],
) -> list[Entity]:
    source = (
        "SELECT * FROM entities JOIN looks USING (project_id, id) "
        "WHERE project_id = ? AND id > ? AND id <= ?"
    )
    rows = list(fetch_many(connection, ENTITY_COLUMNS, source, (project_id, *span)))
    add_findings(connection, findings, {row[7] for row in rows} - {None})
    return [to_entity(row, versions, findings) for row in rows]


def add_findings(
    connection: sqlite3.Connection, findings: dict[int, LastOutcome], wanted: set[int]
) -> None:
    """Add those findings that are not at hand: what a batch found out is one object in memory."""
    missing = sorted(wanted - findings.keys())
    if missing:
        source = "SELECT f.* FROM json_each(?) AS j CROSS JOIN findings AS f ON f.number = j.value"
        numbers = (json_text(missing),)
        findings.update(map(to_finding, fetch(connection, FINDING_COLUMNS, source, numbers)))


def _references(connection: sqlite3.Connection, project_id: str, span: Span) -> list[Reference]:
    """The references, those of one target together."""
    source = f"{REFERENCES} WHERE r.project_id = ? AND r.target > ? AND r.target <= ?"
    columns = fetch_columns(connection, REFERENCE_COLUMNS, source, (project_id, *span))
    return list(to_references([orjson.loads(column) for column in columns]))


def _all(
    connection: sqlite3.Connection, columns: str, source: str, project_id: str, size: int
) -> Iterator[list[list[Any]]]:
    """The rows of a query in chunks; it takes a project, the last id before, and a limit."""
    last = ""
    while rows := fetch(connection, columns, source, (project_id, last, size)):
        yield rows
        last = rows[-1][0]


def _newest_pictures(connection: sqlite3.Connection, project_id: str) -> list[Picture]:
    source = (
        "SELECT * FROM pictures AS p WHERE project_id = ? AND entity_id > ? AND number = "
        "(SELECT MAX(number) FROM pictures "
        "WHERE project_id = p.project_id AND entity_id = p.entity_id) ORDER BY entity_id LIMIT ?"
    )
    return [
        to_picture(row)
        for rows in _all(connection, PICTURE_COLUMNS, source, project_id, _PICTURES)
        for row in rows
    ]


def _add_built_on(
    connection: sqlite3.Connection,
    project_id: str,
    versions: Versions,
    wanted: set[tuple[str, int]],
) -> None:
    """Add wanted versions, and what they were built on, all the way down."""
    missing = list(wanted - versions.keys())
    while missing:
        add_versions(connection, project_id, versions, missing)
        below = {
            (one.source, one.version)
            for key in missing
            if key in versions
            for one in versions[key].references
        }
        missing = list(below - versions.keys())


def add_versions(
    connection: sqlite3.Connection,
    project_id: str,
    versions: Versions,
    missing: Sequence[tuple[str, int]],
) -> None:
    """Add versions that are not at hand; those that do not exist are left out."""
    for chunk in chunks(missing, _AT_ONCE):
        source = (
            f"SELECT v.* FROM ({values(len(chunk), 2)}) AS wanted CROSS JOIN versions AS v "
            "ON v.project_id = ? AND v.entity_id = wanted.column1 AND v.number = wanted.column2"
        )
        flat = [part for pair in chunk for part in pair]
        for row in fetch(connection, VERSION_COLUMNS, source, (*flat, project_id)):
            version = to_version(row)
            versions[version.entity_id, version.number] = version
