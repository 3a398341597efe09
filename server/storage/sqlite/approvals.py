"""Approvals in SQLite. A row that is written anew gets the largest number: pages go by that."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from sys import intern
from typing import Any

from protocol.errors import NotFound
from server.domain.approvals import Approval, Waits
from server.domain.commit import Commit
from server.ports import ApprovalFilter
from server.storage.sqlite.bulk import MARKS, fetch, put
from server.storage.sqlite.rows import Row, json_text

__all__ = [
    "APPROVAL_COLUMNS",
    "read_approval",
    "read_standing",
    "select_approvals",
    "to_approval",
    "write_approvals",
]

APPROVAL_COLUMNS = (
    "number, id, source, target, json(refs), json(classes), rule_id, rule, run_id, author, since, "
    "at, status, decided_by, comment, reason"
)
_PUT = f"INSERT INTO approvals {MARKS}"
_REMOVE = f"DELETE FROM approvals WHERE id IN ({MARKS}) AND project_id = ?"
_CHUNK = 400


def _row(project_id: str, one: Approval) -> Row:
    return (
        None,
        project_id,
        one.id,
        one.source,
        one.target,
        json_text(list(map(list, one.references))),
        json_text(one.classes),
        one.rule_id,
        one.rule,
        one.run_id,
        one.author,
        one.since,
        one.at,
        one.status,
        one.decided_by,
        one.comment,
        one.reason,
    )


def to_approval(row: Sequence[Any]) -> Approval:
    _, id_, source, target, refs, classes, rule_id, rule, run_id, author, since, at, *rest = row
    return Approval(
        id_,
        intern(source),
        intern(target),
        tuple(Waits(*one) for one in refs),
        tuple(map(intern, classes)),
        intern(rule_id),
        intern(rule),
        intern(run_id),
        intern(author),
        intern(since),
        intern(at),
        *rest,
    )


def write_approvals(connection: sqlite3.Connection, commit: Commit) -> None:
    """Put approvals whole, in their order: those that end make room for those that open."""
    put(connection, _REMOVE, [(one.id,) for one in commit.approvals], commit.project_id)
    put(connection, _PUT, [_row(commit.project_id, one) for one in commit.approvals])


def read_standing(
    connection: sqlite3.Connection, project_id: str, target: str | None = None
) -> list[Approval]:
    """The open approvals, and what was rejected where nothing was asked since: of a project, or of
    one of its entities.
    """
    of_one = "" if target is None else "target = ? AND "
    ends = [] if target is None else [target]
    source = (
        f"SELECT * FROM approvals AS a WHERE project_id = ? AND {of_one}number > ? "
        "AND (status = 'open' OR "
        "(status = 'rejected' AND number = (SELECT MAX(number) FROM approvals WHERE "
        "project_id = a.project_id AND source = a.source AND target = a.target))) "
        "ORDER BY number LIMIT ?"
    )
    found: list[Approval] = []
    last = 0
    while rows := fetch(connection, APPROVAL_COLUMNS, source, (project_id, *ends, last, _CHUNK)):
        found.extend(map(to_approval, rows))
        last = rows[-1][0]
    return found


def read_approval(connection: sqlite3.Connection, project_id: str, id_: str) -> Approval:
    source = "SELECT * FROM approvals WHERE project_id = ? AND id = ?"
    rows = fetch(connection, APPROVAL_COLUMNS, source, (project_id, id_))
    if not rows:
        raise NotFound(f"There is no approval {id_!r} in this project")
    return to_approval(rows[0])


def select_approvals(
    connection: sqlite3.Connection,
    project_id: str,
    wanted: ApprovalFilter,
    limit: int,
    before: int,
) -> list[list[Any]]:
    """Rows of approvals before a number, the newest first."""
    tests = {"status = ?": wanted.status, "source = ?": wanted.source, "target = ?": wanted.target}
    given = {test: value for test, value in tests.items() if value is not None}
    where = " AND ".join(["project_id = ?", "number < ?", *given])
    source = f"SELECT * FROM approvals WHERE {where} ORDER BY number DESC LIMIT ?"
    return fetch(connection, APPROVAL_COLUMNS, source, (project_id, before, *given.values(), limit))
