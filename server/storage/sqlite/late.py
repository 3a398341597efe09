"""Late: versions of which most is read out of its JSON when somebody asks for it.

A film has a hundred thousand versions in use, and few are ever looked at closely. What pages and
runs need of each is at hand; all else stays the text that SQLite made of some hundreds of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from sys import intern
from typing import Any

import orjson

from server.domain.entities import Version
from server.storage.sqlite.rows import VERSION_COLUMNS, to_digests, to_version

__all__ = ["late_versions"]

_EARLY = (
    "entity_id",
    "number",
    "name",
    "status",
    "json(fields)",
    "hex(own_visual)",
    "hex(own_all)",
    "hex(packed)",
)
_EARLY_AT = [VERSION_COLUMNS.split(", ").index(column) for column in _EARLY]


class _Rows:
    """Columns of some versions, each a JSON array, that become rows when one is asked for."""

    __slots__ = ("_columns", "_rows")

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._rows: list[tuple[Any, ...]] | None = None

    def version(self, index: int) -> Version:
        if self._rows is None:
            self._rows = list(zip(*map(orjson.loads, self._columns), strict=True))
            self._columns = ()
        return to_version(self._rows[index])


class LateVersion(Version):
    """A version; equal to any other with the same content."""

    __slots__ = ("_index", "_rows")
    _rows: _Rows
    _index: int

    def __getattr__(self, name: str) -> Any:
        """What is not at hand yet: Python asks here for attributes that have no value."""
        if name not in Version.__slots__:
            raise AttributeError(name)
        whole = self._rows.version(self._index)
        for each in Version.__slots__:
            object.__setattr__(self, each, getattr(whole, each))
        return getattr(whole, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return all(getattr(self, each) == getattr(other, each) for each in Version.__slots__)

    __hash__ = Version.__hash__


def late_versions(columns: Sequence[str]) -> Iterator[Version]:
    """The versions in ``VERSION_COLUMNS``, each a JSON array."""
    rows = _Rows(columns)
    early = zip(*(orjson.loads(columns[at]) for at in _EARLY_AT), strict=True)
    put = object.__setattr__  # a version is frozen
    for index, (id_, number, name, status, fields, visual, everything, packed) in enumerate(early):
        one = LateVersion.__new__(LateVersion)
        put(one, "entity_id", intern(id_))
        put(one, "number", number)
        put(one, "name", name)
        put(one, "status", intern(status))
        if not packed:
            put(one, "fields", fields)
        put(one, "own_digests", to_digests(visual, everything))
        put(one, "_rows", rows)
        put(one, "_index", index)
        yield one
