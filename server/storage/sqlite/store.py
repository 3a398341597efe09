"""SqliteStorage: the storage ports over one file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from protocol.errors import Unavailable
from server.domain.approvals import Approval
from server.domain.commit import AuditEntry, Commit, ProjectRecord
from server.domain.conflicts import Conflict
from server.domain.entities import Version
from server.domain.events import Event
from server.domain.people import Member, Notice
from server.domain.pictures import Picture
from server.domain.runs import Outcome, OutcomeName, Run
from server.domain.undo import Undo
from server.domain.webhooks import Delivery
from server.ports import (
    ApprovalFilter,
    AuditFilter,
    ConflictFilter,
    RunTotals,
    StoredDocument,
    StoredLook,
    StoredPeople,
    StoredProject,
    StoredToken,
)
from server.storage.sqlite import journal, outbox, people, reads
from server.storage.sqlite.analytics import read_analytics
from server.storage.sqlite.approvals import read_approval
from server.storage.sqlite.around import read_around
from server.storage.sqlite.conflicts import read_conflict
from server.storage.sqlite.connection import Database, open_reader, open_writer
from server.storage.sqlite.load import read_project, whole
from server.storage.sqlite.paging import END, position
from server.storage.sqlite.pictures import read_blob, read_picture
from server.storage.sqlite.schema import epoch_of, migrate, migrations
from server.storage.sqlite.writer import Writer
from server.storage.sqlite.writes import Update, weight, write_commit, write_compacted

__all__ = ["EVENT_WINDOW", "SqliteStorage"]

T = TypeVar("T")

EVENT_WINDOW = 100_000
"""How many events of a project's stream are kept for resume."""

_ANSWERS_KEPT = 24 * 60 * 60
_SMALL = 400


