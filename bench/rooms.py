"""Rooms under load, beside the published Yjs servers: server on one core, load on the other."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path

import uvloop

from bench.figures import Figure, quantile
from bench.load import Author, Scene, holding, pasted, resident, silent, typed
from bench.peers import LIMIT, PEERS, Served, installed, serve

__all__ = ["measure"]

SERVER_CPU, LOAD_CPU = 0, 1
SECONDS = 2
REPEATS = {"50 readers": 5, "200 readers": 5, "20 documents": 5, "50 writers": 5, "acknowledged": 5}
SELDOM = 3
"""How often a scene is played by each server, in turn. A p99 of two seconds is at the mercy of
whatever else the machine does: of five the median says more than one of ten seconds.
"""
FLAT_OUT = 4_000
WINDOW = 400
"""Edits on their way at once when it goes flat out."""
TIMED = 5
"""Readers that note each edit's latency when it goes flat out; the others only count."""
OURS = ("Ripplecut", "Ripplecut /yjs")
JOINERS = 150
TYPED = 26_000
LARGE = 2_000_000


async def _steady(
    served: Served, documents: int, readers: int, per_second: int, *, authors: int = 1
) -> list[float]:
    """The latencies, in milliseconds. With more authors than one, each is a reader too."""
    scene = Scene(served)
    writing: list[Author] = []
    heard_by = readers - (authors > 1)
    total = per_second * SECONDS
    every = documents * authors
    for number in range(documents):
        name = f"d{number}"
        wires = [await scene.reader(name) for _ in range(readers)]
        if authors == 1:
            wires = [await silent(served, name)]
        for wire in wires[:authors]:
            writing.append(Author(scene, name, wire, range(len(writing), total, every)))
    begun = time.perf_counter()
    for number in range(total):
        ahead = begun + number / per_second - time.perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)
        writing[number % len(writing)].write(number)
    await scene.until_seen(total * heard_by)
    scene.close()
    for author in writing:
        author.wire.close()
    warm = per_second * heard_by
    return [1000 * one for one in scene.took[warm:]]


async def _flat_out(served: Served, readers: int) -> tuple[float, list[float]]:
    """Edits delivered a second to all readers together, and the latencies in milliseconds."""
    scene = Scene(served)
    for number in range(readers):
        await scene.reader("d0", timed=number < TIMED)
    author = Author(scene, "d0", await silent(served, "d0"), range(FLAT_OUT))
    begun = time.perf_counter()
    for number in range(FLAT_OUT):
        author.write(number)
        if number % 20 == 0:
            await author.wire.drained()
            await asyncio.sleep(0)
        if number >= WINDOW:
            await scene.until_seen((number - WINDOW) * readers)
    await scene.until_seen(FLAT_OUT * readers)
    elapsed = time.perf_counter() - begun
    scene.close()
    author.wire.close()
    return FLAT_OUT * readers / elapsed, [1000 * one for one in scene.took]


async def _joined(served: Served, state: bytes) -> float:
    """Milliseconds until so many who come at once have the whole document."""
    name = "d0"
    scene = Scene(served)
    wire = await silent(served, name)
    wire.send(served.update(name, state))
    await holding(served, name, len(state))
    begun = time.perf_counter()
    await asyncio.gather(*(scene.reader(name) for _ in range(JOINERS)))
    elapsed = time.perf_counter() - begun
    scene.close()
    wire.close()
    return 1000 * elapsed


async def _acknowledgements(served: Served, per_second: int) -> list[float]:
    """Milliseconds from an edit to its acknowledgement; nothing where the server gives none."""
    is_acknowledgement = served.is_acknowledgement
    if is_acknowledgement is None:
        return []
    scene = Scene(served)
    waiting: deque[float] = deque()
    took: list[float] = []
    more = asyncio.Event()

    def hear(frame: bytes) -> None:
        if is_acknowledgement(frame) and waiting:
            took.append(1000 * (time.perf_counter() - waiting.popleft()))
            more.set()

    wire = await silent(served, "d0")
    wire.on_frame = hear
    total = per_second * SECONDS
    author = Author(scene, "d0", wire, range(total))
    begun = time.perf_counter()
    for number in range(total):
        ahead = begun + number / per_second - time.perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)
        waiting.append(time.perf_counter())
        author.write(number)
    async with asyncio.timeout(60):
        while len(took) < total:
            more.clear()
            await more.wait()
    wire.close()
    return took[per_second:]


async def _idle(served: Served, count: int) -> float:
    """Kilobytes of the server's memory for each idle connection."""
    scene = Scene(served)
    await scene.reader("d0")
    before = resident(served.pid)
    for _ in range(count):
        await scene.reader("d0")
    after = resident(served.pid)
    scene.close()
    return (after - before) / count


def measure() -> list[Figure]:
    """All servers in one run, a scene after the other; Ripplecut by both of its protocols."""
    os.sched_setaffinity(0, {LOAD_CPU})
    reason = installed()
    if reason is not None:
        print(f"the peers are left out: {reason}")
    names = [*OURS, *(() if reason else PEERS)]
    taken: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for scene, take in SCENES.items():
        limit = (LIMIT,) if take in RELAYED else ()
        for name in [*names, *limit] * REPEATS.get(scene, SELDOM):
            if (scene, name) in IMPOSSIBLE:
                continue
            with serve(name, SERVER_CPU, 20) as served:
                got = uvloop.run(take(served))
            print(f"{scene}: {name}", {what: f"{one:.4g}" for what, one in got.items()}, flush=True)
            for what, one in got.items():
                taken[what][name].append(one)
    return [figure for what, by in taken.items() for figure in _figures(what, by)]


