"""Rooms under load, beside the published Yjs servers: server on one core, load on the other.

Every edit inserts a marker, by which a reader knows it again, however a server merges its frames;
its latency is from the moment it is written to the moment a reader has it.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections import deque
from collections.abc import Iterable
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
TIMED = 5
"""Readers that note each edit's latency when it goes flat out; the others only count."""
OURS = ("Ripplecut", "Ripplecut /yjs")
JOINERS = 150
TYPED = 26_000
BURST = 20
"""Characters typed in one place before somebody goes elsewhere."""
LARGE = 2_000_000
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

    async def reader(self, name: str, *, timed: bool = True) -> Wire:
        """A connection that has the document's content and counts every edit that comes; with
        ``timed`` it also notes how long each took.
        """
        synced = asyncio.get_running_loop().create_future()

        def hear(frame: bytes) -> None:
            if not synced.done():
                if self.served.is_step_two(frame):
                    synced.set_result(None)
                return
            now = time.perf_counter()
            found = _MARKER.findall(frame)
            if timed:
                self.took += [now - self.written[int(one)] for one in found]
            self.seen += len(found)
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
    """Writes markers into one document, each before the one before. They are made beforehand."""

    def __init__(self, scene: Scene, name: str, wire: Wire, numbers: Iterable[int]) -> None:
        self._scene = scene
        self.wire = wire
        doc: Doc[Any] = Doc()
        text = doc.get("load", type=Text)
        made: list[bytes] = []
        doc.observe(lambda event: made.append(event.update))
        self._frames: dict[int, bytes] = {}
        for number in numbers:
            text.insert(0, f"<{number:07d}>")
            self._frames[number] = scene.served.update(name, made.pop())

    def write(self, number: int) -> None:
        self._scene.written[number] = time.perf_counter()
        self.wire.send(self._frames.pop(number))


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
            wires = [await _silent(served, name)]
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
    for number in range(readers):
        await scene.reader("d0", timed=number < TIMED)
    author = Author(scene, "d0", await _silent(served, "d0"), range(FLAT_OUT))
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


def _typed(edits: int) -> bytes:
    """What two people typed by turns, a character at a time and mostly where they were before."""
    source = random.Random(1)
    docs: list[Doc[Any]] = [Doc(), Doc()]
    for _ in range(edits // BURST):
        doc, other = docs
        doc.apply_update(other.get_update(doc.get_state()))
        text = doc.get("load", type=Text)
        at = source.randrange(len(text) + 1)
        for _ in range(BURST):
            if at and source.random() < 0.15:
                at -= 1
                del text[at]
            else:
                text.insert(at, source.choice("etaoin shrdlu"))
                at += 1
        docs.reverse()
    docs[0].apply_update(docs[1].get_update(docs[0].get_state()))
    return docs[0].get_update()


def _pasted(size: int) -> bytes:
    doc: Doc[Any] = Doc()
    text = doc.get("load", type=Text)
    for at in range(0, size, 1000):
        text.insert(0, f"{at:010d}" * 100)
    return doc.get_update()


async def _joined(served: Served, state: bytes) -> float:
    """Milliseconds until so many who come at once have the whole document."""
    name = "d0"
    scene = Scene(served)
    wire = await _silent(served, name)
    wire.send(served.update(name, state))
    await _holds(served, name, len(state))
    begun = time.perf_counter()
    await asyncio.gather(*(scene.reader(name) for _ in range(JOINERS)))
    elapsed = time.perf_counter() - begun
    scene.close()
    wire.close()
    return 1000 * elapsed


async def _holds(served: Served, name: str, size: int) -> None:
    """Until the server gives out a document of about that size."""
    async with asyncio.timeout(60):
        while True:
            scene = Scene(served)
            wire = await scene.reader(name)
            scene.close()
            if wire.bytes_in > size // 2:
                return


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

    wire = await _silent(served, "d0")
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


async def _join_typed(served: Served) -> dict[str, float]:
    return {"join typed": await _joined(served, _typed(TYPED))}


async def _join_large(served: Served) -> dict[str, float]:
    return {"join large": await _joined(served, _pasted(LARGE))}


async def _acknowledged(served: Served) -> dict[str, float]:
    took = await _acknowledgements(served, 100)
    return {"acknowledged": quantile(took, 0.99)} if took else {}


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


FIXED = {
    "writers": 50.0,
    "join typed": 1000.0,
    "join large": 3000.0,
    "acknowledged": 10.0,
    "idle": 40.0,
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
        ("join typed", f"{JOINERS} join a document of {TYPED:,} typed edits", "ms", None),
        ("join large", f"{JOINERS} join a document of 2 MB", "ms", None),
        ("acknowledged", "edit to acknowledgement, 100 edits/s: p99", "ms", None),
        ("idle", "memory for each idle connection", "kB", None),
    ):
        have = {name: row for name, row in rows.items() if key in row}
        best = min((row[key] for name, row in have.items() if name in PEERS), default=None)
        fixed = FIXED.get(key)
        for name, row in have.items():
            relative = None if best is None or share is None else best * share
            target = (relative if fixed is None else fixed) if name in OURS else None
            figures.append(Figure(f"{name}: {what}", row[key], unit, target))
    leader = rows.get("Hocuspocus")
    for name, row in rows.items():
        told = f"{row['rate'] / leader['rate']:.2f} x Hocuspocus; target 1.2" if leader else ""
        detail = told if name in OURS else ""
        figures.append(
            Figure(f"{name}: flat out, 50 readers, delivered", row["rate"], "edits/s", None, detail)
        )
    for name, row in rows.items():
        target = leader["whole"] if leader and name in OURS else None
        figures.append(
            Figure(f"{name}: whole process with 1,000 connections", row["whole"], "MB", target)
        )
    return figures
