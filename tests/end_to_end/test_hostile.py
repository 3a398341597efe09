"""Hostile frames by the thousand against a real server, beside people who only want to type."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.figures import quantile
from bench.observed import read_samples
from bench.running import RunningServer
from tests.end_to_end.hostile import KNOWN_CODES, Attack, command
from tests.end_to_end.typist import Typist, reached

ROOT = Path(__file__).parents[2]
OTHERS = 40
TYPING = 0.04
STALL = 0.05


@dataclass(frozen=True, slots=True)
class Weather:
    """What a storm did: to its own sockets, to those who typed, to the server's loop."""

    seed: int
    sent: int
    codes: dict[str, int]
    waits: list[float]
    echoes: list[float]
    lags: list[float]
    own: list[float]

    def __str__(self) -> str:
        figures = [
            f"{name} p99.9 {1000 * quantile(took, 0.999):.1f} ms, max {1000 * max(took):.1f} ms"
            for name, took in (
                ("acknowledged", self.waits),
                ("echoed", self.echoes),
                ("loop lag", self.lags),
                ("of it computed", self.own),
            )
        ]
        return f"seed {self.seed}: {self.sent} frames, closed {self.codes}; " + "; ".join(figures)


async def _weather(server: RunningServer, lag_file: Path, seed: int, frames: int) -> Weather:
    others = [f"prop-{number}" for number in range(OTHERS)]
    props = [{"id": name, "name": name} for name in others]
    hero = {"id": "hero", "name": "Hero", "description": ""}
    server.import_project("film", {"characters": [hero], "props": props})
    address = server.url.replace("http", "ws", 1)
    editor = server.token_for("mallory", "editor", "film")
    viewer = server.token_for("eve", "viewer", "film")
    url = f"{address}/ws/projects/film?token={server.token_for('ann', 'editor', 'film')}"
    ann = await Typist("hero", "healthy").connect(url)
    bob = await Typist("hero", "healthy").connect(url)
    attack = Attack(address, editor, viewer, "hero", others, seed, frames)
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command(attack), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    storm = asyncio.create_task(process.communicate())
    typed: dict[int, float] = {}
    while not storm.done():
        await asyncio.sleep(TYPING)
        ann.type("a")
        typed[len(ann.text)] = time.monotonic()
    assert process.returncode == 0, seed
    report = json.loads(storm.result()[0])
    await reached(lambda: not ann.waiting and len(bob.text) == len(ann.text))
    ended = time.monotonic()

    assert (ann.alive, bob.alive) == (True, True), seed
    assert (ann.refused, bob.refused) == (0, 0), seed
    assert str(bob.text) == str(ann.text) == "a" * len(typed), seed
    again = await Typist("hero", "healthy").connect(url)
    await reached(lambda: len(again.text) == len(typed))
    for one in (ann, bob, again):
        one.leave()
    assert server.get("/projects/film/entities/hero")["id"] == "hero"
    assert server.stop() == 0, "".join(server.output[-50:])
    assert "Traceback" not in "".join(server.output), "".join(server.output[-200:])
    return Weather(
        seed,
        report["sent"],
        report["codes"],
        ann.waits,
        [bob.seen[length] - at for length, at in typed.items() if length in bob.seen],
        read_samples(lag_file, begun, ended),
        read_samples(lag_file, begun, ended, own=True),
    )


def _stormed(tmp_path: Path, seed: int, frames: int) -> Weather:
    lag_file = tmp_path / "lags"
    with RunningServer(tmp_path / "data", lag_file=lag_file) as server:
        weather = asyncio.run(_weather(server, lag_file, seed, frames))
    assert weather.sent >= frames, weather
    assert {int(code) for code in weather.codes} <= KNOWN_CODES, weather
    return weather


def test_a_few_thousand_mutated_frames_are_noticed_by_nobody_else(tmp_path: Path) -> None:
    _stormed(tmp_path, 4, 3000)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_100_000_mutated_frames_stall_nobody(tmp_path: Path, say: Callable[[str], None]) -> None:
    seed = random.randrange(2**32)
    say(f"seed {seed}")
    weather = _stormed(tmp_path, seed, 100_000)
    say(str(weather))
    assert quantile(weather.own, 0.999) < STALL, weather
    # One may be longer: the garbage of the whole storm is looked through then.
    assert max(weather.own) < 2 * STALL, weather
