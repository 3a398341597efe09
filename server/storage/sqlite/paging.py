"""Cursors of pages: the number of the last row that was shown."""

from __future__ import annotations

from protocol.errors import FieldError, Invalid

__all__ = ["END", "position"]

END = 2**63 - 1


def position(cursor: str | None, start: int) -> int:
    """Where a page begins; raises Invalid for a cursor that none of the pages gave out."""
    if cursor is None:
        return start
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid("The cursor is not one of ours", [FieldError("cursor", "is not a cursor")])
    return int(cursor)
