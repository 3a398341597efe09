"""ProjectOwner: the one writer of a project. Every change of its state passes through ``step``, in
order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from typing import Any

from protocol.errors import Invalid, NotFound
from server.domain.actors import Actor
from server.domain.changes import Change, ChangeDetector, unpublished
from server.domain.conflicts import Clash
from server.domain.entities import Version
from server.domain.events import Event
from server.domain.ids import new_id
from server.domain.project import ProjectState
from server.domain.runs import Phase, Root, Run
from server.domain.scopes import follows_latest, sizes_of
from server.domain.settling import settle
from server.domain.shown import ShownPlans
from server.domain.transaction import Transaction
from server.ports import Clock, Drafts, LiveProject, Storage, StoredPeople
from server.propagation.cache import CacheManager
from server.propagation.conflicts import record_clashes, without_published
from server.propagation.engine import PropagationEngine
from server.propagation.opening import in_slices, load_built_on, load_state
from server.propagation.people import ProjectPeople
from server.propagation.pipeline import Documents, Proposal
from server.propagation.publishing import propose_draft, propose_values
from server.propagation.runs import RunTracker

__all__ = ["ProjectOwner"]

log = logging.getLogger("ripplecut.propagation")

_NEWEST = 50
"""Among so many versions is one that has what was replaced just now, if it was published."""


class ProjectOwner:
    """Holds a project's committed state, its lock, its engine. Implements ``ports.ProjectCore``.

    A step is: build a transaction on the state, commit it, apply it, announce it. Nothing of it is
    visible before it is durable, and the next step starts from what it left.
    """

    def __init__(
        self,
        state: ProjectState,
        storage: Storage,
        drafts: Drafts,
        live: LiveProject,
        clock: Clock,
        tracker: RunTracker,
        people: StoredPeople,
    ) -> None:
        self.state = state
        self.storage = storage
        self.people = ProjectPeople(state, storage, people)
        self.engine = PropagationEngine(self, tracker)
        self.cache = CacheManager()
        self.plans = ShownPlans()
        self._drafts = drafts
        self._live = live
        self._clock = clock
        self._lock = asyncio.Lock()
        self._detector = ChangeDetector()
        self._previews: dict[str, tuple[int, tuple[str, ...]]] = {}

    @classmethod
    async def open(
        cls,
        project_id: str,
        storage: Storage,
        drafts: Drafts,
        live: LiveProject,
        clock: Clock,
        tracker: RunTracker,
    ) -> ProjectOwner:
        """Load a project and go on with the runs that were under way. Raises NotFound."""
        state, open_runs = await load_state(storage, project_id)
        people = await storage.people(project_id)
        owner = cls(state, storage, drafts, live, clock, tracker, people)
        await in_slices(people.follows, lambda part: owner.people.following.take(part, ()))
        for run in open_runs:
            owner.engine.submit(run)
        return owner

    async def close(self) -> None:
        await self.engine.close()

    # -- the step ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def step(self, actor: Actor) -> AsyncIterator[Transaction]:
        """One atomic step. On leaving: committed, applied, announced. An error inside leaves no
        trace.
        """
        async with self._lock:
            tx = Transaction(self.state, actor, self._clock())
            yield tx
            if not tx.is_empty:
                settle(tx)
                await self.people.add_to(tx)
                await _to_its_end(self._commit(tx))

    async def _commit(self, tx: Transaction) -> None:
        commit, members = tx.seal()
        self.people.seal(commit)
        await self.storage.commit(commit)
        self.cache.forget(commit, self.state)
        self.state.apply(commit, members)
        for ended in commit.superseded:
            self.engine.superseded(ended)
        self.people.apply(commit)
        run = commit.run
        if run is not None and not run.finished and self.engine.known(run.id) is None:
            self.engine.submit(run)
        for document in commit.documents:
            try:
                self._drafts.merge_committed(self.project_id, document.entity_id, document.update)
            except Exception:  # it is stored, and true when the document is loaded again
                log.exception("a committed edit of %s did not reach its draft", document.entity_id)
        if commit.events:
            self._live.publish(self.project_id, commit.events)

    @asynccontextmanager
    async def preview(self, actor: Actor) -> AsyncIterator[Transaction]:
        """A transaction that is thrown away. The state stands still meanwhile."""
        async with self._lock:
            yield Transaction(self.state, actor, self._clock())

    def now(self) -> str:
        """The time, as steps are given it."""
        return self._clock()

    def look(self) -> Transaction:
        """A transaction to read through, for use without an await in between."""
        return Transaction(self.state, Actor("", "read"), "")

    async def survey(self, sources: Iterable[str]) -> None:
        """Find out in which order a change of entities would reach what, letting others have their
        turn: the run finds the answer ready. What does not exist is left out.
        """
        await self._ask_the_graph(self.state.graph.reaching, sources)

    async def foresee(self, sources: Iterable[str]) -> None:
        """The same for how many it would reach, which is all that the step asks that begins the
        run.
        """
        await self._ask_the_graph(self.state.graph.finding, sources)

    async def _ask_the_graph(
        self, ask: Callable[[Iterable[str]], Iterator[None]], sources: Iterable[str]
    ) -> None:
        known = [one for one in sources if one in self.state.graph]
        with suppress(NotFound):  # one of them was deleted meanwhile: the step will say so
            for _ in ask(known):
                await asyncio.sleep(0)

    def begin_run(
        self,
        tx: Transaction,
        roots: Sequence[Root],
        classes: tuple[str, ...],
        cause: str,
        *,
        message: str = "",
        mode: Phase = "realtime",
        notify: bool = True,
        retry_of: str | None = None,
        rollback_of: str | None = None,
        only: frozenset[str] | None = None,
    ) -> Run:
        """Put a run on the step: the engine takes it when the step has committed.

        It takes over those that wait and start from no other root: the last state wins.
        """
        run_id = new_id("run")
        total, last = sizes_of(self.state, run_id, roots, cause, only)
        counted = {"batch": total - last, "background": last}
        phases = {name: count for name, count in counted.items() if count}
        run = Run(
            run_id,
            self.project_id,
            tuple(roots),
            classes,
            cause,
            tx.author.user,
            message,
            mode,
            notify,
            "queued",
            total,
            tx.at,
            phases=phases,
            retry_of=retry_of,
            rollback_of=rollback_of,
            only=only,
        )
        self.engine.take_over(tx, run)
        tx.save_run(run)
        return run

    # -- documents and versions --------------------------------------------------------------------

    async def documents(self, entity_id: str) -> Documents:
        """The states that an edit of an entity builds on."""
        current = self.state.entity(entity_id).current
        version = await self.storage.version_state(self.project_id, entity_id, current.state_number)
        draft = await self._drafts.draft_state(self.project_id, entity_id)
        return Documents(version, draft, self._drafts.editor(self.project_id, entity_id))

    async def draft_state(self, entity_id: str) -> bytes:
        return await self._drafts.draft_state(self.project_id, entity_id)

    async def version(self, entity_id: str, number: int) -> Version:
        """Any version of an entity, with what it was built on at hand too. Raises NotFound."""
        if entity_id not in self.state.deleted:
            self.state.entity(entity_id)
        version = self.state.versions.get((entity_id, number))
        if version is None:
            version = await self.storage.version(self.project_id, entity_id, number)
        await load_built_on(self.storage, self.state, [version])
        return version

    async def know(self, entity_id: str, number: int) -> Version:
        """As ``version``, and from now on transactions can refer to it."""
        version = await self.version(entity_id, number)
        if version.cause == "parked":
            raise NotFound(f"Version {number} of {entity_id!r} was never current")
        self.state.load_versions([version])
        return version

    # -- what a room may ask (ports.ProjectCore) ---------------------------------------------------

    @property
    def project_id(self) -> str:
        return self.state.id

    @property
    def epoch(self) -> str:
        return self.storage.epoch

    @property
    def seq(self) -> int:
        return self.state.seq

    @property
    def publishes_automatically(self) -> bool:
        return bool(self.state.settings.get("automatic_publishing", True))

    @property
    def prose_quiet(self) -> float:
        return float(self.state.settings.get("prose_quiet_seconds", 30))

    def viewed(self) -> frozenset[str]:
        return self._drafts.viewed(self.project_id)

    def viewed_since(self, version: int) -> tuple[int, Iterable[str]]:
        return self._drafts.viewed_since(self.project_id, version)

    def tell(self, frame: Mapping[str, Any], concerns: frozenset[str] | None = None) -> None:
        """Fan an ephemeral frame out."""
        self._live.tell(self.project_id, frame, concerns)

    def has_entity(self, entity_id: str) -> bool:
        return entity_id in self.state.entities

    def draft_changes(self, entity_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        entity = self.state.entities.get(entity_id)
        if entity is None:
            return {}
        return unpublished(entity.current.fields, values)

    def is_prose(self, entity_id: str, field: str) -> bool:
        entity = self.state.entities.get(entity_id)
        return entity is not None and self.state.kind(entity).is_prose(field)

    def change_type(self, entity_id: str, fields: Sequence[str]) -> str:
        entity = self.state.entity(entity_id)
        change = Change(fields={name: {"from": None, "to": None} for name in fields})
        return self._detector.classify_change(self.state.kind(entity), change).main

    def previewed_in(self, entity_id: str) -> tuple[str, ...]:
        known = self._previews.get(entity_id)
        if known is not None and known[0] == self.state.generation:
            return known[1]
        if len(self._previews) > 1000:
            self._previews.clear()
        found = tuple(self.state.graph.affected([entity_id], follows_latest(self.state)))
        self._previews[entity_id] = (self.state.generation, found)
        return found

    async def events_after(self, seq: int) -> Sequence[Event] | None:
        return await self.storage.events_after(self.project_id, seq, 1000)

    async def publish_values(self, entity_id: str, fields: Sequence[str], actor: Actor) -> None:
        """Publish some discrete fields of the draft; those whose values do not fit raise Invalid,
        all told.
        """
        await self.foresee([entity_id])
        async with self.step(actor) as tx:
            state = await self.draft_state(entity_id)
            proposal, errors = propose_values(tx, entity_id, fields, state)
            self.run_for(tx, [proposal], "edit")
        if errors:
            raise Invalid("Some fields are not valid and were not published", errors)

    async def keep_simultaneous(self, entity_id: str, clashes: Sequence[Clash]) -> None:
        if any(one.seen for one in clashes):
            newest, _ = await self.storage.versions(self.project_id, entity_id, _NEWEST, None)
            clashes = without_published(clashes, newest)
        if not clashes:
            return
        async with self.step(Actor(clashes[-1].kept_by or "system", "page")) as tx:
            if tx.exists(entity_id):
                record_clashes(tx, entity_id, clashes)

    async def publish_draft(self, entity_id: str, actor: Actor, message: str = "") -> Run | None:
        """Publish all that the draft is ahead; ``None`` where there is nothing. Raises Invalid, as
        above.
        """
        await self.foresee([entity_id])
        async with self.step(actor) as tx:
            state = await self.draft_state(entity_id)
            proposal, errors = propose_draft(tx, entity_id, state, message)
            run = self.run_for(tx, [proposal], "edit", message=message)
        if errors:
            raise Invalid("Some fields are not valid and were not published", errors)
        return run

    def run_for(
        self, tx: Transaction, proposals: Sequence[Proposal], cause: str, **options: Any
    ) -> Run | None:
        """The run that follows from proposals, with its audit entries; ``None`` where nothing
        changed.
        """
        roots = [one.root for one in proposals if one.root is not None]
        if not roots:
            return None
        classes = tuple(sorted({name for one in proposals for name in one.classification.classes}))
        run = self.begin_run(tx, roots, classes, cause, **options)
        for one in proposals:
            if one.version is not None:
                tx.audit(
                    "version_created",
                    {
                        "version": one.version.id,
                        "cause": one.version.cause,
                        "changes": dict(one.version.changes),
                        "message": one.version.message,
                    },
                    one.entity_id,
                    run.id,
                )
        return run


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await work that must not be left half way: a cancellation waits for its end before it goes
    on.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:
            break
    if cancelled is not None:
        task.exception()
        raise cancelled
    task.result()
