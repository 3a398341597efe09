"""PropagationEngine: the runs of one project, one after the other, never in the way of edits.

How one of them is executed is ``server.propagation.execution``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from protocol.errors import Unavailable
from server.domain.actors import Actor
from server.domain.revisions import CAUSE as REVISION
from server.domain.runs import Run
from server.domain.transaction import Transaction
from server.propagation.execution import Execution
from server.propagation.optimizer import PerformanceOptimizer
from server.propagation.recording import RunHost, Superseded, step_of, tell_finished
from server.propagation.runs import RunTracker

__all__ = ["APPROVAL", "PropagationEngine", "RunHost"]

log = logging.getLogger("ripplecut.propagation")

APPROVAL = "approval"
"""The cause of a run that follows the pointer of approved versions: that is what its roots name."""
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

    def retrying(self, run_id: str) -> Run | None:
        """The run on its way that goes over the failures of another, if there is one."""
        return next((one for one in self._queue if one.retry_of == run_id), None)

    def submit(self, run: Run) -> None:
        """Queue a run whose row is committed already."""
        self._tracker.add(run)
        self._queue.append(run)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name=f"runs of {run.project_id}")

    # -- coalescing --------------------------------------------------------------------------------

    def take_over(self, tx: Transaction, run: Run) -> None:
        """Let a run that the step queues take over those that wait and start from no other root.

        It covers what they would have done: it starts where they started, with their classes of
        change too. Their rows, and word of it, are on the step.
        """
        for older in self._queue:
            if older is self.active or older.status != "queued" or not _covers(run, older):
                continue
            begins = {root.asset_id: root.from_version for root in older.roots}
            run.roots = tuple(
                one._replace(from_version=begins.get(one.asset_id, one.from_version))
                for one in run.roots
            )
            run.classes = tuple(sorted({*run.classes, *older.classes}))
            run.notify = run.notify or older.notify
            self._supersede(tx, older, run)

    def _supersede(self, tx: Transaction, older: Run, run: Run) -> None:
        ended = replace(
            older,
            status="superseded",
            superseded_by=run.id,
            finished_at=tx.at,
            processed=older.total,
            counts={"superseded": older.total} if older.total else {},
        )
        tx.commit.superseded.append(ended)
        tell_finished(tx, ended)
        tx.audit("run_superseded", {"by": run.id}, older.roots[0].asset_id, older.id)

    def superseded(self, ended: Run) -> None:
        """Take a run out of the queue whose end, as superseded, is committed."""
        run = self._tracker.get(ended.id)
        if run is None:
            return
        run.superseded_by, run.status = ended.superseded_by, ended.status
        run.finished_at, run.processed, run.counts = (
            ended.finished_at,
            ended.processed,
            ended.counts,
        )
        if run is not self.active:
            self._queue.remove(run)
        self._tracker.end(run)

    # -- waiting and ending ------------------------------------------------------------------------

    async def wait(self, run_id: str, seconds: float | None) -> bool:
        """Wait until a run has ended; False when it has not within ``seconds``."""
        return await self._tracker.wait(run_id, seconds)

    async def cancel(self, run: Run, actor: Actor | None = None) -> None:
        """Ask a run to stop after the batch that it is in. The wish is durable when this
        returns; a run that has ended meanwhile stays as it is.
        """
        try:
            async with step_of(self._owner, run, actor) as tx:
                if run.status in ("queued", "running"):
                    run.status = "cancelling"
                    tx.save_run(run)
                    tx.audit("run_cancelled", {}, run.roots[0].asset_id, run.id)
        except Superseded:
            return

    async def close(self) -> None:
        """Stop after the batch that is under way; what is left resumes at the next start."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        for run in self._queue:
            self._tracker.end(run)

    # -- working -----------------------------------------------------------------------------------

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
                if run.retry_of is not None and run.only is None:
                    run.only = await self.failures(run.retry_of)
                return await self._execution(run).to_its_end()
            except Superseded:
                return None
            except Unavailable:
                log.warning("run %s waits %.1f s for the store", run.id, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            except Exception as error:
                log.exception("run %s failed", run.id)
                return await self._fail(run, error)

    async def failures(self, run_id: str) -> frozenset[str]:
        """What a retry of a run goes over: what failed, and what it was cancelled before."""
        return await self._owner.storage.outcome_ids(run_id, ("failed", "cancelled"))

    async def _fail(self, run: Run, error: Exception) -> None:
        """Say that a run ended in an error; where even that cannot be stored, it resumes at the
        next start.
        """
        try:
            await self._execution(run).give_up(f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("the end of run %s could not be stored", run.id)

    def _execution(self, run: Run) -> Execution:
        return Execution(self._owner, run, self.cost, self._now, self._covered)

    def _covered(self, run: Run) -> bool:
        """Whether a run that waits will reach all that this one reached."""
        waiting = (one for one in self._queue if one is not run)
        return any(one.status == "queued" and _covers(one, run) for one in waiting)


def _covers(run: Run, other: Run) -> bool:
    """Whether a run that is yet to begin does all that another one has to do."""
    same_way = run.cause == other.cause or not {run.cause, other.cause} & {APPROVAL, REVISION}
    roots = {root.asset_id for root in run.roots}
    return run.retry_of is None and same_way and all(root.asset_id in roots for root in other.roots)
