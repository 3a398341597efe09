"""Restored to any moment of any history, a project is what it was then: the same export, versions
aside, and the same hashes. A deletion that is restored changes nothing at all.

A history that fails says its seed, its steps and the moments that were tried.
"""

from __future__ import annotations

import copy
import logging
import random
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from protocol.errors import StalePlan
from server.formats.exporting import export_slices
from server.propagation.project import ProjectOwner
from server.services import consistency, entities, restoring
from server.services.projects import Projects
from server.storage import SqliteStorage
from server.verify import verify_project
from tests.batches import small_batches
from tests.oracle.film import Film
from tests.oracle.histories import START_RULES, Classes
from tests.oracle.steps import ALL, Step
from tests.oracle.ways import ME, Stored
from tests.ticking import Ticking


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    store = await SqliteStorage.open(tmp_path / "film.db")
    yield store
    await store.close()


@pytest.fixture(autouse=True)
def in_small_batches(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    small_batches(monkeypatch, 2)
    caplog.set_level(logging.ERROR, "ripplecut.propagation")


class Looks(NamedTuple):
    """A project as it is at a moment."""

    at: str
    export: dict[str, Any]
    hashes: Mapping[str, tuple[str, str]]
    approved: Mapping[str, int | None]


def looks(owner: ProjectOwner, at: str) -> Looks:
    *_, export = export_slices(owner.state)
    alive = owner.state.entities
    return Looks(
        at,
        without_versions(copy.deepcopy(export)),
        {id_: (one.digests.visual.hex(), one.digests.all.hex()) for id_, one in alive.items()},
        {id_: one.approved_version for id_, one in alive.items()},
    )


def without_versions(export: dict[str, Any]) -> dict[str, Any]:
    """What an export says apart from numbers. Rules stay as they are, whatever the moment."""
    for name, items in export.items():
        if not isinstance(items, list):
            continue
        # What is deleted stands there only as far as older versions in use were built on it.
        export[name] = [one for one in items if "deleted" not in one]
        for one in export[name]:
            one.pop("versions", None)
            for reference in one.get("references", ()):
                reference.pop("version")
    return export


class Moments(Stored):
    """A history with a look at every moment, and a return to some of them."""

    def __init__(self, storage: SqliteStorage, project_id: str, seed: int) -> None:
        super().__init__(storage, project_id, seed, Classes())
        self.clock = Ticking()

    async def live(self, length: int) -> None:
        try:
            await self._live(length)
        except (Exception, pytest.fail.Exception) as error:
            error.add_note("\n".join(self.log))
            raise
        finally:
            if self._projects is not None:
                await self._projects.close()

    async def _live(self, length: int) -> None:
        rules, named = self.rules()
        self.film = Film(self.classes.looks, rules)
        self.start()
        self._projects = Projects(self.storage, clock=self.clock)
        self.owner = await self._projects.create("Film", self.project_id, ME)
        self.state = self.owner.state
        if named:
            async with self.owner.step(ME) as tx:
                tx.put_project(replace(self.state.record, rules=[*named, ALL]))
        moments = [looks(self.owner, self.clock())]
        steps = self.steps
        await steps.beginning().system(self)
        moments.append(looks(self.owner, self.clock()))
        for _ in range(length):
            step = steps.drawn()
            self.log.append(step.words)
            await step.system(self)
            moments.append(looks(self.owner, self.clock()))
            self._tell(step)
        for _ in range(4):
            if self.chance.random() < 0.3:
                await self._reload()
            await self.return_to(self.chance.choice(moments))
            moments.append(looks(self.owner, self.clock()))
        await self._reload()
        assert not await consistency.check(self.owner)
        wrong: list[str] = []
        await verify_project(self.storage, self.project_id, wrong.append)
        assert not wrong
        assert looks(self.owner, "") == moments[-1]._replace(at="")

    def _tell(self, step: Step) -> None:
        """Let the film know, as far as the next steps are drawn from it."""
        wanted = step.film([])
        if wanted is not None and wanted[0]:
            self.film.run(list(wanted[0]), wanted[1])

    async def _reload(self) -> None:
        await self._close()
        self._projects = Projects(self.storage, clock=self.clock)
        self.owner = await self._projects.open(self.project_id)
        self.state = self.owner.state

    async def return_to(self, then: Looks) -> None:
        self.log.append(f"restore to {then.at}")
        impact = await restoring.restore_project_impact(self.owner, then.at, ME)
        stale = "0" * 64
        before = looks(self.owner, "")
        if self.chance.random() < 0.2:
            with pytest.raises(StalePlan):
                await restoring.restore_project(self.owner, then.at, ME, plan_hash=stale)
            assert looks(self.owner, "") == before
        done = await restoring.restore_project(
            self.owner, then.at, ME, plan_hash=impact["plan_hash"]
        )
        assert (list(done.deleted), list(done.restored)) == (impact["deleted"], impact["restored"])
        assert len(done.versions) == impact["versions"]
        assert done.propagation.counts == impact["counts"]
        assert not done.kept
        now = looks(self.owner, then.at)
        assert now.export == then.export
        assert now == then
        again = await restoring.restore_project(self.owner, then.at, ME)
        assert (list(again.versions), again.propagation.run_id) == ([], None)


async def test_restored_to_any_moment_a_project_is_what_it_was_then(storage: SqliteStorage) -> None:
    seed, number, end = random.randrange(2**31), 0, time.monotonic() + 8
    while time.monotonic() < end or number < 5:
        await Moments(storage, f"film{number}", seed + number).live(12)
        number += 1


@pytest.mark.soak
async def test_long_histories_are_restored(
    storage: SqliteStorage, soak_seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    seed, number, end = random.randrange(2**31), 0, time.monotonic() + soak_seconds
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}\n")
    while time.monotonic() < end:
        await Moments(storage, f"film{number}", seed + number).live(40)
        number += 1


class Deletions(Moments):
    """After a history, every entity is deleted and restored; nothing must be left of that, where no
    rule has a say: one that pins would, with the run that follows.
    """

    def rules(self) -> tuple[Sequence[Mapping[str, Any]], list[dict[str, Any]]]:
        return START_RULES, []

    async def return_to(self, then: Looks) -> None:
        for id_ in sorted(self.state.entities):
            self.log.append(f"delete {id_} and restore it")
            before = looks(self.owner, "")
            await entities.delete_entity(self.owner, id_, ME, force=True, wait=None)
            await entities.restore_entity(self.owner, id_, ME, wait=None)
            after = looks(self.owner, "")
            assert after.export == before.export
            assert after.hashes == before.hashes
            assert after == before


async def test_a_deletion_that_is_restored_changes_nothing(storage: SqliteStorage) -> None:
    seed, number, end = random.randrange(2**31), 0, time.monotonic() + 5
    while time.monotonic() < end or number < 3:
        await Deletions(storage, f"film{number}", seed + number).live(8)
        number += 1
