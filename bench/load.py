"""A load on a server of rooms: readers who know every edit again, authors, whole documents.

Every edit inserts a marker, by which a reader knows it again, however a server merges its frames;
its latency is from the moment it is written to the moment a reader has it.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pycrdt import Doc, Text

from bench.peers import Served
from bench.wire import Wire, connect

__all__ = ["Author", "Scene", "holding", "pasted", "resident", "silent", "typed"]

BURST = 20
"""Characters typed in one place before somebody goes elsewhere."""
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


async def silent(served: Served, name: str) -> Wire:
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


async def holding(served: Served, name: str, size: int) -> None:
    """Until the server gives out a document of about that size."""
    async with asyncio.timeout(60):
        while True:
            scene = Scene(served)
            wire = await scene.reader(name)
            scene.close()
            if wire.bytes_in > size // 2:
                return


def typed(edits: int) -> bytes:
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


def pasted(size: int) -> bytes:
    doc: Doc[Any] = Doc()
    text = doc.get("load", type=Text)
    for at in range(0, size, 1000):
        text.insert(0, f"{at:010d}" * 100)
    return doc.get_update()


def resident(pid: int) -> float:
    """Resident memory in kilobytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return float(next(line for line in status.splitlines() if line[:5] == "VmRSS").split()[1])
