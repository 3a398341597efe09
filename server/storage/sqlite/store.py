"""SqliteStorage: the storage ports over one file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Collection, Mapping, Sequence
from functools import partial

from server.domain.approvals import Approval
from server.domain.commit import AuditEntry, Commit, ProjectRecord
from server.domain.conflicts import Conflict
from server.domain.entities import Version
from server.domain.events import Event
from server.domain.pictures import Picture
from server.domain.runs import Outcome, OutcomeName, Run
from server.domain.undo import Undo
from server.ports import (
    ApprovalFilter,
    AuditFilter,
    ConflictFilter,
    RunTotals,
    StoredDocument,
    StoredLook,
    StoredProject,
)
from server.storage.sqlite import journal, reads
from server.storage.sqlite.approvals import read_approval, read_approvals
from server.storage.sqlite.around import read_around
from server.storage.sqlite.conflicts import read_conflict, read_conflicts
from server.storage.sqlite.delivery_store import SqliteDeliveries
from server.storage.sqlite.file import EVENT_WINDOW, SMALL
from server.storage.sqlite.load import read_project, whole
from server.storage.sqlite.people_store import SqlitePeople
from server.storage.sqlite.pictures import read_blob, read_picture, read_pictures
from server.storage.sqlite.token_store import SqliteTokens
from server.storage.sqlite.writes import Update, weight, write_commit, write_compacted

__all__ = ["EVENT_WINDOW", "SqliteStorage"]


class SqliteStorage(SqlitePeople, SqliteDeliveries, SqliteTokens):
    """Storage and TokenStore in one SQLite file, or in memory.

    What a commit holds is read on the writer's thread: nothing of it may change until ``commit``
    returns.
    """

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
        return self._writer.submit(Update(project_id, entity_id, update), len(update) + SMALL)

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

    def read_project(self, project_id: str) -> AsyncGenerator[StoredProject, None]:
        return self._read_parts(partial(read_project, project_id=project_id))

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
        return await self._read(lambda c: read_approvals(c, project_id, wanted, limit, cursor))

    # -- conflicts --------------------------------------------------------------------------------

    async def conflict(self, project_id: str, conflict_id: str) -> Conflict:
        return await self._read(lambda c: read_conflict(c, project_id, conflict_id))

    async def conflicts(
        self, project_id: str, wanted: ConflictFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[Conflict], str | None]:
        return await self._read(lambda c: read_conflicts(c, project_id, wanted, limit, cursor))

    # -- pictures ---------------------------------------------------------------------------------

    async def picture(self, project_id: str, picture_id: str) -> Picture:
        return await self._read(lambda c: read_picture(c, project_id, picture_id))

    async def pictures(
        self, project_id: str, entity_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Picture], str | None]:
        return await self._read(lambda c: read_pictures(c, project_id, entity_id, limit, cursor))

    async def blob(self, hash_: str) -> bytes:
        return await self._read(lambda c: read_blob(c, hash_))
