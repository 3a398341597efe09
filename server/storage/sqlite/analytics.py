"""Analytics: counts over all of a project, as aggregates of the database."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

__all__ = ["PATIENCE", "read_analytics"]

PATIENCE = 2.0
"""Seconds after which the counting is given up."""

_STEPS = 50_000

_TABLES = ("entities", "versions", "refs", "events", "audit", "pictures")


def read_analytics(
    connection: sqlite3.Connection,
    project_id: str,
    since: str,
    most: int,
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """Counts of a project; raises ``sqlite3.OperationalError`` (interrupted) past ``patience``.

    Runs are those that began ``since``; ``most`` bounds the list of used assets.
    """
    until = time.monotonic() + patience
    connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        return {
            "statuses": dict(_rows(connection, _STATUSES, project_id, since)),
            "days": _days(connection, project_id, since),
            "used": _rows(connection, _USED, project_id, most),
            "stored": _stored(connection, project_id),
        }
    finally:
        connection.set_progress_handler(None, 0)


_STATUSES = (
    "SELECT status, COUNT(*) FROM runs WHERE project_id = ? AND created_at >= ? "
    "GROUP BY status ORDER BY status"
)
_RUNS = (
    "SELECT substr(created_at, 1, 10), COUNT(*) FROM runs "
    "WHERE project_id = ? AND created_at >= ? GROUP BY 1 ORDER BY 1"
)
_OUTCOMES = (
    "SELECT substr(r.created_at, 1, 10), c.key, SUM(c.value) "
    "FROM runs AS r, json_each(r.counts) AS c "
    "WHERE r.project_id = ? AND r.created_at >= ? GROUP BY 1, 2 ORDER BY 1, 2"
)
_USED = (
    "SELECT r.source, COUNT(*), COUNT(DISTINCT r.target) FROM refs AS r "
    "JOIN entities AS s ON s.project_id = r.project_id AND s.id = r.source "
    "JOIN entities AS t ON t.project_id = r.project_id AND t.id = r.target "
    "WHERE r.project_id = ? AND s.deleted_at IS NULL AND t.deleted_at IS NULL "
    "AND s.kind NOT IN ('shot', 'scene', 'sequence') "
    "GROUP BY r.source ORDER BY 3 DESC, 1 LIMIT ?"
)


def _rows(connection: sqlite3.Connection, query: str, *parameters: Any) -> list[Any]:
    return connection.execute(query, parameters).fetchall()


def _days(connection: sqlite3.Connection, project_id: str, since: str) -> list[dict[str, Any]]:
    days: dict[str, dict[str, Any]] = {
        day: {"day": day, "runs": runs, "outcomes": {}}
        for day, runs in _rows(connection, _RUNS, project_id, since)
    }
    for day, outcome, count in _rows(connection, _OUTCOMES, project_id, since):
        days[day]["outcomes"][outcome] = count
    return list(days.values())


def _stored(connection: sqlite3.Connection, project_id: str) -> dict[str, int]:
    counts = {
        table: _one(connection, f"SELECT COUNT(*) FROM {table} WHERE project_id = ?", project_id)
        for table in _TABLES
    }
    pictures = (
        "SELECT COALESCE(SUM(length(b.data)), 0) FROM blobs AS b WHERE b.hash IN ("
        + " UNION ".join(
            f"SELECT {file} FROM pictures WHERE project_id = ?1"
            for file in ("file_full", "file_640", "file_320")
        )
        + ")"
    )
    counts["picture_bytes"] = _one(connection, pictures, project_id)
    pages = _one(connection, "PRAGMA page_count") - _one(connection, "PRAGMA freelist_count")
    counts["database_bytes"] = pages * _one(connection, "PRAGMA page_size")
    return counts


def _one(connection: sqlite3.Connection, query: str, *parameters: Any) -> int:
    return int(connection.execute(query, parameters).fetchone()[0])
