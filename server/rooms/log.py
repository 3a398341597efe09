"""The way of a document's updates to the disk: in order, acknowledged when durable."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from protocol.errors import NotFound, Unavailable
from server.rooms.crdt import MERGE_AT_MOST, merge_in_chunks
from server.rooms.settings import RoomSettings
from server.rooms.timers import Timers

__all__ = ["Entry", "UpdateLog"]

logger = logging.getLogger(__name__)
Sender = TypeVar("Sender")


@dataclass(frozen=True, slots=True)
class Entry(Generic[Sender]):
    """One thing to acknowledge to its sender.

    ``update`` is ``None`` where there is nothing to store: a repeated or a refused one (``applied``
    False).
    """

    sender: Sender
    update: bytes | None
    applied: bool = True


class UpdateLog(Generic[Sender]):
    """The updates of one document that wait for their commit.

    ``on_durable`` gets the entries in the order in which they were added, each exactly once, and
    none before everything added earlier is durable. While the store fails nothing is acknowledged
    and the same updates are tried again, so that no later update can commit without the one that it
    builds on; ``on_failing`` is called when that begins.
    """

    def __init__(
        self,
        append: Callable[[bytes], Awaitable[None]],
        on_durable: Callable[[Sequence[Entry[Sender]]], None],
        timers: Timers,
        settings: RoomSettings,
        on_failing: Callable[[], None] = lambda: None,
    ) -> None:
        self._append = append
        self._on_durable = on_durable
        self._on_failing = on_failing
        self._timers = timers
        self._settings = settings
        self._waiting: deque[Entry[Sender]] = deque()
        self._bytes = 0
        self._running = False
        self._added = 0
        self._settled = 0
        self._progress = asyncio.Event()
        self.failing = False

    @property
    def idle(self) -> bool:
        return not self._running and not self._waiting

    def add(self, entry: Entry[Sender]) -> None:
        if entry.update is None and self.idle:
            self._on_durable((entry,))
            return
        self._added += 1
        self._waiting.append(entry)
        self._bytes += len(entry.update or b"")
        if not self._running:
            self._running = True
            self._timers.spawn(self._run())

    async def below_limit(self) -> None:
        """Wait until the disk has caught up far enough for more to be taken."""
        while self._bytes > self._settings.unsaved_limit:
            self._progress.clear()
            await self._progress.wait()

    async def drained(self) -> None:
        """Wait until everything is durable."""
        while not self.idle:
            self._progress.clear()
            await self._progress.wait()

    async def durable(self) -> None:
        """Wait until everything added so far is durable, however much is added meanwhile; raises
        Unavailable where the disk does not take it in time.
        """
        mark = self._added
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            self._progress.set()

        timer = self._timers.call_later(self._settings.durable_patience, expire)
        try:
            while self._settled < mark:
                if expired:
                    raise Unavailable("What was typed has not reached the disk yet; try again")
                self._progress.clear()
                await self._progress.wait()
        finally:
            timer.cancel()

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = [
                    self._waiting.popleft() for _ in range(min(len(self._waiting), MERGE_AT_MOST))
                ]
                updates = [entry.update for entry in batch if entry.update is not None]
                settled = await self._commit(batch, updates)
                self._settled += len(batch)
                self._on_durable(settled)
                self._bytes -= sum(map(len, updates))
                self._progress.set()
        finally:
            self._running = False
            self._progress.set()

    async def _commit(
        self, batch: list[Entry[Sender]], updates: list[bytes]
    ) -> list[Entry[Sender]]:
        try:
            for update in merge_in_chunks(updates):
                await self._store(update)
        except NotFound:
            # The entity was deleted while somebody typed: there is nowhere to keep this, and they
            # are told so.
            return [
                replace(entry, update=None, applied=entry.update is None and entry.applied)
                for entry in batch
            ]
        return batch

    async def _store(self, update: bytes) -> None:
        delay = self._settings.retry_first
        while True:
            try:
                await self._append(update)
            except NotFound:
                self.failing = False
                raise
            except Exception as error:
                logger.error(
                    "An update could not be stored and is tried again in %.1f s: %s", delay, error
                )
                if not self.failing:
                    self.failing = True
                    self._on_failing()
                await self._timers.sleep(delay)
                delay = min(2 * delay, self._settings.retry_longest)
            else:
                self.failing = False
                return