class SqliteStorage:
    """Storage and TokenStore in one SQLite file, or in memory.

    A file has a connection for writing and one for reading: reads never wait for commits. Loading
    a project takes a connection of its own while it lasts. In memory there is one connection for
    all; its thread does one thing at a time, so a read falls between two groups, never into one.

    What a commit holds is read on the writer's thread: nothing of it may change until ``commit``
    returns.
    """

    def __init__(
        self,
        path: Path | None,
        database: Database,
        reader: Database,
        epoch: str,
        event_window: int,
        now: Callable[[], float],
    ) -> None:
        self._path = path
        self._database = database
        self._reader = reader
        self._epoch = epoch
        self._event_window = event_window
        self._now = now
        self._writer = Writer(database)
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path | None,
        *,
        event_window: int = EVENT_WINDOW,
        now: Callable[[], float] = time.time,
    ) -> SqliteStorage:
        """Open a file, made and migrated where needed; ``None`` opens a database in memory.

        ``now`` (seconds since 1970) ages remembered answers. Raises Unavailable for a file that
        cannot be opened, is no database, or was written by a newer program.
        """
        epochs: list[str] = []

        def prepare(connection: sqlite3.Connection) -> None:
            migrate(connection, migrations())
            epochs.append(epoch_of(connection))

        database = await open_writer(path, prepare)
        try:
            reader = database if path is None else await open_reader(path)
        except BaseException:
            await database.close()
            raise
        return cls(path, database, reader, epochs[0], event_window, now)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        if self._reader is not self._database:
            await self._reader.close()
        await self._database.close()  # the last one out, as the last one tidies the log away

    def abandon(self) -> None:
        """Let go of the threads at once: for a store that nobody can close any more."""
        self._closed = True
        self._reader.abandon()
        self._database.abandon()

    @property
    def epoch(self) -> str:
        return self._epoch

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise Unavailable("The storage is closed")
        return await self._reader.run(work)

    # -- writing ----------------------------------------------------------------------------------

    async def commit(self, commit: Commit) -> None:
        window = self._event_window
        await self._writer.submit(
            lambda c: write_commit(c, commit, window),
            weight(commit),
            commit.project_id,
            yields=bool(commit.outcomes),
        )

    def append_update(self, project_id: str, entity_id: str, update: bytes) -> Awaitable[None]:
        """As the port says; awaiting raises NotFound where the entity was never created."""
        return self._writer.submit(Update(project_id, entity_id, update), len(update) + _SMALL)

    async def compact_document(
        self, project_id: str, entity_id: str, state: bytes, count: int
    ) -> None:
        """Make ``state`` a document's base, and drop the first ``count`` updates: it holds them."""
        await self._writer.submit(
            lambda c: write_compacted(c, project_id, entity_id, state, count), len(state)
        )

    # -- projects and versions --------------------------------------------------------------------

    async def projects(self) -> Sequence[ProjectRecord]:
        return await self._read(reads.read_projects)

    async def projects_with_open_runs(self) -> Sequence[str]:
        return await self._read(reads.read_projects_with_open_runs)

    async def load_project(self, project_id: str) -> StoredProject:
        return whole([part async for part in self.read_project(project_id)])

    async def read_project(self, project_id: str) -> AsyncGenerator[StoredProject, None]:
        if self._closed:
            raise Unavailable("The storage is closed")
        loader = self._reader if self._path is None else await open_reader(self._path)
        try:
            work = partial(read_project, project_id=project_id)
            async with aclosing(loader.parts(work)) as parts:
                async for part in parts:
                    yield part
        finally:
            if loader is not self._reader:
                await loader.close()

    async def looks(self, project_id: str, entity_ids: Sequence[str]) -> Mapping[str, StoredLook]:
        return await self._read(lambda c: reads.read_looks(c, project_id, entity_ids))

    async def load_around(self, project_id: str, entity_id: str) -> StoredProject | None:
        return await self._read(lambda c: read_around(c, project_id, entity_id))

    async def projects_with(self, entity_id: str) -> Sequence[str]:
        return await self._read(lambda c: reads.read_projects_with(c, entity_id))

    async def version(self, project_id: str, entity_id: str, number: int) -> Version:
        return await self._read(lambda c: reads.read_version(c, project_id, entity_id, number))

    async def versions(
        self, project_id: str, entity_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Version], str | None]:
        return await self._read(
            lambda c: reads.read_versions(c, project_id, entity_id, limit, cursor)
        )

    async def version_state(self, project_id: str, entity_id: str, number: int) -> bytes:
        return await self._read(
            lambda c: reads.read_version_state(c, project_id, entity_id, number)
        )

    async def some_versions(
        self, project_id: str, wanted: Sequence[tuple[str, int]]
    ) -> Sequence[Version]:
        return await self._read(lambda c: journal.read_some_versions(c, project_id, wanted))

    async def load_document(self, project_id: str, entity_id: str) -> StoredDocument:
        return await self._read(lambda c: reads.read_document(c, project_id, entity_id))

    # -- runs, events, audit ----------------------------------------------------------------------

    async def run(self, run_id: str) -> Run:
        return await self._read(lambda c: reads.read_run(c, run_id))

    async def runs(self, project_id: str, limit: int) -> Sequence[Run]:
        return await self._read(lambda c: reads.read_runs(c, project_id, limit))

    async def outcomes(
        self, run_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[tuple[Outcome, str]], str | None]:
        return await self._read(lambda c: reads.read_outcomes(c, run_id, limit, cursor))

    async def outcome_ids(
        self, run_id: str, names: Collection[OutcomeName] | None = None
    ) -> frozenset[str]:
        return await self._read(lambda c: reads.read_outcome_ids(c, run_id, names))

    async def run_totals(self, project_id: str) -> RunTotals:
        return await self._read(lambda c: reads.read_run_totals(c, project_id))

    async def outcomes_of(
        self, project_id: str, entity_id: str, limit: int
    ) -> Sequence[tuple[Outcome, str, str]]:
        return await self._read(lambda c: reads.read_outcomes_of(c, project_id, entity_id, limit))

    async def events_after(self, project_id: str, seq: int, limit: int) -> Sequence[Event] | None:
        return await self._read(lambda c: reads.read_events_after(c, project_id, seq, limit))

    async def journal_begins(self, project_id: str) -> str:
        return await self._read(lambda c: journal.read_beginning(c, project_id))

    async def first_step(
        self, project_id: str, *, after: str | None = None, run_id: str | None = None
    ) -> int | None:
        return await self._read(lambda c: journal.read_first_step(c, project_id, after, run_id))

    async def steps(
        self, project_id: str, first: int, before: int | None, limit: int
    ) -> Sequence[tuple[int, Undo]]:
        return await self._read(lambda c: journal.read_steps(c, project_id, first, before, limit))

    async def audit(
        self, project_id: str, wanted: AuditFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[AuditEntry], str | None]:
        return await self._read(lambda c: reads.read_audit(c, project_id, wanted, limit, cursor))

    async def audit_head(self, project_id: str) -> tuple[int, str]:
        return await self._read(lambda c: reads.read_audit_head(c, project_id))

    # -- approvals --------------------------------------------------------------------------------

    async def approval(self, project_id: str, approval_id: str) -> Approval:
        return await self._read(lambda c: read_approval(c, project_id, approval_id))

    async def approvals(
        self, project_id: str, wanted: ApprovalFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[Approval], str | None]:
        return await self._read(
            lambda c: reads.read_approvals(c, project_id, wanted, limit, cursor)
        )

    # -- conflicts --------------------------------------------------------------------------------

    async def conflict(self, project_id: str, conflict_id: str) -> Conflict:
        return await self._read(lambda c: read_conflict(c, project_id, conflict_id))

    async def conflicts(
        self, project_id: str, wanted: ConflictFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[Conflict], str | None]:
        return await self._read(
            lambda c: reads.read_conflicts(c, project_id, wanted, limit, cursor)
        )

    # -- pictures ---------------------------------------------------------------------------------

    async def picture(self, project_id: str, picture_id: str) -> Picture:
        return await self._read(lambda c: read_picture(c, project_id, picture_id))

    async def pictures(
        self, project_id: str, entity_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Picture], str | None]:
        return await self._read(
            lambda c: reads.read_pictures(c, project_id, entity_id, limit, cursor)
        )

    async def blob(self, hash_: str) -> bytes:
        return await self._read(lambda c: read_blob(c, hash_))

    # -- people -----------------------------------------------------------------------------------

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
        before = position(cursor, END)
        found, following = await self._read(
            lambda c: people.read_notices(c, user, project_id, hidden, unread, limit, before)
        )
        return found, None if following is None else str(following)

    async def unread(self, user: str, project_id: str | None, hidden: Collection[str]) -> int:
        return await self._read(lambda c: people.count_unread(c, user, project_id, hidden))

    async def mark_read(
        self, user: str, project_id: str | None, ids: Sequence[str] | None, at: str
    ) -> int:
        marked: list[int] = []

        def write(connection: sqlite3.Connection) -> None:
            marked[:] = [people.mark_read(connection, user, project_id, ids, at)]

        await self._writer.submit(write, _SMALL)
        return marked[0]

    async def analytics(self, project_id: str, since: str, most: int) -> Mapping[str, Any]:
        if self._path is None:
            return await self._read(lambda c: read_analytics(c, project_id, since, most))
        counter = await open_reader(self._path)  # of its own: others read meanwhile
        try:
            return await counter.run(lambda c: read_analytics(c, project_id, since, most))
        finally:
            await counter.close()

    # -- the outbox of webhooks -------------------------------------------------------------------

    async def projects_with_webhooks(self) -> Sequence[str]:
        return await self._read(outbox.projects_with_webhooks)

    async def due(
        self, now: str, limit: int, busy: Sequence[str]
    ) -> Sequence[tuple[str, Delivery]]:
        return await self._read(lambda c: outbox.read_due(c, now, limit, busy))

    async def next_due(self) -> str | None:
        return await self._read(outbox.next_due)

    async def delivery(self, project_id: str, webhook_id: str, id_: str) -> Delivery:
        return await self._read(lambda c: outbox.read_delivery(c, project_id, webhook_id, id_))

    async def deliveries(
        self, project_id: str, webhook_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Delivery], str | None]:
        before = position(cursor, END)
        found, following = await self._read(
            lambda c: outbox.read_deliveries(c, project_id, webhook_id, limit, before)
        )
        return found, None if following is None else str(following)

    async def save_delivery(self, project_id: str, delivery: Delivery) -> None:
        await self._writer.submit(lambda c: outbox.write_delivery(c, project_id, delivery), _SMALL)

    # -- tokens and remembered answers ------------------------------------------------------------

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

        await self._writer.submit(write, _SMALL)

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

        await self._writer.submit(write, len(body) + _SMALL)

    async def forget_answer(self, key: str) -> None:
        await self._write("DELETE FROM answers WHERE key = ?", (key,))

    async def answer(self, key: str) -> tuple[str, int, bytes] | None:
        since = int(self._now()) - _ANSWERS_KEPT
        return await self._read(lambda c: reads.read_answer(c, key, since))

    async def _write(self, statement: str, parameters: tuple[str | None, ...]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute(statement, parameters)

        await self._writer.submit(write, _SMALL)
