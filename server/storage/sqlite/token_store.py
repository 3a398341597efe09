"""SqliteTokens: the port of tokens and remembered answers over one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from server.ports import StoredToken
from server.storage.sqlite import people, reads
from server.storage.sqlite.file import SMALL, SqliteFile

__all__ = ["SqliteTokens"]

_ANSWERS_KEPT = 24 * 60 * 60


class SqliteTokens(SqliteFile):
    """Implements ``ports.TokenStore``."""

    async def add_token(self, token: StoredToken) -> None:
        row = (
            token.hash,
            token.user,
            token.role,
            token.project_id,
            token.purpose,
            token.created_at,
            token.expires_at,
        )

        def write(connection: sqlite3.Connection) -> None:
            marks = "(?, ?, ?, ?, ?, ?, ?)"
            connection.execute(f"INSERT OR REPLACE INTO tokens VALUES {marks}", row)
            people.admit(connection, token)

        await self._writer.submit(write, SMALL)

    async def token(self, hash_: str) -> StoredToken | None:
        return await self._read(lambda c: reads.read_token(c, hash_))

    async def holder(self, hash_: str) -> tuple[StoredToken, Mapping[str, str | None]] | None:
        return await self._read(lambda c: people.read_holder(c, hash_))

    async def remove_token(self, hash_: str) -> None:
        await self._write("DELETE FROM tokens WHERE hash = ?", (hash_,))

    async def remember_answer(self, key: str, fingerprint: str, status: int, body: bytes) -> None:
        at = int(self._now())

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM answers WHERE at < ?", (at - _ANSWERS_KEPT,))
            connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
                (key, fingerprint, status, body, at),
            )

        await self._writer.submit(write, len(body) + SMALL)

    async def forget_answer(self, key: str) -> None:
        await self._write("DELETE FROM answers WHERE key = ?", (key,))

    async def answer(self, key: str) -> tuple[str, int, bytes] | None:
        since = int(self._now()) - _ANSWERS_KEPT
        return await self._read(lambda c: reads.read_answer(c, key, since))

    async def _write(self, statement: str, parameters: tuple[str | None, ...]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute(statement, parameters)

        await self._writer.submit(write, SMALL)
