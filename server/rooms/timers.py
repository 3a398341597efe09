"""Time and scheduling as the rooms use them, so that tests can hold the clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

__all__ = ["Cancellable", "LoopTimers", "Throttle", "Timers"]

logger = logging.getLogger(__name__)


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Timers(Protocol):
    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        ...

    def call_later(self, delay: float, action: Callable[[], None]) -> Cancellable:
        """Call ``action`` from the loop after ``delay`` seconds; 0 means in its next round."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the background; what it raises is logged, never lost."""
        ...

    async def sleep(self, delay: float) -> None: ...


class LoopTimers:
    """The running asyncio loop. ``aclose`` waits for the work in the background."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def call_later(self, delay: float, action: Callable[[], None]) -> Cancellable:
        loop = asyncio.get_running_loop()
        return loop.call_soon(action) if delay <= 0 else loop.call_later(delay, action)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(delay)

    async def aclose(self, patience: float = 5.0) -> None:
        """Give the work in the background a last chance to end, then cancel it."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=patience)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            logger.error("Work in the background failed", exc_info=failure)


class Throttle:
    """Does ``action`` at once when touched after a quiet time, and else once per ``interval``.

    The last touch is always followed by an action (leading and trailing edge). "At once" means in
    the loop's next round, so that the touches of one round are one action.
    """

    __slots__ = ("_action", "_due", "_interval", "_last", "_timers")

    def __init__(self, timers: Timers, interval: float, action: Callable[[], None]) -> None:
        self._timers = timers
        self._interval = interval
        self._action = action
        self._last = float("-inf")
        self._due: Cancellable | None = None

    @property
    def idle(self) -> bool:
        return self._due is None

    def touch(self) -> None:
        if self._due is None:
            delay = max(0.0, self._last + self._interval - self._timers.now())
            self._due = self._timers.call_later(delay, self._fire)

    def cancel(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _fire(self) -> None:
        self._due = None
        self._last = self._timers.now()
        self._action()
