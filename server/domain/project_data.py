"""What a project's JSON says once it was read: plain values, not yet part of any project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from protocol.errors import FieldError
from server.domain.entities import Policy

__all__ = ["EntityData", "ProjectData", "ReferenceData", "Skipped", "VersionData"]


class Skipped(NamedTuple):
    """Something that was left out, and why."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReferenceData:
    """One edge as a file gives it; ``None`` means that the file does not say.

    ``plain`` is a bare mention (an id, or an object with nothing but one): it says that the target
    uses the source, and adds nothing where a fuller reference between the two says so already.
    """

    source: str
    target: str
    path: str
    plain: bool
    role: str | None = None
    policy: Policy | None = None
    version: int | None = None
    overrides: Mapping[str, Any] | None = None
    order: str | None = None
    id: str | None = None
    pinned_by: str | None = None

    @property
    def label(self) -> str:
        return f"{self.source} → {self.target}"


@dataclass(frozen=True, slots=True)
class VersionData:
    """An older version that somebody still looks at, with what it was built on."""

    number: int
    name: str
    status: str
    fields: Mapping[str, Any]
    visual_fields: frozenset[str]
    references: Sequence[ReferenceData]
    message: str = ""


@dataclass(slots=True)
class EntityData:
    """One entity as a file gives it. ``restored``: the file tells of its versions."""

    kind: str
    id: str
    path: str
    name: str | None = None
    status: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    visual_fields: frozenset[str] = frozenset()
    number: int = 1
    approved: int | None = None
    versions: dict[int, VersionData] = field(default_factory=dict)
    restored: bool = False
    deleted: bool = False


@dataclass(slots=True)
class ProjectData:
    """A whole file. With ``errors`` it must not be applied; the other lists are for people."""

    entities: dict[str, EntityData] = field(default_factory=dict)
    references: list[ReferenceData] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    @property
    def warnings(self) -> Iterator[str]:
        """One line for each key that is not known, however often it was there."""
        for what, times in self.unknown.items():
            often = f" ({times} times)" if times > 1 else ""
            yield f"{what} is not known and was left out{often}"
