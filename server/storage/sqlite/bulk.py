"""Bulk: many rows in one statement, in both directions.

The sqlite3 module gives up the interpreter lock around every step of a statement, and a thread that
wants it back waits up to 5 ms for a busy event loop. A thousand rows, one step each, took 7 ms
beside an idle loop and four seconds beside a busy one; as four statements of 250 rows they take
0.03 to 0.13 s there. So rows are written by statements with many rows of values, and read as one
JSON array that SQLite builds by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

import orjson

from protocol.errors import NotFound

__all__ = ["MARKS", "chunks", "fetch", "fetch_columns", "fetch_many", "fetch_one", "put", "values"]

T = TypeVar("T")

MARKS = "{values}"
"""What ``put`` replaces in a statement by rows of placeholders."""

_MOST_ROWS = 500
_MOST_PARAMETERS = 32_000  # SQLite's own limit is 32,766


def chunks(rows: Sequence[T], size: int) -> list[Sequence[T]]:
    """The rows in slices of at most ``size``."""
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def values(rows: int, width: int) -> str:
    """``VALUES (?, ?), (?, ?), …``."""
    row = "(" + ",".join("?" * width) + ")"
    return "VALUES " + ",".join([row] * rows)


def put(
    connection: sqlite3.Connection,
    statement: str,
    rows: Sequence[tuple[Any, ...]],
    *more: Any,
) -> None:
    """Run a statement over rows of equal width; ``more`` are its parameters behind the rows."""
    if not rows:
        return
    width = len(rows[0])
    for chunk in chunks(rows, min(_MOST_ROWS, _MOST_PARAMETERS // width)):
        connection.execute(
            statement.replace(MARKS, values(len(chunk), width), 1),
            (*chain.from_iterable(chunk), *more),
        )


def fetch(
    connection: sqlite3.Connection, columns: str, source: str, parameters: Sequence[Any] = ()
) -> list[list[Any]]:
    """The rows of a query, each a list of ``columns``.

    ``source`` is a SELECT; with an ORDER BY it has a LIMIT too, else SQLite may drop the order.
    Columns of JSON are given as ``json(x)`` and arrive as values, blobs as ``hex(x)``.
    """
    query = f"SELECT json_group_array(json_array({columns})) FROM ({source})"
    rows: list[list[Any]] = orjson.loads(connection.execute(query, parameters).fetchone()[0])
    return rows


def fetch_one(
    connection: sqlite3.Connection,
    columns: str,
    source: str,
    parameters: Sequence[Any],
    missing: str,
) -> list[Any]:
    """The first row of a query; raises NotFound, which says that it is ``missing``, for none."""
    rows = fetch(connection, columns, source, parameters)
    if not rows:
        raise NotFound(missing)
    return rows[0]


def fetch_many(
    connection: sqlite3.Connection, columns: str, source: str, parameters: Sequence[Any] = ()
) -> Iterator[tuple[Any, ...]]:
    """As ``fetch``, for rows in no order: a column at a time, which takes SQLite and the JSON half
    the time. A ``source`` with an ORDER BY or a LIMIT would be as slow as there.
    """
    arrays = fetch_columns(connection, columns, source, parameters)
    return zip(*map(orjson.loads, arrays), strict=True)


def fetch_columns(
    connection: sqlite3.Connection, columns: str, source: str, parameters: Sequence[Any] = ()
) -> Sequence[str]:
    """The same, each column the text of a JSON array."""
    arrays = ", ".join([f"json_group_array({column})" for column in columns.split(", ")])
    row: Sequence[str] = connection.execute(
        f"SELECT {arrays} FROM ({source})", parameters
    ).fetchone()
    return row
