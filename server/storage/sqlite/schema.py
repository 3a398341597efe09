"""Schema: numbered migrations, applied in order, each in a transaction of its own."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

from protocol.errors import Unavailable

__all__ = ["Migration", "epoch_of", "migrate", "migrations"]


class Migration(NamedTuple):
    """One step of the schema; ``number`` is what ``PRAGMA user_version`` says after it."""

    number: int
    name: str
    script: str


def migrations() -> list[Migration]:
    """All migrations that ride with the program, in order."""
    found = [
        Migration(int(file.name[:4]), file.name, file.read_text(encoding="utf-8"))
        for file in (files(__package__) / "migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found)


def migrate(connection: sqlite3.Connection, steps: Sequence[Migration]) -> None:
    """Bring the database up to date; raises Unavailable for one that a newer program wrote."""
    # SQLite has an unhex() of its own only since 3.41.
    connection.create_function("from_hex", 1, bytes.fromhex, deterministic=True)
    newest = steps[-1].number
    found = _version(connection)
    if found > newest:
        raise Unavailable(
            f"This database was written by a newer Ripplecut (schema {found}, this program knows "
            f"{newest}). Upgrade the program; nothing was changed."
        )
    for step in steps:
        if step.number > found:
            _apply(connection, step)


def epoch_of(connection: sqlite3.Connection) -> str:
    """The database's epoch; made up when it is asked for the first time."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT DO NOTHING",
        (secrets.token_hex(8),),
    )
    row = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    return str(row[0])


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been here while this one waited for its turn.
        if _version(connection) < step.number:
            for statement in _statements(step.script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {step.number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """The statements of a script: ``executescript`` would commit what is open before it starts."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError("The last statement of a migration has no end")
