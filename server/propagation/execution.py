"""Execution: one run, batch by batch, from what it reaches to its end.

Each batch is one transaction of the project's owner: evaluated in a few milliseconds, committed,
announced; between two batches edits and other projects have their turn. What a batch does is
decided by ``server.domain.plan.reach``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

from server.domain.actors import Actor
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.ids import new_id
from server.domain.plan import Scope, behind_of, phases_of, reach, scope_of
from server.domain.project import ProjectState
from server.domain.runs import Outcome, OutcomeName, Phase, Root, Run
from server.domain.transaction import Transaction, outcomes_digest
from server.ports import Storage
from server.propagation.runs import Progress

__all__ = ["Cost", "Execution", "RunHost", "step_of"]

log = logging.getLogger("ripplecut.propagation")

FIRST_BATCH = 32
"""The first commit is a small one: somebody is waiting to see that it begins."""
PER_BATCH = 100
"""Each batch costs a sync of the disk, and holds other changes of the project up while it lasts."""
MOST_PER_BATCH = MAX_IDS_PER_FRAME
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


class Cost:
    """The loop time that one dependent takes, committed, in seconds: measured, and smoothed."""

    def __init__(self) -> None:
        self.per_dependent = FIRST_COST

    def measured(self, seconds: float) -> None:
        self.per_dependent = 0.9 * self.per_dependent + 0.1 * seconds


@asynccontextmanager
async def step_of(host: RunHost, run: Run) -> AsyncIterator[Transaction]:
    """A step of the run's author; where it does not commit, the run is as it was before."""
    before = replace(run)
    try:
        async with host.step(Actor(run.author, "run")) as tx:
            yield tx
    except BaseException:
        run.status, run.started_at = before.status, before.started_at
        run.processed, run.counts = before.processed, before.counts
        run.finished_at, run.error = before.finished_at, before.error
        raise


