"""Crowded: many people at once, while runs are under way."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from protocol.errors import RipplecutError
from server.domain.entities import BuiltOn, Reference, Version
from tests.oracle.film import Film
from tests.oracle.histories import Ran
from tests.oracle.steps import Step
from tests.oracle.things import Row, Thing, Use
from tests.oracle.ways import Stored

__all__ = ["Crowded"]


class Crowded(Stored):
    """What becomes of it depends on who was first; but once all is quiet, everything must be what
    the versions and references say, and nothing that follows must be left behind.
    """

    async def _play(self, length: int) -> None:
        rules = self.rules()
        self.film = Film(self.classes.looks, rules[0])
        self.start()
        await self.begin(rules[1], self.steps.beginning())
        self.steps.alone = False
        for _ in range(length):
            steps = [self.steps.drawn() for _ in range(self.chance.randint(2, 4))]
            self.log.append("; ".join(one.words for one in steps))
            await asyncio.gather(*map(self._hurry, steps))
            await self._all_quiet()
            await self._adopt()
            self._check_state()
            self._check_shown()
            self.check_kept()
            assert not self.film.left_behind(), self.film.left_behind()
        await self._close()
        await self._open()
        self._check_state()

    async def _all_quiet(self) -> None:
        """Wait for every run, and for those that these leave behind them."""
        while new := [
            run.id
            for run in await self.storage.runs(self.project_id, 20)
            if run.id not in self._seen
        ]:
            for id_ in new:
                assert await self.owner.engine.wait(id_, 30)
                self._seen.add(id_)
                self._check_once(await self._ran(await self.storage.run(id_)))

    async def _hurry(self, step: Step) -> None:
        for _ in range(self.chance.randint(0, 30)):
            await asyncio.sleep(0)
        with suppress(RipplecutError):  # somebody else was there first
            await step.system(self)

    def _check_once(self, ran: Ran) -> None:
        ids = [row.entity_id for row in ran.outcomes]
        assert len(ids) == len(set(ids)), "a dependent was told twice"

    async def _adopt(self) -> None:
        """Take the versions and references as they are stored; all else is worked out."""
        film, state = self.film, self.state
        film.things, film.uses, film.dormant = {}, {}, {}
        film.forget()
        for deleted, entities in ((False, state.entities), (True, state.deleted)):
            for id_, entity in entities.items():
                stored, _ = await self.storage.versions(self.project_id, id_, 500, None)
                rows = {one.number: _row(one) for one in stored}
                film.things[id_] = Thing(id_, entity.kind, rows, entity.approved_version, deleted)
        film.uses = {id_: _use(one) for id_, one in state.references.items()}
        film.dormant = {id_: _use(one) for id_, one in state.dormant.items()}
        film.settle()


def _use(one: Reference) -> Use:
    return Use(
        one.id,
        one.source,
        one.target,
        one.role,
        one.policy,
        one.version,
        one.order,
        one.overrides,
        one.pinned_by,
    )


def _row(one: Version) -> Row:
    built_on = tuple(_below(one.entity_id, below) for below in one.references)
    fields, visual = dict(one.fields), one.visual_fields
    return Row(one.number, one.name, one.status, fields, visual, built_on, one.cause)


def _below(target: str, one: BuiltOn) -> Use:
    overrides = dict(one.overrides)
    return Use(
        one.reference_id,
        one.source,
        target,
        one.role,
        one.policy,
        one.version,
        one.order,
        overrides,
    )
