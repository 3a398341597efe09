"""Approvals in SQLite. A row that is written anew gets the largest number: pages go by that."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from sys import intern
from typing import Any

from server.domain.approvals import Approval, Waits
from server.domain.commit import Commit
from server.ports import ApprovalFilter
from server.storage.sqlite.bulk import MARKS, fetch_one, put
from server.storage.sqlite.packing import Row, json_text
from server.storage.sqlite.paging import in_pieces, matching, newest_first

__all__ = ["read_approval", "read_approvals", "read_standing", "write_approvals"]

_COLUMNS = (
    "number, id, source, target, json(refs), json(classes), rule_id, rule, run_id, author, since, "
    "at, status, decided_by, comment, reason"
)
_PUT = f"INSERT INTO approvals {MARKS}"
_REMOVE = f"DELETE FROM approvals WHERE id IN ({MARKS}) AND project_id = ?"


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


def _to_approval(row: Sequence[Any]) -> Approval:
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
    where = (
        f"project_id = ? AND {of_one}(status = 'open' OR "
        "(status = 'rejected' AND number = (SELECT MAX(number) FROM approvals WHERE "
        "project_id = a.project_id AND source = a.source AND target = a.target)))"
    )
    rows = in_pieces(connection, "approvals AS a", _COLUMNS, where, (project_id, *ends))
    return [_to_approval(row) for row in rows]


def read_approval(connection: sqlite3.Connection, project_id: str, id_: str) -> Approval:
    source = "SELECT * FROM approvals WHERE project_id = ? AND id = ?"
    missing = f"There is no approval {id_!r} in this project"
    return _to_approval(fetch_one(connection, _COLUMNS, source, (project_id, id_), missing))


def read_approvals(
    connection: sqlite3.Connection,
    project_id: str,
    wanted: ApprovalFilter,
    limit: int,
    cursor: str | None,
) -> tuple[list[Approval], str | None]:
    tests = {
        "project_id = ?": project_id,
        "status = ?": wanted.status,
        "source = ?": wanted.source,
        "target = ?": wanted.target,
    }
    rows, following = newest_first(
        connection, "approvals", _COLUMNS, matching(tests), limit, cursor
    )
    return [_to_approval(row) for row in rows], following
