"""A real session of two people in one text comes out as it did, whatever happens to the line."""

from __future__ import annotations

import asyncio

from bench.running import RunningServer
from server.datadir import DataDir
from server.domain.drafts import read_values
from server.rooms.document import encode_stored
from server.storage import SqliteStorage
from tests.end_to_end.trace import ENTITY, FIELD, PROJECT, recorded, replay

SEED = 20261122


async def stored_text(server: RunningServer) -> str:
    """What the disk has, after the server has ended."""
    storage = await SqliteStorage.open(DataDir(server.data).database)
    stored = await storage.load_document(PROJECT, ENTITY)
    await storage.close()
    return str(read_values(await encode_stored(stored))[FIELD])


async def test_two_authors_end_where_they_did_through_cuts_and_restarts(
    server: RunningServer,
) -> None:
    trace = recorded()
    server.import_project(PROJECT, {"characters": [{"id": ENTITY, "name": "Script"}]})
    async with asyncio.timeout(100):
        await replay(server, trace, SEED, cuts=24, ends=3)
    await asyncio.to_thread(server.stop)
    assert await stored_text(server) == trace.end
