"""What waits to be sent to one connection, and what happens when it takes too little of it.

In the normal path nothing waits: a send that completes without suspending is done on the spot,
whoever pushes, and needs neither a queue nor a task. Once a send suspends, one task finishes it and
drains the queue.
"""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from protocol.errors import TABLE
from protocol.hocuspocus import encode_update
from server.rooms.crdt import merge_in_chunks
from server.rooms.timers import Timers

__all__ = ["CloseFrame", "Frame", "Item", "Outbox", "Overflow", "Write", "document_update"]


@dataclass(frozen=True, slots=True)
class CloseFrame:
    code: int
    reason: str


Frame = str | bytes | CloseFrame
Write = Callable[[Frame], Coroutine[Any, Any, None]]


class Overflow(Enum):
    """What may happen to a waiting frame when its connection is too slow."""

    DROP = "presence and the like: the next one says it all"
    COALESCE = "document updates: those of one document are merged into one frame"
    KEEP = "everything else: it stays, and if that is too much the connection is closed with 1013"


@dataclass(frozen=True, slots=True)
class Item:
    """A frame and its policy; built once and shared by every outbox that it goes to."""

    frame: Frame
    overflow: Overflow = Overflow.KEEP
    key: str = ""
    update: bytes = b""

    @property
    def size(self) -> int:
        return 0 if isinstance(self.frame, CloseFrame) else len(self.frame)


def document_update(key: str, update: bytes) -> Item:
    return Item(encode_update(key, update), Overflow.COALESCE, key, update)


class Outbox:
    """The frames of one connection, in order, at most ``limit`` bytes of them.

    ``on_dead`` is called once when the connection cannot be written to any more; ``on_overflow``
    once when it is given up as too slow; both from the loop's next round, because whoever pushes
    may be in the midst of a list of connections. After either, or after ``close``, pushes do
    nothing.
    """

    def __init__(
        self,
        write: Write,
        timers: Timers,
        *,
        limit: int,
        on_dead: Callable[[], None] = lambda: None,
        on_overflow: Callable[[], None] = lambda: None,
    ) -> None:
        self._write = write
        self._timers = timers
        self._limit = limit
        self._on_dead = on_dead
        self._on_overflow = on_overflow
        # None while nothing is being sent: most connections are idle, and there are thousands.
        self._queue: deque[Item] | None = None
        self._bytes = 0
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def waiting_bytes(self) -> int:
        return self._bytes

    @property
    def closed(self) -> bool:
        return self._closed

    def push(self, item: Item) -> None:
        if self._closed:
            return
        if self._queue is None:
            self._begin(item)
            return
        if item.overflow is Overflow.DROP and self._bytes > self._limit // 4:
            return
        self._queue.append(item)
        self._bytes += item.size
        if self._bytes > self._limit:
            self._relieve()

    async def low(self) -> None:
        """Wait until little waits: below a quarter of the bound. Returns too once it is closed."""
        while self._bytes > self._limit // 4 and not self._closed:
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._waiter])

    def close(self, code: int, reason: str) -> None:
        """Close after what waits; nothing can be pushed any more."""
        if self._closed:
            return
        self._closed = True
        self._tell_drained()
        last = Item(CloseFrame(code, reason))
        if self._queue is None:
            self._begin(last)
        else:
            self._queue.append(last)

    def abandon(self) -> None:
        """The connection is gone: forget what waits."""
        self._closed = True
        self._forget()
        # Nobody is to be told any more: without this the connection and its outbox hold each other.
        self._on_dead = self._on_overflow = _nothing

    def _begin(self, item: Item) -> None:
        coroutine = self._write(item.frame)
        try:
            pending = coroutine.send(None)
        except StopIteration:
            return
        except Exception:
            self._die()
            return
        self._queue = deque()
        self._timers.spawn(self._drain(coroutine, pending))

    async def _drain(self, coroutine: Coroutine[Any, Any, None], pending: Any) -> None:
        try:
            await _resume(coroutine, pending)
            while self._queue:
                item = self._queue.popleft()
                self._bytes -= item.size
                self._tell_drained()
                await self._write(item.frame)
        except Exception:
            self._die()
        finally:
            self._queue = None

    def _relieve(self) -> None:
        """Drop, then coalesce; give up where that frees less than an eighth of the bound."""
        kept = [item for item in self._queue or () if item.overflow is not Overflow.DROP]
        self._queue = deque(_coalesced(kept))
        self._bytes = sum(item.size for item in self._queue)
        if self._bytes > self._limit - self._limit // 8:
            self._forget()
            self._timers.call_later(0, self._on_overflow)
            self.close(
                TABLE["too_slow"].close, "The connection is too slow; connect again and resume"
            )

    def _die(self) -> None:
        on_dead = self._on_dead
        self.abandon()
        self._timers.call_later(0, on_dead)

    def _forget(self) -> None:
        if self._queue is not None:
            self._queue.clear()
        self._bytes = 0
        self._tell_drained()

    def _tell_drained(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _nothing() -> None:
    pass


def _coalesced(items: list[Item]) -> list[Item]:
    """The items with the updates of each document merged at the place of the first of them."""
    updates: dict[str, list[bytes]] = {}
    for item in items:
        if item.overflow is Overflow.COALESCE:
            updates.setdefault(item.key, []).append(item.update)
    result: list[Item] = []
    for item in items:
        if item.overflow is not Overflow.COALESCE:
            result.append(item)
        elif (mine := updates.pop(item.key, None)) is not None:
            result.extend(document_update(item.key, update) for update in merge_in_chunks(mine))
    return result


@types.coroutine
def _resume(coroutine: Coroutine[Any, Any, None], pending: Any) -> Generator[Any, Any, None]:
    """Go on, inside a task, with a coroutine that was started by hand and yielded."""
    try:
        while True:
            try:
                value = yield pending
            except BaseException as error:
                pending = coroutine.throw(error)
            else:
                pending = coroutine.send(value)
    except StopIteration:
        return
