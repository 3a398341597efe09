"""What waits for one socket's application, and whether its transport takes more.

As ``asyncio.Queue`` and ``asyncio.Event``, which hold five queues between them for waiters who
mostly never come: three kilobytes for each connection that says nothing.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

__all__ = ["Gate", "Inbox"]

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue that one task reads."""

    __slots__ = ("_items", "_reader")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self._items

    def put_nowait(self, item: T) -> None:
        self._items.append(item)
        _wake(self._reader)

    async def get(self) -> T:
        while not self._items:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._items.pop(0)


class Gate:
    """Open or shut; whoever waits goes on when it opens."""

    __slots__ = ("_opening",)

    def __init__(self) -> None:
        self._opening: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        return self._opening is None

    def clear(self) -> None:
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_future()

    def set(self) -> None:
        opening, self._opening = self._opening, None
        _wake(opening)

    async def wait(self) -> None:
        while self._opening is not None:
            # Not awaited itself: one waiter that is cancelled must not take it from the others.
            await asyncio.wait([self._opening])


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
