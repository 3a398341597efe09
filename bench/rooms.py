"""Rooms under load, beside the published Yjs servers: server on one core, load on the other.

Every edit inserts a marker, by which a reader knows it again, however a server merges its frames;
its latency is from the moment it is written to the moment a reader has it.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pycrdt import Doc, Text

from bench.figures import Figure, quantile
from bench.peers import PEERS, Served, installed, serve
from bench.wire import Wire, connect

__all__ = ["measure"]

SERVER_CPU, LOAD_CPU = 0, 1
SECONDS = 8
FLAT_OUT = 4_000
WINDOW = 400
"""Edits on their way at once when it goes flat out."""
OURS = ("Ripplecut", "Ripplecut /yjs")
_MARKER = re.compile(rb"<(\d{7})>")


@dataclass
class Scene:
    """Who is connected, when each edit was written, and how long each took to each reader."""

    served: Served
    written: dict[int, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    seen: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def reader(self, name: str) -> Wire:
        """A connection that has the document's content and notes every edit that comes."""
        synced = asyncio.get_running_loop().create_future()

        def hear(frame: bytes) -> None:
            if not synced.done():
                if self.served.is_step_two(frame):
                    synced.set_result(None)
                return
            now = time.perf_counter()
            for found in _MARKER.finditer(frame):
                self.took.append(now - self.written[int(found[1])])
                self.seen += 1
            self.more.set()

        wire = await connect(self.served.url(name), hear)
        for frame in self.served.opening(name):
            wire.send(frame)
        await synced
        self.wires.append(wire)
        return wire

    async def until_seen(self, count: int, patience: float = 60.0) -> None:
        async with asyncio.timeout(patience):
            while self.seen < count:
                self.more.clear()
                await self.more.wait()

    def close(self) -> None:
        for wire in self.wires:
            wire.close()


class Author:
    """Writes markers into one document, each before the one before."""

    def __init__(self, scene: Scene, name: str, wire: Wire) -> None:
        self._scene = scene
        self._name = name
        self.wire = wire
        self._doc: Doc[Any] = Doc()
        self._text = self._doc.get("load", type=Text)
        self._updates: list[bytes] = []
        self._doc.observe(lambda event: self._updates.append(event.update))

    def write(self, number: int) -> None:
        self._text.insert(0, f"<{number:07d}>")
        frame = self._scene.served.update(self._name, self._updates.pop())
        self._scene.written[number] = time.perf_counter()
        self.wire.send(frame)


async def _steady(
    served: Served, documents: int, readers: int, per_second: int, *, authors: int = 1
) -> list[float]:
    """The latencies, in milliseconds. With more authors than one, each is a reader too."""
    scene = Scene(served)
    writing: list[Author] = []
    for number in range(documents):
        name = f"d{number}"
        wires = [await scene.reader(name) for _ in range(readers)]
        if authors > 1:
            writing += [Author(scene, name, wire) for wire in wires[:authors]]
        else:
            writing.append(Author(scene, name, await _silent(served, name)))
    heard_by = readers - (authors > 1)
    total = per_second * SECONDS
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


async def _silent(served: Served, name: str) -> Wire:
    """A writer's connection, which does not count what it hears."""
    synced = asyncio.get_running_loop().create_future()

    def hear(frame: bytes) -> None:
        if not synced.done() and served.is_step_two(frame):
            synced.set_result(None)

    wire = await connect(served.url(name), hear)
    for frame in served.opening(name):
        wire.send(frame)
    await synced
    return wire


async def _flat_out(served: Served, readers: int) -> tuple[float, list[float]]:
    """Edits delivered a second to all readers together, and the latencies in milliseconds."""
    scene = Scene(served)
    for _ in range(readers):
        await scene.reader("d0")
    author = Author(scene, "d0", await _silent(served, "d0"))
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


async def _idle(served: Served, count: int) -> float:
    """Kilobytes of the server's memory for each idle connection."""
    scene = Scene(served)
    await scene.reader("d0")
    before = _resident(served.pid)
    for _ in range(count):
        await scene.reader("d0")
    after = _resident(served.pid)
    scene.close()
    return (after - before) / count


def _resident(pid: int) -> float:
    """Resident memory in kilobytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return float(next(line for line in status.splitlines() if line[:5] == "VmRSS").split()[1])


def measure() -> list[Figure]:
    """All servers in one run, one after the other; Ripplecut by both of its protocols."""
    os.sched_setaffinity(0, {LOAD_CPU})
    reason = installed()
    if reason is not None:
        print(f"the peers are left out: {reason}")
    names = [*OURS, *(() if reason else PEERS)]
    rows: dict[str, dict[str, float]] = {}
    for name in names:
        rows[name] = {}
        for scene, take in SCENES.items():
            with serve(name, SERVER_CPU, 20) as served:
                rows[name].update(asyncio.run(take(served)))
            print(name, scene, rows[name], flush=True)
    return _figures(rows)


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
    return {"idle": each, "whole": _resident(served.pid) / 1024}


SCENES = {
    "50 readers": _one_50,
    "200 readers": _one_200,
    "20 documents": _twenty,
    "flat out": _flat,
    "50 writers": _writers,
    "idle": _memory,
}


def _figures(rows: dict[str, dict[str, float]]) -> list[Figure]:
    """A row for each server and scene; ours beside what the best of the peers makes the target."""
    figures: list[Figure] = []
    for key, what, unit, share in (
        ("50", "1 document, 50 readers, 100 edits/s: p99", "ms", 0.5),
        ("200", "1 document, 200 readers, 100 edits/s: p99", "ms", 0.5),
        ("20x10", "20 documents, 10 readers each, 100 edits/s: p99", "ms", 0.5),
        ("rate p99", "flat out, 50 readers: p99", "ms", 0.5),
        ("writers", "50 writers in one document, 500 edits/s: p99", "ms", None),
        ("idle", "memory for each idle connection", "kB", None),
    ):
        best = min((row[key] for name, row in rows.items() if name in PEERS), default=None)
        fixed = {"writers": 50.0, "idle": 40.0}.get(key)
        for name, row in rows.items():
            relative = None if best is None or share is None else best * share
            target = (relative if fixed is None else fixed) if name in OURS else None
            figures.append(Figure(f"{name}: {what}", row[key], unit, target))
    for name, row in rows.items():
        figures.append(Figure(f"{name}: flat out, 50 readers, delivered", row["rate"], "edits/s"))
    return figures
