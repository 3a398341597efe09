"""Things: the plain values that the oracle keeps, and the numbers that it gives to looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

__all__ = [
    "EVERY_CLASS",
    "HELD",
    "HOLDERS",
    "PERSON",
    "PROSE",
    "SHOWN",
    "Looks",
    "Pair",
    "Row",
    "Thing",
    "Told",
    "Use",
]

DESCRIBED = ("description", "notes")
SHOWN = {
    "character": {"description", "hair"},
    "wardrobe": {"description", "colour", "pattern"},
    "prop": {"description", "colour"},
    "location": {"description", "colour"},
    "style": {"description", "tint"},
    "shot": {"description", "framing"},
    "scene": {"description"},
    "sequence": {"description"},
}
"""The fields of each kind that show in a picture, of those that the histories use."""
PROSE = dict.fromkeys(SHOWN, DESCRIBED) | {"scene": (*DESCRIBED, "script")}
HOLDERS = ("scene", "sequence")
HELD = ("shot", "scene")
PERSON = "mara"
EVERY_CLASS = ("visual", "metadata", "relationship")


class Pair(NamedTuple):
    """Something for each facet: what shows in a picture, and everything."""

    visual: int
    all: int


_UNSEEN = Pair(-1, -1)


class Looks:
    """Numbers for looks: the same number for what looks the same, and for nothing else."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def number(self, look: Any) -> int:
        return self._numbers.setdefault(look, len(self._numbers))


@dataclass(frozen=True)
class Use:
    """One thing uses another: a reference, and where it stands."""

    id: str
    source: str
    target: str
    role: str
    policy: str
    version: int
    order: str
    overrides: Mapping[str, Any]
    pinned_by: str | None = None

    def like(self) -> Use:
        """What a version remembers of it that can be compared: not where it stood, nor who pinned
        it.
        """
        return replace(self, version=0, pinned_by=None)


@dataclass(frozen=True)
class Row:
    """A version: a state of a thing, for good."""

    number: int
    name: str
    status: str
    fields: Mapping[str, Any]
    visual: frozenset[str]
    built_on: tuple[Use, ...]
    cause: str


@dataclass
class Thing:
    """Anything in the film. ``seen`` is how it looked when that was last worked out for it."""

    id: str
    kind: str
    versions: dict[int, Row] = field(default_factory=dict)
    approved: int | None = None
    deleted: bool = False
    seen: Pair = _UNSEEN

    @property
    def now(self) -> Row:
        return self.versions[max(self.versions)]


class Told(NamedTuple):
    """What a run says of one dependent: the outcome, and its look before and after."""

    outcome: str
    before: int
    after: int
