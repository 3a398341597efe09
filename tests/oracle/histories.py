"""Random histories: people do anything in any order, and the system must agree with ``Film``.

What happens is drawn from one seed. After every step everything is compared: versions, pointers,
fields with their overrides, hashes, staleness, and what the run told each dependent, and why.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from server.domain.entities import Version
from server.domain.project import ProjectState
from server.domain.resolve import resolve, stale_reasons
from server.domain.runs import Outcome
from server.domain.transaction import Transaction
from tests import reasons
from tests.oracle.film import Film
from tests.oracle.steps import RULES, Step, Steps
from tests.oracle.things import Looks, Told, Use

__all__ = ["START_RULES", "Classes", "History", "Ran"]

START_RULES = [{"verdict": "require_approval", "target_statuses": ["final"]}]
"""As a film has them that was told of no others."""

CLOSED = "holds what was reached before the run ended"
"""What is said of a scene or sequence in a cancelled run: some of what stands in it was reached."""


class Classes:
    """Equal looks have equal hashes, and equal hashes equal looks, whatever the history."""

    def __init__(self) -> None:
        self.looks = Looks()
        self._hashes: dict[tuple[str, int], str] = {}
        self._numbers: dict[tuple[str, str], int] = {}

    def check(self, facet: str, look: int, digest: str, where: str) -> None:
        known = self._hashes.setdefault((facet, look), digest)
        assert known == digest, f"{where}: looks as before, and the {facet} hash differs"
        number = self._numbers.setdefault((facet, digest), look)
        assert number == look, f"{where}: looks different, and has the same {facet} hash"


class Ran(NamedTuple):
    """A run as the system tells of it: its roots in their order, and its outcomes."""

    roots: list[str]
    outcomes: list[Outcome]


class History(ABC):
    """One project's history."""

    def __init__(self, seed: int, classes: Classes) -> None:
        self.chance = random.Random(seed)
        self.classes = classes
        self.log: list[str] = [f"seed {seed}"]

    async def play(self, length: int) -> None:
        """Make a film, let ``length`` things happen to it, and look at all of it."""
        try:
            await self._play(length)
        except (Exception, pytest.fail.Exception) as error:
            error.add_note("\n".join(self.log))
            raise

    async def _play(self, length: int) -> None:
        rules, named = self.rules()
        self.film = Film(self.classes.looks, rules)
        self.start()
        await self.begin(named, self.steps.beginning())
        self._check_state()
        for _ in range(length):
            step = self.steps.drawn()
            self.log.append(step.words)
            happened, runs = await self.act(step)
            roots = [root for one in runs for root in one.roots]
            wanted = step.film(roots) if happened else None
            if wanted is None or not wanted[0]:
                assert not runs, "there is a run, and nothing changed"
            else:
                assert len(runs) == 1, f"{len(runs)} runs came of one step"
                assert sorted(roots) == sorted(wanted[0])
                self._check_run(runs[0], wanted[1])
            self._check_state()
            self.check_kept()
        await self.end()
        self._check_state()
        self._check_shown()

    def rules(self) -> tuple[Sequence[Mapping[str, Any]], list[dict[str, Any]]]:
        """The rules of a film, and as the system is told of them: nothing of those that it has."""
        if self.chance.random() >= 0.3:
            return START_RULES, []
        rules = self.chance.choice(RULES)
        named = [{"id": f"r{n}", "name": f"Rule {n}", **one} for n, one in enumerate(rules)]
        return rules, named

    def start(self) -> None:
        self.steps = Steps(self.chance, self.film)

    # -- the system --------------------------------------------------------------------------------

    state: ProjectState

    @abstractmethod
    def look(self) -> Transaction:
        """A transaction to read through."""

    @abstractmethod
    async def begin(self, rules: Sequence[Mapping[str, Any]], step: Step) -> None:
        """Make a project with these rules (none: those that it starts with), and take the first
        step.
        """

    @abstractmethod
    async def act(self, step: Step) -> tuple[bool, list[Ran]]:
        """Take a step; answers whether it took place, and the runs that came of it."""

    @abstractmethod
    async def end(self) -> None:
        """Nothing more happens."""

    @abstractmethod
    def check_kept(self) -> None:
        """What is kept of resolved states is what they are."""

    # -- comparing ---------------------------------------------------------------------------------

    def _check_state(self) -> None:
        """Every entity, where its references stand, its hashes, and whether it is stale."""
        film, state = self.film, self.state
        assert sorted(state.entities) == film.alive()
        deleted = sorted(one.id for one in film.things.values() if one.deleted)
        assert sorted(state.deleted) == deleted
        tx = self.look()
        for id_ in film.alive():
            thing, entity = film.things[id_], state.entities[id_]
            row, version = thing.now, entity.current
            says = (version.number, version.name, version.status, entity.approved_version)
            assert says == (row.number, row.name, row.status, thing.approved), id_
            assert version.fields == row.fields, id_
            stands = {
                one.id: {**one.to_json(), "pinned_by": one.pinned_by}
                for one in state.inputs(id_).values()
            }
            assert stands == {one.id: _use_json(one) for one in film.used_by(id_)}, id_
            assert film.look(id_) == thing.seen, f"{id_} was not brought up to date"
            self.classes.check("visual", thing.seen.visual, entity.digests.visual.hex(), id_)
            self.classes.check("all", thing.seen.all, entity.digests.all.hex(), id_)
            reasons = stale_reasons(tx, entity)
            assert bool(reasons) == film.is_stale(id_), f"{id_} is stale? {reasons}"

    def _check_shown(self) -> None:
        """Every entity as the API shows it, all the way down."""
        for id_ in self.film.alive():
            shown = resolve(self.look(), self.state.entities[id_])
            assert shown["fields"] == self.film.things[id_].now.fields
            assert _pruned(shown["references"]) == self.film.shown(id_), id_
            assert shown["stale"] == self.film.is_stale(id_), id_

    def _check_run(self, ran: Ran, classes: set[str]) -> None:
        """Each dependent was told once, what it had to be told, and why."""
        told = {row.entity_id: row for row in ran.outcomes}
        assert len(told) == len(ran.outcomes), "a dependent was told twice"
        reached = None
        if any(_is_left(row) for row in ran.outcomes):
            reached = {row.entity_id for row in ran.outcomes if not _is_left(row)}
        wanted: dict[str, Told] = self.film.run(ran.roots, classes, reached)
        outcomes = {id_: row.outcome for id_, row in told.items()}
        assert outcomes == {id_: one.outcome for id_, one in wanted.items()}
        for id_, one in wanted.items():
            self.classes.check("all", one.before, told[id_].from_hash, f"{id_} before the run")
            self.classes.check("all", one.after, told[id_].to_hash, f"{id_} after the run")
            said = (told[id_].outcome, told[id_].reason)
            assert reasons.known(*said), f"{id_}: {said}"

    def check_version(self, version: Version) -> None:
        """A version as it is stored."""
        row = self.film.things[version.entity_id].versions[version.number]
        says = (version.name, version.status, dict(version.fields), version.cause)
        assert says == (row.name, row.status, row.fields, row.cause), version.id
        built_on = [
            (below.reference_id, below.source, below.version, dict(below.overrides))
            for below in version.references
        ]
        wanted = [(one.id, one.source, one.version, one.overrides) for one in row.built_on]
        assert built_on == wanted, version.id
        look = self.film.look_of(version.entity_id, version.number)
        self.classes.check("visual", look.visual, version.digests.visual.hex(), version.id)
        self.classes.check("all", look.all, version.digests.all.hex(), version.id)


def _is_left(row: Outcome) -> bool:
    """Whether a cancelled run did not come to it."""
    return row.outcome == "cancelled" or row.reason == CLOSED


def _use_json(use: Use) -> dict[str, Any]:
    return {
        "id": use.id,
        "source": use.source,
        "target": use.target,
        "role": use.role,
        "policy": use.policy,
        "version": use.version,
        "order": use.order,
        "overrides": use.overrides,
        "pinned_by": use.pinned_by,
    }


def _pruned(references: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What ``Film.shown`` says too."""
    return [
        {
            "source": one["source"],
            "name": one["name"],
            "version": one["version"],
            "fields": one["fields"],
            "references": _pruned(one.get("references", ())),
        }
        for one in references
    ]
