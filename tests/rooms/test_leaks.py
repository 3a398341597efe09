"""What a connection brought with it goes with it: over real sockets, checked by weak references."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from pycrdt import Doc
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from bench.wire import Wire, connect
from protocol import hocuspocus
from protocol.hocuspocus import encode_auth_token, encode_awareness_frame, encode_step_one
from protocol.ysync import AwarenessEntry
from server.rooms.channel import Channel
from server.rooms.connection import Connection
from server.rooms.document import DraftDocument
from server.rooms.outbox import Outbox
from server.rooms.registry import RealTimeSyncManager
from server.rooms.session import Session
from server.rooms.settings import RoomSettings
from server.web.live import LiveEndpoint
from tests.rooms.fakes import Client, FakeCore, FakeGate, FakeStore
from tests.rooms.live import STATE

PEOPLE = 50
WHAT_GOES = (Connection, Session, Outbox, Channel, DraftDocument, Doc)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """The address of a server that publishes at once what was typed, and puts a document away as
    soon as nobody has it open.
    """
    core = FakeCore(description="", age=30)
    core.prose_quiet = 0.01

    async def open_core(_: str) -> FakeCore:
        return core

    gate = FakeGate()
    manager = RealTimeSyncManager(
        open_core=open_core,
        store=FakeStore(hero=STATE),
        gate=gate,
        settings=RoomSettings(unload_after=0.01),
    )
    live = LiveEndpoint(manager, gate)
    routes = [
        WebSocketRoute("/ws/projects/{project_id}", live),
        WebSocketRoute("/yjs/{project_id}/{entity_id}", live),
    ]
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Starlette(routes=routes), ws="websockets-sansio", log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await manager.aclose()
        server.should_exit = True
        await task
        listener.close()


async def come(url: str, number: int, update: bytes) -> Wire:
    """Somebody who opens the document, points somewhere in it, and edits it."""
    saved = asyncio.get_running_loop().create_future()

    def hear(frame: bytes) -> None:
        if isinstance(hocuspocus.decode_answer(frame), hocuspocus.SyncStatus) and not saved.done():
            saved.set_result(None)

    wire = await connect(f"{url}/ws/projects/film?token=user-{number}", hear)
    wire.send(encode_auth_token("hero", ""))
    wire.send(encode_step_one("hero", b"\x00"))
    pointing = AwarenessEntry(1000 + number, 1, '{"cursor": 0}')
    wire.send(encode_awareness_frame("hero", [pointing]))
    wire.send(hocuspocus.encode_update("hero", update))
    await saved
    return wire


def alive(before: set[int]) -> list[weakref.ref[Any]]:
    """Whatever of the kinds that must go exists, and did not before."""
    return [
        weakref.ref(one)
        for one in gc.get_objects()
        if isinstance(one, WHAT_GOES) and id(one) not in before
    ]


async def test_R25_nothing_of_50_connections_is_left_after_they_have_gone(url: str) -> None:
    updates = [Client(STATE).type(f"{number} ") for number in range(PEOPLE)]
    gc.collect()
    before = {id(one) for one in gc.get_objects() if isinstance(one, WHAT_GOES)}
    people = await asyncio.gather(
        *(come(url, number, update) for number, update in enumerate(updates))
    )
    left = alive(before)
    kinds = [type(found) for found in (ref() for ref in left) if found is not None]
    assert kinds.count(Connection) == PEOPLE
    assert kinds.count(Channel) == 1
    for number, wire in enumerate(people):
        if number % 2:
            wire.close()  # a line that breaks
        else:
            wire.send(b"\xff" * 20)  # put out: this cannot be read
    async with asyncio.timeout(20):
        while left:
            await asyncio.sleep(0)
            gc.collect()  # takes its time: this does not spin
            left = [ref for ref in left if ref() is not None]
