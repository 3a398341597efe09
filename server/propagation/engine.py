"""PropagationEngine: the runs of one project, one after the other, never in the way of edits.

How one of them is executed is ``server.propagation.execution``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from protocol.errors import Unavailable
from server.domain.runs import Run
from server.propagation.execution import Execution, RunHost, step_of
from server.propagation.optimizer import PerformanceOptimizer
from server.propagation.runs import RunTracker

__all__ = ["PropagationEngine", "RunHost"]

log = logging.getLogger("ripplecut.propagation")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds between two tries while the store cannot be written."""


class PropagationEngine:
    """The runs of one project, one after the other in the order of their changes."""

    def __init__(
        self, owner: RunHost, tracker: RunTracker, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._owner = owner
        self._tracker = tracker
        self._now = now
        self._queue: list[Run] = []
        self._worker: asyncio.Task[None] | None = None
        self.cost = PerformanceOptimizer()
        self.active: Run | None = None

    @property
    def queued(self) -> int:
        return len(self._queue) - (self.active is not None)

    def known(self, run_id: str) -> Run | None:
        """The run, where it was submitted here and is remembered."""
        return self._tracker.get(run_id)

    def submit(self, run: Run) -> None:
        """Queue a run whose row is committed already."""
        self._tracker.add(run)
        self._queue.append(run)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name=f"runs of {run.project_id}")

    async def wait(self, run_id: str, seconds: float | None) -> bool:
        """Wait until a run has ended; False when it has not within ``seconds``."""
        return await self._tracker.wait(run_id, seconds)

    async def cancel(self, run: Run) -> None:
        """Ask a run to stop after the batch that it is in. The wish is durable when this
        returns.
        """
        async with step_of(self._owner, run) as tx:
            if run.status in ("queued", "running"):
                run.status = "cancelling"
                tx.save_run(run)
                tx.audit("run_cancelled", {}, run.roots[0].asset_id, run.id)

    async def close(self) -> None:
        """Stop after the batch that is under way; what is left resumes at the next start."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        for run in self._queue:
            self._tracker.end(run)

    async def _work(self) -> None:
        while self._queue:
            run = self._queue[0]
            self.active = run
            try:
                await self._to_its_end(run)
            finally:
                self._queue.remove(run)
                self.active = None
                self._tracker.end(run)

    async def _to_its_end(self, run: Run) -> None:
        """Execute a run; while the disk fails, wait and go on with what has no outcome yet."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._execution(run).to_its_end()
            except Unavailable:
                log.warning("run %s waits %.1f s for the store", run.id, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            except Exception as error:
                log.exception("run %s failed", run.id)
                return await self._fail(run, error)

    async def _fail(self, run: Run, error: Exception) -> None:
        """Say that a run ended in an error; where even that cannot be stored, it resumes at the
        next start.
        """
        try:
            await self._execution(run).finish(f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("the end of run %s could not be stored", run.id)

    def _execution(self, run: Run) -> Execution:
        return Execution(self._owner, run, self.cost, self._now)
