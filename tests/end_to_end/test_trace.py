"""A real session of two people in one text comes out as it did, whatever happens to the line."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from bench.running import RunningServer
from server.datadir import DataDir
from server.domain.drafts import read_values
from server.rooms.stored import encode_stored
from server.storage import SqliteStorage
from tests.end_to_end.trace import FIELD, PROJECT, recorded, replay

SEED = 20261122
SCRIPT = "script"


async def stored_text(server: RunningServer, entity: str) -> str:
    """What the disk has; the server must have ended."""
    storage = await SqliteStorage.open(DataDir(server.data).database)
    stored = await storage.load_document(PROJECT, entity)
    await storage.close()
    return str(read_values(await encode_stored(stored))[FIELD])


async def test_two_authors_end_where_they_did_through_cuts_and_restarts(
    server: RunningServer,
) -> None:
    trace = recorded()
    server.import_project(PROJECT, {"characters": [{"id": SCRIPT, "name": "Script"}]})
    async with asyncio.timeout(100):
        await replay(server, SCRIPT, trace, SEED, cuts=24, ends=3)
    await asyncio.to_thread(server.stop)
    assert await stored_text(server, SCRIPT) == trace.end


@pytest.mark.soak
async def test_two_authors_again_and_again(server: RunningServer, soak_seconds: float) -> None:
    trace = recorded()
    server.import_project(PROJECT, {})
    deadline = time.monotonic() + soak_seconds
    scripts: list[str] = []
    while not scripts or time.monotonic() < deadline:
        seed = random.randrange(2**32)
        print(f"seed {seed}")  # noqa: T201 - shown where it fails
        script = f"script-{len(scripts)}"
        scripts.append(script)
        new = {"id": script, "kind": "character", "name": script}
        await asyncio.to_thread(server.post, f"/projects/{PROJECT}/entities", new)
        async with asyncio.timeout(200):
            await replay(server, script, trace, seed, cuts=200, ends=12)
        await asyncio.to_thread(server.kill)
        assert await stored_text(server, script) == trace.end, seed
        await asyncio.to_thread(server.start)
