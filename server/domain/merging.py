"""ConflictResolver: merges what people changed apart, with one strategy per type; what it cannot
settle it reports.

- ``simultaneous_edit``: live drafts are CRDTs, so text merges by itself before anything reaches
  this place; of a discrete value one side stands, and the other is kept here.
- ``version_conflict``: a change made on an older version is merged three ways, field by field.
- ``dependency_conflict``: a cycle or a reference to something that is gone; never settled by
  guessing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from server.domain.conflicts import Choice, Clash, Conflict, Severity
from server.domain.drafts import merge_text
from server.domain.entities import Version
from server.domain.kinds import Kind

__all__ = [
    "ConflictResolver",
    "Merge",
    "RollbackConflictResolver",
    "SimultaneousEditResolver",
    "VersionConflictResolver",
    "proposal_of",
    "value_of",
]


@dataclass(frozen=True, slots=True)
class Merge:
    """What is left of a change after the merge: the fields to set, what could not be settled, and
    what was settled although the entity had moved on.
    """

    fields: Mapping[str, Any]
    conflicts: tuple[Conflict, ...]
    settled: tuple[Conflict, ...] = ()


class VersionConflictResolver:
    """Merges a change that was made on ``base`` into ``current``, field by field.

    Untouched since the base: taken. Set to what it was at the base: no change. The same on both
    sides: nothing to do. Prose that both changed merges as text. Anything else is a conflict.
    """

    merges_prose = True
    reason = "somebody changed it meanwhile"

    def resolve(
        self,
        kind: Kind,
        base: Version,
        current: Version,
        wanted: Mapping[str, Any],
        author: str,
        since: Mapping[str, str] | None = None,
    ) -> Merge:
        """``since`` names who set each field last after the base, as far as it is known."""
        sides = _Sides(base, current, author, since or {})
        fields: dict[str, Any] = {}
        conflicts: list[Conflict] = []
        settled: list[Conflict] = []
        for name, theirs in wanted.items():
            was, ours = value_of(base, name), value_of(current, name)
            if theirs == was:
                continue
            if ours == was:
                fields[name] = theirs
                settled.append(sides.settled(name, theirs, "theirs", theirs))
            elif theirs == ours:
                settled.append(sides.settled(name, theirs, "ours", ours))
            elif self.merges_prose and kind.is_prose(name):
                text = merge_text(str(was or ""), str(ours or ""), str(theirs or ""))
                fields[name] = text
                settled.append(sides.settled(name, theirs, "merged", text))
            else:
                severity: Severity = "high" if kind.is_visual(name) else "low"
                one = replace(sides.between(name, theirs), severity=severity, reason=self.reason)
                proposal = proposal_of(was, ours, theirs, prose=kind.is_prose(name))
                conflicts.append(replace(one, merged=proposal))
        return Merge(fields, tuple(conflicts), tuple(settled))


class RollbackConflictResolver(VersionConflictResolver):
    """Takes back what ``base`` brought, field by field: what was set since then is a conflict, a
    text too, for half of what was taken back and half of what came later is nobody's text.
    """

    merges_prose = False
    reason = "it was changed after what is to be taken back"


class SimultaneousEditResolver:
    """One field that two people set at once, neither having seen the other's, or one over the
    other's before it was published: the draft keeps one value, and the other is kept in the
    conflict, from where it can be had back.
    """

    def resolve(self, entity_id: str, clash: Clash) -> Conflict:
        field, ours, ours_by, theirs, theirs_by, seen = clash
        one, other = ours_by or "somebody", theirs_by or "somebody"
        how = f"set by {one} and {other} at once"
        if seen:
            how = f"set by {other}, and otherwise by {one} before it was published"
        return Conflict(
            "simultaneous_edit",
            "low",
            entity_id,
            field,
            ours,
            theirs,
            None,
            _people(ours_by, theirs_by),
            ours_by=ours_by,
            theirs_by=theirs_by,
            reason=f"{how}; what {one} set was kept",
            status="resolved",
            resolution="ours",
        )


class ConflictResolver:
    """Detects conflicts and applies the strategy of their type."""

    def __init__(self) -> None:
        self.simultaneous_edit = SimultaneousEditResolver()
        self.version_conflict = VersionConflictResolver()
        self.rollback_conflict = RollbackConflictResolver()

    def settle(
        self,
        kind: Kind,
        base: Version | None,
        current: Version,
        wanted: Mapping[str, Any],
        author: str,
        since: Mapping[str, str] | None = None,
    ) -> Merge:
        """The change as it can be made on the current version. ``wanted`` may hold ``@name`` and
        ``@status`` too.
        """
        if base is None or base.number == current.number:
            return Merge(wanted, ())
        return self.version_conflict.resolve(kind, base, current, wanted, author, since)


def proposal_of(base: Any, ours: Any, theirs: Any, *, prose: bool) -> Any:
    """What might do for both sides of a value that both changed, to be looked at by somebody:
    ``None`` where nothing suggests itself.

    Of lists: what is left of the base, and what either added. Of objects: member by member, where
    no two changes meet. Of prose: its merge; two names that were merged are no name.
    """
    match ours, theirs:
        case list(), list():
            was = base if isinstance(base, list) else []
            kept = [one for one in was if one in ours and one in theirs]
            added = [one for one in [*ours, *theirs] if one not in was]
            return kept + [one for at, one in enumerate(added) if one not in added[:at]]
        case dict(), dict():
            return _members(base if isinstance(base, dict) else {}, ours, theirs)
        case str(), str() if prose:
            return merge_text(base if isinstance(base, str) else "", ours, theirs)
        case _:
            return None


def _members(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any] | None:
    merged: dict[str, Any] = {}
    for name in sorted({**ours, **theirs}):
        was, one, other = base.get(name), ours.get(name), theirs.get(name)
        if one not in (was, other) and other != was:
            return None
        value = other if one == was else one
        if value is not None:
            merged[name] = value
    return merged


_SAID: Mapping[Choice, str] = {
    "ours": "both had set the same",
    "theirs": "nobody else had changed it",
    "merged": "merged as text: what both wrote is in it",
}


@dataclass(frozen=True, slots=True)
class _Sides:
    """The two versions between which a change is merged, and the people behind it."""

    base: Version
    current: Version
    author: str
    since: Mapping[str, str]

    def between(self, name: str, theirs: Any) -> Conflict:
        by = self.since.get(name, self.current.author)
        return Conflict(
            "version_conflict",
            "low",
            self.current.entity_id,
            name,
            value_of(self.current, name),
            theirs,
            None,
            _people(by, self.author),
            base=value_of(self.base, name),
            ours_by=by,
            theirs_by=self.author,
        )

    def settled(self, name: str, theirs: Any, how: Choice, merged: Any) -> Conflict:
        who, now = self.author or "somebody", f"v{self.current.number} was current"
        return replace(
            self.between(name, theirs),
            merged=merged,
            reason=f"{who} changed v{self.base.number} while {now}; {_SAID[how]}",
            status="resolved",
            resolution=how,
        )


def _people(*users: str) -> tuple[str, ...]:
    return tuple(sorted({one for one in users if one}))


def value_of(version: Version, name: str) -> Any:
    """A field of a version; its name and status go by ``@name`` and ``@status``."""
    match name:
        case "@name":
            return version.name
        case "@status":
            return version.status
        case _:
            return version.fields.get(name)
