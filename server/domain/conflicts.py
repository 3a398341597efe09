"""Conflicts: two things that people wanted and that cannot both stand, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from server.domain.digests import canonical

__all__ = [
    "CONFLICT_STATUSES",
    "CONFLICT_TYPES",
    "REFERENCES",
    "Choice",
    "Clash",
    "Conflict",
    "ConflictStatus",
    "ConflictType",
    "Conflicts",
    "Severity",
]

ConflictType = Literal["simultaneous_edit", "version_conflict", "dependency_conflict"]
ConflictStatus = Literal["open", "resolved", "closed"]
Severity = Literal["low", "medium", "high"]
Choice = Literal["ours", "theirs", "merged"]
CONFLICT_TYPES: tuple[ConflictType, ...] = get_args(ConflictType)
CONFLICT_STATUSES: tuple[ConflictStatus, ...] = get_args(ConflictStatus)
REFERENCES = "@references"
"""The field of a conflict about what an entity is built on: its sides are references."""


class Clash(NamedTuple):
    """Two values that were set to one field of a draft at once: the one that stands, and the one
    that would be gone; each with who set it, empty where nobody knows. ``seen``: whoever set the
    one that stands saw the other, and replaced it; it is gone only if it never was published.
    """

    field: str
    kept: Any
    kept_by: str
    lost: Any
    lost_by: str
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sides that cannot both stand: ours is what the entity had, theirs what came to it.

    ``field`` is a field of the entity, or ``@name``, ``@status``, ``@references`` (one reference of
    it), ``@approved`` or ``@deleted``. ``merged`` is a proposal that has something of both, or
    ``None``; ``base`` what both grew from. ``ours_by`` and ``theirs_by`` are the people, empty
    where nobody knows. ``run_id`` is the run that came upon it, or that was to be taken back.

    What was settled without asking is ``resolved`` from the start: ``resolution`` says how, and
    ``resolved_by`` is ``None``. Once, somebody may still choose otherwise. ``closed`` ones became
    moot. ``reason`` says in words how it ended, or why it waits.
    """

    type: ConflictType
    severity: Severity
    entity_id: str
    field: str
    ours: Any
    theirs: Any
    merged: Any
    affected_users: tuple[str, ...]
    resolution_options: tuple[Choice, ...] = ("ours", "theirs", "merged")
    base: Any = None
    ours_by: str = ""
    theirs_by: str = ""
    reason: str = ""
    run_id: str | None = None
    id: str = ""
    created_at: str = ""
    status: ConflictStatus = "open"
    resolution: Choice | None = None
    resolved_by: str | None = None
    resolved_at: str | None = None

    @property
    def automatic(self) -> bool:
        """Whether it was settled without anybody's decision."""
        return self.status == "resolved" and self.resolved_by is None

    @property
    def reference_id(self) -> str | None:
        """The reference that it is about, if it is about one."""
        if self.field != REFERENCES:
            return None
        return next((str(side["id"]) for side in (self.theirs, self.ours) if side), None)

    @property
    def key(self) -> tuple[str, ...]:
        """What one of these replaces while it is open: the same reference, or the same value that
        the same person wanted.
        """
        about = self.reference_id
        if about is None:
            about = canonical([self.theirs, self.theirs_by]).decode()
        return self.type, self.entity_id, self.field, about

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": self.type,
            "severity": self.severity,
            "entity_id": self.entity_id,
            "field": self.field,
            "base": self.base,
            "ours": self.ours,
            "theirs": self.theirs,
            "merged": self.merged,
            "ours_by": self.ours_by,
            "theirs_by": self.theirs_by,
            "affected_users": list(self.affected_users),
            "resolution_options": list(self.resolution_options),
            "status": self.status,
            "automatic": self.automatic,
            "resolution": self.resolution,
            "reason": self.reason,
            "run_id": self.run_id,
            "created_at": self.created_at,
            "resolved_by": self.resolved_by,
            "resolved_at": self.resolved_at,
        }


class Conflicts:
    """The conflicts of a project that wait for somebody."""

    def __init__(self) -> None:
        self._open: dict[str, Conflict] = {}
        self._by_entity: dict[str, dict[str, Conflict]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Conflict]:
        return iter(self._open.values())

    def get(self, id_: str) -> Conflict | None:
        return self._open.get(id_)

    def of_entity(self, entity_id: str) -> Mapping[str, Conflict]:
        """The open conflicts of one entity, by id."""
        return self._by_entity.get(entity_id, {})

    def of_run(self, run_id: str) -> Iterable[Conflict]:
        """The open conflicts that a run came upon."""
        return [one for one in self._open.values() if one.run_id == run_id]

    def put(self, one: Conflict) -> None:
        """Take a conflict in as it is now."""
        known = self._open.pop(one.id, None)
        if known is not None:
            others = self._by_entity[known.entity_id]
            del others[known.id]
            if not others:
                del self._by_entity[known.entity_id]
        if one.status == "open":
            self._open[one.id] = one
            self._by_entity.setdefault(one.entity_id, {})[one.id] = one
