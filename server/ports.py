"""What the core asks of the world, as narrow protocols: the live side, and what the live side asks
of the core.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, Protocol

from server.domain.actors import Actor
from server.domain.approvals import Approval, ApprovalStatus
from server.domain.commit import AuditEntry, Commit, ProjectRecord, StoredToken
from server.domain.conflicts import Clash, Conflict, ConflictStatus, ConflictType
from server.domain.entities import Digests, Entity, Reference, Version
from server.domain.events import Event
from server.domain.people import Follow, Member, Mute, Notice
from server.domain.pictures import Picture
from server.domain.runs import Outcome, OutcomeName, Run
from server.domain.undo import Undo
from server.domain.webhooks import Delivery, Webhook

__all__ = [
    "Access",
    "Actor",
    "ApprovalFilter",
    "AuditFilter",
    "Clock",
    "ConflictFilter",
    "DeliveryStore",
    "DocumentStore",
    "Drafts",
    "LiveProject",
    "OpenProject",
    "PeopleStore",
    "ProjectCore",
    "RunTotals",
    "Storage",
    "StoredDocument",
    "StoredLook",
    "StoredPeople",
    "StoredProject",
    "StoredToken",
    "TokenStore",
]

Clock = Callable[[], str]
"""Answers the time now as ISO 8601 UTC with milliseconds and a ``Z``."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document at rest: its base state and the updates that were committed after it, in order."""

    state: bytes
    updates: Sequence[bytes]


class DocumentStore(Protocol):
    """Where documents rest. Updates of one document are kept in the order of the calls."""

    async def load_document(self, project_id: str, entity_id: str) -> StoredDocument:
        """The document of an entity; raises NotFound where the entity was never created."""
        ...

    def append_update(self, project_id: str, entity_id: str, update: bytes) -> Awaitable[None]:
        """Queue an update at once, in the order of the calls; awaiting the result means that it is
        durable.

        Raises Unavailable when it could not be committed; then nothing of it was kept.
        """
        ...

    async def compact_document(
        self, project_id: str, entity_id: str, state: bytes, count: int
    ) -> None:
        """Make ``state`` a document's base, and drop its first ``count`` updates: it holds them."""
        ...


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


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """What a live project knows of its people, and its webhooks."""

    follows: Sequence[Follow]
    mutes: Sequence[Mute]
    webhooks: Sequence[Webhook]


class PeopleStore(Protocol):
    """Members and notifications; they are written with the steps that they belong to."""

    async def people(self, project_id: str) -> StoredPeople:
        """Who follows and mutes what in a project, and the webhooks that it has."""
        ...

    async def members(self, project_id: str) -> Sequence[Member]:
        """Everybody who is or was in a project, by name."""
        ...

    async def roles(self, user: str) -> Mapping[str, str | None]:
        """Somebody's role by project, ``None`` where they were removed."""
        ...

    async def notices(
        self,
        user: str,
        project_id: str | None,
        hidden: Collection[str],
        unread: bool,
        limit: int,
        cursor: str | None,
    ) -> tuple[Sequence[Notice], str | None]:
        """A page of somebody's notifications, newest first: of one project, or of all but the
        ``hidden`` ones.
        """
        ...

    async def unread(self, user: str, project_id: str | None, hidden: Collection[str]) -> int:
        """How many notifications somebody has not read."""
        ...

    async def mark_read(
        self, user: str, project_id: str | None, ids: Sequence[str] | None, at: str
    ) -> int:
        """Mark some of somebody's notifications as read (``None``: all); answers how many were
        not.
        """
        ...

    async def analytics(self, project_id: str, since: str, most: int) -> Mapping[str, Any]:
        """Counts of a project, with the runs ``since`` a time and the ``most`` used assets; raises
        Unavailable where counting takes too long.
        """
        ...


class DeliveryStore(Protocol):
    """The outbox of webhooks: what is to be delivered stands there until it was."""

    async def projects_with_webhooks(self) -> Sequence[str]: ...

    async def due(
        self, now: str, limit: int, busy: Sequence[str]
    ) -> Sequence[tuple[str, Delivery]]:
        """The longest due delivery of each webhook but the ``busy`` ones, with its project."""
        ...

    async def next_due(self) -> str | None:
        """When the next of all that waits is due."""
        ...

    async def delivery(self, project_id: str, webhook_id: str, id_: str) -> Delivery:
        """One delivery; raises NotFound."""
        ...

    async def deliveries(
        self, project_id: str, webhook_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Delivery], str | None]:
        """A page of a webhook's deliveries, newest first."""
        ...

    async def save_delivery(self, project_id: str, delivery: Delivery) -> None:
        """Keep what became of a delivery; one that is gone stays gone."""
        ...


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


