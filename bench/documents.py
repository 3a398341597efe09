"""A document that a whole script was typed into: how long it takes to open, and what it cost.

260,000 keystrokes go over a socket into a running server, which compacts their log meanwhile. Then
the server starts anew and the document is opened; another one has a log that nobody compacted.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from pycrdt import Array, Doc, Text

from bench.figures import Figure, quantile
from bench.observed import read_samples
from bench.running import RunningServer
from bench.wire import connect
from protocol import hocuspocus
from protocol.hocuspocus import encode_auth_token, encode_step_one, encode_update
from server.rooms.stored import open_stored
from server.storage import SqliteStorage

__all__ = ["measure"]

KEYSTROKES = 260_000
TAIL = 10_000
PARAGRAPHS = 200
LETTERS = "the quick brown fox jumps over the lazy dog, and the night line runs on. "
WINDOW = 2_000
"""Keystrokes on their way at once."""
OPENED = 9
ONE, OTHER, SMALL = "typed", "uncompacted", "small"


def keystrokes(count: int, rng: random.Random) -> list[bytes]:
    """One update a keystroke: a writer goes from paragraph to paragraph, types, and takes back."""
    doc: Doc[Any] = Doc()
    body = doc.get("paragraphs", type=Array)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    while len(updates) < count:
        if len(body) < PARAGRAPHS and (not len(body) or rng.random() < 0.2):
            body.append(Text())
        text = body[rng.randrange(len(body))]
        at = rng.randint(0, len(text))
        for _ in range(min(rng.randint(5, 60), count - len(updates))):
            if at and rng.random() < 0.1:
                del text[at - 1 : at]
                at -= 1
            else:
                text.insert(at, LETTERS[len(updates) % len(LETTERS)])
                at += 1
    doc.unobserve(subscription)
    return updates


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="ripplecut-") as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[Figure]:
    updates = await asyncio.to_thread(keystrokes, KEYSTROKES, random.Random(1))
    database, lags = folder / "data" / "ripplecut.db", folder / "lags"
    server = RunningServer(folder / "data", lag_file=lags)
    with server:
        names = [{"id": name, "name": name} for name in (ONE, OTHER, SMALL)]
        server.import_project("film", {"characters": names})
        begun = time.monotonic()
        await _type(server, updates)
        ended = time.monotonic()
    lag = read_samples(lags, begun, ended)
    await _log(database, updates[:TAIL])
    at_rest = {name: await _at_rest(database, name) for name in (ONE, OTHER)}
    with server:
        await _first_sync(server, SMALL)
        synced = {name: await _first_sync(server, name) for name in (ONE, OTHER)}
    typed = f"{KEYSTROKES:,} keystrokes"
    tail = f"{TAIL:,} updates that nobody compacted"
    figures: list[Figure] = []
    for name, what in ((ONE, f"a document of {typed}"), (OTHER, f"one of {tail}")):
        read, hydrated, size, rows = at_rest[name]
        detail = f"{size / 1024:.0f} kB, {rows} updates in the log"
        figures += [
            Figure(
                f"{what}: connect to content, after a restart", synced[name], "ms", None, detail
            ),
            Figure("of it: read from the database", read, "ms"),
            Figure("of it: checked and applied", hydrated, "ms"),
        ]
    rate = KEYSTROKES / (ended - begun)
    return [
        *figures,
        Figure(f"{typed}: typed flat out, each durable", rate, "edits/s"),
        Figure("loop lag meanwhile, p99.9", 1000 * quantile(lag, 0.999), "ms"),
        Figure("loop lag meanwhile, worst", 1000 * max(lag), "ms"),
    ]


def _url(server: RunningServer) -> str:
    return f"ws://127.0.0.1:{server.port}/ws/projects/film?token={server.token}"


async def _type(server: RunningServer, updates: list[bytes]) -> None:
    """Write them all, and wait until all are durable."""
    statuses = 0
    more = asyncio.Event()

    def hear(frame: bytes) -> None:
        nonlocal statuses
        if isinstance(message := hocuspocus.decode_answer(frame), hocuspocus.SyncStatus):
            assert message.applied
            statuses += 1
            more.set()

    async def until(count: int) -> None:
        async with asyncio.timeout(60):
            while statuses < count:
                more.clear()
                await more.wait()

    wire = await connect(_url(server), hear)
    wire.send(encode_auth_token(ONE, ""))
    for number, update in enumerate(updates):
        wire.send(encode_update(ONE, update))
        if number % 100 == 0:
            await until(number - WINDOW)
    await until(len(updates))
    wire.close()


async def _first_sync(server: RunningServer, name: str) -> float:
    """Milliseconds from connecting to having the content."""
    synced = asyncio.get_running_loop().create_future()

    def hear(frame: bytes) -> None:
        if isinstance(hocuspocus.decode_answer(frame), hocuspocus.StepTwo):
            synced.set_result(None)

    begun = time.perf_counter()
    wire = await connect(_url(server), hear)
    wire.send(encode_auth_token(name, ""))
    wire.send(encode_step_one(name, b"\x00"))
    await synced
    took = time.perf_counter() - begun
    wire.close()
    return 1000 * took


async def _log(database: Path, updates: list[bytes]) -> None:
    storage = await SqliteStorage.open(database)
    await asyncio.gather(*(storage.append_update("film", OTHER, update) for update in updates))
    await storage.close()


async def _at_rest(database: Path, name: str) -> tuple[float, float, int, int]:
    """Milliseconds to read and to hydrate (medians), bytes of the state, updates in the log."""
    storage = await SqliteStorage.open(database)
    reading: list[float] = []
    hydrating: list[float] = []
    for _ in range(OPENED):
        begun = time.perf_counter()
        stored = await storage.load_document("film", name)
        read = time.perf_counter()
        opened = await open_stored(stored)
        hydrated = time.perf_counter()
        reading.append(1000 * (read - begun))
        hydrating.append(1000 * (hydrated - read))
    await storage.close()
    size = len(opened.doc.get_update())
    return quantile(reading, 0.5), quantile(hydrating, 0.5), size, len(stored.updates)
