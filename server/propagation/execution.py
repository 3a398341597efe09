"""Execution: one run, batch by batch.

Each batch is one transaction of the project's owner: evaluated in a few milliseconds, committed,
announced; between two batches edits and other projects have their turn. What a batch does is
decided by ``server.domain.plan.reach``, how a run ends by ``server.propagation.ending``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from server.domain.phases import PHASES, Agenda
from server.domain.revisions import CAUSE as REVISION
from server.domain.runs import Outcome, Phase, Run
from server.domain.scopes import Scope
from server.domain.transaction import Transaction
from server.propagation.approvals import CAUSE
from server.propagation.ending import Ending
from server.propagation.optimizer import SLICE, PerformanceOptimizer
from server.propagation.recording import (
    Recorder,
    RunHost,
    reach_or_leave,
    scope_now,
    scope_of_screens,
    step_of,
    untouched,
)
from server.propagation.runs import Progress

__all__ = ["Execution"]

log = logging.getLogger("ripplecut.propagation")

FIRST_BATCH = 32
"""The first commit is a small one: somebody is waiting to see that it begins."""
PIECE = 1000
"""How many dependents are put in order without a pause."""


class Execution:
    """One run on its way. A run that was interrupted goes on with whatever has no outcome yet."""

    def __init__(
        self,
        host: RunHost,
        run: Run,
        cost: PerformanceOptimizer,
        now: Callable[[], float],
        covered: Callable[[Run], bool] = lambda _: False,
    ) -> None:
        """``covered`` says whether a run that waits will do all that another one would."""
        self._host = host
        self._covered = covered
        self._run = run
        self._cost = cost
        self._now = now
        self._done: set[str] = set()
        self._phase: Phase = "realtime"
        self._reached: Counter[Phase] = Counter()
        self._recorder = Recorder(run)
        self._progress = Progress(run, now, host.tell)

    async def to_its_end(self) -> None:
        """Reach every dependent that has no outcome yet, and finish the run.

        Raises Unavailable while the store cannot be written; what was committed stays.
        """
        run, host = self._run, self._host
        self._done = set(await host.storage.outcome_ids(run.id))
        if run.cause == CAUSE:
            self._recorder.decided = frozenset(self._done)
        begun = host.state.generation
        if not self._done and run.only is None and run.cause != REVISION:
            await self._reach_screens()
        surveyed = -1
        while run.status != "cancelling" and surveyed != host.state.generation:
            surveyed = host.state.generation
            await host.survey(root.asset_id for root in run.roots)
            scope = scope_now(host, run)
            agenda = Agenda(host.state, scope, run.mode)
            await self._lay_out(scope, agenda)
            await self._work_off(scope, agenda)
        ending = Ending(host, run, self._recorder)
        if run.status == "cancelling":
            await ending.leave_rest(self._done)
        elif host.state.generation != begun and not self._covered(run):
            await ending.follow_up(self._done)
        await ending.finish()
        self._progress.finish(self._phase)

    async def give_up(self, error: str) -> None:
        """End a run that an error stopped: what it had not come to has failed, and can be retried.

        Raises what keeps the end from being stored.
        """
        await Ending(self._host, self._run, self._recorder).give_up(error)
        self._progress.finish("")

    async def _reach_screens(self) -> None:
        """Reach what people look at before all else is even counted: somebody waits to see it."""
        scope = scope_of_screens(self._host, self._run)
        while self._run.status != "cancelling":
            size = self._cost.batch_size if self._done else FIRST_BATCH
            batch = scope.order[len(self._done) : len(self._done) + size]
            if not batch:
                break
            self._reached["realtime"] += len(batch)
            await self._commit_batch(scope, batch)
            self._done.update(batch)
            self._progress.step("realtime")
            await asyncio.sleep(0)

    async def _lay_out(self, scope: Scope, agenda: Agenda) -> None:
        """Put what has no outcome yet on the agenda, a piece at a time."""
        run = self._run
        for position in range(0, len(scope.order), PIECE):
            part = scope.order[position : position + PIECE]
            agenda.add(id_ for id_ in part if id_ not in self._done)
            await asyncio.sleep(0)
        run.total = max(run.total, len(self._done) + agenda.counts.total())
        if self._done and not self._reached:
            self._reached = Counter({one: run.phases.get(one, 0) for one in PHASES}) - agenda.counts

    async def _work_off(self, scope: Scope, agenda: Agenda) -> None:
        """Reach what is on the agenda, batch by batch; what somebody looks at by then comes
        next.
        """
        run, looked = self._run, -1
        while run.status != "cancelling":
            version, viewed = self._host.viewed_since(looked)
            if version != looked:
                agenda.look(viewed)
                looked = version
            phase, batch = agenda.take(self._cost.batch_size if self._done else FIRST_BATCH)
            if not batch:
                break
            self._phase = phase
            self._reached[phase] += len(batch)
            run.phases = agenda.sizes(self._reached)
            await self._commit_batch(scope, batch)
            self._done.update(batch)
            self._progress.step(phase)
            await asyncio.sleep(0)

    async def _commit_batch(self, scope: Scope, batch: Sequence[str]) -> None:
        failed = False
        reaching = holding = 0.0
        async with step_of(self._host, self._run) as tx:
            holding = self._now()
            try:
                outcomes = await self._reach_all(tx, scope, batch)
            except Exception:
                log.exception("a batch of run %s is taken one by one", self._run.id)
                failed = True
                tx.discard()
                scope.forget()
            else:
                reaching = self._now() - holding
                self._recorder.record(tx, outcomes)
        if not failed:
            self._cost.measured(len(batch), reaching, self._now() - holding)
            self._cost.weighed(tx.commit)
            return
        for entity_id in batch:
            await self._commit_one(scope, entity_id)

    async def _commit_one(self, scope: Scope, entity_id: str) -> None:
        """One dependent in a step of its own, so that its failure is nobody else's."""
        failure: Exception
        try:
            async with step_of(self._host, self._run) as tx:
                self._recorder.record(tx, [reach_or_leave(tx, scope, entity_id)])
            return
        except Exception as error:
            log.exception("%s could not be reached in run %s", entity_id, self._run.id)
            failure = error
        async with step_of(self._host, self._run) as tx:
            if not tx.exists(entity_id):
                self._recorder.record(tx, [reach_or_leave(tx, scope, entity_id)])
                return
            reason = f"could not be brought up to date: {failure}"
            self._recorder.record(tx, [untouched(tx, self._run, entity_id, "failed", reason)])

    async def _reach_all(
        self, tx: Transaction, scope: Scope, batch: Sequence[str]
    ) -> list[Outcome]:
        """Reach a batch, pausing whenever a slice of loop time is used up. The project's state
        stands still meanwhile: the step holds its lock.
        """
        outcomes: list[Outcome] = []
        at_once = self._cost.reached_at_once
        begun = self._now()
        for position in range(0, len(batch), at_once):
            some = batch[position : position + at_once]
            outcomes += [reach_or_leave(tx, scope, entity_id) for entity_id in some]
            if self._now() - begun > SLICE:
                await asyncio.sleep(0)
                begun = self._now()
        return outcomes
