"""People at rest: members, what they follow and mute, and their notifications."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from sys import intern

from server.domain.commit import Commit
from server.domain.people import Follow, Member, Mute, Notice
from server.ports import StoredPeople, StoredToken
from server.storage.sqlite.bulk import MARKS, fetch, put
from server.storage.sqlite.outbox import read_webhooks
from server.storage.sqlite.packing import json_text
from server.storage.sqlite.paging import newest_first

__all__ = [
    "NOTICES_KEPT",
    "admit",
    "count_unread",
    "mark_read",
    "read_holder",
    "read_members",
    "read_notices",
    "read_people",
    "read_roles",
    "write_people",
]

NOTICES_KEPT = 500
"""How many notifications of somebody in one project are kept."""

_PUT_MEMBER = (
    "INSERT INTO members VALUES (?, ?, ?, ?, ?) ON CONFLICT (project_id, user) "
    "DO UPDATE SET role = excluded.role, since = excluded.since, added_by = excluded.added_by"
)
_PUT_FOLLOWS = (
    f"INSERT INTO follows (project_id, user, entity_id, wanted) {MARKS} "
    "ON CONFLICT (project_id, user, entity_id) DO UPDATE SET wanted = excluded.wanted"
)
_ADD_NOTICES = (
    "INSERT INTO notifications "
    f"(id, project_id, user, kind, text, entity_id, run_id, detail, created_at, read_at) {MARKS}"
)
_SURPLUS = (
    "DELETE FROM notifications WHERE number IN (SELECT number FROM notifications "
    "WHERE user = ?1 AND project_id = ?2 ORDER BY read_at IS NULL DESC, number DESC "
    "LIMIT -1 OFFSET ?3)"
)
_NOTICE_COLUMNS = (
    "number, id, user, kind, text, entity_id, run_id, json(detail), created_at, project_id, read_at"
)
_CHUNK = 1000
_RANK = "CASE {} WHEN 'owner' THEN 4 WHEN 'approver' THEN 3 WHEN 'editor' THEN 2 ELSE 1 END"


def write_people(connection: sqlite3.Connection, commit: Commit, kept: int) -> None:
    """Write what a commit says of people; ``kept`` notifications of a person stay."""
    project_id = commit.project_id
    for member in commit.members:
        _write_member(connection, project_id, member)
    put(connection, _PUT_FOLLOWS, [(project_id, *one) for one in commit.follows])
    for mute in commit.mutes:
        key = (project_id, mute.user, mute.what, mute.name)
        if mute.wanted:
            connection.execute("INSERT INTO mutes VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", key)
        else:
            where = "project_id = ? AND user = ? AND what = ? AND name = ?"
            connection.execute(f"DELETE FROM mutes WHERE {where}", key)
    rows = [
        (
            one.id,
            one.project_id,
            one.user,
            one.kind,
            one.text,
            one.entity_id,
            one.run_id,
            json_text(dict(one.detail)),
            one.created_at,
            one.read_at,
        )
        for one in commit.notices
    ]
    put(connection, _ADD_NOTICES, rows)
    for user in {one.user for one in commit.notices}:
        connection.execute(_SURPLUS, (user, project_id, kept))


def _write_member(connection: sqlite3.Connection, project_id: str, member: Member) -> None:
    """Tokens that carried a member's whole role follow it; narrower ones stay what they are."""
    key = (project_id, member.user)
    query = "SELECT role FROM members WHERE project_id = ? AND user = ?"
    before = connection.execute(query, key).fetchone()
    connection.execute(_PUT_MEMBER, (*key, *member[1:]))
    if member.role is None:
        for table in ("tokens", "follows", "mutes"):
            connection.execute(f"DELETE FROM {table} WHERE project_id = ? AND user = ?", key)
    elif before is not None and before[0] is not None:
        connection.execute(
            "UPDATE tokens SET role = ? WHERE project_id = ? AND user = ? AND role = ?",
            (member.role, *key, before[0]),
        )


