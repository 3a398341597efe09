"""Loading a project whole, without keeping the event loop from its work.

Everything happens on a database thread, in chunks small enough that the interpreter lock is free
every few milliseconds: between two chunks SQLite works without it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from protocol.errors import NotFound
from server.domain.entities import Entity, Reference, Version
from server.ports import StoredProject
from server.storage.sqlite.bulk import chunks, fetch, values
from server.storage.sqlite.rows import (
    ENTITY_COLUMNS,
    PROJECT_COLUMNS,
    REFERENCE_COLUMNS,
    RUN_COLUMNS,
    VERSION_COLUMNS,
    to_entity,
    to_project,
    to_reference,
    to_run,
    to_version,
)

__all__ = ["read_project"]

_VERSIONS = 100  # a chunk; a version is the heaviest row
_ENTITIES = 400
_REFERENCES = 600

Versions = dict[tuple[str, int], Version]


def read_project(connection: sqlite3.Connection, project_id: str) -> StoredProject:
    """All of a project as of one moment; raises NotFound. Needs a connection without transaction."""
    connection.execute("BEGIN")
    try:
        return _read_project(connection, project_id)
    finally:
        connection.execute("ROLLBACK")


def _read_project(connection: sqlite3.Connection, project_id: str) -> StoredProject:
    source = "SELECT * FROM projects WHERE id = ?"
    found = fetch(connection, PROJECT_COLUMNS, source, (project_id,))
    if not found:
        raise NotFound(f"There is no project {project_id!r}")
    versions = _current_versions(connection, project_id)
    entities = _entities(connection, project_id, versions)
    references = _references(connection, project_id)
    in_use = {(one.source, one.version) for one in references}
    _add_versions(connection, project_id, versions, sorted(in_use - versions.keys()))
    seq = connection.execute(
        "SELECT COALESCE(MAX(seq), 0) FROM events WHERE project_id = ?", (project_id,)
    ).fetchone()[0]
    audit = connection.execute(
        "SELECT number, hash FROM audit WHERE project_id = ? ORDER BY number DESC LIMIT 1",
        (project_id,),
    ).fetchone()
    source = (
        "SELECT * FROM runs WHERE project_id = ? AND status IN ('queued', 'running') "
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
    source = "SELECT * FROM entities WHERE project_id = ? AND id > ? ORDER BY id LIMIT ?"
    return [
        to_entity(row, versions)
        for rows in _all(connection, ENTITY_COLUMNS, source, project_id, _ENTITIES)
        for row in rows
    ]


def _references(connection: sqlite3.Connection, project_id: str) -> list[Reference]:
    source = "SELECT * FROM refs WHERE project_id = ? AND id > ? ORDER BY id LIMIT ?"
    return [
        to_reference(row)
        for rows in _all(connection, REFERENCE_COLUMNS, source, project_id, _REFERENCES)
        for row in rows
    ]


def _add_versions(
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