class TokenStore(Protocol):
    """Where tokens and remembered answers rest."""

    async def add_token(self, token: StoredToken) -> None:
        """Keep a token. Whoever is given one for a project (``api``) is in it from then on, with
        its role at least.
        """
        ...

    async def token(self, hash_: str) -> StoredToken | None: ...

    async def holder(self, hash_: str) -> tuple[StoredToken, Mapping[str, str | None]] | None:
        """A token, and its person's role by project, ``None`` where they were removed."""
        ...

    async def remove_token(self, hash_: str) -> None: ...

    async def remember_answer(self, key: str, fingerprint: str, status: int, body: bytes) -> None:
        """Keep the answer to a request with an Idempotency-Key; ``key`` holds the caller too.

        The status 0 says that the request is under way; its answer replaces that.
        """
        ...

    async def forget_answer(self, key: str) -> None:
        """Forget what is kept under a key, so that the request can be sent again."""
        ...

    async def answer(self, key: str) -> tuple[str, int, bytes] | None:
        """``(fingerprint, status, body)`` of what was remembered in the last 24 hours."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may do in one project."""

    user: str
    role: str


class Drafts(Protocol):
    """The live side as the core sees it: what is being typed, and who looks at what."""

    async def draft_state(self, project_id: str, entity_id: str) -> bytes:
        """The encoded state of an entity's draft as it is this moment, loaded or not."""
        ...

    def editor(self, project_id: str, entity_id: str) -> str:
        """Who typed last in an entity's draft, as far as it is loaded; empty where nobody knows."""
        ...

    def merge_committed(self, project_id: str, entity_id: str, update: bytes) -> None:
        """Merge a committed, server-authored update into the draft if it is loaded, and fan it
        out.
        """
        ...

    def viewed(self, project_id: str) -> frozenset[str]:
        """The entities that somebody has on screen right now."""
        ...

    def viewed_since(self, project_id: str, version: int) -> tuple[int, Iterable[str]]:
        """The version of what is on people's screens, which is another one after every change, and
        what came onto one since ``version`` (0: ever) and still is there, in that order.

        Where nothing changed this costs a comparison.
        """
        ...


class LiveProject(Protocol):
    """Where a project's events and ephemeral frames go after their commit."""

    def publish(self, project_id: str, events: Sequence[Event]) -> None:
        """Fan durable events out, in order; never blocks."""
        ...

    def tell(
        self, project_id: str, frame: Mapping[str, Any], concerns: frozenset[str] | None
    ) -> None:
        """Fan an ephemeral frame out to whoever subscribes to one of ``concerns`` (``None``:
        everybody).
        """
        ...


class ProjectCore(Protocol):
    """What a room may ask of its project's owner. Plain methods answer from memory at once."""

    @property
    def project_id(self) -> str: ...

    @property
    def epoch(self) -> str: ...

    @property
    def seq(self) -> int:
        """The position of the last committed event."""
        ...

    @property
    def publishes_automatically(self) -> bool:
        """Whether drafts become versions by themselves; else only by hand."""
        ...

    @property
    def prose_quiet(self) -> float:
        """After how many seconds of quiet prose is published; 0: only by hand."""
        ...

    def has_entity(self, entity_id: str) -> bool: ...

    def draft_changes(self, entity_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of a draft's values that differ from the current version's."""
        ...

    def is_prose(self, entity_id: str, field: str) -> bool: ...

    def change_type(self, entity_id: str, fields: Sequence[str]) -> str:
        """``visual``, ``metadata`` or ``relationship``: what a change to these fields is, for a
        frame.
        """
        ...

    def previewed_in(self, entity_id: str) -> tuple[str, ...]:
        """The dependents that would follow a change of this entity, in dependency order; cached."""
        ...

    async def events_after(self, seq: int) -> Sequence[Event] | None:
        """The committed events after a position, or ``None`` when the stream does not reach back
        that far.
        """
        ...

    async def keep_simultaneous(self, entity_id: str, clashes: Sequence[Clash]) -> None:
        """Keep what two people set at once in a draft, so that the value that did not stay can be
        had back; and what one replaced there by the other, unless a version has it.
        """
        ...

    async def publish_values(self, entity_id: str, fields: Sequence[str], actor: Actor) -> None:
        """Make a version of these discrete fields of the draft, and propagate it; does not wait for
        the run.
        """
        ...

    async def publish_draft(self, entity_id: str, actor: Actor) -> object:
        """Make a version of all that the draft is ahead, and propagate it; does not wait for the
        run.
        """
        ...


OpenProject = Callable[[str], Awaitable[ProjectCore]]
