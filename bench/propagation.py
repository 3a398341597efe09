"""One change, 1,000 and 10,000 dependents: from the request to committed, audited, announced."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from bench.figures import Figure, quantile
from bench.film import STYLE, make_film
from bench.observed import read_samples
from bench.plain import insert, written
from bench.running import RunningServer

__all__ = ["changed", "measure", "stay_off_core_0", "watch"]

PER_SEQUENCE = 49
WARM_UP = 5
PLAIN_ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Size:
    """A film of which a change of its style reaches so many dependents: shots and sequences."""

    dependents: int
    rounds: int
    target: float

    @property
    def shots(self) -> int:
        return self.dependents * PER_SEQUENCE // (PER_SEQUENCE + 1)


SIZES = (Size(1_000, 40, 60), Size(10_000, 12, 400))


def measure() -> list[Figure]:
    """Changes, one after the other; server on core 0, everything else on core 1."""
    stay_off_core_0()
    return [figure for size in SIZES for figure in _measure(size)]


def _measure(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="ripplecut-bench-") as name:
        folder = Path(name)
        database = folder / "data" / "ripplecut.db"
        make_film(database, "film", size.shots, PER_SEQUENCE)
        with RunningServer(folder / "data", cpu=0, lag_file=folder / "lag") as running:
            socket = watch(running, "all")
            kept, runs = _rounds(running, socket, size, changed)
            spared, _ = _rounds(running, socket, size, _unseen)
            socket.close()
        lags = [
            lag for begin, took in kept for lag in read_samples(folder / "lag", begin, begin + took)
        ]
        what = written(database, STYLE, runs[-1])
        plain = insert(what, folder, PLAIN_ROUNDS)
    took = [seconds * 1000 for _, seconds in kept]
    median = quantile(took, 0.5)
    cutoff = quantile([seconds * 1000 for _, seconds in spared], 0.5)
    label = f"{size.dependents:,} dependents"
    figures = [
        Figure(f"{label}: request to committed and announced, median", median, "ms", size.target),
        Figure("the same, p95", quantile(took, 0.95), "ms", None),
        Figure(
            "…against plain sqlite3, the same rows in as many transactions",
            median / plain,
            "×",
            6,
            f"{plain:.3g} ms, {what.total:,} rows, {what.transactions} transactions",
        ),
        Figure("loop lag meanwhile, p99.9", quantile(lags, 0.999) * 1000, "ms", 10),
        Figure("loop lag meanwhile, worst", max(lags) * 1000, "ms", 50),
    ]
    if size is SIZES[-1]:
        figures.append(
            Figure(
                f"{label} of which none differs: times faster",
                median / cutoff,
                "×",
                5,
                f"{cutoff:.3g} ms",
                at_least=True,
            )
        )
    return figures


def stay_off_core_0() -> None:
    """Leave the first core to the server alone."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_setaffinity") and cores > 1:
        os.sched_setaffinity(0, set(range(1, cores)))


def watch(running: RunningServer, subscribe: str | Sequence[str]) -> ClientConnection:
    """A socket that hears of a project, or of some of its entities."""
    url = running.url.replace("http", "ws")
    socket = connect(f"{url}/ws/projects/film?token={running.token}", max_size=None)
    socket.send(json.dumps({"type": "hello", "subscribe": subscribe}))
    welcome = json.loads(socket.recv(120))
    assert welcome["type"] == "welcome"
    return socket


Change = Callable[[RunningServer, int], dict[str, Any]]


def changed(running: RunningServer, number: int) -> dict[str, Any]:
    """Change what every shot shows."""
    change = {"description": f"Hard light, wet streets, take {number}."}
    path = f"/assets/{STYLE}/propagate?project_id=film&wait=60"
    answer: dict[str, Any] = running.post(path, {"change_data": change})
    return answer


def _unseen(running: RunningServer, number: int) -> dict[str, Any]:
    """Change what no shot shows: how far the work on it is."""
    body = {"status": ("review", "wip")[number % 2]}
    path = f"/projects/film/entities/{STYLE}?wait=60"
    answer: dict[str, Any] = running.call("PATCH", path, body)["propagation"]
    return answer


def _rounds(
    running: RunningServer, socket: ClientConnection, size: Size, change: Change
) -> tuple[list[tuple[float, float]], list[str]]:
    """When each began (monotonic), the seconds until it was answered and announced; the runs."""
    kept: list[tuple[float, float]] = []
    runs: list[str] = []
    for number in range(size.rounds + WARM_UP):
        begin = time.monotonic()
        answer = change(running, number)
        answered = time.monotonic()
        announced = _until_finished(socket, answer["run_id"])
        assert sum(answer["counts"].values()) == size.dependents, answer
        kept.append((begin, max(answered, announced) - begin))
        runs.append(answer["run_id"])
    return kept[WARM_UP:], runs


def _until_finished(socket: ClientConnection, run_id: str) -> float:
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(60))
        if frame["type"] == "run_finished" and frame["run_id"] == run_id:
            return time.monotonic()
