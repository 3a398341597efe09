"""Loading a project whole, without keeping the event loop from its work.

Everything happens on a database thread, in chunks small enough that the interpreter lock is free
every few milliseconds: between two chunks SQLite works without it.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from protocol.errors import NotFound
from server.domain.entities import Entity, LastOutcome, Reference, Version
from server.domain.pictures import Picture
from server.ports import StoredProject
from server.storage.sqlite.approvals import read_standing
from server.storage.sqlite.bulk import chunks, fetch, values
from server.storage.sqlite.conflicts import read_open
from server.storage.sqlite.pictures import PICTURE_COLUMNS, to_picture
from server.storage.sqlite.rows import (
    ENTITY_COLUMNS,
    FINDING_COLUMNS,
    PROJECT_COLUMNS,
    REFERENCE_COLUMNS,
    RUN_COLUMNS,
    VERSION_COLUMNS,
    json_text,
    to_entity,
    to_finding,
    to_project,
    to_reference,
    to_run,
    to_version,
)

__all__ = ["REFERENCES", "Versions", "add_findings", "add_versions", "read_project"]

_VERSIONS = 100  # a chunk; a version is the heaviest row
_ENTITIES = 400
_REFERENCES = 600
_PICTURES = 200

_LARGE = 50_000
"""From so many entities and references on, the garbage collector is kept away from a project."""

Versions = dict[tuple[str, int], Version]

REFERENCES = (
    "SELECT r.number, r.id, r.source, r.target, r.role, r.policy, "
    "COALESCE(p.version, r.version) AS version, r.position, r.overrides, r.pinned_by "
    "FROM refs AS r LEFT JOIN pointers AS p ON p.number = r.number"
)
"""References at the versions that they resolve to."""


def read_project(connection: sqlite3.Connection, project_id: str) -> StoredProject:
    """All of a project as of one moment; raises NotFound. Opens a transaction of its own."""
    connection.execute("BEGIN")
    try:
        if _size(connection, project_id) < _LARGE:
            return _read_project(connection, project_id)
        with _without_collector():
            return _read_project(connection, project_id)
    finally:
        connection.execute("ROLLBACK")


def _size(connection: sqlite3.Connection, project_id: str) -> int:
    count = "(SELECT COUNT(*) FROM {} WHERE project_id = ?1)"
    query = f"SELECT {count.format('entities')} + {count.format('refs')}"
    return int(connection.execute(query, (project_id,)).fetchone()[0])


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the collector away from what is made here, now and later.

    Millions of new objects make it walk over all of them again and again, and everything stops for
    up to a second each time. They hold no cycles, so they are freed without it.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def _read_project(connection: sqlite3.Connection, project_id: str) -> StoredProject:
    source = "SELECT * FROM projects WHERE id = ?"
    found = fetch(connection, PROJECT_COLUMNS, source, (project_id,))
    if not found:
        raise NotFound(f"There is no project {project_id!r}")
    versions = _current_versions(connection, project_id)
    entities = _entities(connection, project_id, versions)
    references, missing = _references(connection, project_id, versions)
    add_versions(connection, project_id, versions, missing)
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
    open_runs = [to_run(row) for row in fetch(connection, RUN_COLUMNS, source, (project_id,))]
    return StoredProject(
        record=to_project(found[0]),
        entities=entities,
        references=references,
        versions=list(versions.values()),
        seq=seq,
        audit_number=audit[0] if audit else 0,
        audit_hash=audit[1] if audit else "",
        open_runs=open_runs,
        pictures=_newest_pictures(connection, project_id),
        approvals=read_standing(connection, project_id),
        conflicts=read_open(connection, project_id),
    )


def _all(
    connection: sqlite3.Connection, columns: str, source: str, project_id: str, size: int
) -> Iterator[list[list[Any]]]:
    """The rows of a query in chunks; it takes a project, the last id before, and a limit."""
    last = ""
    while rows := fetch(connection, columns, source, (project_id, last, size)):
        yield rows
        last = rows[-1][0]


def _current_versions(connection: sqlite3.Connection, project_id: str) -> Versions:
    # CROSS JOIN keeps the order of the tables: entities by id, each with a look-up.
    source = (
        "SELECT v.* FROM entities AS e CROSS JOIN versions AS v ON v.project_id = e.project_id "
        "AND v.entity_id = e.id AND v.number = e.number "
        "WHERE e.project_id = ? AND e.id > ? ORDER BY e.id LIMIT ?"
    )
    versions: Versions = {}
    for rows in _all(connection, VERSION_COLUMNS, source, project_id, _VERSIONS):
        for row in rows:
            version = to_version(row)
            versions[version.entity_id, version.number] = version
    return versions


def _entities(connection: sqlite3.Connection, project_id: str, versions: Versions) -> list[Entity]:
    source = (
        "SELECT * FROM entities JOIN looks USING (project_id, id) "
        "WHERE project_id = ? AND id > ? ORDER BY id LIMIT ?"
    )
    entities: list[Entity] = []
    findings: dict[int, LastOutcome] = {}
    for rows in _all(connection, ENTITY_COLUMNS, source, project_id, _ENTITIES):
        add_findings(connection, findings, {row[7] for row in rows} - {None})
        entities += [to_entity(row, versions, findings) for row in rows]
    return entities


def add_findings(
    connection: sqlite3.Connection, findings: dict[int, LastOutcome], wanted: set[int]
) -> None:
    """Add those findings that are not at hand: what a batch found out is one object in memory."""
    missing = sorted(wanted - findings.keys())
    if missing:
        source = "SELECT f.* FROM json_each(?) AS one JOIN findings AS f ON f.number = one.value"
        numbers = (json_text(missing),)
        findings.update(map(to_finding, fetch(connection, FINDING_COLUMNS, source, numbers)))


def _references(
    connection: sqlite3.Connection, project_id: str, versions: Versions
) -> tuple[list[Reference], list[tuple[str, int]]]:
    """The references, by target, and the versions that they resolve to and that are not at hand."""
    source = (
        f"{REFERENCES} WHERE r.project_id = ? AND (r.target, r.number) > (?, ?) "
        "ORDER BY r.target, r.number LIMIT ?"
    )
    references: list[Reference] = []
    missing: set[tuple[str, int]] = set()
    last: tuple[str, int] = ("", 0)
    while rows := fetch(connection, REFERENCE_COLUMNS, source, (project_id, *last, _REFERENCES)):
        for row in rows:
            reference = to_reference(row)
            references.append(reference)
            if (reference.source, reference.version) not in versions:
                missing.add((reference.source, reference.version))
        last = rows[-1][3], rows[-1][0]
    return references, list(missing)


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


def add_versions(
    connection: sqlite3.Connection,
    project_id: str,
    versions: Versions,
    missing: list[tuple[str, int]],
) -> None:
    """Add the versions that are in use without being current."""
    for chunk in chunks(missing, _VERSIONS):
        source = (
            f"SELECT v.* FROM ({values(len(chunk), 2)}) AS wanted CROSS JOIN versions AS v "
            "ON v.project_id = ? AND v.entity_id = wanted.column1 AND v.number = wanted.column2"
        )
        flat = [part for pair in chunk for part in pair]
        for row in fetch(connection, VERSION_COLUMNS, source, (*flat, project_id)):
            version = to_version(row)
            versions[version.entity_id, version.number] = version
