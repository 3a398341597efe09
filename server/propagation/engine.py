"""PropagationEngine: executes runs, batch by batch, without ever standing in the way.

Each batch is one transaction of the project's owner: evaluated in a few milliseconds, committed,
announced; between two batches edits and other projects have their turn. What a batch does is
decided by ``server.domain.plan.reach``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

from protocol.errors import Unavailable
from server.domain.actors import Actor
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.ids import new_id
from server.domain.plan import Scope, behind_of, phases_of, reach, scope_of
from server.domain.project import ProjectState
from server.domain.runs import Outcome, OutcomeName, Phase, Run
from server.domain.transaction import Transaction, outcomes_digest
from server.ports import Storage
from server.propagation.runs import Progress, RunTracker

__all__ = ["PropagationEngine", "RunHost"]

log = logging.getLogger("ripplecut.propagation")

FIRST_BATCH = 32
"""The first commit is a small one: somebody is waiting to see that it begins."""
PER_BATCH = 100
"""Each batch costs a sync of the disk, and holds other changes of the project up while it lasts."""
MOST_PER_BATCH = MAX_IDS_PER_FRAME
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds between two tries while the store cannot be written."""
FIRST_COST = 100e-6
"""Seconds that one dependent takes, committed, until it was measured."""
SLICE = 0.003
"""Seconds of loop time in one piece that reaching dependents should take."""


