"""Writes: a commit as statements. Each function runs inside a transaction that is already open."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

from protocol.errors import Conflict, NotFound
from server.domain.commit import Commit, ProjectRecord
from server.storage.sqlite.approvals import write_approvals
from server.storage.sqlite.bulk import MARKS, put
from server.storage.sqlite.conflicts import write_conflicts
from server.storage.sqlite.journal import write_journal
from server.storage.sqlite.outbox import write_outbox
from server.storage.sqlite.packing import state_row
from server.storage.sqlite.people import NOTICES_KEPT, admit, write_people
from server.storage.sqlite.pictures import write_pictures
from server.storage.sqlite.reached import move_pointers, put_looks, write_reached
from server.storage.sqlite.records import audit_row, event_row, run_row
from server.storage.sqlite.rows import entity_row, project_row, reference_row, version_row

__all__ = ["Update", "weight", "write_commit", "write_compacted", "write_updates"]

_ROW_WEIGHT = 400


class Update(NamedTuple):
    """One update of one document."""

    project_id: str
    entity_id: str
    data: bytes


def _upsert(table: str, key: str, columns: str) -> str:
    """Insert or update in place: REPLACE would delete the row, and foreign keys with it."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns.split(", "))
    insert = f"INSERT INTO {table} ({key}, {columns}) {MARKS}"
    return f"{insert} ON CONFLICT ({key}) DO UPDATE SET {changes}"


_PROJECT = "name, created_at, settings, kinds, rules"
_PUT_PROJECT = _upsert("projects", "id", _PROJECT)
_ADD_PROJECT = f"INSERT INTO projects (id, {_PROJECT}) {MARKS}"
_PUT_ENTITIES = _upsert(
    "entities",
    "project_id, id",
    "kind, number, last_number, approved_version, created_at, deleted_at",
)
_ADD_VERSIONS = f"INSERT INTO versions {MARKS}"
_ADD_STATES = f"INSERT INTO version_states {MARKS}"
_PUT_REFERENCES = _upsert(
    "refs",
    "project_id, id",
    "source, target, role, policy, version, position, overrides, pinned_by",
)
_REMOVE_REFERENCES = f"DELETE FROM refs WHERE id IN ({MARKS}) AND project_id = ?"
_PUT_RUN = _upsert(
    "runs",
    "id",
    "project_id, roots, classes, cause, author, message, mode, notify, status, total, "
    "created_at, started_at, finished_at, processed, counts, phases, error, retry_of, "
    "rollback_of, superseded_by",
)
_ADD_UPDATES = f"INSERT INTO document_updates (project_id, entity_id, data) {MARKS}"
_ADD_TOKENS = f"INSERT INTO tokens {MARKS}"
_ADD_AUDIT = f"INSERT INTO audit {MARKS}"
_PUT_HEAD = _upsert("audit_heads", "project_id", "number, hash")
_ADD_EVENTS = f"INSERT INTO events {MARKS}"


def weight(commit: Commit) -> int:
    """About how many bytes a commit writes."""
    rows = (
        len(commit.entities)
        + 2 * len(commit.versions)
        + len(commit.references_put)
        + len(commit.references_removed)
        + len(commit.pointers)
        + len(commit.digests)
        + 2 * len(commit.outcomes)
        + len(commit.approvals)
        + len(commit.conflicts)
        + len(commit.audit)
        + len(commit.events)
        + len(commit.follows)
        + len(commit.notices)
        + len(commit.deliveries)
    )
    data = sum(map(len, commit.states.values())) + sum(len(one.update) for one in commit.documents)
    data += sum(map(len, commit.blobs.values()))
    return rows * _ROW_WEIGHT + data


def write_commit(connection: sqlite3.Connection, commit: Commit, event_window: int) -> None:
    """Write everything that a commit holds, what others point to first."""
    project_id = commit.project_id
    if commit.project is not None:
        _write_project(connection, commit.project, commit.project_is_new)
    put(connection, _PUT_ENTITIES, [entity_row(project_id, one) for one in commit.entities])
    put_looks(connection, project_id, commit.entities)
    put(connection, _ADD_VERSIONS, [version_row(project_id, one) for one in commit.versions])
    put(connection, _ADD_STATES, [state_row(project_id, *k, s) for k, s in commit.states.items()])
    removed = [(id_,) for id_ in commit.references_removed]
    put(connection, _REMOVE_REFERENCES, removed, project_id)
    put(connection, _PUT_REFERENCES, [reference_row(project_id, r) for r in commit.references_put])
    move_pointers(connection, commit)
    runs = [*commit.superseded, *([] if commit.run is None else [commit.run])]
    put(connection, _PUT_RUN, [run_row(one) for one in runs])
    write_reached(connection, commit)
    write_updates(connection, [Update(project_id, *one) for one in commit.documents])
    write_pictures(connection, commit)
    write_people(connection, commit, NOTICES_KEPT)
    write_outbox(connection, commit)
    put(connection, _ADD_TOKENS, [astuple(one) for one in commit.tokens])
    for token in commit.tokens:
        admit(connection, token)
    write_approvals(connection, commit)
    write_conflicts(connection, commit)
    write_journal(connection, commit)
    put(connection, _ADD_AUDIT, [audit_row(project_id, one) for one in commit.audit])
    if commit.audit:
        last = commit.audit[-1]
        put(connection, _PUT_HEAD, [(project_id, last.number, last.hash)])
    _write_events(connection, commit, event_window)


def _write_project(connection: sqlite3.Connection, project: ProjectRecord, is_new: bool) -> None:
    """Insert or replace a project's row; raises Conflict for a new one whose id is taken."""
    try:
        put(connection, _ADD_PROJECT if is_new else _PUT_PROJECT, [project_row(project)])
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        raise Conflict(f"There is a project {project.id!r} already") from error


def _write_events(connection: sqlite3.Connection, commit: Commit, window: int) -> None:
    """Append the events, and let go of as many old ones as fall out of the window."""
    if not commit.events:
        return
    rows: list[tuple[Any, ...]] = [
        event_row(commit.project_id, commit.at, one) for one in commit.events
    ]
    put(connection, _ADD_EVENTS, rows)
    connection.execute(
        "DELETE FROM events WHERE project_id = ? AND seq <= ?",
        (commit.project_id, commit.events[-1].seq - window),
    )


def write_updates(connection: sqlite3.Connection, updates: Sequence[Update]) -> None:
    """Append updates to their documents, in order; a single one without entity raises NotFound."""
    try:
        put(connection, _ADD_UPDATES, updates)
    except sqlite3.IntegrityError as error:
        if len(updates) > 1 or error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            raise
        missing = updates[0]
        raise NotFound(
            f"There is no {missing.entity_id!r} in the project {missing.project_id!r}"
        ) from error


def write_compacted(
    connection: sqlite3.Connection, project_id: str, entity_id: str, state: bytes, count: int
) -> None:
    """Make ``state`` a document's base, and drop the first ``count`` updates: it holds them."""
    put(
        connection,
        _upsert("documents", "project_id, entity_id", "state"),
        [(project_id, entity_id, state)],
    )
    connection.execute(
        "DELETE FROM document_updates WHERE id IN (SELECT id FROM document_updates "
        "WHERE project_id = ? AND entity_id = ? ORDER BY id LIMIT ?)",
        (project_id, entity_id, count),
    )
