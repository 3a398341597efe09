"""One project of 100,000 shots and 700,000 references: a change that reaches all of it.

While it runs, somebody looks at one shot and two people type in one document of the project.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from bench.figures import Figure, quantile
from bench.film import STYLE, make_film
from bench.observed import read_samples
from bench.plain import synced
from bench.propagation import stay_off_core_0
from bench.running import RunningServer
from bench.typist import Typist, resident

__all__ = ["measure", "measure_in"]

SHOTS = 100_000
SMALL = 980
ROUNDS = 3
SMALL_ROUNDS = 15
SEEN = f"shot-{SHOTS * 2 // 3:06d}"
"""What somebody looks at: neither among the first nor among the last."""
TYPED_IN = "prop-007"
SYNCS = 300


def measure() -> list[Figure]:
    """Server on core 0, everything else on core 1. Making the film takes the most of it."""
    with tempfile.TemporaryDirectory(prefix="ripplecut-bench-") as folder:
        data = Path(folder)
        make_film(data / "ripplecut.db", "small", SMALL, 49)
        make_film(data / "ripplecut.db", "film", SHOTS, 50)
        return measure_in(data)


def measure_in(data: Path) -> list[Figure]:
    """Measure on a folder with the two projects in it."""
    stay_off_core_0()
    lag_file = data / "lag"
    with RunningServer(data, cpu=0, lag_file=lag_file) as running:
        opened, opening = _open(running)
        small = [_change(running, "small", number) for number in range(SMALL_ROUNDS)]
        rounds = [asyncio.run(_round(running, number)) for number in range(ROUNDS)]
    disk = f"{1000 * quantile(synced(data, SYNCS), 0.99):.3g} ms for the disk alone"
    lags = [
        lag
        for one in rounds
        for lag in read_samples(lag_file, one["begun"], one["begun"] + one["took"])
    ]
    load_lags = read_samples(lag_file, *opening)
    reached = rounds[0]["reached"]
    took = quantile([one["took"] for one in rounds], 0.5)
    each = took / reached
    each_small = quantile([seconds / count for seconds, count in small], 0.5)
    shown = [1000 * one for each_round in rounds for one in each_round["shown"]]
    saved = [1000 * one for each_round in rounds for one in each_round["saved"]]
    first = quantile([one["first"] for one in rounds], 0.5)
    grown = max(one["grown"] for one in rounds)
    keys = f"{len(saved)} keys"
    return [
        *opened,
        Figure("loop lag while it opens, worst", 1000 * max(load_lags, default=0), "ms", 50),
        Figure(f"{reached:,} dependents: request to committed and announced", took, "s", 5),
        Figure("memory growth meanwhile, most", grown, "MB", 300),
        Figure("…first update to a viewer of an affected shot", 1000 * first, "ms", 100),
        Figure("…a key to the other client, p99", quantile(shown, 0.99), "ms", 50, keys),
        Figure("…a key to durable, p99", quantile(saved, 0.99), "ms", 30, f"{keys}; {disk}"),
        Figure("loop lag meanwhile, p99.9", 1000 * quantile(lags, 0.999), "ms", 10),
        Figure("loop lag meanwhile, worst", 1000 * max(lags), "ms", 50),
        Figure(
            "time per dependent against that at 1,000",
            each / each_small,
            "×",
            1.5,
            f"{1e6 * each:.0f} and {1e6 * each_small:.0f} µs",
        ),
    ]


def _open(running: RunningServer) -> tuple[list[Figure], tuple[float, float]]:
    """The first answers about a project that nobody has opened since the start."""
    before = resident(running.pid)
    begun = time.monotonic()
    running.get(f"/projects/film/entities/{SEEN}")
    first = time.monotonic() - begun
    running.get(f"/assets/{TYPED_IN}/dependencies?project_id=film&depth=1&include_shots=false")
    ready = time.monotonic()
    memory = (resident(running.pid) - before) / 1024
    figures = [
        Figure("a project of 100,000 shots opened: first answer", first, "s", 0.5),
        Figure("…graph ready", ready - begun, "s", 6),
        Figure("…its memory", memory, "MB"),
    ]
    return figures, (begun, ready)


def _change(running: RunningServer, project_id: str, number: int) -> tuple[float, int]:
    """Seconds that a change took, and how many dependents it reached."""
    change = {"description": f"Hard light, wet streets, take {number}."}
    path = f"/assets/{STYLE}/propagate?project_id={project_id}&wait=60"
    begun = time.monotonic()
    answer = running.post(path, {"change_data": change})
    return time.monotonic() - begun, sum(answer["counts"].values())


async def _round(running: RunningServer, number: int) -> dict[str, Any]:
    """One change of everything, with a viewer, two people typing, and an eye on the memory."""
    finished = asyncio.Event()
    typist = Typist(running, "film", TYPED_IN)
    await typist.open()
    url = f"ws://127.0.0.1:{running.port}/ws/projects/film?token={running.token}"
    async with connect(url, max_size=None) as viewer, httpx.AsyncClient(timeout=150) as http:
        for frame in (
            {"type": "hello", "subscribe": [SEEN, STYLE]},
            {"type": "viewing", "entities": [SEEN]},
        ):
            await viewer.send(json.dumps(frame))
        await viewer.recv()
        before = resident(running.pid)
        typing = asyncio.create_task(typist.type(finished))
        watching = asyncio.create_task(_watch(viewer))
        memory = asyncio.create_task(_most_memory(running.pid, finished))
        await asyncio.sleep(0.5)
        begun = time.monotonic()
        answer = await http.post(
            f"{running.url}/api/v1/assets/{STYLE}/propagate?project_id=film&wait=60",
            json={"change_data": {"description": f"Wet streets, take {number}."}},
            headers={"Authorization": f"Bearer {running.token}"},
        )
        answered = time.monotonic()
        seen, announced = await watching
        finished.set()
        most = await memory
        await typing
    typist.close()
    reached = sum(answer.raise_for_status().json()["counts"].values())
    return {
        "begun": begun,
        "took": max(answered, announced) - begun,
        "first": seen - begun,
        "reached": reached,
        "grown": (most - before) / 1024,
        "shown": typist.shown,
        "saved": typist.saved,
    }


async def _watch(viewer: Any) -> tuple[float, float]:
    """When the update of what is looked at came, and when the run's end did."""
    seen = 0.0
    async for text in viewer:
        frame = json.loads(text)
        if frame["type"] == "asset_update" and frame.get("stage") == "published":
            if not seen and SEEN in frame["affected_entities"]:
                seen = time.monotonic()
        elif frame["type"] == "run_finished":
            break
    return seen, time.monotonic()


async def _most_memory(pid: int, finished: asyncio.Event) -> float:
    most = 0.0
    while not finished.is_set():
        most = max(most, resident(pid))
        await asyncio.sleep(0.02)
    return most
