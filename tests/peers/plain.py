"""The plain y-websocket protocol from Python: pycrdt's provider, and y-py by hand."""

from __future__ import annotations

import asyncio
import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from pycrdt import Awareness, Doc, Map, Provider, create_awareness_message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from protocol.codec import Reader
from protocol.ysync import (
    AwarenessEntry,
    SyncStep,
    decode_awareness,
    decode_sync,
    encode_awareness,
    encode_sync,
    fresh_client_id,
)

try:
    y_py: Any = importlib.import_module("y_py")
except ImportError:  # no wheel for this interpreter
    y_py = None

__all__ = ["Line", "PycrdtLine", "ShortIdLine", "YpyLine", "y_py"]

_SYNC, _AWARENESS = 0, 1
_PAUSE = 0.1


class Line(ABC):
    """One document that is connected again whenever its socket breaks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._happened = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._synced = False

    async def open(self) -> None:
        self._task = asyncio.create_task(self._stay(), name=self._url)
        await self.until(lambda: self._synced)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._happened.clear()
            await self._happened.wait()

    def happened(self) -> None:
        self._happened.set()

    def synced(self) -> None:
        self._synced = True
        self.happened()

    async def _stay(self) -> None:
        while True:
            try:
                async with connect(self._url, max_size=None, proxy=None) as socket:
                    await self.converse(socket)
            except (OSError, InvalidHandshake, ConnectionClosed):
                await asyncio.sleep(_PAUSE)

    @abstractmethod
    async def converse(self, socket: ClientConnection) -> None:
        """Speak until the socket is closed."""

    @abstractmethod
    def write(self, text: str) -> None: ...

    @abstractmethod
    def text(self) -> str: ...

    @abstractmethod
    async def point(self, state: dict[str, Any]) -> None: ...

    @abstractmethod
    def present(self) -> list[str]: ...


def _users(states: list[dict[str, Any]]) -> list[str]:
    return [state["user"]["name"] for state in states if "user" in state]


class _SocketChannel:
    """A WebSocket as ``pycrdt.Channel``; awareness, which the provider does not know, goes by."""

    def __init__(self, socket: ClientConnection, line: PycrdtLine) -> None:
        self._socket = socket
        self._line = line
        self.closed = asyncio.Event()

    @property
    def path(self) -> str:
        return "film"

    def __aiter__(self) -> _SocketChannel:
        return self

    async def __anext__(self) -> bytes:
        return await self.recv()

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send(message)
        except ConnectionClosed:
            self.closed.set()

    async def recv(self) -> bytes:
        try:
            while True:
                message = await self._socket.recv()
                assert isinstance(message, bytes)
                if message[0] == _SYNC:
                    return message
                if message[0] == _AWARENESS:
                    self._line.hear(Reader(message[1:]).var_bytes(1 << 20))
        except ConnectionClosed:
            self.closed.set()
            raise StopAsyncIteration from None


class PycrdtLine(Line):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._doc = self.make()
        self._fields: Map[Any] = self._doc.get("fields", type=Map)
        self._awareness = Awareness(self._doc)
        self._channel: _SocketChannel | None = None
        self._subscription = self._doc.observe(lambda _: self.happened())

    def make(self) -> Doc[Any]:
        return Doc()

    async def converse(self, socket: ClientConnection) -> None:
        self._channel = channel = _SocketChannel(socket, self)
        async with Provider(self._doc, channel) as provider:
            await self._tell()
            closed = asyncio.create_task(channel.closed.wait())
            await asyncio.wait(
                {closed, asyncio.create_task(provider.synced.wait())},
                return_when=asyncio.FIRST_COMPLETED,
            )
            if provider.synced.is_set():
                self.synced()
            await closed

    async def _tell(self) -> None:
        if self._channel is not None:
            update = self._awareness.encode_awareness_update([self._awareness.client_id])
            await self._channel.send(create_awareness_message(update))

    def hear(self, update: bytes) -> None:
        self._awareness.apply_awareness_update(update, "remote")
        self.happened()

    def write(self, text: str) -> None:
        self._fields["description"].insert(0, text)

    def text(self) -> str:
        return str(self._fields.get("description", ""))

    async def point(self, state: dict[str, Any]) -> None:
        self._awareness.set_local_state(state)
        await self._tell()

    def present(self) -> list[str]:
        return _users(list(self._awareness.states.values()))


class ShortIdLine(PycrdtLine):
    """Under a client id of 32 bits, for documents that y-py shares: it cuts longer ones off."""

    def make(self) -> Doc[Any]:
        return Doc(client_id=fresh_client_id())


class YpyLine(Line):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._doc = y_py.YDoc()
        self._fields = self._doc.get_map("fields")
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._applying = False
        self._connected = False
        self._clock = 0
        self._state: dict[str, Any] | None = None
        self._states: dict[int, dict[str, Any]] = {}
        self._subscription = self._doc.observe_after_transaction(self._changed)

    async def converse(self, socket: ClientConnection) -> None:
        self._outgoing = asyncio.Queue()
        self._connected = True
        self._say(SyncStep.STEP_1, y_py.encode_state_vector(self._doc))
        self._tell()
        writer = asyncio.create_task(self._write(socket))
        try:
            while True:
                message = await socket.recv()
                assert isinstance(message, bytes)
                self._hear(Reader(message))
        finally:
            self._connected = False
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(await self._outgoing.get())

    def _say(self, step: SyncStep, data: bytes) -> None:
        self._outgoing.put_nowait(bytes((_SYNC,)) + encode_sync(step, data))

    def _hear(self, reader: Reader) -> None:
        match reader.var_uint():
            case 0:
                self._hear_sync(*decode_sync(reader))
            case 1:
                for entry in decode_awareness(reader):
                    self._states.pop(entry.client, None)
                    if not entry.gone:
                        self._states[entry.client] = json.loads(entry.state)
        self.happened()

    def _hear_sync(self, step: SyncStep, data: bytes) -> None:
        if step is SyncStep.STEP_1:
            self._say(SyncStep.STEP_2, y_py.encode_state_as_update(self._doc, data))
            return
        self._applying = True
        try:
            y_py.apply_update(self._doc, data)
        finally:
            self._applying = False
        if step is SyncStep.STEP_2:
            self.synced()

    def _changed(self, event: Any) -> None:
        if self._connected and not self._applying:
            self._say(SyncStep.UPDATE, event.get_update())

    def _tell(self) -> None:
        if self._connected and self._state is not None:
            self._clock += 1
            entry = AwarenessEntry(self._doc.client_id, self._clock, json.dumps(self._state))
            self._outgoing.put_nowait(bytes((_AWARENESS,)) + encode_awareness([entry]))

    def write(self, text: str) -> None:
        with self._doc.begin_transaction() as transaction:
            self._fields["description"].insert(transaction, 0, text)

    def text(self) -> str:
        return str(self._fields.get("description", ""))

    async def point(self, state: dict[str, Any]) -> None:
        self._state = state
        self._tell()

    def present(self) -> list[str]:
        return _users(list(self._states.values()))