class RunHost(Protocol):
    """What an engine needs of the owner of its project."""

    state: ProjectState
    storage: Storage

    def step(self, actor: Actor) -> AbstractAsyncContextManager[Transaction]:
        """One atomic step: committed, applied and announced when it is left without an error."""
        ...

    def viewed(self) -> frozenset[str]:
        """The entities that somebody has on screen right now."""
        ...

    def tell(self, frame: Mapping[str, Any]) -> None:
        """Fan an ephemeral frame out to the project."""
        ...


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
        self.cost_per_dependent = FIRST_COST
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
        async with self._step(run) as tx:
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
                return await self._execute(run)
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
            await self._finish(run, {}, f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("the end of run %s could not be stored", run.id)

    async def _execute(self, run: Run) -> None:
        owner = self._owner
        done: set[str] = set(await owner.storage.outcome_ids(run.id))
        progress = Progress(run, self._now, owner.tell)
        told: dict[str, int] = {root.asset_id: 0 for root in run.roots}
        phase: str = "realtime"
        begun = owner.state.generation
        surveyed = -1
        while run.status != "cancelling" and surveyed != owner.state.generation:
            surveyed = owner.state.generation
            scope, phases = self._survey(run)
            phases = [(name, tuple(id_ for id_ in ids if id_ not in done)) for name, ids in phases]
            run.total = max(run.total, len(done) + sum(len(ids) for _, ids in phases))
            await asyncio.sleep(0)
            for name, ids in phases:
                phase = name
                await self._phase(run, scope, name, ids, done, told, progress)
        if run.status == "cancelling":
            await self._cancel_rest(run, done)
        elif owner.state.generation != begun:
            await self._follow_up(run, done)
        await self._finish(run, told)
        progress.finish(phase)

    async def _follow_up(self, run: Run, done: set[str]) -> None:
        """Somebody linked, unpinned or unlocked what this run had reached already, before it
        came to what they use: a run of its own brings those up to date.
        """
        scope, _ = self._survey(run)
        for position, entity_id in enumerate(sorted(done)):
            if position % MOST_PER_BATCH == 0:
                await asyncio.sleep(0)
            tx = Transaction(self._owner.state, Actor(run.author, "run"), "")
            if tx.exists(entity_id) and behind_of(tx, scope, tx.entity(entity_id)).moves:
                break
        else:
            return
        async with self._owner.step(Actor(run.author, "run")) as tx:
            total = len(scope.order)
            again = Run(
                new_id("run"),
                run.project_id,
                run.roots,
                run.classes,
                "follow-up",
                run.author,
                run.message,
                run.mode,
                run.notify,
                "queued",
                total,
                tx.at,
                phases=run.phases,
            )
            tx.save_run(again)
            tx.audit("run_followed_up", {"by": again.id}, run.roots[0].asset_id, run.id)

    def _survey(self, run: Run) -> tuple[Scope, list[tuple[Phase, tuple[str, ...]]]]:
        """What is to be reached, as the graph stands now: edges that came meanwhile included."""
        state = self._owner.state
        roots = [root for root in run.roots if root.asset_id in state.graph]
        scope = scope_of(state, run.id, roots, run.classes, run.cause)
        viewed = self._owner.viewed()
        return scope, list(phases_of(state, scope, viewed, run.mode))

    async def _phase(
        self,
        run: Run,
        scope: Scope,
        phase: Phase,
        ids: Sequence[str],
        done: set[str],
        told: dict[str, int],
        progress: Progress,
    ) -> None:
        position = 0
        while position < len(ids) and run.status != "cancelling":
            size = PER_BATCH if done else FIRST_BATCH
            batch = ids[position : position + size]
            position += len(batch)
            await self._commit_batch(run, scope, batch, told)
            done.update(batch)
            progress.step(phase)
            await asyncio.sleep(0)

    async def _commit_batch(
        self, run: Run, scope: Scope, batch: Sequence[str], told: dict[str, int]
    ) -> None:
        failed = False
        async with self._step(run) as tx:
            begun = self._now()
            try:
                outcomes = [one async for one in self._reach_all(tx, scope, batch)]
            except Exception:
                log.exception("a batch of run %s is taken one by one", run.id)
                failed = True
                tx.discard()
            else:
                cost = (self._now() - begun) / len(batch)
                self.cost_per_dependent = 0.9 * self.cost_per_dependent + 0.1 * cost
                self._record(tx, run, outcomes, told)
        if failed:
            for entity_id in batch:
                await self._commit_one(run, scope, entity_id, told)

    @asynccontextmanager
    async def _step(self, run: Run) -> AsyncIterator[Transaction]:
        """A step of the run's author; where it does not commit, the run is as it was before."""
        before = replace(run)
        try:
            async with self._owner.step(Actor(run.author, "run")) as tx:
                yield tx
        except BaseException:
            run.status, run.started_at = before.status, before.started_at
            run.processed, run.counts = before.processed, before.counts
            run.finished_at, run.error = before.finished_at, before.error
            raise

    async def _commit_one(
        self, run: Run, scope: Scope, entity_id: str, told: dict[str, int]
    ) -> None:
        """One dependent in a step of its own, so that its failure is nobody else's."""
        failure: Exception
        try:
            async with self._step(run) as tx:
                self._record(tx, run, [self._reach(tx, scope, entity_id)], told)
            return
        except Exception as error:
            log.exception("%s could not be reached in run %s", entity_id, run.id)
            failure = error
        async with self._step(run) as tx:
            if not tx.exists(entity_id):
                self._record(tx, run, [self._reach(tx, scope, entity_id)], told)
                return
            reason = f"could not be brought up to date: {failure}"
            self._record(tx, run, [_untouched(tx, run, entity_id, "failed", reason)], told)

    def _reach(self, tx: Transaction, scope: Scope, entity_id: str) -> Outcome:
        if tx.exists(entity_id):
            return reach(tx, scope, entity_id)
        root = scope.roots[0]
        reason = "it was deleted while the run was on its way"
        return Outcome(entity_id, "", "cancelled", reason, root.asset_id, root.to_version, "", "")

    async def _reach_all(
        self, tx: Transaction, scope: Scope, batch: Sequence[str]
    ) -> AsyncIterator[Outcome]:
        """Reach a batch, pausing whenever a slice of loop time is used up. The project's state
        stands still meanwhile: the step holds its lock.
        """
        begun = self._now()
        for entity_id in batch:
            yield self._reach(tx, scope, entity_id)
            if self._now() - begun > SLICE:
                await asyncio.sleep(0)
                begun = self._now()

    def _record(
        self, tx: Transaction, run: Run, outcomes: Sequence[Outcome], told: dict[str, int]
    ) -> None:
        for outcome in outcomes:
            tx.record(outcome)
        if run.status == "queued":
            run.status = "running"
        run.started_at = run.started_at or tx.at
        run.processed += len(outcomes)
        count(run, outcomes)
        tx.save_run(run)
        affected = [one.entity_id for one in outcomes if one.outcome != "unchanged"]
        if affected:
            root = run.roots[0]
            for other in run.roots:
                told[other.asset_id] = told.get(other.asset_id, 0) + len(affected)
                self._announce(tx, run, other.asset_id, other.to_version, affected)
            tx.audit(
                "run_batch",
                {"outcomes": len(outcomes), "digest": outcomes_digest(outcomes)},
                root.asset_id,
                run.id,
            )

    def _announce(
        self, tx: Transaction, run: Run, asset_id: str, version: int, ids: Sequence[str]
    ) -> None:
        tx.tell(
            {
                "type": "asset_update",
                "stage": "published",
                "asset_id": asset_id,
                "change_type": main_class(run.classes),
                "affected_entities": list(ids),
                "affected_count": len(ids),
                "version": f"{asset_id}_v{version}",
                "run_id": run.id,
                "timestamp": tx.at,
            },
            frozenset(ids) | {asset_id},
        )

    async def _cancel_rest(self, run: Run, done: set[str]) -> None:
        scope, _ = self._survey(run)
        rest = [id_ for id_ in scope.order if id_ not in done]
        for position in range(0, len(rest), MOST_PER_BATCH):
            async with self._step(run) as tx:
                reason = "the run was cancelled before it came to this"
                part = rest[position : position + MOST_PER_BATCH]
                outcomes = [
                    _untouched(tx, run, entity_id, "cancelled", reason)
                    for entity_id in part
                    if tx.exists(entity_id)
                ]
                for outcome in outcomes:
                    tx.record(outcome)
                run.processed += len(outcomes)
                count(run, outcomes)
                tx.save_run(run)

    async def _finish(self, run: Run, told: dict[str, int], error: str | None = None) -> None:
        async with self._step(run) as tx:
            cancelled = run.status == "cancelling"
            run.status = "failed" if error else "cancelled" if cancelled else "done"
            run.started_at = run.started_at or tx.at
            run.finished_at = tx.at
            run.error = error
            tx.save_run(run)
            for root in run.roots:
                if not told.get(root.asset_id):
                    self._announce(tx, run, root.asset_id, root.to_version, [])
            tx.tell(
                {
                    "type": "run_finished",
                    "run_id": run.id,
                    "asset_ids": [root.asset_id for root in run.roots],
                    "status": run.status,
                    "total": run.total,
                    "processed": run.processed,
                    "counts": dict(run.counts),
                    "affected_count": run.affected,
                    "timestamp": tx.at,
                },
                frozenset(root.asset_id for root in run.roots),
            )
            tx.audit(
                "run_finished",
                {"status": run.status, "counts": dict(run.counts)},
                run.roots[0].asset_id,
                run.id,
            )


def _untouched(
    tx: Transaction, run: Run, entity_id: str, name: OutcomeName, reason: str
) -> Outcome:
    """The outcome of a dependent that a run left as it was."""
    entity = tx.entity(entity_id)
    root = run.roots[0]
    here = entity.digests.all.hex()
    return Outcome(entity_id, entity.kind, name, reason, root.asset_id, root.to_version, here, here)


def count(run: Run, outcomes: Iterable[Outcome]) -> None:
    counts = dict(run.counts)
    for outcome in outcomes:
        counts[outcome.outcome] = counts.get(outcome.outcome, 0) + 1
    run.counts = counts


def main_class(classes: Sequence[str]) -> str:
    """The class that a frame names: visual before relationship before metadata."""
    return next((name for name in ("visual", "relationship") if name in classes), "metadata")
