"""Two ways to live through a history: in memory, and on a store with crashes and cancelled runs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from protocol.errors import Unavailable
from server.domain.actors import Actor
from server.domain.commit import Commit
from server.domain.resolve import resolve
from server.domain.runs import Outcome, Root, Run
from server.domain.transaction import Transaction
from server.ports import Storage
from server.propagation import edits, links
from server.propagation.drafts import Silence, StoredDrafts
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.pipeline import Edit, Proposal, change_from_data, propose
from server.propagation.project import ProjectOwner
from server.propagation.rollback import propose_rollback
from server.services import changes, consistency, entities, reading
from server.services.projects import Projects
from server.verify import verify_project
from tests.domain.world import World
from tests.oracle.histories import Classes, History, Ran
from tests.oracle.steps import ALL, CAST, Step
from tests.oracle.things import PERSON

__all__ = ["InMemory", "Stored"]

ME = Actor(PERSON, "test")


# -- in memory -------------------------------------------------------------------------------------


class InMemory(History):
    """The pure core alone, run by run: thousands of histories take seconds."""

    async def begin(self, rules: Sequence[Mapping[str, Any]], step: Step) -> None:
        self.world = World()
        if rules:
            record = replace(self.world.state.record, rules=[*rules, ALL])
            self.world.step(lambda tx: tx.put_project(record))
        self.state = self.world.state
        self._ran: list[Ran] = []
        await step.system(self)

    def look(self) -> Transaction:
        return self.world.begin()

    async def act(self, step: Step) -> tuple[bool, list[Ran]]:
        self._ran = []
        await step.system(self)
        return True, self._ran

    def check_kept(self) -> None:
        """Here nothing is kept."""

    async def end(self) -> None:
        for commit in self.world.commits:
            for version in commit.versions:
                self.check_version(version)

    # -- as People ---------------------------------------------------------------------------------

    def _run(self, roots: Sequence[Root], classes: tuple[str, ...]) -> None:
        if roots:
            batch = self.chance.randint(1, 4)
            outcomes: dict[str, Outcome] = self.world.run(roots, classes, batch)
            self._ran.append(Ran([one.asset_id for one in roots], list(outcomes.values())))

    def _relate(self, build: Callable[[Transaction], list[Root]]) -> None:
        self._run(self.world.step(build), ("relationship",))

    def _propose(self, wanted: Sequence[Edit]) -> None:
        documents = [self.world.docs(edit.entity_id) for edit in wanted]
        made: list[Proposal] = self.world.step(
            lambda tx: [propose(tx, *one) for one in zip(wanted, documents, strict=True)]
        )
        classes = {name for one in made for name in one.classification.classes}
        self._run([one.root for one in made if one.root], tuple(sorted(classes)))

    async def create(self, news: Sequence[NewEntity]) -> None:
        self.world.step(lambda tx: [edits.create_entity(tx, new) for new in news])

    async def change(self, id_: str, data: Mapping[str, Any]) -> None:
        await self.change_together([(id_, data)])

    async def change_together(self, given: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        wanted = []
        for id_, data in given:
            fields, visual, name = change_from_data(data)
            wanted.append(Edit(id_, fields, visual, name=name))
        self._propose(wanted)

    async def set_status(self, id_: str, status: str) -> None:
        self._propose([Edit(id_, status=status)])

    async def link(self, target: str, new: NewReference) -> None:
        self._relate(lambda tx: links.link(tx, target, new)[1])

    async def relink(
        self, reference_id: str, policy: Any, overrides: Mapping[str, Any] | None
    ) -> None:
        self._relate(
            lambda tx: links.relink(
                tx, tx.reference(reference_id), policy=policy, overrides=overrides
            )[1]
        )

    async def unlink(self, reference_id: str) -> None:
        self._relate(lambda tx: links.unlink(tx, tx.reference(reference_id)))

    async def approve(self, id_: str, number: int) -> None:
        version = self.state.versions[id_, number]
        roots = self.world.step(lambda tx: edits.approve_version(tx, id_, version))
        self._run(roots, ("visual", "metadata"))

    async def delete(self, id_: str) -> None:
        self._relate(lambda tx: edits.delete_entity(tx, id_, force=True))

    async def restore(self, id_: str) -> None:
        self._relate(lambda tx: edits.restore_entity(tx, id_))

    async def roll_back(self, id_: str, number: int) -> None:
        documents = self.world.docs(id_)
        target = self.state.versions[id_, number]
        made = self.world.step(lambda tx: propose_rollback(tx, target, documents, ""))
        self._run([made.root] if made.root else [], tuple(sorted(made.classification.classes)))


# -- on a store ------------------------------------------------------------------------------------


class Mortal:
    """A storage whose process dies: from some commit on nothing is stored any more."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.commits = 0
        self.dies_at = 0
        self.stores_it = False
        self.dead = asyncio.Event()
        self.after: Callable[[Commit], None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    async def commit(self, commit: Commit) -> None:
        self.commits += 1
        dies = self.commits == self.dies_at
        if self.dead.is_set() or (dies and not self.stores_it):
            self.dead.set()
            raise Unavailable("the process is dead")
        await self._storage.commit(commit)
        if self.after is not None:
            self.after(commit)
        if dies:
            self.dead.set()
            raise Unavailable("the process is dead")


class Watched(StoredDrafts):
    """Drafts of which somebody has some on the screen."""

    on_screen: frozenset[str] = frozenset()

    def viewed(self, project_id: str) -> frozenset[str]:
        return self.on_screen


class Stored(History):
    """Services, owner, engine and a real store; now and then a run is cancelled, or all of it dies
    in the midst of one and is loaded again.
    """

    def __init__(self, storage: Storage, project_id: str, seed: int, classes: Classes) -> None:
        super().__init__(seed, classes)
        self.storage = storage
        self.project_id = project_id
        self._seen: set[str] = set()
        self._projects: Projects | None = None
        self._cancelling: asyncio.Future[None] | None = None

    async def play(self, length: int) -> None:
        try:
            await super().play(length)
        finally:
            if self._projects is not None:
                await self._projects.close()

    def look(self) -> Transaction:
        return self.owner.look()

    async def begin(self, rules: Sequence[Mapping[str, Any]], step: Step) -> None:
        await Projects(self.storage).create("Film", self.project_id, ME)
        await self._open()
        if rules:
            async with self.owner.step(ME) as tx:
                tx.put_project(replace(self.state.record, rules=[*rules, ALL]))
        await step.system(self)

    async def _open(self) -> None:
        """Load the project from the store, and let the runs that were under way end."""
        self.mortal = Mortal(self.storage)
        self.drafts = Watched(self.storage)
        self._look_somewhere()
        self._projects = Projects(cast("Storage", self.mortal), self.drafts, Silence())
        self.owner: ProjectOwner = await self._projects.open(self.project_id)
        self.state = self.owner.state
        for run in await self.storage.runs(self.project_id, 3):
            assert await self.owner.engine.wait(run.id, 30), "a run was not resumed"

    def _look_somewhere(self) -> None:
        self.drafts.on_screen = frozenset(self.chance.sample([id_ for id_, _ in CAST], 2))

    async def act(self, step: Step) -> tuple[bool, list[Ran]]:
        luck, happened = self.chance.random(), True
        self._look_somewhere()
        self.mortal.commits = 0
        if luck < 0.2:
            happened = await self._die_in(step)
        else:
            number = self.chance.randint(1, 4)
            self.mortal.after = self._canceller(number) if luck < 0.35 else None
            await step.system(self)
            self.mortal.after = None
            if self._cancelling is not None:
                await self._cancelling
        found = await self.storage.runs(self.project_id, 5)
        runs = [one for one in found if one.id not in self._seen]
        self._seen.update(one.id for one in runs)
        assert all(one.total == one.processed for one in runs)
        return happened, [await self._ran(one) for one in runs]

    async def _ran(self, run: Run) -> Ran:
        outcomes: list[Outcome] = []
        cursor: str | None = None
        while True:
            page, cursor = await self.storage.outcomes(run.id, 500, cursor)
            outcomes += [row for row, _ in page]
            if cursor is None:
                break
        status: str = run.status
        assert status in ("done", "cancelled", "superseded")
        if status != "superseded":
            assert run.counts == Counter(row.outcome for row in outcomes)
            assert run.processed == len(outcomes)
        return Ran([root.asset_id for root in run.roots], outcomes)

    async def _die_in(self, step: Step) -> bool:
        """Die at some commit of a step, before or after it is stored, and start again.

        Answers whether the step took place.
        """
        mortal = self.mortal
        at = mortal.dies_at = self.chance.randint(1, 5)
        stored = mortal.stores_it = self.chance.random() < 0.5
        acting = asyncio.ensure_future(step.system(self))
        dying = asyncio.ensure_future(mortal.dead.wait())
        await asyncio.wait((acting, dying), return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if mortal.dead.is_set():
            self.log.append(f"  … and the process died at commit {at}, stored: {stored}")
        await self._close()
        with suppress(Unavailable):
            await acting
        await self._open()
        return not (mortal.dead.is_set() and at == 1 and not stored)

    async def _close(self) -> None:
        assert self._projects is not None
        await self._projects.close()

    def _canceller(self, number: int) -> Callable[[Commit], None]:
        """Cancels the run of a step after so many batches."""
        batches = 0

        def look(commit: Commit) -> None:
            nonlocal batches
            batches += bool(commit.outcomes)
            if commit.run is not None and commit.outcomes and batches == number:
                known = self.owner.engine.known(commit.run.id)
                if known is not None:
                    self.log.append("  … and its run was cancelled")
                    self._cancelling = asyncio.ensure_future(self.owner.engine.cancel(known))

        return look

    def check_kept(self) -> None:
        for id_, entity in self.state.entities.items():
            assert reading.resolved(self.owner, id_) == resolve(self.look(), entity), id_

    async def end(self) -> None:
        """Load everything from the store once more, with every version that there ever was."""
        await self._close()
        await self._open()
        for id_, thing in self.film.things.items():
            stored, _ = await self.storage.versions(self.project_id, id_, 500, None)
            assert sorted(one.number for one in stored) == sorted(thing.versions)
            for one in stored:
                self.check_version(one)
        wrong: list[str] = []
        await verify_project(self.storage, self.project_id, wrong.append)
        assert not wrong
        assert not await consistency.check(self.owner)

    # -- as People ---------------------------------------------------------------------------------

    async def create(self, news: Sequence[NewEntity]) -> None:
        await entities.create_entities(self.owner, news, ME)

    async def change(self, id_: str, data: Mapping[str, Any]) -> None:
        await changes.propagate_asset_change(self.owner, id_, data, ME, wait=None)

    async def change_together(self, given: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        await changes.propagate_batch(self.owner, given, ME, wait=None)

    async def set_status(self, id_: str, status: str) -> None:
        await entities.patch_entity(self.owner, id_, ME, status=status, wait=None)

    async def link(self, target: str, new: NewReference) -> None:
        await entities.link(self.owner, target, new, ME, wait=None)

    async def relink(
        self, reference_id: str, policy: Any, overrides: Mapping[str, Any] | None
    ) -> None:
        await entities.relink(
            self.owner, reference_id, ME, policy=policy, overrides=overrides, wait=None
        )

    async def unlink(self, reference_id: str) -> None:
        await entities.unlink(self.owner, reference_id, ME, wait=None)

    async def approve(self, id_: str, number: int) -> None:
        await changes.approve(self.owner, id_, number, ME, wait=None)

    async def delete(self, id_: str) -> None:
        await entities.delete_entity(self.owner, id_, ME, force=True, wait=None)

    async def restore(self, id_: str) -> None:
        await entities.restore_entity(self.owner, id_, ME, wait=None)

    async def roll_back(self, id_: str, number: int) -> None:
        await changes.rollback_to_version(self.owner, id_, number, ME, wait=None)
