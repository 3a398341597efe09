"""Conflicts: how many are settled without asking anybody, and that nothing is lost in any.

The workload: two people type a session in one text (a recorded one where it is there), and eight
work on the assets of a film with scripts and in drafts, from what they saw last, which may be old:
fields, names, links, deletions, restores and rollbacks; all that while a run of 5,000 dependents is
under way. Then every value that was taken is looked for in versions, conflicts and the audit.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.figures import Figure
from bench.running import RunningServer
from bench.trace import made_up, recorded, type_session
from protocol.client import Client, connect

__all__ = ["BENCH", "SMALL", "Result", "Size", "measure", "play"]

STYLE, SCRIPT = "noir", "script"
FLOOR = 95.0
DEPARTMENTS = ("mood", "gait", "scar", "rank", "smell", "age_note", "voice", "origin")
"""Fields of discrete values: each of eight people has one of their own."""
SHARED = ("accent", "walk", "eyes_note")
"""Fields that are nobody's: set by two at once."""
REST = 0.3
"""Seconds after which what was set in a draft is published."""
PATIENCE = 20.0
"""Seconds within which what was kept must be there on any machine."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: people, what each does, steps typed, and dependents of the run."""

    actions: int
    steps: int
    dependents: int
    people: int = 8
    assets: int = 24


BENCH = Size(actions=35, steps=1_500, dependents=5_000)
SMALL = Size(actions=8, steps=200, dependents=300)


@dataclass(slots=True)
class Result:
    """What became of it: conflicts by class, and how many of them were settled by themselves."""

    found: Counter[str] = field(default_factory=Counter)
    automatic: Counter[str] = field(default_factory=Counter)
    values: int = 0
    runs: int = 0
    replaced: int = 0
    """Values that were kept although who replaced them saw them: no conflicts for the rates."""

    def add(self, name: str, automatic: bool, count: int = 1) -> None:
        self.found[name] += count
        self.automatic[name] += count * automatic

    def count(self, conflict: dict[str, Any]) -> None:
        if "before it was published" in conflict["reason"]:
            self.replaced += 1
            return
        name = conflict["type"] + (", values" if conflict["type"] == "simultaneous_edit" else "")
        self.add(name, conflict["status"] != "open" and conflict["resolved_by"] is None)

    def rate(self, *names: str) -> float:
        names = names or tuple(self.found)
        total = sum(self.found[name] for name in names)
        return 100 * sum(self.automatic[name] for name in names) / total if total else 100.0


def measure() -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="ripplecut-bench-") as folder,
        RunningServer(Path(folder) / "data") as server,
    ):
        begun = time.monotonic()
        result = asyncio.run(play(server, BENCH, seed=7))
        took = time.monotonic() - begun
    figures = [
        Figure(f"settled without asking, {name}", result.rate(name), "%", None, f"of {count:,}")
        for name, count in sorted(result.found.items())
    ]
    structured = [name for name in result.found if name != TEXT]
    about = f"{BENCH.people} people, {result.runs} runs of {BENCH.dependents:,}, {took:.0f} s"
    return [
        *figures,
        Figure("…over all but text", result.rate(*structured), "%", None),
        Figure("…over all", result.rate(), "%", FLOOR, about, at_least=True),
        Figure("values written, and found again in the history", result.values, "values"),
        Figure("…replaced in a draft by who saw them, and kept", result.replaced, "values"),
    ]


TEXT = "simultaneous_edit, text"


async def play(server: RunningServer, size: Size, seed: int, project: str = "film") -> Result:
    """Do it all in a new project, and find every value again; raises AssertionError where one is
    lost.
    """
    await asyncio.to_thread(_make, server, size, project)
    result = Result()
    async with AsyncExitStack() as stack:
        people = [
            await _person(stack, server, project, number, random.Random(seed * 100 + number), size)
            for number in range(size.people)
        ]
        typists = [await people[number].film.open(SCRIPT) for number in (0, 1)]
        trace = recorded(size.steps) or made_up(seed, size.steps)
        stop = asyncio.Event()
        runs = asyncio.create_task(_keep_running(people[0], stop))
        typing = asyncio.create_task(type_session((typists[0], typists[1]), trace))
        pairs = _set_at_once(people, random.Random(seed), size.actions)
        await asyncio.gather(pairs, *(one.work(size.actions) for one in people))
        result.add(TEXT, True, await typing)
        stop.set()
        result.runs = await runs
        written = {value: what for one in people for value, what in one.written.items()}
        conflicts = await _all_found(people[0], written)
        for one in conflicts:
            result.count(one)
        result.values = len(written)
    return result


