"""What a room goes through. Its documents go through the same, with what belongs to each state."""

from __future__ import annotations

from enum import Enum

__all__ = ["LifeCycle"]


class LifeCycle(Enum):
    LOADING = "being opened: everybody who comes awaits the one opening"
    READY = "open"
    DRAINING = "takes nothing more; what it took is on its way to the disk"
    GONE = "put away, or never there: who comes next opens it anew"
