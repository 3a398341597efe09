"""The journal: what each step changed, as it was before, by project and time."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from protocol.errors import NotFound
from server.domain.commit import Commit
from server.domain.entities import Reference, Version
from server.domain.undo import Undo, Was
from server.storage.sqlite.bulk import fetch
from server.storage.sqlite.load import Versions, add_versions
from server.storage.sqlite.packing import json_text
from server.storage.sqlite.rows import reference_row

__all__ = ["read_beginning", "read_first_step", "read_some_versions", "read_steps", "write_journal"]

_BEGINS = "{}"
"""Stands where a project is older than its journal."""


def write_journal(connection: sqlite3.Connection, commit: Commit) -> None:
    """Append what takes a commit back, where it changed anything that is no version."""
    if commit.undo:
        run_id = None if commit.run is None else commit.run.id
        connection.execute(
            "INSERT INTO journal (project_id, at, run_id, before) VALUES (?, ?, ?, ?)",
            (commit.project_id, commit.at, run_id, json_text(_to_json(commit.undo))),
        )


def _to_json(undo: Undo) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if undo.entities:
        out["entities"] = {id_: was and tuple(was) for id_, was in undo.entities.items()}
    if undo.references:
        out["references"] = {
            id_: one and reference_row("", one)[2:] for id_, one in undo.references.items()
        }
    if undo.pointers:
        # Most of a batch stood at the same version.
        by_version: dict[int, list[str]] = {}
        for id_, number in undo.pointers.items():
            by_version.setdefault(number, []).append(id_)
        out["pointers"] = list(by_version.items())
    return out


def read_beginning(connection: sqlite3.Connection, project_id: str) -> str:
    """The time from which on the journal tells all of a project; raises NotFound."""
    row = connection.execute(
        "SELECT p.created_at, j.at, j.before FROM projects AS p LEFT JOIN journal AS j "
        "ON j.number = (SELECT MIN(number) FROM journal WHERE project_id = p.id) WHERE p.id = ?",
        (project_id,),
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no project {project_id!r}")
    created_at, at, before = row
    return str(at if before == _BEGINS else created_at)


def read_first_step(
    connection: sqlite3.Connection, project_id: str, after: str | None, run_id: str | None
) -> int | None:
    """The first step after a time, or that of a run; ``None`` where there is none."""
    test, value = ("at > ?", after) if run_id is None else ("run_id = ?", run_id)
    row = connection.execute(
        f"SELECT MIN(number) FROM journal WHERE project_id = ? AND {test}", (project_id, value)
    ).fetchone()
    return None if row is None else row[0]


def read_steps(
    connection: sqlite3.Connection, project_id: str, first: int, before: int | None, limit: int
) -> list[tuple[int, Undo]]:
    """Up to ``limit`` steps from ``first`` on, those before ``before``, the newest first."""
    source = (
        "SELECT * FROM journal WHERE project_id = ? AND number >= ? AND number < ? "
        "ORDER BY number DESC LIMIT ?"
    )
    end = 2**62 if before is None else before
    rows = fetch(connection, "number, json(before)", source, (project_id, first, end, limit))
    return [(number, _to_undo(before)) for number, before in rows]


def _to_undo(before: Mapping[str, Any]) -> Undo:
    return Undo(
        {id_: was and Was(*was) for id_, was in before.get("entities", {}).items()},
        {id_: row and _to_reference(id_, row) for id_, row in before.get("references", {}).items()},
        {id_: number for number, ids in before.get("pointers", ()) for id_ in ids},
    )


def _to_reference(id_: str, row: Sequence[Any]) -> Reference:
    source, target, role, policy, version, order, overrides, pinned_by = row
    return Reference(
        id_, source, target, role, policy, version, order, orjson.loads(overrides), pinned_by
    )


def read_some_versions(
    connection: sqlite3.Connection, project_id: str, wanted: Sequence[tuple[str, int]]
) -> list[Version]:
    """Those of some versions that there are."""
    found: Versions = {}
    add_versions(connection, project_id, found, list(wanted))
    return list(found.values())
