"""Execution: one run, batch by batch, from what it reaches to its end.

Each batch is one transaction of the project's owner: evaluated in a few milliseconds, committed,
announced; between two batches edits and other projects have their turn. What a batch does is
decided by ``server.domain.plan.reach``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

from server.domain.actors import Actor
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.ids import new_id
from server.domain.phases import PHASES, Agenda
from server.domain.plan import Scope, behind_of, reach, scope_of
from server.domain.project import ProjectState
from server.domain.runs import Outcome, OutcomeName, Phase, Root, Run
from server.domain.transaction import Transaction, outcomes_digest
from server.ports import Storage
from server.propagation.approvals import CAUSE
from server.propagation.optimizer import SLICE, PerformanceOptimizer
from server.propagation.runs import Progress

__all__ = ["Execution", "RunHost", "Superseded", "step_of"]

log = logging.getLogger("ripplecut.propagation")

FIRST_BATCH = 32
"""The first commit is a small one: somebody is waiting to see that it begins."""
MOST_PER_BATCH = MAX_IDS_PER_FRAME
PIECE = 1000
"""How many dependents are put in order without a pause."""
FAILED: tuple[OutcomeName, ...] = ("failed",)


class RunHost(Protocol):
    """What an engine needs of the owner of its project."""

    state: ProjectState
    storage: Storage

    def step(self, actor: Actor) -> AbstractAsyncContextManager[Transaction]:
        """One atomic step: committed, applied and announced when it is left without an error."""
        ...

    def viewed_since(self, version: int) -> tuple[int, Iterable[str]]:
        """The version of what people have on screen, and what came onto a screen since another."""
        ...

    async def survey(self, sources: Iterable[str]) -> None:
        """Find out what a change of entities would reach, a slice at a time."""
        ...

    def tell(self, frame: Mapping[str, Any]) -> None:
        """Fan an ephemeral frame out to the project."""
        ...


class Superseded(Exception):
    """A newer run took this one over before it had begun: there is nothing left for it to do."""


@asynccontextmanager
async def step_of(
    host: RunHost, run: Run, actor: Actor | None = None
) -> AsyncIterator[Transaction]:
    """A step of the run's author, or of somebody else; where it does not commit, the run is as it
    was before. Raises Superseded.
    """
    before = replace(run)
    try:
        async with host.step(actor or Actor(run.author, "run")) as tx:
            if run.superseded_by is not None:
                before = replace(run)
                raise Superseded(run.superseded_by)
            yield tx
    except BaseException:
        run.status, run.started_at = before.status, before.started_at
        run.processed, run.counts = before.processed, before.counts
        run.finished_at, run.error = before.finished_at, before.error
        run.total = before.total
        raise


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
        self._decided: frozenset[str] = frozenset()
        self._told = {root.asset_id: 0 for root in run.roots}
        self._progress = Progress(run, now, host.tell)

    async def to_its_end(self) -> None:
        """Reach every dependent that has no outcome yet, and finish the run.

        Raises Unavailable while the store cannot be written; what was committed stays.
        """
        run, host = self._run, self._host
        self._done = set(await host.storage.outcome_ids(run.id))
        if run.cause == CAUSE:
            self._decided = frozenset(self._done)
        begun = host.state.generation
        surveyed = -1
        while run.status != "cancelling" and surveyed != host.state.generation:
            surveyed = host.state.generation
            await host.survey(root.asset_id for root in run.roots)
            scope, agenda = self._survey()
            await self._lay_out(scope, agenda)
            await self._work_off(scope, agenda)
        if run.status == "cancelling":
            await self._cancel_rest()
        elif host.state.generation != begun:
            await self._follow_up()
        await self.finish()
        self._progress.finish(self._phase)

    async def _follow_up(self) -> None:
        """Somebody linked, unpinned or unlocked what this run had reached already, before it
        came to what they use: a run of its own brings those up to date, unless one that waits
        does.
        """
        run = self._run
        if self._covered(run):
            return
        # What failed waits until somebody has it retried.
        failed = await self._host.storage.outcome_ids(run.id, FAILED)
        scope, _ = self._survey()
        for position, entity_id in enumerate(sorted(self._done - failed)):
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

    def _survey(self) -> tuple[Scope, Agenda]:
        """What is to be reached, as the graph stands now: edges that came meanwhile included."""
        run, state = self._run, self._host.state
        roots = [root for root in run.roots if root.asset_id in state.graph]
        scope = scope_of(state, run.id, roots, run.classes, run.cause, run.only)
        return scope, Agenda(state, scope, run.mode)

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
                self._record(tx, outcomes)
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
    ) -> list[Outcome]:
        """Reach a batch, pausing whenever a slice of loop time is used up. The project's state
        stands still meanwhile: the step holds its lock.
        """
        outcomes: list[Outcome] = []
        at_once = self._cost.reached_at_once
        begun = self._now()
        for position in range(0, len(batch), at_once):
            some = batch[position : position + at_once]
            outcomes += [self._reach(tx, scope, entity_id) for entity_id in some]
            if self._now() - begun > SLICE:
                await asyncio.sleep(0)
                begun = self._now()
        return outcomes

    def _record(self, tx: Transaction, outcomes: Sequence[Outcome]) -> None:
        run = self._run
        tx.record_all(outcomes)
        if run.status == "queued":
            run.status = "running"
        run.started_at = run.started_at or tx.at
        _count(run, outcomes)
        tx.save_run(run)
        affected = [one.entity_id for one in outcomes if one.outcome != "unchanged"]
        if not affected:
            return
        for root in self._announced():
            self._told[root.asset_id] = self._told.get(root.asset_id, 0) + len(affected)
            for position in range(0, len(affected), MAX_IDS_PER_FRAME):
                self._announce(tx, root, affected[position : position + MAX_IDS_PER_FRAME])
        tx.audit(
            "run_batch",
            {"outcomes": len(outcomes), "digest": outcomes_digest(outcomes)},
            run.roots[0].asset_id,
            run.id,
        )

    def _announced(self) -> Sequence[Root]:
        """The roots under which a batch is announced; one of those that a decision moved is
        enough, for the decision has told of each.
        """
        roots = [root for root in self._run.roots if root.asset_id not in self._decided]
        return roots or self._run.roots[:1]

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

    async def give_up(self, error: str) -> None:
        """End a run that an error stopped: what it had not come to has failed, and can be retried.

        Raises what keeps the end from being stored.
        """
        self._done = set(await self._host.storage.outcome_ids(self._run.id))
        try:
            await self._cancel_rest("failed", f"the run ended before it came to this: {error}")
        except Exception:
            log.exception("the rest of run %s has no outcomes", self._run.id)
        await self.finish(error)
        self._progress.finish("")

    async def _cancel_rest(
        self,
        name: OutcomeName = "cancelled",
        reason: str = "the run was cancelled before it came to this",
    ) -> None:
        """Leave what has no outcome yet as it is, and say so; scenes and sequences close over what
        was reached.
        """
        run = self._run
        await self._host.survey(root.asset_id for root in run.roots)
        scope, _ = self._survey()
        rest = [id_ for id_ in scope.order if id_ not in self._done]
        for position in range(0, len(rest), MOST_PER_BATCH):
            batch = rest[position : position + MOST_PER_BATCH]
            async with step_of(self._host, run) as tx:
                outcomes = [self._leave(tx, scope, id_, name, reason) for id_ in batch]
                for outcome in outcomes:
                    tx.record(outcome)
                _count(run, outcomes)
                tx.save_run(run)
                closed = [one.entity_id for one in outcomes if one.outcome == "updated"]
                for root in run.roots if closed else ():
                    self._announce(tx, root, closed)
                detail = {"outcomes": len(outcomes), "digest": outcomes_digest(outcomes)}
                tx.audit("run_batch", detail, run.roots[0].asset_id, run.id)
            self._done.update(batch)

    def _leave(
        self, tx: Transaction, scope: Scope, entity_id: str, name: OutcomeName, reason: str
    ) -> Outcome:
        if not tx.exists(entity_id):
            return self._reach(tx, scope, entity_id)
        left = _untouched(tx, self._run, entity_id, name, reason)
        holds = tx.entity(entity_id).kind in tx.state.container_kinds
        if not (holds and tx.differs(entity_id)):
            return left
        return left._replace(
            outcome="updated",
            reason="holds what was reached before the run ended",
            to_hash=tx.digests(entity_id).all.hex(),
        )

    async def finish(self, error: str | None = None) -> None:
        """Store and tell that the run has ended: done, cancelled, or failed with an error.

        What it was to reach and what it reached are one by then: what stopped depending on its
        roots meanwhile is no longer of its concern.
        """
        run = self._run
        async with step_of(self._host, run) as tx:
            cancelled = run.status == "cancelling"
            run.status = "failed" if error else "cancelled" if cancelled else "done"
            run.started_at = run.started_at or tx.at
            run.finished_at = tx.at
            run.error = error
            run.total = run.total if error else run.processed
            tx.save_run(run)
            for root in run.roots:
                if not self._told.get(root.asset_id) and root.asset_id not in self._decided:
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
    counts = Counter(run.counts)
    counts.update([outcome.outcome for outcome in outcomes])
    run.counts = dict(counts)


def _main_class(classes: Sequence[str]) -> str:
    """The class that a frame names: visual before relationship before metadata."""
    return next((name for name in ("visual", "relationship") if name in classes), "metadata")
