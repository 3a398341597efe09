"""Entities, references and versions: the nouns of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

__all__ = [
    "POLICIES",
    "STATUSES",
    "BuiltOn",
    "Cause",
    "Digests",
    "Entity",
    "LastOutcome",
    "Policy",
    "Reference",
    "Version",
    "version_id",
]

Policy = Literal["latest", "approved", "pinned"]
POLICIES: tuple[Policy, ...] = ("latest", "approved", "pinned")
STATUSES = ("wip", "review", "approved", "final", "omitted")
Cause = Literal["created", "edit", "api", "run", "rollback", "import", "parked", "reference"]


class Digests(NamedTuple):
    """The two facet hashes of something resolved: what shows in a picture, and everything."""

    visual: bytes
    all: bytes


class BuiltOn(NamedTuple):
    """One reference as a version embeds it: what it was built on when it was cut."""

    reference_id: str
    source: str
    role: str
    policy: Policy
    version: int
    order: str
    overrides: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As the API, a conflict and a checksum have it."""
        return {
            "id": self.reference_id,
            "source": self.source,
            "role": self.role,
            "policy": self.policy,
            "version": self.version,
            "order": self.order,
            "overrides": dict(self.overrides),
        }


def version_id(entity_id: str, number: int) -> str:
    """The public id of a version, ``{asset_id}_v{n}``."""
    return f"{entity_id}_v{number}"


@dataclass(frozen=True, slots=True)
class Version:
    """An immutable state of an entity.

    ``changes`` says what differs from ``previous``. ``state_number`` names the version whose
    encoded CRDT state this one shares (its own number when it has one of its own): its prose texts
    are those of ``fields``. ``digests`` are what a dependent sees of it: its ``own_digests`` and,
    through its references, the ``built_on_digests``. A version whose cause is ``parked`` was never
    current. ``roles`` names for each role of authors the last version, up to this one, that was
    made in it.
    """

    entity_id: str
    number: int
    name: str
    status: str
    fields: Mapping[str, Any]
    visual_fields: frozenset[str]
    references: tuple[BuiltOn, ...]
    changes: Mapping[str, Any]
    previous: int | None
    timestamp: str
    author: str
    message: str
    cause: Cause
    run_id: str | None
    checksum: str
    state_number: int
    own_digests: Digests
    built_on_digests: Digests
    digests: Digests
    roles: tuple[tuple[str, int], ...] = ()

    @property
    def id(self) -> str:
        return version_id(self.entity_id, self.number)


class LastOutcome(NamedTuple):
    """Why an entity looks as it does: the newest outcome that a run left on it."""

    outcome: str
    reason: str
    source: str
    source_version: int
    run_id: str
    at: str

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


@dataclass(slots=True)
class Entity:
    """A node of the graph. ``current`` is its current version; ``digests`` are those of its
    resolved state.

    ``members`` is kept for scenes and sequences only: per facet, the sum modulo 2**256 over the
    shots and scenes that they hold, so that one changed shot costs one addition and not a walk over
    all of them.
    """

    id: str
    kind: str
    current: Version
    created_at: str
    updated_at: str
    last_number: int
    approved_version: int | None = None
    digests: Digests = field(default=Digests(b"", b""))
    members: tuple[int, int] = (0, 0)
    last_outcome: LastOutcome | None = None
    deleted_at: str | None = None

    @property
    def name(self) -> str:
        return self.current.name

    @property
    def status(self) -> str:
        return self.current.status

    @property
    def is_critical(self) -> bool:
        """Whether its field ``critical`` says that runs reach it first."""
        return self.current.fields.get("critical") is True


@dataclass(slots=True)
class Reference:
    """The edge object ``source → target``: what is used → what uses it.

    ``version`` is the resolved version, kept apart from the ``policy`` that says how it moves.
    ``pinned_by`` names who pinned it. ``order`` is a fractional index among the references of the
    target.
    ``member`` says that the source is a shot or scene that stands in the target; the project fills
    it in.
    """

    id: str
    source: str
    target: str
    role: str
    policy: Policy
    version: int
    order: str
    overrides: Mapping[str, Any]
    pinned_by: str | None = None
    member: bool = field(default=False, compare=False)

    def built_on(self, version: int | None = None) -> BuiltOn:
        number = self.version if version is None else version
        return BuiltOn(
            self.id, self.source, self.role, self.policy, number, self.order, self.overrides
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "source": self.source,
            "target": self.target,
            "role": self.role,
            "policy": self.policy,
            "version": self.version,
            "order": self.order,
            "overrides": dict(self.overrides),
        }