class Execution:
    """One run on its way. A run that was interrupted goes on with whatever has no outcome yet."""

    def __init__(self, host: RunHost, run: Run, cost: Cost, now: Callable[[], float]) -> None:
        self._host = host
        self._run = run
        self._cost = cost
        self._now = now
        self._done: set[str] = set()
        self._told = {root.asset_id: 0 for root in run.roots}
        self._progress = Progress(run, now, host.tell)

    async def to_its_end(self) -> None:
        """Reach every dependent that has no outcome yet, and finish the run.

        Raises Unavailable while the store cannot be written; what was committed stays.
        """
        run, host = self._run, self._host
        self._done = set(await host.storage.outcome_ids(run.id))
        phase: str = "realtime"
        begun = host.state.generation
        surveyed = -1
        while run.status != "cancelling" and surveyed != host.state.generation:
            surveyed = host.state.generation
            scope, phases = self._survey()
            left = [(name, [id_ for id_ in ids if id_ not in self._done]) for name, ids in phases]
            run.total = max(run.total, len(self._done) + sum(len(ids) for _, ids in left))
            await asyncio.sleep(0)
            for name, ids in left:
                phase = name
                await self._phase(scope, name, ids)
        if run.status == "cancelling":
            await self._cancel_rest()
        elif host.state.generation != begun:
            await self._follow_up()
        await self.finish()
        self._progress.finish(phase)

    async def _follow_up(self) -> None:
        """Somebody linked, unpinned or unlocked what this run had reached already, before it
        came to what they use: a run of its own brings those up to date.
        """
        run = self._run
        scope, _ = self._survey()
        for position, entity_id in enumerate(sorted(self._done)):
            if position % MOST_PER_BATCH == 0:
                await asyncio.sleep(0)
            tx = Transaction(self._host.state, Actor(run.author, "run"), "")
            if tx.exists(entity_id) and behind_of(tx, scope, tx.entity(entity_id)).moves:
                break
        else:
            return
        async with self._host.step(Actor(run.author, "run")) as tx:
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

    def _survey(self) -> tuple[Scope, list[tuple[Phase, tuple[str, ...]]]]:
        """What is to be reached, as the graph stands now: edges that came meanwhile included."""
        run, state = self._run, self._host.state
        roots = [root for root in run.roots if root.asset_id in state.graph]
        scope = scope_of(state, run.id, roots, run.classes, run.cause)
        viewed = self._host.viewed()
        return scope, list(phases_of(state, scope, viewed, run.mode))

    async def _phase(self, scope: Scope, phase: Phase, ids: Sequence[str]) -> None:
        position = 0
        while position < len(ids) and self._run.status != "cancelling":
            size = PER_BATCH if self._done else FIRST_BATCH
            batch = ids[position : position + size]
            position += len(batch)
            await self._commit_batch(scope, batch)
            self._done.update(batch)
            self._progress.step(phase)
            await asyncio.sleep(0)

    async def _commit_batch(self, scope: Scope, batch: Sequence[str]) -> None:
        failed = False
        async with step_of(self._host, self._run) as tx:
            begun = self._now()
            try:
                outcomes = [one async for one in self._reach_all(tx, scope, batch)]
            except Exception:
                log.exception("a batch of run %s is taken one by one", self._run.id)
                failed = True
                tx.discard()
                scope.asked.forget()
            else:
                self._cost.measured((self._now() - begun) / len(batch))
                self._record(tx, outcomes)
        if failed:
            for entity_id in batch:
                await self._commit_one(scope, entity_id)

    async def _commit_one(self, scope: Scope, entity_id: str) -> None:
        """One dependent in a step of its own, so that its failure is nobody else's."""
        failure: Exception
        try:
            async with step_of(self._host, self._run) as tx:
                self._record(tx, [self._reach(tx, scope, entity_id)])
            return
        except Exception as error:
            log.exception("%s could not be reached in run %s", entity_id, self._run.id)
            failure = error
        async with step_of(self._host, self._run) as tx:
            if not tx.exists(entity_id):
                self._record(tx, [self._reach(tx, scope, entity_id)])
                return
            reason = f"could not be brought up to date: {failure}"
            self._record(tx, [_untouched(tx, self._run, entity_id, "failed", reason)])

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

    def _record(self, tx: Transaction, outcomes: Sequence[Outcome]) -> None:
        run = self._run
        for outcome in outcomes:
            tx.record(outcome)
        if run.status == "queued":
            run.status = "running"
        run.started_at = run.started_at or tx.at
        _count(run, outcomes)
        tx.save_run(run)
        affected = [one.entity_id for one in outcomes if one.outcome != "unchanged"]
        if not affected:
            return
        for root in run.roots:
            self._told[root.asset_id] = self._told.get(root.asset_id, 0) + len(affected)
            self._announce(tx, root, affected)
        tx.audit(
            "run_batch",
            {"outcomes": len(outcomes), "digest": outcomes_digest(outcomes)},
            run.roots[0].asset_id,
            run.id,
        )

    def _announce(self, tx: Transaction, root: Root, ids: Sequence[str]) -> None:
        tx.tell(
            {
                "type": "asset_update",
                "stage": "published",
                "asset_id": root.asset_id,
                "change_type": _main_class(self._run.classes),
                "affected_entities": list(ids),
                "affected_count": len(ids),
                "version": f"{root.asset_id}_v{root.to_version}",
                "run_id": self._run.id,
                "timestamp": tx.at,
            },
            frozenset(ids) | {root.asset_id},
        )

    async def _cancel_rest(self) -> None:
        run = self._run
        scope, _ = self._survey()
        rest = [id_ for id_ in scope.order if id_ not in self._done]
        reason = "the run was cancelled before it came to this"
        for position in range(0, len(rest), MOST_PER_BATCH):
            async with step_of(self._host, run) as tx:
                outcomes = [
                    _untouched(tx, run, entity_id, "cancelled", reason)
                    for entity_id in rest[position : position + MOST_PER_BATCH]
                    if tx.exists(entity_id)
                ]
                for outcome in outcomes:
                    tx.record(outcome)
                _count(run, outcomes)
                tx.save_run(run)

    async def finish(self, error: str | None = None) -> None:
        """Store and tell that the run has ended: done, cancelled, or failed with an error."""
        run = self._run
        async with step_of(self._host, run) as tx:
            cancelled = run.status == "cancelling"
            run.status = "failed" if error else "cancelled" if cancelled else "done"
            run.started_at = run.started_at or tx.at
            run.finished_at = tx.at
            run.error = error
            tx.save_run(run)
            for root in run.roots:
                if not self._told.get(root.asset_id):
                    self._announce(tx, root, [])
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


def _count(run: Run, outcomes: Sequence[Outcome]) -> None:
    run.processed += len(outcomes)
    counts = dict(run.counts)
    for outcome in outcomes:
        counts[outcome.outcome] = counts.get(outcome.outcome, 0) + 1
    run.counts = counts


def _main_class(classes: Sequence[str]) -> str:
    """The class that a frame names: visual before relationship before metadata."""
    return next((name for name in ("visual", "relationship") if name in classes), "metadata")