async def _one_50(served: Served) -> dict[str, float]:
    return {"50": quantile(await _steady(served, 1, 50, 100), 0.99)}


async def _one_200(served: Served) -> dict[str, float]:
    return {"200": quantile(await _steady(served, 1, 200, 100), 0.99)}


async def _twenty(served: Served) -> dict[str, float]:
    return {"20x10": quantile(await _steady(served, 20, 10, 100), 0.99)}


async def _flat(served: Served) -> dict[str, float]:
    rate, took = await _flat_out(served, 50)
    return {"rate": rate, "rate p99": quantile(took, 0.99)}


async def _writers(served: Served) -> dict[str, float]:
    return {"writers": quantile(await _steady(served, 1, 50, 500, authors=50), 0.99)}


async def _memory(served: Served) -> dict[str, float]:
    each = await _idle(served, 1000)
    return {"idle": each, "whole": resident(served.pid) / 1024}


async def _join_typed(served: Served) -> dict[str, float]:
    return {"typed": await _joined(served, typed(TYPED))}


async def _join_large(served: Served) -> dict[str, float]:
    return {"large": await _joined(served, pasted(LARGE))}


async def _acknowledged(served: Served) -> dict[str, float]:
    took = await _acknowledgements(served, 100)
    got = {"acknowledged": quantile(took, 0.99)} if took else {}
    if served.name == OURS[0]:
        got["commit"] = await asyncio.to_thread(_plain_commits, 100)
    return got


def _plain_commits(per_second: int) -> float:
    """Milliseconds that plain sqlite3 takes to commit a row as durably, at that pace: p99."""
    took: list[float] = []
    with tempfile.TemporaryDirectory(prefix="ripplecut-bench-") as folder:
        database = sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE updates (id INTEGER PRIMARY KEY, data BLOB)")
        begun = time.perf_counter()
        for number in range(per_second * SECONDS):
            time.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
            asked = time.perf_counter()
            database.execute("INSERT INTO updates (data) VALUES (?)", (b"x" * 60,))
            took.append(1000 * (time.perf_counter() - asked))
        database.close()
    return quantile(took, 0.99)


SCENES = {
    "50 readers": _one_50,
    "200 readers": _one_200,
    "20 documents": _twenty,
    "flat out": _flat,
    "50 writers": _writers,
    "150 join, typed": _join_typed,
    "150 join, 2 MB": _join_large,
    "acknowledged": _acknowledged,
    "idle": _memory,
}
RELAYED = (_one_50, _one_200, _twenty, _flat, _writers)
"""Scenes that the bare relay plays too: it keeps nothing that anybody could join."""
IMPOSSIBLE = {("150 join, 2 MB", "pycrdt-websocket")}
"""It closes a socket that brings a frame of over a megabyte."""


def _half(peers: dict[str, float]) -> float | None:
    """Half of what the best of the peers takes."""
    return min(peers.values()) / 2 if peers else None


def _more(peers: dict[str, float]) -> float | None:
    """Hocuspocus leads the peers by far."""
    return 1.2 * peers["Hocuspocus"] if peers else None


def _less(peers: dict[str, float]) -> float | None:
    return peers["Hocuspocus"] if peers else None


Target = Callable[[dict[str, float]], float | None]
TOLD: dict[str, tuple[str, str, Target]] = {
    "50": ("1 document, 50 readers, 100 edits/s: p99", "ms", _half),
    "200": ("1 document, 200 readers, 100 edits/s: p99", "ms", _half),
    "20x10": ("20 documents, 10 readers each, 100 edits/s: p99", "ms", _half),
    "rate": ("flat out, 50 readers: delivered", "edits/s", _more),
    "rate p99": ("flat out, 50 readers: p99", "ms", _half),
    "writers": ("50 writers in one document, 500 edits/s: p99", "ms", lambda _: 50.0),
    "typed": (f"{JOINERS} join a document of {TYPED:,} typed edits", "ms", lambda _: 1000.0),
    "large": (f"{JOINERS} join a document of 2 MB", "ms", lambda _: 3000.0),
    "acknowledged": ("edit to acknowledgement, 100 edits/s: p99", "ms", lambda _: 10.0),
    "commit": ("plain sqlite3 beside it, a row at that pace: p99", "ms", lambda _: None),
    "idle": ("memory for each idle connection", "kB", lambda _: 40.0),
    "whole": ("whole process with 1,000 connections", "MB", _less),
}
"""What each figure is, its unit, and the target that the peers' medians make."""


def _figures(what: str, by: dict[str, list[float]]) -> list[Figure]:
    """The median of each server, with a target for ours."""
    name, unit, target = TOLD[what]
    middle = {server: statistics.median(taken) for server, taken in by.items()}
    wanted = target({server: one for server, one in middle.items() if server in PEERS})
    return [
        Figure(
            name,
            one,
            unit,
            wanted if server in OURS else None,
            by=server,
            at_least=what == "rate",
        )
        for server, one in middle.items()
    ]
