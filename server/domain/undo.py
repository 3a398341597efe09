"""Undo: what a step changed of what is no version, as it was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from server.domain.entities import Reference

__all__ = ["Undo", "Was"]


class Was(NamedTuple):
    """An entity at a moment: its current version, the approved one, and whether it was deleted."""

    version: int
    approved: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class Undo:
    """What a step changed, as it was before; ``None`` where it was not there.

    ``pointers`` are the versions that references resolved to, where the step moved just those.
    """

    entities: Mapping[str, Was | None] = field(default_factory=dict)
    references: Mapping[str, Reference | None] = field(default_factory=dict)
    pointers: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entities or self.references or self.pointers)
