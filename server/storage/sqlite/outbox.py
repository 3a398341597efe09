"""Webhooks at rest, and the outbox of what is to be delivered to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from server.domain.commit import Commit
from server.domain.webhooks import Attempt, Delivery, Webhook
from server.storage.sqlite.bulk import MARKS, fetch, fetch_one, put
from server.storage.sqlite.packing import json_text
from server.storage.sqlite.paging import matching, newest_first

__all__ = [
    "DELIVERIES_KEPT",
    "MOST_WAITING",
    "next_due",
    "projects_with_webhooks",
    "read_deliveries",
    "read_delivery",
    "read_due",
    "read_webhooks",
    "write_delivery",
    "write_outbox",
]

DELIVERIES_KEPT = 1000
"""How many deliveries of a webhook that have ended stay in its log."""
MOST_WAITING = 10_000
"""How many wait for a webhook at most; before more do, the oldest are dropped."""

_WEBHOOK = (
    "url, events, description, secret, created_at, created_by, failing_since, disabled_at, "
    "disabled_because"
)
_PUT_WEBHOOKS = (
    f"INSERT INTO webhooks (project_id, id, {_WEBHOOK}) {MARKS} ON CONFLICT (project_id, id) "
    "DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _WEBHOOK.split(", "))
)
_DELIVERY = (
    "id, project_id, webhook_id, type, payload, created_at, status, next_at, tries, attempts"
)
_ADD_DELIVERIES = (
    f"INSERT INTO deliveries ({_DELIVERY}) {MARKS} ON CONFLICT (id) DO UPDATE SET "
    "status = excluded.status, next_at = excluded.next_at, tries = excluded.tries"
)
_DELIVERY_COLUMNS = (
    "number, project_id, id, webhook_id, type, payload, created_at, status, next_at, tries, "
    "json(attempts)"
)


def write_outbox(connection: sqlite3.Connection, commit: Commit) -> None:
    """Write what a commit says of webhooks, and what is to be delivered to them."""
    project_id = commit.project_id
    for id_ in commit.webhooks_removed:
        key = (project_id, id_)
        connection.execute("DELETE FROM deliveries WHERE project_id = ? AND webhook_id = ?", key)
        connection.execute("DELETE FROM webhooks WHERE project_id = ? AND id = ?", key)
    put(connection, _PUT_WEBHOOKS, [_webhook_row(project_id, one) for one in commit.webhooks])
    rows = [_delivery_row(project_id, one) for one in commit.deliveries]
    put(connection, _ADD_DELIVERIES, rows)


def write_delivery(connection: sqlite3.Connection, project_id: str, delivery: Delivery) -> None:
    """Keep what became of a delivery, and no more of its webhook's log than its bounds allow."""
    connection.execute(
        "UPDATE deliveries SET status = ?, next_at = ?, tries = ?, attempts = ? "
        "WHERE project_id = ? AND id = ?",
        (
            delivery.status,
            delivery.next_at,
            delivery.tries,
            json_text([tuple(one) for one in delivery.attempts]),
            project_id,
            delivery.id,
        ),
    )
    key = (project_id, delivery.webhook_id)
    for status, kept, then in (
        ("<> 'waiting'", DELIVERIES_KEPT, "DELETE FROM deliveries"),
        ("= 'waiting'", MOST_WAITING, "UPDATE deliveries SET status = 'dropped', next_at = NULL"),
    ):
        these = f"project_id = ?1 AND webhook_id = ?2 AND status {status}"
        newest = f"SELECT number FROM deliveries WHERE {these} ORDER BY number DESC LIMIT 1"
        connection.execute(f"{then} WHERE {these} AND number <= ({newest} OFFSET ?3)", (*key, kept))


def read_webhooks(connection: sqlite3.Connection, project_id: str) -> list[Webhook]:
    source = "SELECT * FROM webhooks WHERE project_id = ? ORDER BY created_at, id LIMIT -1"
    columns = f"id, {_WEBHOOK}".replace("events", "json(events)")
    rows = fetch(connection, columns, source, [project_id])
    return [Webhook(id_, url, tuple(events), *more) for id_, url, events, *more in rows]


def projects_with_webhooks(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT DISTINCT project_id FROM webhooks")]


def read_due(
    connection: sqlite3.Connection, now: str, limit: int, busy: Sequence[str]
) -> list[tuple[str, Delivery]]:
    """The longest due delivery of each webhook but the ``busy`` ones, with its project."""
    but = f"AND webhook_id NOT IN ({', '.join('?' * len(busy))})" if busy else ""
    query = (
        f"SELECT MIN(number) FROM deliveries WHERE status = 'waiting' AND next_at <= ? {but} "
        "GROUP BY project_id, webhook_id ORDER BY MIN(next_at) LIMIT ?"
    )
    numbers = [row[0] for row in connection.execute(query, (now, *busy, limit))]
    marks = ", ".join("?" * len(numbers))
    source = f"SELECT * FROM deliveries WHERE number IN ({marks}) ORDER BY next_at LIMIT -1"
    rows = fetch(connection, _DELIVERY_COLUMNS, source, numbers)
    return [(row[1], _to_delivery(row)) for row in rows]


def next_due(connection: sqlite3.Connection) -> str | None:
    query = "SELECT MIN(next_at) FROM deliveries WHERE status = 'waiting'"
    found: str | None = connection.execute(query).fetchone()[0]
    return found


def read_deliveries(
    connection: sqlite3.Connection,
    project_id: str,
    webhook_id: str,
    limit: int,
    cursor: str | None,
) -> tuple[list[Delivery], str | None]:
    tests = {"project_id = ?": project_id, "webhook_id = ?": webhook_id}
    rows, following = newest_first(
        connection, "deliveries", _DELIVERY_COLUMNS, matching(tests), limit, cursor
    )
    return [_to_delivery(row) for row in rows], following


def read_delivery(
    connection: sqlite3.Connection, project_id: str, webhook_id: str, id_: str
) -> Delivery:
    source = "SELECT * FROM deliveries WHERE project_id = ? AND webhook_id = ? AND id = ?"
    missing = f"There is no delivery {id_!r} of this webhook"
    key = (project_id, webhook_id, id_)
    return _to_delivery(fetch_one(connection, _DELIVERY_COLUMNS, source, key, missing))


def _webhook_row(project_id: str, one: Webhook) -> tuple[Any, ...]:
    return (
        project_id,
        one.id,
        one.url,
        orjson.dumps(one.events).decode(),
        one.description,
        one.secret,
        one.created_at,
        one.created_by,
        one.failing_since,
        one.disabled_at,
        one.disabled_because,
    )


def _delivery_row(project_id: str, one: Delivery) -> tuple[Any, ...]:
    return (
        one.id,
        project_id,
        one.webhook_id,
        one.type,
        one.payload,
        one.created_at,
        one.status,
        one.next_at,
        one.tries,
        json_text([tuple(attempt) for attempt in one.attempts]),
    )


def _to_delivery(row: Sequence[Any]) -> Delivery:
    *_, attempts = row
    _, _, id_, webhook_id, type_, payload, created_at, status, next_at, tries, _ = row
    tried = tuple(Attempt(*one) for one in attempts)
    return Delivery(id_, webhook_id, type_, payload, created_at, status, next_at, tries, tried)