def _make(server: RunningServer, size: Size, project: str) -> None:
    """A film whose style every shot shows, and assets that two shots of their own show."""
    shots: list[dict[str, Any]] = [
        {"shot_id": f"s{number}", "visual_prompt": {"style_references": [{"asset_id": STYLE}]}}
        for number in range(size.dependents)
    ]
    for number in range(2 * size.assets):
        asset = {"asset_id": f"a{number // 2}"}
        key = "character_references" if number // 2 % 2 else "wardrobe_references"
        shots.append({"shot_id": f"own{number}", "visual_prompt": {key: [asset]}})
    assets = [{"id": f"a{n}", "name": f"a{n}", "description": "Tall."} for n in range(size.assets)]
    data = {
        "styles": [{"id": STYLE, "name": "Noir"}],
        "characters": [{"id": SCRIPT, "name": "Script"}, *assets[1::2]],
        "wardrobes": assets[::2],
        "props": [{"id": f"p{number}", "name": f"p{number}"} for number in range(size.people)],
        "shots": shots,
    }
    server.import_project(project, data)


@dataclass(slots=True)
class Person:
    """Somebody at work; ``seen`` is what they have on the screen of each asset, old or new."""

    name: str
    number: int
    project: str
    http: httpx.AsyncClient
    film: Client
    chance: random.Random
    size: Size
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    """Each value, and what was done with it."""
    runs: list[str] = field(default_factory=list)
    count: int = 0

    async def work(self, actions: int) -> None:
        ways: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (60, self.change),
            (14, self.set_in_draft),
            (10, self.link),
            (6, self.close_a_circle),
            (6, self.delete_and_restore),
            (4, self.roll_back),
        ]
        weights = [weight for weight, _ in ways]
        for _ in range(actions):
            (act,) = self.chance.choices([way for _, way in ways], weights)
            await act()

    @property
    def in_project(self) -> dict[str, str]:
        return {"project_id": self.project}

    def value(self) -> str:
        self.count += 1
        return f"{self.name}{self.count:04d}"

    def asset(self) -> str:
        return f"a{self.chance.randrange(self.size.assets)}"

    def field(self) -> str:
        """Mostly of their own department."""
        own = DEPARTMENTS[self.number % len(DEPARTMENTS)]
        return own if self.chance.random() < 0.9 else self.chance.choice(DEPARTMENTS)

    async def look(self, asset: str) -> dict[str, Any]:
        path = f"/projects/{self.project}/entities/{asset}"
        self.seen[asset] = (await self.http.get(path)).raise_for_status().json()
        return self.seen[asset]

    async def change(self) -> None:
        """A script sends what it makes of what it has seen."""
        asset = self.asset()
        seen = self.seen.get(asset)
        if seen is None or self.chance.random() < 0.4:
            seen = await self.look(asset)
        value = self.value()
        change = {self.field(): value}
        if self.chance.random() < 0.3:
            words = str(seen["fields"].get("description", "")).split()
            words.insert(self.chance.randint(0, len(words)), value)
            change = {"description": " ".join(words)}
        body = {"change_data": change, "base_version": seen["version"]}
        answer = await self.http.post(
            f"/assets/{asset}/propagate", params=self.in_project | AT_ONCE, json=body
        )
        answer.raise_for_status()
        self.written[value] = f"{asset}: {', '.join(change)} from v{seen['version']}"
        await self.look(asset)
        if answer.json()["run_id"] is not None:
            self.runs.append(answer.json()["run_id"])

    async def set_in_draft(self) -> None:
        """Set a field by hand, and see it published: what one has set oneself one has seen."""
        asset, name, value = self.asset(), self.field(), self.value()
        draft = await self.film.open(asset)
        await draft.synced()
        draft[name] = value
        await draft.saved()
        self.written[value] = f"{asset}: {name} in the draft"
        for _ in range(20):
            await asyncio.sleep(REST)
            if (await self.look(asset))["fields"].get(name) == value:
                break

    async def link(self) -> None:
        """A prop on a shot of somebody's, with an override, or off it again."""
        shot = f"own{self.chance.randrange(2 * self.size.assets)}"
        value = self.value()
        overrides = {"colour_note": value}
        body = {"source": f"p{self.number}", "target": shot, "overrides": overrides}
        answer = await self.http.post(
            f"/projects/{self.project}/references", params=AT_ONCE, json=body
        )
        if answer.status_code == 409:
            return
        answer.raise_for_status()
        self.written[value] = f"{shot}: an override"
        if self.chance.random() < 0.5:
            path = f"/projects/{self.project}/references/{answer.json()['id']}"
            (await self.http.delete(path, params=AT_ONCE)).raise_for_status()

    async def close_a_circle(self) -> None:
        """Two assets are linked either way round: at least one of these is refused, and kept."""
        ends = [f"a{number}" for number in self.chance.sample(range(self.size.assets), 2)]
        made: list[str] = []
        for source, target in (ends, ends[::-1]):
            value = self.value()
            body = {
                "source": source,
                "target": target,
                "role": f"with_{self.name}_{self.count}",
                "overrides": {"colour_note": value},
            }
            answer = await self.http.post(
                f"/projects/{self.project}/references", params=AT_ONCE, json=body
            )
            linked = answer.status_code in (201, 202)
            assert linked or answer.json()["code"] == "cycle", answer.text
            self.written[value] = f"{target}: uses {source}"
            made += [answer.json()["id"]] if linked else []
        for id_ in made:
            path = f"/projects/{self.project}/references/{id_}"
            (await self.http.delete(path, params=AT_ONCE)).raise_for_status()

    async def delete_and_restore(self) -> None:
        path = f"/projects/{self.project}/entities/p{self.number}"
        (await self.http.delete(path, params={"force": "true", **AT_ONCE})).raise_for_status()
        (await self.http.post(f"{path}/restore", params=AT_ONCE)).raise_for_status()

    async def roll_back(self) -> None:
        if self.runs:
            run = self.runs.pop(0)
            answer = await self.http.post(f"/runs/{run}/rollback", params=AT_ONCE, json={})
            assert answer.status_code in (200, 202, 409), answer.text


