"""The port of a project at rest: what there is, and what happened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.domain.approvals import Approval, ApprovalStatus
from server.domain.commit import AuditEntry, Commit, ProjectRecord
from server.domain.conflicts import Conflict, ConflictStatus, ConflictType
from server.domain.entities import Digests, Entity, Reference, Version
from server.domain.events import Event
from server.domain.pictures import Picture
from server.domain.runs import Outcome, OutcomeName, Run
from server.domain.undo import Undo
from server.ports.deliveries import DeliveryStore
from server.ports.documents import DocumentStore
from server.ports.people import PeopleStore

__all__ = [
    "ApprovalFilter",
    "AuditFilter",
    "ConflictFilter",
    "RunTotals",
    "Storage",
    "StoredLook",
    "StoredProject",
]


@dataclass(frozen=True, slots=True)
class StoredProject:
    """A project as it is loaded to become live: every entity and reference, and the versions in
    use.

    ``versions`` holds each entity's current version (``Entity.current`` is that object), every
    version that a reference resolves to or that is approved, and all that those of assets were
    built on; ``pictures`` the newest picture of each entity that has
    any, ``approvals`` the open ones and those whose rejection stands, ``conflicts`` the open ones.
    ``seq`` and ``audit_head`` are the ends of the stream and of the chain.
    """

    record: ProjectRecord
    entities: Sequence[Entity]
    references: Sequence[Reference]
    versions: Sequence[Version]
    seq: int
    audit_number: int
    audit_hash: str
    open_runs: Sequence[Run]
    pictures: Sequence[Picture]
    approvals: Sequence[Approval] = ()
    conflicts: Sequence[Conflict] = ()


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """Which approvals to read; ``None`` means any."""

    status: ApprovalStatus | None = None
    source: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class ConflictFilter:
    """Which conflicts to read; ``None`` means any."""

    status: ConflictStatus | None = None
    entity_id: str | None = None
    type: ConflictType | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredLook:
    """What is stored of how an entity looks: its current version's number, its hashes, and where
    its references point, by id.
    """

    version: int
    digests: Digests
    pointers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RunTotals:
    """What all ended runs of a project did together; ``counts`` is by outcome."""

    runs: int
    processed: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which audit entries to read; ``None`` means any. ``since`` is an ISO time, inclusive,
    ``until`` one that is not.
    """

    entity_id: str | None = None
    actor: str | None = None
    run_id: str | None = None
    since: str | None = None
    until: str | None = None


