"""Pacing: long work on the loop, a slice of time at a time."""

from __future__ import annotations

import asyncio
import time

__all__ = ["Pacer"]

SLICE = 0.003
"""Seconds of loop time before others have their turn."""


class Pacer:
    """Paces one piece of work; its first slice begins when this is made."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    async def pause(self) -> None:
        """Let others have their turn where a slice is used up; a lock that is held stays held."""
        if time.monotonic() - self._begun > SLICE:
            await asyncio.sleep(0)
            self._begun = time.monotonic()
