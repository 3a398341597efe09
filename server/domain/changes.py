"""ChangeDetector: what differs between two states, and what sort of change that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from server.domain.kinds import Kind

__all__ = [
    "Change",
    "ChangeClass",
    "ChangeDetector",
    "Classification",
    "MetadataChangeClassifier",
    "RelationshipChangeClassifier",
    "VisualChangeClassifier",
    "diff_fields",
    "difference",
    "set_fields",
    "unpublished",
]

ChangeClass = Literal["visual", "metadata", "relationship"]
Impact = Literal["none", "low", "medium", "high"]
Priority = Literal["realtime", "batch", "background"]


def diff_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """``{field: {"from", "to"}}`` for every field that differs; absent and null are the same."""
    names = [*before, *(name for name in after if name not in before)]
    return {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in names
        if before.get(name) != after.get(name)
    }


def difference(before: Any, after: Any) -> dict[str, Any] | None:
    """``{"from", "to"}`` of two values that differ."""
    return {"from": before, "to": after} if before != after else None


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between two states of one entity; falsy when there is none.

    ``fields`` maps a name to ``{"from", "to"}``; ``visual`` names those fields that were given as
    visual although their kind does not declare them. ``name`` and ``status`` are ``{"from",
    "to"}``, ``references`` ``{"added", "removed", "changed"}`` of reference ids.
    """

    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    visual: frozenset[str] = frozenset()
    name: Mapping[str, Any] | None = None
    status: Mapping[str, Any] | None = None
    references: Mapping[str, Sequence[Any]] | None = None

    @property
    def goals(self) -> dict[str, Any]:
        """What each of the fields is to be; null takes one away."""
        return {name: pair["to"] for name, pair in self.fields.items()}

    def __bool__(self) -> bool:
        return bool(self.fields or self.name or self.status or self.references)

    def to_json(self) -> dict[str, Any]:
        """The form in which a version keeps it: what is not a field stands under an ``@`` name."""
        out: dict[str, Any] = {name: dict(value) for name, value in self.fields.items()}
        if self.name:
            out["@name"] = dict(self.name)
        if self.status:
            out["@status"] = dict(self.status)
        if self.references:
            out["@references"] = {key: list(ids) for key, ids in self.references.items() if ids}
        return out


class Classifier(Protocol):
    """One class of change: is it in a change, and how deep does it go?"""

    name: ChangeClass
    impact: Impact

    def is_relevant(self, kind: Kind, change: Change) -> bool: ...


class VisualChangeClassifier:
    """Something that shows in a picture: a field of the visual facet, or one given as visual."""

    name: ChangeClass = "visual"
    impact: Impact = "high"

    def is_relevant(self, kind: Kind, change: Change) -> bool:
        return any(field in change.visual or kind.is_visual(field) for field in change.fields)


class MetadataChangeClassifier:
    """Something people read but no picture shows: a name, a status, a field of the metadata
    facet.
    """

    name: ChangeClass = "metadata"
    impact: Impact = "low"

    def is_relevant(self, kind: Kind, change: Change) -> bool:
        if change.name or change.status:
            return True
        return any(
            field not in change.visual and not kind.is_visual(field) for field in change.fields
        )


class RelationshipChangeClassifier:
    """What an entity is built on: references that came, went, or changed policy, order or
    overrides.
    """

    name: ChangeClass = "relationship"
    impact: Impact = "medium"

    def is_relevant(self, kind: Kind, change: Change) -> bool:
        return bool(change.references)


_LEVELS: tuple[Impact, ...] = ("none", "low", "medium", "high")
_PRIORITY: dict[Impact, Priority] = {
    "none": "background",
    "low": "background",
    "medium": "batch",
    "high": "realtime",
}


@dataclass(frozen=True, slots=True)
class Classification:
    """The classes of a change, the deepest impact among them, and the priority that follows."""

    classes: tuple[ChangeClass, ...]
    impact_level: Impact
    propagation_priority: Priority

    @classmethod
    def of_all(cls, found: Iterable[Classification]) -> Classification:
        """Of several changes that are one: all their classes, and the deepest impact."""
        found = list(found)
        classes = {name for one in found for name in one.classes}
        level: Impact = max((one.impact_level for one in found), key=_LEVELS.index, default="none")
        return cls(tuple(sorted(classes)), level, _PRIORITY[level])

    @property
    def main(self) -> ChangeClass:
        """The class that a frame names: visual before relationship before metadata."""
        order: tuple[ChangeClass, ...] = ("visual", "relationship", "metadata")
        return next((name for name in order if name in self.classes), "metadata")

    def to_json(self) -> dict[str, Any]:
        return {
            "classes": list(self.classes),
            "impact_level": self.impact_level,
            "propagation_priority": self.propagation_priority,
        }


class ChangeDetector:
    """Classifies changes, with one classifier per class."""

    def __init__(self) -> None:
        self.change_classifiers: tuple[Classifier, ...] = (
            VisualChangeClassifier(),
            MetadataChangeClassifier(),
            RelationshipChangeClassifier(),
        )

    def classify_change(self, kind: Kind, change: Change) -> Classification:
        found = [one for one in self.change_classifiers if one.is_relevant(kind, change)]
        level: Impact = max((one.impact for one in found), key=_LEVELS.index, default="none")
        return Classification(tuple(one.name for one in found), level, _PRIORITY[level])


def set_fields(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with changes applied; null takes a field away."""
    merged = {**fields, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def unpublished(current: Mapping[str, Any], draft: Mapping[str, Any]) -> dict[str, Any]:
    """What a draft is ahead; a text that is seeded but still empty is no news."""
    changed = diff_fields(current, set_fields({}, draft))
    return {
        name: pair["to"]
        for name, pair in changed.items()
        if not (pair["from"] is None and pair["to"] == "")
    }
