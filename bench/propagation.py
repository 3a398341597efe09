"""One change, 1,000 dependents: from the request to committed and announced."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from bench.figures import Figure, quantile
from bench.observed import read_samples
from bench.running import RunningServer, production

__all__ = ["measure"]

SHOTS = 980  # and 20 sequences of 49: 1,000 dependents
ROUNDS = 40
WARM_UP = 5


def measure() -> list[Figure]:
    """Forty changes, one after the other; server on core 0, everything else on core 1."""
    _stay_off_core_0()
    with tempfile.TemporaryDirectory(prefix="ripplecut-bench-") as folder:
        lag_file = Path(folder) / "lag"
        running = RunningServer(Path(folder) / "data", cpu=0, lag_file=lag_file)
        with running:
            running.import_project("film", production(SHOTS, per_sequence=49))
            with _watch(running) as socket:
                rounds = [_round(running, socket, number) for number in range(ROUNDS + WARM_UP)]
            kept = rounds[WARM_UP:]
            steps = _commits(running)
        lags = [lag for begin, took in kept for lag in read_samples(lag_file, begin, begin + took)]
        plain = _plain_sqlite(Path(folder) / "plain.db", steps)
    took = [seconds * 1000 for _, seconds in kept]
    median = quantile(took, 0.5)
    return [
        Figure("1,000 dependents: request to committed and announced, median", median, "ms", 200),
        Figure("the same, p95", quantile(took, 0.95), "ms", None),
        Figure(
            "…against plain sqlite3, the same rows in as many transactions",
            median / plain,
            "×",
            None,
            f"{plain:.3g} ms",
        ),
        Figure("loop lag meanwhile, p99.9", quantile(lags, 0.999) * 1000, "ms", 10),
        Figure("loop lag meanwhile, worst", max(lags) * 1000, "ms", 50),
    ]


def _stay_off_core_0() -> None:
    """Leave the first core to the server alone."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_setaffinity") and cores > 1:
        os.sched_setaffinity(0, set(range(1, cores)))


def _watch(running: RunningServer) -> ClientConnection:
    url = running.url.replace("http", "ws")
    socket = connect(f"{url}/ws/projects/film?token={running.token}", max_size=None)
    socket.send(json.dumps({"type": "hello", "subscribe": "all"}))
    welcome = json.loads(socket.recv(10))
    assert welcome["type"] == "welcome"
    return socket


def _round(running: RunningServer, socket: ClientConnection, number: int) -> tuple[float, float]:
    """When it began (monotonic), and the seconds until it was answered and announced."""
    colour = f"#{(number * 40503) % 0xFFFFFF:06x}"
    begin = time.monotonic()
    answer = running.post("/assets/coat/propagate", {"change_data": {"colour": colour}})
    answered = time.monotonic()
    announced = _until_finished(socket, answer["run_id"])
    assert answer["affected_entities"] == 1000, answer
    return begin, max(answered, announced) - begin


def _until_finished(socket: ClientConnection, run_id: str) -> float:
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(30))
        if frame["type"] == "run_finished" and frame["run_id"] == run_id:
            return time.monotonic()


def _commits(running: RunningServer) -> int:
    """How many transactions one such run took: its batches, the version before and the end
    after.
    """
    newest = running.get("/projects/film/propagation-status")["recent"][0]["id"]
    entries = running.get(f"/projects/film/audit?run={newest}&limit=500")["items"]
    return len([one for one in entries if one["action"] == "run_batch"]) + 2


def _plain_sqlite(path: Path, transactions: int) -> float:
    """Milliseconds that plain sqlite3 takes for 1,000 rows of the same size, as durably."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE outcomes (id INTEGER PRIMARY KEY, run TEXT, data TEXT)")
    row = ("run-0123456789", "x" * 400)
    took: list[float] = []
    for _ in range(20):
        begin = time.perf_counter()
        for _ in range(transactions):
            database.execute("BEGIN")
            database.executemany(
                "INSERT INTO outcomes (run, data) VALUES (?, ?)", [row] * (1000 // transactions)
            )
            database.execute("COMMIT")
        took.append((time.perf_counter() - begin) * 1000)
    database.close()
    return quantile(took, 0.5)
