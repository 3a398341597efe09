"""A property: what an import of a second draft says is what was done to the first."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import Invalid
from server.formats.fountain_reader import read_screenplay
from server.formats.redraft import look_alike, match_scenes, standing
from server.propagation.project import ProjectOwner
from server.services.projects import Projects
from server.storage import SqliteStorage
from tests.formats.scripts import PIECES, bring, fields, ids, quiet
from tests.formats.world import ME

PEOPLE = ["MARA", "TOMAS", "THE PILOT", "INÊS"]
PLACES = ["KITCHEN", "QUAY", "PILOT HOUSE", "BOILER ROOM"]
TIMES = ["DAY", "NIGHT", "DUSK"]


@dataclass(frozen=True)
class Written:
    """A scene that a test wrote: ``key`` is what it is, whatever is done to it."""

    key: int
    place: str
    time: str
    lines: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        said = "\n\n".join(f"{who}\n{what}" for who, what in self.lines)
        return f"INT. {self.place} - {self.time}\n\nBegins{self.key}.\n\n{said}\n"


def written(key: int, rng: random.Random) -> Written:
    """A scene of words that no other has."""
    words = [f"{rng.choice('bdfgklmnprst')}{key}o{number}" for number in range(24)]
    lines = tuple(
        (rng.choice(PEOPLE), " ".join(words[at : at + 6]) + ".") for at in range(0, 24, 6)
    )
    return Written(key, rng.choice(PLACES), rng.choice(TIMES), lines)


def redrafted(scenes: list[Written], rng: random.Random) -> list[Written]:
    """Another draft: scenes cut, added, moved, and rewritten in part."""
    after = [one for one in scenes if rng.random() > 0.2]
    for index, one in enumerate(after):
        if rng.random() < 0.3:
            who, _ = one.lines[1]
            lines = (one.lines[0], (who, "And now something else."), *one.lines[2:])
            after[index] = replace(one, lines=lines)
        if rng.random() < 0.2:
            after[index] = replace(after[index], time=rng.choice(TIMES))
    if len(after) > 1 and rng.random() < 0.5:
        after.insert(rng.randrange(len(after)), after.pop(rng.randrange(len(after))))
    for number in range(rng.randrange(3)):
        key = 100 + number
        # At a place of its own: in the place of one that was cut it would count as that, rewritten.
        scene = replace(written(key, rng), place=f"ATTIC {number}")
        after.insert(rng.randrange(len(after) + 1), scene)
    return after or [replace(written(200, rng), place="CELLAR")]


def text(scenes: list[Written]) -> str:
    return "\n".join(one.text for one in scenes)


async def _check(seed: int) -> None:
    rng = random.Random(seed)
    first = [written(key, rng) for key in range(rng.randrange(1, 9))]
    second = redrafted(first, rng)
    storage = await SqliteStorage.open(None)
    projects = Projects(storage)
    try:
        owner = await projects.create("Film", "film", ME)
        await bring(owner, text(first))
        ours = {one.key: f"scene-{number:03d}" for number, one in enumerate(first, 1)}
        assert quiet(await bring(owner, text(first)))
        before = _state(owner, ours)
        report = await bring(owner, text(second))
        _agrees(report["screenplay"]["scenes"], first, second, ours)
        assert quiet(await bring(owner, text(second)))
        await bring(owner, text(first))
        assert _state(owner, ours) == before
        assert quiet(await bring(owner, text(first)))
    finally:
        await projects.close()
        await storage.close()


def _agrees(
    told: dict[str, Any], first: list[Written], second: list[Written], ours: dict[int, str]
) -> None:
    """Hold a report against the keys, which no import ever sees."""
    old, new = {one.key: one for one in first}, {one.key: one for one in second}
    assert set(ids(told["omitted"])) == {ours[key] for key in old.keys() - new.keys()}
    assert len(told["added"]) == len(new.keys() - old.keys())
    assert not set(ids(told["added"])) & set(ours.values())
    assert set(ids(told["rewritten"])) == {
        ours[key] for key in old.keys() & new.keys() if old[key] != new[key]
    }
    order = [one.key for one in first if one.key in new]
    now = [one.key for one in second if one.key in old]
    moved = {one["id"] for one in told["moved"]}
    stayed = [key for key in now if ours[key] not in moved]
    assert stayed == [key for key in order if ours[key] not in moved]
    assert len(moved) <= 1
    assert bool(moved) == (order != now)


def _state(owner: ProjectOwner, ours: dict[int, str]) -> Any:
    kept = ("heading", "script", "setting", "time_of_day", "length_eighths", "number")
    scenes = {
        id_: (owner.state.entity(id_).status, *(fields(owner, id_).get(key) for key in kept))
        for id_ in ours.values()
    }
    edges = {
        (one.source, one.target) for one in owner.state.references.values() if one.target in scenes
    }
    return scenes, edges, [owner.state.entity(id_).name for id_ in sorted(ours.values())]


@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_a_report_says_what_was_done_and_going_back_restores(seed: int) -> None:
    asyncio.run(_check(seed))


@pytest.mark.soak
@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_a_hundred_reports_say_what_was_done(seed: int) -> None:
    asyncio.run(_check(seed))


async def _any(first: str, second: str) -> None:
    storage = await SqliteStorage.open(None)
    projects = Projects(storage)
    try:
        owner = await projects.create("Film", "film", ME)
        for draft in (first, second, first):
            dry = await bring(owner, draft, dry_run=True)
            done = await bring(owner, draft)
            assert {**dry, "run_id": done["run_id"]} == done
            assert quiet(await bring(owner, draft))
    finally:
        await projects.close()
        await storage.close()


closed = [one for one in PIECES if one not in ("[[", "/*")]
drafts = st.lists(st.sampled_from(closed), max_size=50).map("".join)


def _go_over_each_other(first: str, second: str) -> None:
    with contextlib.suppress(Invalid):
        asyncio.run(_any("INT. BAR - DAY\n\n" + first, "INT. BAR - DAY\n\n" + second))


@settings(max_examples=25)
@given(drafts, drafts)
def test_any_two_drafts_go_over_each_other(first: str, second: str) -> None:
    _go_over_each_other(first, second)


@pytest.mark.soak
@settings(max_examples=200)
@given(drafts, drafts)
def test_two_hundred_pairs_of_drafts_go_over_each_other(first: str, second: str) -> None:
    _go_over_each_other(first, second)


@given(st.lists(st.integers(0, 30), unique=True))
def test_what_stands_is_in_order_and_nothing_more_could_be(ranks: list[int]) -> None:
    kept = [ranks[position] for position in sorted(standing(ranks))]
    assert kept == sorted(kept)
    longest = 0
    best: list[int] = []
    for place, rank in enumerate(ranks):
        best.append(1 + max((best[n] for n in range(place) if ranks[n] < rank), default=0))
        longest = max(longest, best[-1])
    assert len(kept) == longest


def test_twins_keep_their_order() -> None:
    twin = "INT. HALL - DAY\n\nNobody.\n\n"
    other = "INT. ATTIC - DAY\n\nDust and more dust.\n\n"
    old = read_screenplay((twin + other + twin).encode()).scenes
    new = read_screenplay((twin + twin + other).encode()).scenes
    found = match_scenes(old, new)
    assert len(standing([found[place] for place in range(3)])) == 2
    assert match_scenes(old, old) == {0: 0, 1: 1, 2: 2}
    assert match_scenes(old, old[1:]) == {0: 1, 1: 2}


def test_a_scene_at_its_place_that_is_wholly_rewritten_is_the_same() -> None:
    def play(middle: str) -> bytes:
        around = "INT. {} - DAY\n\nThe same as ever in {}.\n\n"
        return (
            around.format("HALL", "halls")
            + f"INT. LAB - NIGHT\n\n{middle}\n\n"
            + around.format("ATTIC", "attics")
        ).encode()

    old = read_screenplay(play("Glass breaks.")).scenes
    new = read_screenplay(play("Two strangers dance slowly.")).scenes
    assert match_scenes(old, new) == {0: 0, 1: 1, 2: 2}


def test_two_hundred_scenes_are_matched_quickly() -> None:
    """In processor time: what runs beside the tests must not fail them."""
    rng = random.Random(7)
    words = [f"w{int(rng.paretovariate(0.6)) % 3000}" for _ in range(9000)]

    def line() -> str:
        return " ".join(rng.choice(words) for _ in range(9))

    first = [[line() for _ in range(16)] for _ in range(200)]
    second = [[one if rng.random() > 0.4 else line() for one in scene] for scene in first]

    def play(scenes: list[list[str]]) -> bytes:
        return "\n".join(
            f"INT. ROOM {number % 20} - DAY\n\n" + "\n\n".join(lines) + "\n"
            for number, lines in enumerate(scenes)
        ).encode()

    old, new = read_screenplay(play(first)).scenes, read_screenplay(play(second)).scenes
    begun = time.process_time()
    found = match_scenes(old, new)
    assert time.process_time() - begun < 2
    assert found == {number: number for number in range(200)}


def test_who_looks_alike() -> None:
    pairs = look_alike(["COP 1", "COP 2", "COP", "CYBER BOB", "CYBER BOSS", "DR. MEI", "MEI"])
    assert {(a, b) for a, b, _ in pairs} == {("COP", "COP 1"), ("COP", "COP 2"), ("MEI", "DR. MEI")}