class Storage(DocumentStore, PeopleStore, DeliveryStore, Protocol):
    """Where everything rests. One writer; every method may raise Unavailable when the disk fails.

    Reads see every commit that was awaited before. Pages are ``(items, cursor)``: ``cursor`` is
    ``None`` on the last page, else it is given back to read on.
    """

    @property
    def epoch(self) -> str:
        """The epoch of all streams: survives restarts, changes when a backup is restored."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Store a step: all of it or nothing; returning means that it is durable.

        Commits of one project take effect in the order of the calls; those of several projects and
        document updates share a transaction where they meet, with a savepoint each. A run's batch
        (a commit with outcomes) lets document updates and other projects' edits go first for a
        while, so that an edit waits for no more than the batches that are under way.
        """
        ...

    async def projects(self) -> Sequence[ProjectRecord]:
        """All projects, by creation."""
        ...

    async def projects_with_open_runs(self) -> Sequence[str]:
        """The ids of the projects with a run that is queued or running."""
        ...

    async def load_project(self, project_id: str) -> StoredProject:
        """All of a project; raises NotFound."""
        ...

    def read_project(self, project_id: str) -> AsyncGenerator[StoredProject, None]:
        """The same part by part, all as of one moment, for who takes it in while the rest is read;
        raises NotFound.

        Each part has the same ``record`` and all else that is not long. The first has no more than
        that; entities come before references, and those of one target together.
        """
        ...

    async def looks(self, project_id: str, entity_ids: Sequence[str]) -> Mapping[str, StoredLook]:
        """How some entities look by what is stored, by id; without those that are not."""
        ...

    async def load_around(self, project_id: str, entity_id: str) -> StoredProject | None:
        """As ``load_project``, but only what it takes to show one entity: a first answer while the
        rest is loading. ``None`` where that is not much less than all; raises NotFound where there
        is no such project. The entity itself may be missing, or deleted.
        """
        ...

    async def projects_with(self, entity_id: str) -> Sequence[str]:
        """The ids of the projects in which an entity of this id lives."""
        ...

    async def version(self, project_id: str, entity_id: str, number: int) -> Version:
        """One version; raises NotFound."""
        ...

    async def some_versions(
        self, project_id: str, wanted: Sequence[tuple[str, int]]
    ) -> Sequence[Version]:
        """Versions by entity and number, in any order, without those that are not."""
        ...

    async def versions(
        self, project_id: str, entity_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Version], str | None]:
        """A page of an entity's versions, newest first."""
        ...

    async def version_state(self, project_id: str, entity_id: str, number: int) -> bytes:
        """The encoded CRDT state that a version was cut from (of its ``state_number``); raises
        NotFound.
        """
        ...

    async def run(self, run_id: str) -> Run:
        """One run of any project; raises NotFound."""
        ...

    async def runs(self, project_id: str, limit: int) -> Sequence[Run]:
        """A project's newest runs."""
        ...

    async def outcomes(
        self, run_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[tuple[Outcome, str]], str | None]:
        """A page of a run's outcomes with their times, in the order in which they were reached."""
        ...

    async def outcome_ids(
        self, run_id: str, names: Collection[OutcomeName] | None = None
    ) -> frozenset[str]:
        """The entities that a run has reached already: what a resumed run leaves alone. With
        ``names`` those with one of these outcomes: what a retry goes over again.
        """
        ...

    async def run_totals(self, project_id: str) -> RunTotals:
        """How many of a project's runs have ended, and what they did, all of them together."""
        ...

    async def outcomes_of(
        self, project_id: str, entity_id: str, limit: int
    ) -> Sequence[tuple[Outcome, str, str]]:
        """An entity's outcomes in the newest runs of its project, the newest first, each with its
        time and its run.
        """
        ...

    async def events_after(self, project_id: str, seq: int, limit: int) -> Sequence[Event] | None:
        """Up to ``limit`` events after a position; ``None`` when the stream no longer reaches that
        far back or has never been that far."""
        ...

    async def journal_begins(self, project_id: str) -> str:
        """The time from which on all can be told of how a project was; raises NotFound."""
        ...

    async def first_step(
        self, project_id: str, *, after: str | None = None, run_id: str | None = None
    ) -> int | None:
        """The number of the first step after a time, or of the first of a run: the oldest that
        is to be taken back on the way to before it. ``None`` where there is none.
        """
        ...

    async def steps(
        self, project_id: str, first: int, before: int | None, limit: int
    ) -> Sequence[tuple[int, Undo]]:
        """Up to ``limit`` steps with their numbers, from ``first`` on and before ``before``, the
        newest first.
        """
        ...

    async def audit(
        self, project_id: str, wanted: AuditFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[AuditEntry], str | None]:
        """A page of audit entries, newest first."""
        ...

    async def audit_head(self, project_id: str) -> tuple[int, str]:
        """Number and hash of the last audit entry that was ever written, kept apart from the
        entries; ``(0, "")`` before the first.
        """
        ...

    async def approval(self, project_id: str, approval_id: str) -> Approval:
        """One approval as it is now, however it ended; raises NotFound."""
        ...

    async def approvals(
        self, project_id: str, wanted: ApprovalFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[Approval], str | None]:
        """A page of approvals, those that changed last first."""
        ...

    async def conflict(self, project_id: str, conflict_id: str) -> Conflict:
        """One conflict as it is now, however it ended; raises NotFound."""
        ...

    async def conflicts(
        self, project_id: str, wanted: ConflictFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[Conflict], str | None]:
        """A page of conflicts, those that changed last first."""
        ...

    async def picture(self, project_id: str, picture_id: str) -> Picture:
        """One picture; raises NotFound."""
        ...

    async def pictures(
        self, project_id: str, entity_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Picture], str | None]:
        """A page of an entity's pictures, newest first."""
        ...

    async def blob(self, hash_: str) -> bytes:
        """The bytes that a picture's file names, by their SHA-256 in hex; raises NotFound."""
        ...

    async def close(self) -> None:
        """Finish what is queued, then close; later calls raise Unavailable."""
        ...