def admit(connection: sqlite3.Connection, token: StoredToken) -> None:
    """Whoever is given a token for a project is in it, with the token's role at least."""
    if token.project_id is None or token.purpose != "api":
        return
    higher = f"{_RANK.format('members.role')} < {_RANK.format('excluded.role')}"
    connection.execute(
        "INSERT INTO members VALUES (?, ?, ?, ?, ?) ON CONFLICT (project_id, user) DO UPDATE SET "
        "role = excluded.role, since = excluded.since, added_by = excluded.added_by "
        f"WHERE members.role IS NULL OR {higher}",
        (token.project_id, token.user, token.role, token.created_at, token.user),
    )


def read_people(connection: sqlite3.Connection, project_id: str) -> StoredPeople:
    source = "SELECT * FROM mutes WHERE project_id = ?"
    mutes = [Mute(*row) for row in fetch(connection, "user, what, name", source, [project_id])]
    return StoredPeople(
        _read_follows(connection, project_id), mutes, read_webhooks(connection, project_id)
    )


def _read_follows(connection: sqlite3.Connection, project_id: str) -> list[Follow]:
    """In chunks, as a project is loaded: there may be one for every entity."""
    source = (
        "SELECT * FROM follows WHERE project_id = ? AND (user, entity_id) > (?, ?) "
        "ORDER BY user, entity_id LIMIT ?"
    )
    found: list[Follow] = []
    user, entity_id = "", ""
    while True:
        parameters = (project_id, user, entity_id, _CHUNK)
        rows = fetch(connection, "user, entity_id, wanted", source, parameters)
        found += [Follow(intern(one), intern(of), bool(wanted)) for one, of, wanted in rows]
        if len(rows) < _CHUNK:
            return found
        user, entity_id, _ = rows[-1]


def read_members(connection: sqlite3.Connection, project_id: str) -> list[Member]:
    source = "SELECT * FROM members WHERE project_id = ? ORDER BY user LIMIT -1"
    found = fetch(connection, "user, role, since, added_by", source, [project_id])
    return [Member(*row) for row in found]


def read_holder(
    connection: sqlite3.Connection, hash_: str
) -> tuple[StoredToken, dict[str, str | None]] | None:
    row = connection.execute("SELECT * FROM tokens WHERE hash = ?", (hash_,)).fetchone()
    if row is None:
        return None
    token = StoredToken(*row)
    return token, read_roles(connection, token.user)


def read_roles(connection: sqlite3.Connection, user: str) -> dict[str, str | None]:
    query = "SELECT project_id, role FROM members WHERE user = ?"
    return dict(connection.execute(query, (user,)).fetchall())


def read_notices(
    connection: sqlite3.Connection,
    user: str,
    project_id: str | None,
    hidden: Collection[str],
    unread: bool,
    limit: int,
    cursor: str | None,
) -> tuple[list[Notice], str | None]:
    whose = _whose(user, project_id, hidden, unread)
    rows, following = newest_first(
        connection, "notifications", _NOTICE_COLUMNS, whose, limit, cursor
    )
    return [Notice(*row[1:]) for row in rows], following


def count_unread(
    connection: sqlite3.Connection, user: str, project_id: str | None, hidden: Collection[str]
) -> int:
    where, parameters = _whose(user, project_id, hidden, unread=True)
    query = f"SELECT COUNT(*) FROM notifications WHERE {where}"
    return int(connection.execute(query, parameters).fetchone()[0])


def mark_read(
    connection: sqlite3.Connection,
    user: str,
    project_id: str | None,
    ids: Sequence[str] | None,
    at: str,
) -> int:
    """Mark some, or all of somebody's notifications; answers how many were not read before."""
    where, parameters = _whose(user, project_id, (), unread=True)
    if ids is not None:
        where += f" AND id IN ({', '.join('?' * len(ids))})"
        parameters += ids
    done = connection.execute(
        f"UPDATE notifications SET read_at = ? WHERE {where}", [at, *parameters]
    )
    return done.rowcount


def _whose(
    user: str, project_id: str | None, hidden: Collection[str], unread: bool
) -> tuple[str, list[str]]:
    where, parameters = "user = ?", [user]
    if project_id is not None:
        where += " AND project_id = ?"
        parameters.append(project_id)
    if hidden:
        where += f" AND project_id NOT IN ({', '.join('?' * len(hidden))})"
        parameters += hidden
    return where + (" AND read_at IS NULL" if unread else ""), parameters
