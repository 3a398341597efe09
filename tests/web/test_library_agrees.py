"""The library and REST are two doors to one thing: for the same history they answer the same.

What happens is drawn from one seed. Every answer is compared whole, errors too, and in the end all
that can be read; only times are left out. Ids that are made by chance come out of the same hat on
both sides.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from server import AssetPropagationSystem
from tests.web.conftest import running
from tests.web.doors import ROOT, Library, Rest, Seen

CAST = {
    "mara": "character",
    "coat": "wardrobe",
    "hat": "wardrobe",
    "quay": "location",
    "lamp": "prop",
    "sh010": "shot",
    "sh020": "shot",
    "sh030": "shot",
    "sc1": "scene",
    "seq1": "sequence",
}
"""In this order: what comes later may use what comes before."""
BUILT_ON = {
    "coat": ["mara"],
    "hat": ["mara"],
    "lamp": ["quay"],
    "sh010": ["coat", "quay"],
    "sh020": ["hat"],
    "sh030": ["lamp"],
    "sc1": ["quay", "sh010"],
    "seq1": ["sh010", "sh020"],
}


class Hat:
    """In place of ``secrets``: on both sides a step draws the same ids in the same order."""

    _of: ContextVar[random.Random] = ContextVar("hat")

    def fill(self, step: int) -> None:
        """For what is called from here on."""
        self._of.set(random.Random(step))

    def token_hex(self, size: int) -> str:
        return self._of.get().randbytes(size).hex()


Side = Rest | Library
Step = tuple[str, Callable[[Side], Awaitable[Any]]]


class Story:
    """What happens, drawn from one seed; some of it cannot, and is refused."""

    def __init__(self, seed: int, seen: Seen) -> None:
        self._chance = random.Random(seed)
        self._seen = seen
        self._ids = list(CAST)

    def beginning(self) -> list[Step]:
        return [self._created(id_, kind) for id_, kind in CAST.items()]

    def next(self) -> Step:
        chance, id_ = self._chance, self._any()
        match chance.randrange(24):
            case 0:
                return self._created(chance.choice([id_, "new", "two words"]), chance.choice(KINDS))
            case 1 | 2:
                given = [(one, self._data()) for one in chance.sample(self._ids, 3)]
                return f"batch {given}", lambda side: side.batch(given)
            case 3 | 4:
                data = self._data()
                return f"impact {id_} {data}", lambda side: side.impact(id_, data)
            case 5 | 6:
                return self._linked()
            case 7 | 8 | 9 if self._seen.references:
                return self._relinked()
            case 10 if self._seen.references:
                reference = chance.choice(self._seen.references)
                return f"unlink {reference}", lambda side: side.unlink(reference)
            case 11 | 12:
                force = chance.random() < 0.5
                return f"delete {id_} {force}", lambda side: side.delete(id_, force)
            case 13 | 14:
                return f"restore {id_}", lambda side: side.restore(id_)
            case 15:
                status = chance.choice(["final", "final", "wip", "approved", "no such"])
                return f"status {id_} {status}", lambda side: side.set_status(id_, status)
            case 16 | 17:
                number = chance.randint(1, 4)
                return f"roll back {id_} {number}", lambda side: side.roll_back(id_, number)
            case 18:
                decision = chance.choice(["approve", "reject"])
                return f"{decision} what waits", lambda side: side.decide(decision)
            case _:
                data, base = self._data(), chance.choice([None, None, 1, 2, 99])
                return f"change {id_} {data} {base}", lambda side: side.change(id_, data, base)

    def _any(self) -> str:
        return self._chance.choice([*self._ids, "nobody"])

    def _data(self) -> dict[str, Any]:
        colour = self._chance.choice(["#112233", "#445566", "#778899"])
        words = " ".join(self._chance.choices(["tall", "wet", "dark"], k=3))
        return self._chance.choice(
            [
                {"description": words},
                {"description": words},
                {"colour": colour, "note": words},
                {"visual_changes": {"mood": words}},
                {"note": None},
                {"name": words},
                {"colour": "no colour at all"},
                {"description": ["no", "text"]},
                {},
            ]
        )

    def _created(self, id_: str, kind: str) -> Step:
        uses: list[Any] = [{"source": one} for one in BUILT_ON.get(id_, ())]
        if id_ not in self._ids and id_ not in CAST:
            self._ids.append(id_)
            uses = [{"source": "mara", "policy": self._chance.choice(["latest", "pinned"])}]
        fields = {"description": f"{id_}, as first described"}
        return f"create {id_} {kind}", lambda side: side.create(id_, kind, fields, uses)

    def _linked(self) -> Step:
        """Mostly from what comes before to what comes later; other ways tend to be cycles."""
        chance = self._chance
        early, late = sorted(chance.sample(range(len(self._ids)), 2))
        if chance.random() < 0.2:
            early, late = late, early
        source, target = self._ids[early], self._ids[late]
        options: dict[str, Any] = chance.choice(
            [
                {},
                {"policy": "approved"},
                {"version": chance.randint(1, 3)},
                {"overrides": {"colour": "#ffffff"}, "role": "worn"},
                {"policy": "latest", "version": 1},
            ]
        )
        return f"link {source} {target} {options}", lambda side: side.link(source, target, options)

    def _relinked(self) -> Step:
        reference = self._chance.choice(self._seen.references)
        change: dict[str, Any] = self._chance.choice(
            [
                {"policy": "pinned"},
                {"policy": "pinned", "version": self._chance.randint(1, 3)},
                {"policy": "latest"},
                {"policy": "approved"},
                {"overrides": {"description": "Here only"}},
                {"overrides": {}},
            ]
        )
        return f"relink {reference} {change}", lambda side: side.relink(reference, change)


KINDS = [*sorted(set(CAST.values())), "no such kind"]


async def compared(folder: Path, hat: Hat, seed: int, length: int) -> None:
    """Live through one history on both sides, and hold all answers against each other."""
    told = [f"seed {seed}"]
    hat.fill(0)
    async with running(folder) as web, AssetPropagationSystem("film", user=ROOT) as system:
        await web.make("film")
        rest, library = Rest(web), Library(system)
        story = Story(seed, rest.seen)
        steps = story.beginning()
        try:
            for number in range(len(steps) + length):
                words, step = steps[number] if number < len(steps) else story.next()
                told.append(words)
                answers = []
                for side in (library, rest):
                    hat.fill(number)
                    answers.append((await step(side), await side.run()))
                assert answers[0] == answers[1]
            for id_ in [*CAST, "new", "two words", "nobody"]:
                told.append(f"read {id_}")
                assert await library.read(id_) == await rest.read(id_)
                assert await library.affected_shots(id_) == await rest.affected_shots(id_)
            told.append("read what waits")
            assert await library.approvals() == await rest.approvals()
        except AssertionError as error:
            error.add_note("\n".join(told))
            raise


@pytest.fixture
def hat(monkeypatch: pytest.MonkeyPatch) -> Hat:
    made = Hat()
    monkeypatch.setattr("server.domain.ids.secrets", made)
    return made


@pytest.mark.parametrize("seed", range(3))
async def test_the_library_and_rest_answer_the_same_for_the_same_history(
    tmp_path: Path, hat: Hat, seed: int
) -> None:
    await compared(tmp_path, hat, seed, 60)


@pytest.mark.soak
async def test_they_answer_the_same_for_many_histories(
    tmp_path: Path, hat: Hat, soak_seconds: float
) -> None:
    end = time.monotonic() + soak_seconds
    while time.monotonic() < end:
        await compared(tmp_path, hat, random.randrange(2**32), 60)
