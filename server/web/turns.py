"""Turns: what is long and asks for all of a project is done once at a time for each caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from protocol.errors import RateLimited

__all__ = ["MOST_WAITING", "Turns"]

MOST_WAITING = 8


@dataclass(slots=True)
class _Line:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    present: int = 0


class Turns:
    """A line for each token: one is served, a few wait, and those behind them are refused."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def of(self, token_id: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raises RateLimited where too many wait already."""
        line = self._lines.setdefault(token_id, _Line())
        if line.present > MOST_WAITING:
            raise RateLimited(
                f"{line.present} exports and impacts of this token are under way; wait for them"
            )
        line.present += 1
        try:
            async with line.lock:
                yield
        finally:
            line.present -= 1
            if not line.present:
                del self._lines[token_id]
