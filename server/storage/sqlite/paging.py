"""Pages: rows by their number, some at a time. A cursor is the number of the last row shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from protocol.errors import FieldError, Invalid
from server.storage.sqlite.bulk import fetch

__all__ = ["END", "in_pieces", "matching", "newest_first", "position"]

END = 2**63 - 1
_PIECE = 400


def position(cursor: str | None, start: int) -> int:
    """Where a page begins; raises Invalid for a cursor that none of the pages gave out."""
    if cursor is None:
        return start
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid("The cursor is not one of ours", [FieldError("cursor", "is not a cursor")])
    return int(cursor)


def matching(tests: Mapping[str, str | None]) -> tuple[str, list[str]]:
    """A condition and its parameters, of ``{"column = ?": value}``; ``None`` tests nothing."""
    given = {test: value for test, value in tests.items() if value is not None}
    return " AND ".join(given), list(given.values())


def newest_first(
    connection: sqlite3.Connection,
    table: str,
    columns: str,
    matching: tuple[str, Sequence[Any]],
    limit: int,
    cursor: str | None,
) -> tuple[list[list[Any]], str | None]:
    """A page of the rows that match, the largest number first, and the cursor of the next page.
    ``columns`` begin with the number.
    """
    where, parameters = matching
    source = f"SELECT * FROM {table} WHERE {where} AND number < ? ORDER BY number DESC LIMIT ?"
    end = position(cursor, END)
    rows = fetch(connection, columns, source, (*parameters, end, limit + 1))
    return rows[:limit], str(rows[limit - 1][0]) if len(rows) > limit else None


def in_pieces(
    connection: sqlite3.Connection,
    table: str,
    columns: str,
    where: str,
    parameters: Sequence[Any],
) -> Iterator[list[Any]]:
    """All rows that pass, however many, the smallest number first. ``columns`` begin with it."""
    source = f"SELECT * FROM {table} WHERE {where} AND number > ? ORDER BY number LIMIT ?"
    last = 0
    while rows := fetch(connection, columns, source, (*parameters, last, _PIECE)):
        yield from rows
        last = rows[-1][0]
