"""What a room goes through once it is there; until then everybody awaits the one opening of it.

Its documents go through the same, with what belongs to each state.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["LifeCycle"]


class LifeCycle(Enum):
    READY = "open"
    DRAINING = "takes nothing more; what it took is on its way to the disk"
    GONE = "put away, or never there: who comes next opens it anew"
