"""Conflicts in SQLite. A row that is written anew gets the largest number: pages go by that."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from server.domain.commit import Commit
from server.domain.conflicts import Conflict
from server.ports import ConflictFilter
from server.storage.sqlite.bulk import MARKS, fetch_one, put
from server.storage.sqlite.packing import Row, json_text
from server.storage.sqlite.paging import in_pieces, matching, newest_first

__all__ = ["read_conflict", "read_conflicts", "read_open", "write_conflicts"]

_COLUMNS = (
    "number, id, type, severity, entity_id, field, json(base), json(ours), json(theirs), "
    "json(merged), ours_by, theirs_by, json(affected_users), json(options), reason, run_id, "
    "created_at, status, resolution, resolved_by, resolved_at"
)
_PUT = f"INSERT INTO conflicts {MARKS}"
_REMOVE = f"DELETE FROM conflicts WHERE id IN ({MARKS}) AND project_id = ?"


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


def _to_conflict(row: Sequence[Any]) -> Conflict:
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
    where = "project_id = ? AND status = 'open'"
    rows = in_pieces(connection, "conflicts", _COLUMNS, where, (project_id,))
    return [_to_conflict(row) for row in rows]


def read_conflict(connection: sqlite3.Connection, project_id: str, id_: str) -> Conflict:
    source = "SELECT * FROM conflicts WHERE project_id = ? AND id = ?"
    missing = f"There is no conflict {id_!r} in this project"
    return _to_conflict(fetch_one(connection, _COLUMNS, source, (project_id, id_), missing))


def read_conflicts(
    connection: sqlite3.Connection,
    project_id: str,
    wanted: ConflictFilter,
    limit: int,
    cursor: str | None,
) -> tuple[list[Conflict], str | None]:
    tests = {
        "project_id = ?": project_id,
        "status = ?": wanted.status,
        "entity_id = ?": wanted.entity_id,
        "type = ?": wanted.type,
        "run_id = ?": wanted.run_id,
    }
    rows, following = newest_first(
        connection, "conflicts", _COLUMNS, matching(tests), limit, cursor
    )
    return [_to_conflict(row) for row in rows], following
