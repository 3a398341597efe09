"""ConflictResolver: finds where edits collide, with one strategy per type; what it cannot settle it
reports.

- ``simultaneous_edit``: live drafts are CRDTs, so text merges by itself before anything reaches
  this place.
- ``version_conflict``: a change made on an older version is merged three ways, field by field.
- ``dependency_conflict``: a cycle or a reference to something that is gone; never settled by
  guessing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from server.domain.drafts import merge_text
from server.domain.entities import Version
from server.domain.kinds import Kind

__all__ = [
    "Conflict",
    "ConflictResolver",
    "Merge",
    "RollbackConflictResolver",
    "VersionConflictResolver",
]

ConflictType = Literal["simultaneous_edit", "version_conflict", "dependency_conflict"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two edits of one field that cannot both stand: ours is what is current, theirs what was
    sent.
    """

    type: ConflictType
    severity: Literal["low", "medium", "high"]
    entity_id: str
    field: str
    ours: Any
    theirs: Any
    merged: Any
    affected_users: tuple[str, ...]
    resolution_options: tuple[str, ...] = ("ours", "theirs", "merged")

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "severity": self.severity,
            "entity_id": self.entity_id,
            "field": self.field,
            "ours": self.ours,
            "theirs": self.theirs,
            "merged": self.merged,
            "affected_users": list(self.affected_users),
            "resolution_options": list(self.resolution_options),
            "status": "open",
        }


@dataclass(frozen=True, slots=True)
class Merge:
    """What is left of a change after the merge: the fields to set, and what could not be
    settled.
    """

    fields: Mapping[str, Any]
    conflicts: tuple[Conflict, ...]


class VersionConflictResolver:
    """Merges a change that was made on ``base`` into ``current``, field by field.

    Untouched since the base: taken. Set to what it was at the base: no change. The same on both
    sides: nothing to do. Prose that both changed merges as text. Anything else is a conflict.
    """

    merges_prose = True

    def resolve(
        self, kind: Kind, base: Version, current: Version, wanted: Mapping[str, Any], author: str
    ) -> Merge:
        fields: dict[str, Any] = {}
        conflicts: list[Conflict] = []
        for name, theirs in wanted.items():
            was, ours = _value(base, name), _value(current, name)
            if ours == was:
                fields[name] = theirs
            elif theirs in (was, ours):
                continue
            elif self.merges_prose and kind.is_prose(name):
                fields[name] = merge_text(str(was or ""), str(ours or ""), str(theirs or ""))
            else:
                conflicts.append(
                    Conflict(
                        "version_conflict",
                        "high" if kind.is_visual(name) else "low",
                        current.entity_id,
                        name,
                        ours,
                        theirs,
                        None,
                        tuple(sorted({current.author, author})),
                        ("ours", "theirs"),
                    )
                )
        return Merge(fields, tuple(conflicts))


class RollbackConflictResolver(VersionConflictResolver):
    """Takes back what ``base`` brought, field by field: what was set since then is a conflict, a
    text too, for half of what was taken back and half of what came later is nobody's text.
    """

    merges_prose = False


def _value(version: Version, name: str) -> Any:
    """A field of a version; its name and status go by ``@name`` and ``@status``."""
    match name:
        case "@name":
            return version.name
        case "@status":
            return version.status
        case _:
            return version.fields.get(name)


class ConflictResolver:
    """Detects conflicts and applies the strategy of their type."""

    def __init__(self) -> None:
        self.version_conflict = VersionConflictResolver()
        self.rollback_conflict = RollbackConflictResolver()

    def settle(
        self,
        kind: Kind,
        base: Version | None,
        current: Version,
        wanted: Mapping[str, Any],
        author: str,
    ) -> Merge:
        """The change as it can be made on the current version. ``wanted`` may hold ``@name`` and
        ``@status`` too.
        """
        if base is None or base.number == current.number:
            return Merge(wanted, ())
        return self.version_conflict.resolve(kind, base, current, wanted, author)