AT_ONCE = {"wait": "0"}
"""Nobody waits for the run of their own: it comes after the large one."""


async def _person(
    stack: AsyncExitStack,
    server: RunningServer,
    project: str,
    number: int,
    chance: random.Random,
    size: Size,
) -> Person:
    name = "abcdefghij"[number]
    token = await asyncio.to_thread(server.token_for, name, "owner", project)
    http = httpx.AsyncClient(
        base_url=f"{server.url}/api/v1",
        headers={"Authorization": f"Bearer {token}"},
        timeout=120,
    )
    await stack.enter_async_context(http)
    film = connect(server.url, project, token=token, subscribe=[])
    return Person(name, number, project, http, await stack.enter_async_context(film), chance, size)


async def _set_at_once(people: list[Person], chance: random.Random, times: int) -> None:
    """Two people set one field of one draft, neither having seen the other's value."""
    for _ in range(times):
        one, other = chance.sample(people, 2)
        asset, name = one.asset(), chance.choice(SHARED)
        drafts = [await who.film.open(asset) for who in (one, other)]
        for draft in drafts:
            await draft.synced()
        for who, draft in zip((one, other), drafts, strict=True):
            value = who.value()
            draft[name] = value
            who.written[value] = f"{asset}: {name} in the draft, at once with another"
        for draft in drafts:
            await draft.saved()
        await asyncio.sleep(REST)


async def _keep_running(person: Person, stop: asyncio.Event) -> int:
    """See that there always is a run over everything; answers how many there were."""
    runs = 0
    while not stop.is_set():
        runs += 1
        body = {"change_data": {"description": f"Noir {runs}"}}
        params = {**person.in_project, "wait": "30"}
        answer = await person.http.post(f"/assets/{STYLE}/propagate", params=params, json=body)
        answer.raise_for_status()
    return runs


async def _all_found(person: Person, written: dict[str, str]) -> list[Any]:
    """All conflicts, once every value is in the history: what drafts keep is written when they have
    rested. Raises AssertionError where one is lost.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        conflicts, history = await _history(person)
        lost = {value: what for value, what in written.items() if value not in history}
        if not lost:
            return conflicts
        assert time.monotonic() < deadline, f"nowhere in the history: {lost}; of all: {written}"
        await asyncio.sleep(REST)


async def _history(person: Person) -> tuple[list[Any], str]:
    """The conflicts; and they, all versions and all audit entries as one text."""
    project = f"/projects/{person.project}"
    conflicts = await _pages(person.http, f"{project}/conflicts", {"status": "any"})
    parts: list[Any] = [conflicts]
    for kind in ("character", "wardrobe", "prop"):
        entities = await _pages(person.http, f"{project}/entities", {"kind": kind})
        parts += [
            await _pages(person.http, f"/assets/{e['id']}/versions", person.in_project)
            for e in entities
        ]
    parts.append(await _pages(person.http, f"{project}/audit", {}))
    return conflicts, json.dumps(parts)


async def _pages(http: httpx.AsyncClient, path: str, params: dict[str, str]) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        answer = await http.get(path, params={**params, **more, "limit": "500"})
        page = answer.raise_for_status().json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
