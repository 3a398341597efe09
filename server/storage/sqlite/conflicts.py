"""Conflicts in SQLite. A row that is written anew gets the largest number: pages go by that."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from protocol.errors import NotFound
from server.domain.commit import Commit
from server.domain.conflicts import Conflict
from server.ports import ConflictFilter
from server.storage.sqlite.bulk import MARKS, fetch, put
from server.storage.sqlite.rows import Row, json_text

__all__ = ["read_conflict", "read_open", "select_conflicts", "to_conflict", "write_conflicts"]

_COLUMNS = (
    "number, id, type, severity, entity_id, field, json(base), json(ours), json(theirs), "
    "json(merged), ours_by, theirs_by, json(affected_users), json(options), reason, run_id, "
    "created_at, status, resolution, resolved_by, resolved_at"
)
_PUT = f"INSERT INTO conflicts {MARKS}"
_REMOVE = f"DELETE FROM conflicts WHERE id IN ({MARKS}) AND project_id = ?"
_CHUNK = 400


def _row(project_id: str, one: Conflict) -> Row:
    return (
        None,
        project_id,
        one.id,
        one.type,
        one.severity,
        one.entity_id,
        one.field,
        *map(json_text, (one.base, one.ours, one.theirs, one.merged)),
        one.ours_by,
        one.theirs_by,
        json_text(one.affected_users),
        json_text(one.resolution_options),
        one.reason,
        one.run_id,
        one.created_at,
        one.status,
        one.resolution,
        one.resolved_by,
        one.resolved_at,
    )


def to_conflict(row: Sequence[Any]) -> Conflict:
    _, id_, type_, severity, entity_id, field, base, ours, theirs, merged, *rest = row
    ours_by, theirs_by, users, options, reason, run_id, created_at, *end = rest
    status, resolution, resolved_by, resolved_at = end
    return Conflict(
        type_,
        severity,
        entity_id,
        field,
        ours,
        theirs,
        merged,
        tuple(users),
        tuple(options),
        base,
        ours_by,
        theirs_by,
        reason,
        run_id,
        id_,
        created_at,
        status,
        resolution,
        resolved_by,
        resolved_at,
    )


def write_conflicts(connection: sqlite3.Connection, commit: Commit) -> None:
    """Put conflicts whole, in their order."""
    put(connection, _REMOVE, [(one.id,) for one in commit.conflicts], commit.project_id)
    put(connection, _PUT, [_row(commit.project_id, one) for one in commit.conflicts])


def read_open(connection: sqlite3.Connection, project_id: str) -> list[Conflict]:
    """The conflicts of a project that wait for somebody."""
    source = (
        "SELECT * FROM conflicts WHERE project_id = ? AND status = 'open' AND number > ? "
        "ORDER BY number LIMIT ?"
    )
    found: list[Conflict] = []
    last = 0
    while rows := fetch(connection, _COLUMNS, source, (project_id, last, _CHUNK)):
        found.extend(map(to_conflict, rows))
        last = rows[-1][0]
    return found


def read_conflict(connection: sqlite3.Connection, project_id: str, id_: str) -> Conflict:
    source = "SELECT * FROM conflicts WHERE project_id = ? AND id = ?"
    rows = fetch(connection, _COLUMNS, source, (project_id, id_))
    if not rows:
        raise NotFound(f"There is no conflict {id_!r} in this project")
    return to_conflict(rows[0])


def select_conflicts(
    connection: sqlite3.Connection,
    project_id: str,
    wanted: ConflictFilter,
    limit: int,
    before: int,
) -> list[list[Any]]:
    """Rows of conflicts before a number, the newest first."""
    tests = {
        "status = ?": wanted.status,
        "entity_id = ?": wanted.entity_id,
        "type = ?": wanted.type,
        "run_id = ?": wanted.run_id,
    }
    given = {test: value for test, value in tests.items() if value is not None}
    where = " AND ".join(["project_id = ?", "number < ?", *given])
    source = f"SELECT * FROM conflicts WHERE {where} ORDER BY number DESC LIMIT ?"
    return fetch(connection, _COLUMNS, source, (project_id, before, *given.values(), limit))
