"""Ending: how a run ends, done or not, and what is left to do after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from server.domain.actors import Actor
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.ids import new_id
from server.domain.plan import behind_of
from server.domain.runs import Outcome, OutcomeName, Run
from server.domain.scopes import Scope
from server.domain.transaction import Transaction
from server.propagation.recording import (
    Recorder,
    RunHost,
    reach_or_leave,
    scope_now,
    step_of,
    tell_finished,
    untouched,
)

__all__ = ["Ending"]

log = logging.getLogger("ripplecut.propagation")

AT_ONCE = MAX_IDS_PER_FRAME
FAILED: tuple[OutcomeName, ...] = ("failed",)


class Ending:
    """The end of one run; ``done`` is what has an outcome of it already."""

    def __init__(self, host: RunHost, run: Run, recorder: Recorder) -> None:
        self._host = host
        self._run = run
        self._recorder = recorder

    async def follow_up(self, done: AbstractSet[str]) -> None:
        """Somebody linked, unpinned or unlocked what this run had reached already, before it
        came to what they use: a run of its own brings those up to date.
        """
        run = self._run
        # What failed waits until somebody has it retried.
        failed = await self._host.storage.outcome_ids(run.id, FAILED)
        scope = scope_now(self._host, run)
        if not await self._is_behind(scope, sorted(done - failed)):
            return
        async with self._host.step(Actor(run.author, "run")) as tx:
            again = run.follow_up(new_id("run"), len(scope.order), tx.at)
            tx.save_run(again)
            tx.audit("run_followed_up", {"by": again.id}, run.roots[0].asset_id, run.id)

    async def _is_behind(self, scope: Scope, ids: Sequence[str]) -> bool:
        """Whether any of these would move on by now; looked up in slices."""
        for position in range(0, len(ids), AT_ONCE):
            await asyncio.sleep(0)
            tx = self._host.look()
            here = (tx.entity(id_) for id_ in ids[position : position + AT_ONCE] if tx.exists(id_))
            if any(behind_of(tx, scope, entity).moves for entity in here):
                return True
        return False

    async def give_up(self, error: str) -> None:
        """As ``Execution.give_up``."""
        done = await self._host.storage.outcome_ids(self._run.id)
        try:
            await self.leave_rest(done, "failed", f"the run ended before it came to this: {error}")
        except Exception:
            log.exception("the rest of run %s has no outcomes", self._run.id)
        await self.finish(error)

    async def leave_rest(
        self,
        done: AbstractSet[str],
        name: OutcomeName = "cancelled",
        reason: str = "the run was cancelled before it came to this",
    ) -> None:
        """Leave what has no outcome yet as it is, and say so; scenes and sequences close over what
        was reached.
        """
        run = self._run
        await self._host.survey(root.asset_id for root in run.roots)
        scope = scope_now(self._host, run)
        rest = [id_ for id_ in scope.order if id_ not in done]
        for position in range(0, len(rest), AT_ONCE):
            batch = rest[position : position + AT_ONCE]
            async with step_of(self._host, run) as tx:
                left = [self._leave(tx, scope, id_, name, reason) for id_ in batch]
                self._recorder.record_left(tx, left)

    def _leave(
        self, tx: Transaction, scope: Scope, entity_id: str, name: OutcomeName, reason: str
    ) -> Outcome:
        if not tx.exists(entity_id):
            return reach_or_leave(tx, scope, entity_id)
        left = untouched(tx, self._run, entity_id, name, reason)
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
            self._recorder.announce_end(tx)
            tell_finished(tx, run)
            tx.audit(
                "run_finished",
                {"status": run.status, "counts": dict(run.counts)},
                run.roots[0].asset_id,
                run.id,
            )
