"""Around: one entity with all that it takes to show it, out of a project that is not loaded yet."""

from __future__ import annotations

import sqlite3

from protocol.errors import NotFound
from server.domain.entities import Entity, LastOutcome, Reference
from server.ports import StoredProject
from server.storage.sqlite.approvals import read_standing
from server.storage.sqlite.bulk import fetch
from server.storage.sqlite.load import REFERENCES, Versions, add_findings, add_versions
from server.storage.sqlite.packing import json_text
from server.storage.sqlite.rows import (
    ENTITY_COLUMNS,
    PROJECT_COLUMNS,
    REFERENCE_COLUMNS,
    to_entity,
    to_project,
    to_reference,
)

__all__ = ["read_around"]

_MOST_REFERENCES = 400
"""What more things hang on is shown once the project is loaded."""


def read_around(
    connection: sqlite3.Connection, project_id: str, entity_id: str
) -> StoredProject | None:
    """The entity, what it uses and what uses it, and every version that these show; ``None`` where
    that is too much, or where a picture remembers what may be gone. Raises NotFound.
    """
    connection.execute("BEGIN")
    try:
        return _read_around(connection, project_id, entity_id)
    finally:
        connection.execute("ROLLBACK")


def _read_around(
    connection: sqlite3.Connection, project_id: str, entity_id: str
) -> StoredProject | None:
    project = fetch(
        connection, PROJECT_COLUMNS, "SELECT * FROM projects WHERE id = ?", [project_id]
    )
    if not project:
        raise NotFound(f"There is no project {project_id!r}")
    pictured = "SELECT 1 FROM pictures WHERE project_id = ? AND entity_id = ?"
    if connection.execute(pictured, (project_id, entity_id)).fetchone():
        return None
    references: dict[str, Reference] = {}
    for end in ("source", "target"):
        source = f"{REFERENCES} WHERE r.project_id = ? AND r.{end} = ? LIMIT {_MOST_REFERENCES}"
        rows = fetch(connection, REFERENCE_COLUMNS, source, (project_id, entity_id))
        if len(rows) == _MOST_REFERENCES:
            return None
        references.update((one.id, one) for one in map(to_reference, rows))
    ids = {entity_id, *(end for one in references.values() for end in (one.source, one.target))}
    versions = _versions(connection, project_id, ids, list(references.values()))
    return StoredProject(
        record=to_project(project[0]),
        entities=_entities(connection, project_id, ids, versions),
        references=list(references.values()),
        versions=list(versions.values()),
        seq=0,
        audit_number=0,
        audit_hash="",
        open_runs=[],
        pictures=[],
        approvals=read_standing(connection, project_id, entity_id),
    )


def _versions(
    connection: sqlite3.Connection, project_id: str, ids: set[str], references: list[Reference]
) -> Versions:
    """The current versions, those that references resolve to, and all that they were built on; to
    ``ids`` is added whatever else these name.
    """
    versions: Versions = {}
    wanted = {(one.source, one.version) for one in references}
    looked_up: set[str] = set()
    while ids - looked_up or wanted - versions.keys():
        source = (
            "SELECT e.id, e.number FROM json_each(?) AS one "
            "CROSS JOIN entities AS e ON e.project_id = ? AND e.id = one.value"
        )
        some = json_text(sorted(ids - looked_up))
        wanted.update(
            (id_, number) for id_, number in connection.execute(source, (some, project_id))
        )
        looked_up |= ids
        missing = list(wanted - versions.keys())
        add_versions(connection, project_id, versions, missing)
        for key in missing:
            found = versions.get(key)
            for one in found.references if found else ():
                wanted.add((one.source, one.version))
                ids.add(one.source)
            if found is None:
                wanted.discard(key)
    return versions


def _entities(
    connection: sqlite3.Connection, project_id: str, ids: set[str], versions: Versions
) -> list[Entity]:
    source = (
        "SELECT e.*, l.visual_hash, l.hash, l.finding, l.updated_at FROM json_each(?) AS one "
        "CROSS JOIN entities AS e ON e.project_id = ? AND e.id = one.value "
        "CROSS JOIN looks AS l ON l.project_id = e.project_id AND l.id = e.id"
    )
    rows = fetch(connection, ENTITY_COLUMNS, source, (json_text(sorted(ids)), project_id))
    findings: dict[int, LastOutcome] = {}
    add_findings(connection, findings, {row[7] for row in rows} - {None})
    return [to_entity(row, versions, findings) for row in rows]
