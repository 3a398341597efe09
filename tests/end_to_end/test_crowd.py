"""A thousand people for two minutes: the server's memory stays flat, and they leave nothing."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Text

from bench.running import RunningServer
from bench.wire import Wire, connect
from protocol.hocuspocus import encode_auth_token, encode_step_one, encode_update

pytestmark = pytest.mark.soak
PEOPLE, DOCUMENTS, EDITS_A_SECOND = 1000, 20, 50
MB = 1024.0
PUT_AWAY = 32.0
"""Seconds after which what nobody uses is given back."""
FEW = 10
"""Files that come and go: connections of REST, the database's own."""


def resident(pid: int) -> float:
    """Resident memory in kilobytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return float(next(line for line in status.splitlines() if line[:5] == "VmRSS").split()[1])


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


class Crowd:
    """So many connections, spread over the documents; one of each document types."""

    def __init__(self, server: RunningServer) -> None:
        self._url = f"ws://127.0.0.1:{server.port}/ws/projects/film?token={server.token}"
        self._server = server
        self._files = descriptors(server.pid)
        self.wires: list[Wire] = []
        self.heard = 0
        self._docs: list[Doc[Any]] = [Doc() for _ in range(DOCUMENTS)]

    async def come(self) -> None:
        for number in range(PEOPLE):
            name = f"d{number % DOCUMENTS}"
            synced = asyncio.Event()

            def hear(frame: bytes, synced: asyncio.Event = synced) -> None:
                self.heard += 1
                synced.set()

            wire = await connect(self._url, hear)
            wire.send(encode_auth_token(name, ""))
            wire.send(encode_step_one(name, b"\x00"))
            await synced.wait()
            self.wires.append(wire)

    def type(self, number: int) -> None:
        at = number % DOCUMENTS
        doc = self._docs[at]
        updates: list[bytes] = []
        subscription = doc.observe(lambda event: updates.append(event.update))
        text = doc.get("load", type=Text)
        if len(text) > 2000:
            del text[0:1000]
        else:
            text.insert(len(text), "word ")
        doc.unobserve(subscription)
        self.wires[at].send(encode_update(f"d{at}", updates[0]))

    async def leave(self) -> None:
        """Break every line, and wait until the server has let go of them."""
        for wire in self.wires:
            wire.close()
        self.wires.clear()
        async with asyncio.timeout(30):
            while descriptors(self._server.pid) > self._files + FEW:
                await asyncio.to_thread(self._server.http.get, "/healthz")


async def test_a_thousand_connections_leave_memory_flat(
    server: RunningServer, soak_seconds: float
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * PEOPLE + 500
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
        server.stop()
        server.start()
    characters = [{"id": f"d{number}", "name": "x"} for number in range(DOCUMENTS)]
    server.import_project("film", {"characters": characters})
    crowd = Crowd(server)
    await crowd.come()
    await crowd.leave()
    empty = resident(server.pid)
    await crowd.come()
    here = resident(server.pid)
    seconds = 6 * soak_seconds
    begun = time.monotonic()
    samples: list[float] = []
    for number in range(int(seconds * EDITS_A_SECOND)):
        await asyncio.sleep(max(0.0, begun + number / EDITS_A_SECOND - time.monotonic()))
        crowd.type(number)
        if number % EDITS_A_SECOND == 0:
            assert not any(wire.closed for wire in crowd.wires)
            samples.append(resident(server.pid))
    quarter = len(samples) // 4
    warm, end = (
        statistics.median(part) for part in (samples[quarter : 2 * quarter], samples[-quarter:])
    )
    rounds: list[float] = []
    await crowd.leave()
    for _ in range(4):
        rounds.append(resident(server.pid))
        await crowd.come()
        await crowd.leave()
        await asyncio.sleep(PUT_AWAY)
    rounds.append(resident(server.pid))
    story = (
        f"empty {empty / MB:.1f} MB, with {PEOPLE} {here / MB:.1f}, warm {warm / MB:.1f}, "
        f"at the end {end / MB:.1f}, after they left {[round(one / MB, 1) for one in rounds]}"
    )
    print(story)  # noqa: T201 - shown where it fails
    assert end < 1.05 * warm + 2 * MB, story
    assert rounds[-1] < 1.05 * rounds[1] + 2 * MB, story
