"""Reads: what the ports answer. Each function is one snapshot and runs on a database thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

import orjson

from protocol.errors import NotFound
from server.domain.commit import AuditEntry, ProjectRecord
from server.domain.entities import Digests, Version
from server.domain.events import Event
from server.domain.runs import Outcome, Run
from server.ports import (
    AuditFilter,
    RunTotals,
    StoredDocument,
    StoredLook,
    StoredToken,
)
from server.storage.sqlite.bulk import fetch, fetch_one
from server.storage.sqlite.packing import json_text, to_state
from server.storage.sqlite.paging import matching, newest_first, position
from server.storage.sqlite.records import (
    AUDIT_COLUMNS,
    EVENT_COLUMNS,
    OUTCOME_COLUMNS,
    OUTCOMES,
    RUN_COLUMNS,
    to_audit,
    to_event,
    to_outcome,
    to_run,
)
from server.storage.sqlite.rows import PROJECT_COLUMNS, VERSION_COLUMNS, to_project, to_version

__all__ = [
    "read_answer",
    "read_audit",
    "read_audit_head",
    "read_document",
    "read_events_after",
    "read_looks",
    "read_outcome_ids",
    "read_outcomes",
    "read_outcomes_of",
    "read_projects",
    "read_projects_with",
    "read_projects_with_open_runs",
    "read_run",
    "read_run_totals",
    "read_runs",
    "read_token",
    "read_version",
    "read_version_state",
    "read_versions",
]

_RUNS_BACK = 1000
"""How many of a project's newest runs are searched for an entity's outcomes."""


def read_projects(connection: sqlite3.Connection) -> list[ProjectRecord]:
    source = "SELECT * FROM projects ORDER BY created_at, number LIMIT -1"
    return [to_project(row) for row in fetch(connection, PROJECT_COLUMNS, source)]


def read_projects_with(connection: sqlite3.Connection, entity_id: str) -> list[str]:
    source = (
        "SELECT project_id FROM entities WHERE id = ? AND deleted_at IS NULL "
        "ORDER BY project_id LIMIT -1"
    )
    return [row[0] for row in fetch(connection, "project_id", source, (entity_id,))]


def read_looks(
    connection: sqlite3.Connection, project_id: str, entity_ids: Sequence[str]
) -> dict[str, StoredLook]:
    marks = ",".join("?" * len(entity_ids))
    pointers: dict[str, dict[str, int]] = {}
    source = (
        "SELECT r.target, r.id, COALESCE(p.version, r.version) AS version "
        "FROM refs AS r LEFT JOIN pointers AS p ON p.number = r.number "
        f"WHERE r.project_id = ? AND r.target IN ({marks}) LIMIT -1"
    )
    for row in fetch(connection, "target, id, version", source, (project_id, *entity_ids)):
        pointers.setdefault(row[0], {})[row[1]] = row[2]
    source = (
        "SELECT * FROM entities JOIN looks USING (project_id, id) "
        f"WHERE project_id = ? AND id IN ({marks}) LIMIT -1"
    )
    columns = "id, number, hex(visual_hash), hex(hash)"
    return {
        id_: StoredLook(
            number, Digests(bytes.fromhex(visual), bytes.fromhex(whole)), pointers.get(id_, {})
        )
        for id_, number, visual, whole in fetch(
            connection, columns, source, (project_id, *entity_ids)
        )
    }


def read_projects_with_open_runs(connection: sqlite3.Connection) -> list[str]:
    source = (
        "SELECT DISTINCT project_id FROM runs WHERE status IN ('queued', 'running', 'cancelling')"
    )
    return sorted(row[0] for row in fetch(connection, "project_id", source))


def read_version(
    connection: sqlite3.Connection, project_id: str, entity_id: str, number: int
) -> Version:
    source = "SELECT * FROM versions WHERE project_id = ? AND entity_id = ? AND number = ?"
    missing = f"There is no version {number} of {entity_id!r} in {project_id!r}"
    key = (project_id, entity_id, number)
    return to_version(fetch_one(connection, VERSION_COLUMNS, source, key, missing))


def read_versions(
    connection: sqlite3.Connection,
    project_id: str,
    entity_id: str,
    limit: int,
    cursor: str | None,
) -> tuple[list[Version], str | None]:
    tests = {"project_id = ?": project_id, "entity_id = ?": entity_id}
    columns = f"number, {VERSION_COLUMNS}"
    rows, following = newest_first(connection, "versions", columns, matching(tests), limit, cursor)
    return [to_version(row[1:]) for row in rows], following


def read_version_state(
    connection: sqlite3.Connection, project_id: str, entity_id: str, number: int
) -> bytes:
    row = connection.execute(
        "SELECT s.state, s.packed FROM versions AS v "
        "JOIN version_states AS s ON s.project_id = v.project_id "
        "AND s.entity_id = v.entity_id AND s.number = v.state_number "
        "WHERE v.project_id = ? AND v.entity_id = ? AND v.number = ?",
        (project_id, entity_id, number),
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no state of version {number} of {entity_id!r} in {project_id!r}")
    return to_state(*row)


def read_document(
    connection: sqlite3.Connection, project_id: str, entity_id: str
) -> StoredDocument:
    # One statement, so that no compaction comes between the base and the updates; one row, for the
    # reasons of ``fetch``. The base is the long part, and comes as it is.
    oldest = "FROM version_states WHERE project_id = ?1 AND entity_id = ?2 ORDER BY number LIMIT 1"
    whole = "FROM documents WHERE project_id = ?1 AND entity_id = ?2"
    source = (
        f"SELECT COALESCE((SELECT state {whole}), (SELECT state {oldest})), "
        f"COALESCE((SELECT 0 {whole}), (SELECT packed {oldest})), "
        "(SELECT json_group_array(hex(data)) FROM (SELECT data FROM document_updates "
        "WHERE project_id = ?1 AND entity_id = ?2 ORDER BY id LIMIT -1))"
    )
    base, packed, updates = connection.execute(source, (project_id, entity_id)).fetchone()
    if base is None:
        raise NotFound(f"There is no {entity_id!r} in the project {project_id!r}")
    return StoredDocument(
        to_state(base, packed), [bytes.fromhex(data) for data in orjson.loads(updates)]
    )


def read_run(connection: sqlite3.Connection, run_id: str) -> Run:
    source, missing = "SELECT * FROM runs WHERE id = ?", f"There is no run {run_id!r}"
    return to_run(fetch_one(connection, RUN_COLUMNS, source, (run_id,), missing))


def read_runs(connection: sqlite3.Connection, project_id: str, limit: int) -> list[Run]:
    source = "SELECT * FROM runs WHERE project_id = ? ORDER BY created_at DESC, number DESC LIMIT ?"
    return [to_run(row) for row in fetch(connection, RUN_COLUMNS, source, (project_id, limit))]


def read_outcomes(
    connection: sqlite3.Connection, run_id: str, limit: int, cursor: str | None
) -> tuple[list[tuple[Outcome, str]], str | None]:
    source = (
        f"SELECT * FROM {OUTCOMES} WHERE o.run = (SELECT number FROM runs WHERE id = ?) "
        "AND o.ordinal > ? ORDER BY o.ordinal LIMIT ?"
    )
    parameters = (run_id, position(cursor, -1), limit + 1)
    rows = fetch(connection, OUTCOME_COLUMNS, source, parameters)
    following = str(rows[limit - 1][0]) if len(rows) > limit else None
    return [to_outcome(row) for row in rows[:limit]], following


def read_outcome_ids(
    connection: sqlite3.Connection, run_id: str, names: Collection[str] | None
) -> frozenset[str]:
    source = (
        "SELECT o.entity_id FROM outcomes AS o JOIN findings AS f ON f.number = o.finding "
        "WHERE o.run = (SELECT number FROM runs WHERE id = ?)"
    )
    parameters: tuple[str, ...] = (run_id,)
    if names is not None:
        source += " AND f.outcome IN (SELECT value FROM json_each(?))"
        parameters = (run_id, json_text(list(names)))
    return frozenset(row[0] for row in fetch(connection, "entity_id", source, parameters))


def read_run_totals(connection: sqlite3.Connection, project_id: str) -> RunTotals:
    ended = "FROM runs{} WHERE project_id = ? AND status NOT IN ('queued', 'running', 'cancelling')"
    query = f"SELECT COUNT(*), COALESCE(SUM(processed), 0) {ended.format('')}"
    runs, processed = connection.execute(query, (project_id,)).fetchone()
    each = ended.format(", json_each(runs.counts) AS each")
    query = f"SELECT each.key, SUM(each.value) {each} GROUP BY each.key ORDER BY each.key"
    counts = dict(connection.execute(query, (project_id,)).fetchall())
    return RunTotals(runs, processed, counts)


def read_outcomes_of(
    connection: sqlite3.Connection, project_id: str, entity_id: str, limit: int
) -> list[tuple[Outcome, str, str]]:
    # A look-up in each of the newest runs: an index by entity would cost every run a write for each
    # of its dependents.
    source = (
        "SELECT o.ordinal, f.at, o.entity_id, f.kind, f.outcome, f.reason, f.source, "
        "f.source_version, o.from_hash, o.to_hash, f.run_id, r.number AS run_number "
        "FROM (SELECT number FROM runs WHERE project_id = ? "
        f"ORDER BY created_at DESC, number DESC LIMIT {_RUNS_BACK}) AS r "
        "CROSS JOIN outcomes AS o ON o.run = r.number AND o.entity_id = ? "
        "CROSS JOIN findings AS f ON f.number = o.finding "
        "ORDER BY run_number DESC LIMIT ?"
    )
    columns = f"{OUTCOME_COLUMNS}, run_id"
    rows = fetch(connection, columns, source, (project_id, entity_id, limit))
    return [(*to_outcome(row[:-1]), row[-1]) for row in rows]


def read_audit_head(connection: sqlite3.Connection, project_id: str) -> tuple[int, str]:
    row = connection.execute(
        "SELECT number, hash FROM audit_heads WHERE project_id = ?", (project_id,)
    ).fetchone()
    return (0, "") if row is None else (row[0], row[1])


def read_events_after(
    connection: sqlite3.Connection, project_id: str, seq: int, limit: int
) -> list[Event] | None:
    # Ends and events in one statement: the window may move between two.
    ends = "SELECT {}(seq) FROM events WHERE project_id = ?1"
    source = (
        f"SELECT ({ends.format('MIN')}) AS seq, ({ends.format('MAX')}) AS body, NULL AS concerns "
        "UNION ALL SELECT * FROM (SELECT seq, body, concerns FROM events "
        "WHERE project_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3)"
    )
    (first, last, _), *rows = fetch(connection, EVENT_COLUMNS, source, (project_id, seq, limit))
    if first is None:
        return [] if seq == 0 else None
    if not first - 1 <= seq <= last:
        return None
    return [to_event(row) for row in rows]


def read_audit(
    connection: sqlite3.Connection,
    project_id: str,
    wanted: AuditFilter,
    limit: int,
    cursor: str | None,
) -> tuple[list[AuditEntry], str | None]:
    tests = {
        "project_id = ?": project_id,
        "entity_id = ?": wanted.entity_id,
        "actor = ?": wanted.actor,
        "run_id = ?": wanted.run_id,
        "at >= ?": wanted.since,
        "at < ?": wanted.until,
    }
    rows, following = newest_first(
        connection, "audit", AUDIT_COLUMNS, matching(tests), limit, cursor
    )
    return [to_audit(row) for row in rows], following


def read_token(connection: sqlite3.Connection, hash_: str) -> StoredToken | None:
    row = connection.execute("SELECT * FROM tokens WHERE hash = ?", (hash_,)).fetchone()
    return None if row is None else StoredToken(*row)


def read_answer(
    connection: sqlite3.Connection, key: str, since: int
) -> tuple[str, int, bytes] | None:
    row = connection.execute(
        "SELECT fingerprint, status, body FROM answers WHERE key = ? AND at >= ?", (key, since)
    ).fetchone()
    return None if row is None else (row[0], row[1], bytes(row[2]))
