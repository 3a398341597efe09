"""A manager over fakes, and the clients that tests attach to it."""

from __future__ import annotations

import json
from typing import Any

from protocol import hocuspocus
from protocol.codec import Reader, var_string
from protocol.ysync import AwarenessEntry
from server.rooms.access import Grant, Role
from server.rooms.registry import RealTimeSyncManager
from server.rooms.settings import RoomSettings
from tests.rooms.fakes import Client, FakeCore, FakeGate, FakeStore, FakeTimers, Wire, grant, seed

STATE = seed(description="", age=30)


class Stage:
    """One project with a character ``hero``."""

    def __init__(self, **bounds: Any) -> None:
        self.timers = FakeTimers()
        self.core = FakeCore(description="", age=30)
        self.store = FakeStore(hero=STATE)
        self.opened = 0
        self.gate = FakeGate()
        self.manager = RealTimeSyncManager(
            open_core=self._open_core,
            store=self.store,
            gate=self.gate,
            settings=RoomSettings(**bounds),
            timers=self.timers,
        )

    async def _open_core(self, _: str) -> FakeCore:
        self.opened += 1
        await self.timers.sleep(0)
        return self.core

    @property
    def room(self) -> str:
        """How far the project's room is."""
        if "film" in self.manager._opening:
            return "loading"
        room = self.manager._rooms.get("film")
        return "gone" if room is None else room.state.name.lower()

    def socket(self, who: Grant | None) -> Socket:
        return Socket(self, who)

    def ann(self) -> Socket:
        return self.socket(grant("ann"))

    async def joined(self, user: str = "ann", **hello: Any) -> Socket:
        """A socket that said hello; what it was told up to here is forgotten."""
        socket = self.socket(grant(user))
        await socket.say("hello", **{"subscribe": "all", **hello})
        await self.timers.advance()
        socket.wire.take()
        return socket

    async def opened_by(self, user: str = "ann", role: Role = Role.EDITOR) -> Socket:
        """A socket that has ``hero`` open and its content; what came up to here is forgotten."""
        socket = self.socket(grant(user, role))
        await socket.open()
        socket.wire.take()
        return socket

    def emit(self, *concerns: str) -> int:
        event = self.core.commit("version_created", *concerns)
        self.manager.publish("film", [event])
        return event.seq


class Socket:
    """One connection and the Yjs client behind it."""

    def __init__(self, stage: Stage, who: Grant | None) -> None:
        self.stage = stage
        self.wire = Wire()
        self.yjs = Client(STATE)
        self.connection = stage.manager.attach("film", self.wire.write, who)

    async def say(self, type_: str, **members: Any) -> None:
        await self.connection.receive_text(json.dumps({"type": type_, **members}))

    async def auth(self, key: str = "hero", token: str = "") -> None:
        frame = var_string(key) + b"\x02\x00" + var_string(token) + var_string("4.8.0")
        await self.connection.receive_bytes(frame)

    async def open(self, key: str = "hero") -> None:
        await self.auth(key)
        state = self.yjs.doc.get_state()
        await self.connection.receive_bytes(hocuspocus.encode_step_one(key, state))

    async def send(self, update: bytes, key: str = "hero") -> None:
        await self.connection.receive_bytes(hocuspocus.encode_update(key, update))

    async def point(self, *entries: AwarenessEntry, key: str = "hero") -> None:
        await self.connection.receive_bytes(hocuspocus.encode_awareness_frame(key, entries))

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.wire.frames if isinstance(frame, str)]

    def of_type(self, type_: str) -> list[dict[str, Any]]:
        return [frame for frame in self.told if frame["type"] == type_]

    @property
    def heard(self) -> list[str]:
        """The binary frames, by what they are."""
        return [describe(frame) for frame in self.wire.frames if isinstance(frame, bytes)]


def describe(frame: bytes) -> str:
    """A server's binary frame in words: ``step 2``, ``status 1``, ``denied: …``."""
    if frame == hocuspocus.PING:
        return "ping"
    reader = Reader(frame)
    reader.var_string(1024)
    kind = reader.var_uint()
    if kind == 0:
        return ("step 1", "step 2", "update")[reader.var_uint()]
    if kind == 1:
        return "awareness"
    if kind == 2:
        verdict = reader.var_uint()
        if verdict == 0:
            return "token?"
        text = reader.var_string(1024)
        return f"denied: {text}" if verdict == 1 else text
    if kind == 7:
        return f"close: {reader.var_string(1024)}"
    return f"status {reader.var_uint()}"


def updates(socket: Socket) -> list[bytes]:
    """The document updates that a socket received."""
    frames = [frame for frame in socket.wire.frames if isinstance(frame, bytes)]
    messages = [hocuspocus.decode(one) for one in frames if describe(one) == "update"]
    return [one.update for one in messages if isinstance(one, hocuspocus.Update)]
