"""Recording: what a run writes down of each batch, and what it tells of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol

from server.domain.actors import Actor
from server.domain.chain import outcomes_digest
from server.domain.entities import version_id
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.plan import reach
from server.domain.project import ProjectState
from server.domain.runs import Outcome, OutcomeName, Root, Run
from server.domain.scopes import Scope, scope_of, scope_of_viewed
from server.domain.transaction import Transaction
from server.ports import Storage

__all__ = [
    "Recorder",
    "RunHost",
    "Superseded",
    "reach_or_leave",
    "record_at_once",
    "scope_now",
    "scope_of_screens",
    "step_of",
    "tell_finished",
    "untouched",
]


MOST_ON_SCREENS = 500
"""So many are looked up before a run knows what else it reaches; the rest comes soon enough."""


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

    def look(self) -> Transaction:
        """A transaction to read through, for use without an await in between."""
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


class Recorder:
    """Writes down what one run does, and tells of it under the roots that it started from.

    Nothing is told of roots that are ``decided``: the decision that moved them has done so.
    """

    def __init__(self, run: Run) -> None:
        self.decided: frozenset[str] = frozenset()
        self._run = run
        self._told = {root.asset_id: 0 for root in run.roots}

    def record(self, tx: Transaction, outcomes: Sequence[Outcome]) -> None:
        """Put the outcomes of a batch on a step, with the event and the entry that say so."""
        run = self._run
        tx.record(outcomes)
        if run.status == "queued":
            run.status = "running"
        run.started_at = run.started_at or tx.at
        _count(run, outcomes)
        tx.save_run(run)
        affected = [one.entity_id for one in outcomes if one.outcome != "unchanged"]
        if not affected:
            return
        for root in self._roots():
            self._told[root.asset_id] = self._told.get(root.asset_id, 0) + len(affected)
            _announce(tx, run, root, affected)
        _audit_batch(tx, run, outcomes)

    def record_left(self, tx: Transaction, outcomes: Sequence[Outcome]) -> None:
        """The same for what a run leaves as it is: no more is told than which scenes and sequences
        closed over what was reached.
        """
        run = self._run
        tx.record(outcomes)
        _count(run, outcomes)
        tx.save_run(run)
        closed = [one.entity_id for one in outcomes if one.outcome == "updated"]
        for root in run.roots if closed else ():
            _announce(tx, run, root, closed)
        _audit_batch(tx, run, outcomes)

    def _roots(self) -> Sequence[Root]:
        """The roots under which a batch is announced; one of those that a decision moved is
        enough, for the decision has told of each.
        """
        roots = [root for root in self._run.roots if root.asset_id not in self.decided]
        return roots or self._run.roots[:1]

    def announce_end(self, tx: Transaction) -> None:
        """Tell of the roots under which nothing was announced that nothing came of them."""
        for root in self._run.roots:
            if not self._told.get(root.asset_id) and root.asset_id not in self.decided:
                _announce(tx, self._run, root, [])


def record_at_once(tx: Transaction, run: Run, outcomes: Sequence[Outcome]) -> None:
    """Put the outcomes of a run on the step that does all of it, with word of what they moved under
    the sources that they name.
    """
    tx.record(outcomes)
    _count(run, outcomes)
    by_source: dict[tuple[str, int], list[str]] = {}
    for one in outcomes:
        by_source.setdefault((one.source, one.source_version), []).append(one.entity_id)
    for (source, number), targets in by_source.items():
        _announce(tx, run, Root(source, number, number), targets)
    _audit_batch(tx, run, outcomes)


def tell_finished(tx: Transaction, run: Run) -> None:
    """Tell that a run has ended, and how."""
    by = {} if run.superseded_by is None else {"superseded_by": run.superseded_by}
    ids = [root.asset_id for root in run.roots]
    tx.tell(
        {
            "type": "run_finished",
            "run_id": run.id,
            "asset_ids": ids,
            "status": run.status,
            **by,
            "total": run.total,
            "processed": run.processed,
            "counts": dict(run.counts),
            "affected_count": run.affected,
            "timestamp": tx.at,
        },
        frozenset(ids),
    )


def scope_now(host: RunHost, run: Run) -> Scope:
    """What a run is to reach, as the graph stands now: edges that came meanwhile included."""
    roots = [root for root in run.roots if root.asset_id in host.state.graph]
    return scope_of(host.state, run.id, roots, run.classes, run.cause, run.only)


def scope_of_screens(host: RunHost, run: Run) -> Scope:
    """What people have on screen of that, and what it takes to get there."""
    state = host.state
    roots = [root for root in run.roots if root.asset_id in state.graph]
    _, viewed = host.viewed_since(-1)
    seen = sorted(islice(viewed, MOST_ON_SCREENS))
    return scope_of_viewed(state, run.id, roots, run.classes, run.cause, seen)


def reach_or_leave(tx: Transaction, scope: Scope, entity_id: str) -> Outcome:
    """Reach a dependent, if it is still there."""
    if tx.exists(entity_id):
        return reach(tx, scope, entity_id)
    root = scope.roots[0]
    reason = "it was deleted while the run was on its way"
    return Outcome(entity_id, "", "cancelled", reason, root.asset_id, root.to_version, "", "")


def untouched(tx: Transaction, run: Run, entity_id: str, name: OutcomeName, reason: str) -> Outcome:
    """The outcome of a dependent that a run left as it was."""
    entity = tx.entity(entity_id)
    root = run.roots[0]
    here = entity.digests.all.hex()
    return Outcome(entity_id, entity.kind, name, reason, root.asset_id, root.to_version, here, here)


def _count(run: Run, outcomes: Sequence[Outcome]) -> None:
    """Add outcomes to what a run has come to."""
    run.processed += len(outcomes)
    counts = Counter(run.counts)
    counts.update([outcome.outcome for outcome in outcomes])
    run.counts = dict(counts)


def _announce(tx: Transaction, run: Run, root: Root, ids: Sequence[str]) -> None:
    """Tell what a run did under a root, in frames that are not too long; of nothing, in an empty
    one.
    """
    for position in range(0, len(ids) or 1, MAX_IDS_PER_FRAME):
        part = list(ids[position : position + MAX_IDS_PER_FRAME])
        tx.tell(
            {
                "type": "asset_update",
                "stage": "published",
                "asset_id": root.asset_id,
                "change_type": _main_class(run.classes),
                "affected_entities": part,
                "affected_count": len(part),
                "version": version_id(root.asset_id, root.to_version),
                "run_id": run.id,
                "timestamp": tx.at,
            },
            frozenset(part) | {root.asset_id},
        )


def _audit_batch(tx: Transaction, run: Run, outcomes: Sequence[Outcome]) -> None:
    """The entry that covers the outcome rows of a step."""
    detail = {"outcomes": len(outcomes), "digest": outcomes_digest(outcomes)}
    tx.audit("run_batch", detail, run.roots[0].asset_id, run.id)


def _main_class(classes: Sequence[str]) -> str:
    """The class that a frame names: visual before relationship before metadata."""
    return next((name for name in ("visual", "relationship") if name in classes), "metadata")
