"""SqlitePeople: the port of members and notifications over one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from server.domain.people import Member, Notice
from server.ports import StoredPeople
from server.storage.sqlite import people
from server.storage.sqlite.analytics import read_analytics
from server.storage.sqlite.file import SMALL, SqliteFile

__all__ = ["SqlitePeople"]


class SqlitePeople(SqliteFile):
    """Implements ``ports.PeopleStore``."""

    async def people(self, project_id: str) -> StoredPeople:
        return await self._read(lambda c: people.read_people(c, project_id))

    async def members(self, project_id: str) -> Sequence[Member]:
        return await self._read(lambda c: people.read_members(c, project_id))

    async def roles(self, user: str) -> Mapping[str, str | None]:
        return await self._read(lambda c: people.read_roles(c, user))

    async def notices(
        self,
        user: str,
        project_id: str | None,
        hidden: Collection[str],
        unread: bool,
        limit: int,
        cursor: str | None,
    ) -> tuple[Sequence[Notice], str | None]:
        return await self._read(
            lambda c: people.read_notices(c, user, project_id, hidden, unread, limit, cursor)
        )

    async def unread(self, user: str, project_id: str | None, hidden: Collection[str]) -> int:
        return await self._read(lambda c: people.count_unread(c, user, project_id, hidden))

    async def mark_read(
        self, user: str, project_id: str | None, ids: Sequence[str] | None, at: str
    ) -> int:
        marked: list[int] = []

        def write(connection: sqlite3.Connection) -> None:
            marked[:] = [people.mark_read(connection, user, project_id, ids, at)]

        await self._writer.submit(write, SMALL)
        return marked[0]

    async def analytics(self, project_id: str, since: str, most: int) -> Mapping[str, Any]:
        return await self._read_long(lambda c: read_analytics(c, project_id, since, most))
