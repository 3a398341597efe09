"""DraftState: what a draft in memory is at, as types that hold only what they need."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pycrdt import Doc

from server.rooms.tally import Tally

__all__ = ["DraftState", "Draining", "Gone", "Loading", "Ready"]


@dataclass(frozen=True, slots=True)
class Loading:
    """Being read from storage; everybody who comes awaits the same task."""

    task: asyncio.Task[None]


@dataclass(slots=True)
class Ready:
    """Loaded. ``size`` is an upper estimate; ``counted`` is the generation for which the tally was
    counted afresh; ``encoded`` is a generation and its state.
    """

    doc: Doc[Any]
    size: int
    tally: Tally
    generation: int = 0
    counted: int | None = None
    encoded: tuple[int, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Draining:
    """Takes no more updates; what it merged is on its way to the disk."""

    loaded: Ready


@dataclass(frozen=True, slots=True)
class Gone:
    """Unloaded, or never there; whoever still holds this instance must ask for a new one."""

    reason: str


DraftState = Loading | Ready | Draining | Gone
