"""Commit: everything that one atomic step changes, ready to be stored.

A store writes all of it in one transaction or nothing of it. The order of the lists is the order of
the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from server.domain.approvals import Approval
from server.domain.conflicts import Conflict
from server.domain.entities import Digests, Entity, Reference, Version
from server.domain.events import Event
from server.domain.people import Follow, Member, Mute, Notice
from server.domain.pictures import Picture
from server.domain.runs import Outcome, Run
from server.domain.undo import Undo
from server.domain.webhooks import Delivery, Webhook

__all__ = [
    "AuditEntry",
    "Commit",
    "DocumentUpdate",
    "ProjectRecord",
    "RemovedPicture",
    "StoredToken",
]


class AuditEntry(NamedTuple):
    """One link of a project's hash chain: ``hash = SHA-256(previous ‖ canonical JSON of the
    rest)``.
    """

    number: int
    at: str
    actor: str
    via: str
    action: str
    entity_id: str | None
    run_id: str | None
    detail: Mapping[str, Any]
    previous: str
    hash: str


class DocumentUpdate(NamedTuple):
    """A server-authored update of one entity's document."""

    entity_id: str
    update: bytes


class RemovedPicture(NamedTuple):
    """A picture that is taken away; ``newest`` is the one that its entity is left with, if any."""

    id: str
    entity_id: str
    newest: Picture | None


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token at rest: never its text, only ``SHA-256`` of it. ``project_id=None`` means every
    project.

    ``purpose`` is ``api``, ``login`` (in a printed URL) or ``session`` (in a cookie).
    """

    hash: str
    user: str
    role: str
    project_id: str | None
    purpose: str
    created_at: str
    expires_at: str | None


@dataclass(slots=True)
class ProjectRecord:
    """A project's own row: name, settings, kinds and rules as JSON, whole on every write."""

    id: str
    name: str
    created_at: str
    settings: Mapping[str, Any]
    kinds: Mapping[str, Any]
    rules: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Commit:
    """One atomic step of one project.

    - ``project``: the project's row is replaced, or inserted where ``project_is_new``: then a
      project of that id must not be there (Conflict).
    - ``entities``: whole rows, inserted or replaced (created, new current version, deleted,
      restored).
    - ``versions``: inserted; ``states`` holds the encoded CRDT state of those that have one of
      their own.
    - ``references_put`` are inserted or replaced whole, ``references_removed`` deleted by id.
    - ``pointers`` moves references' resolved versions; ``digests`` sets entities' two hashes.
    - ``run``: the run's row as it is after the step; ``outcomes`` are rows of that run, and each
      that is not ``unchanged`` is at once its entity's last outcome (``at`` is the step's time).
    - ``superseded``: the rows of the runs that ``run`` takes over.
    - ``documents``: appended to the documents' update logs.
    - ``pictures``: inserted, each as its entity's newest; ``blobs`` holds their bytes by SHA-256 in
      hex, and those that are stored already stay as they are.
    - ``pictures_removed``: deleted, with the bytes that no other picture has.
    - ``members``, ``follows`` and ``mutes``: whole rows, inserted or replaced; a member's tokens
      follow their role, and one who was removed loses them and what they follow. ``notices`` are
      appended, and the oldest of a person go where they are too many.
    - ``webhooks``: whole rows, inserted or replaced; ``webhooks_removed`` go with their
      deliveries. ``deliveries``: inserted, or queued again.
    - ``tokens``: inserted, with the entry that says so; each lets its person into the project.
    - ``approvals`` and ``conflicts``: inserted, or replaced as the newest, whole.
    - ``undo``: appended to the journal, where it holds anything.
    - ``audit`` and ``events``: appended; events carry their ``seq`` already, which is the project's
      next.
    """

    project_id: str
    at: str
    project: ProjectRecord | None = None
    project_is_new: bool = False
    entities: list[Entity] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    states: dict[tuple[str, int], bytes] = field(default_factory=dict)
    references_put: list[Reference] = field(default_factory=list)
    references_removed: list[str] = field(default_factory=list)
    pointers: dict[str, int] = field(default_factory=dict)
    digests: dict[str, Digests] = field(default_factory=dict)
    run: Run | None = None
    superseded: list[Run] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    documents: list[DocumentUpdate] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    pictures_removed: list[RemovedPicture] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    follows: list[Follow] = field(default_factory=list)
    mutes: list[Mute] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)
    webhooks_removed: list[str] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    tokens: list[StoredToken] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    undo: Undo = field(default_factory=Undo)
    audit: list[AuditEntry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def versions_kept(self) -> list[Version]:
        """The new versions that can become somebody's input: all but parked ones."""
        return [version for version in self.versions if version.cause != "parked"]

    def changes_shape(self) -> bool:
        """Whether it changes what depends on what, or how a change would travel."""
        return bool(self.project or self.entities or self.references_put or self.references_removed)
