"""A client for scripts: follow a project's events, and edit its drafts, over one socket.

::

    async with connect("http://127.0.0.1:8000", "my-film", token=token) as film:
        coat = await film.open("keepers-coat")
        coat["colour"] = "#204060"
        await coat.saved()
        print((await film.resolved("sh010"))["prompt"])
        async for event in film.events():
            print(event["type"], event.get("affected_entities"))
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_socket
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from protocol import hocuspocus
from protocol.codec import normal_id
from protocol.draft import Draft
from protocol.errors import (
    Forbidden,
    Malformed,
    NotFound,
    RipplecutError,
    TooSlow,
    Unauthenticated,
    Unavailable,
)
from protocol.snapshot import read_resolved

__all__ = ["Client", "connect"]

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 15.0
MOST_EVENTS = 10_000
"""So many events wait for a program; then it is told to take a fresh snapshot."""
_FINAL: dict[int, type[RipplecutError]] = {
    4401: Unauthenticated,
    4403: Forbidden,
    4404: NotFound,
}


def connect(
    url: str,
    project_id: str,
    *,
    token: str | Callable[[], str],
    subscribe: Literal["all"] | Iterable[str] = "all",
    rng: Callable[[], float] = random.random,
) -> Client:
    """A client of one project, to be entered with ``async with``.

    ``url`` is the server's address (``http://`` or ``ws://``, with an ``s`` too); any other raises
    ValueError. Entering raises Unauthenticated,
    Forbidden or NotFound where the server does so, and Unavailable where nobody answers. After
    that a lost line is mended: events go on where they stopped, drafts merge.

    ``token`` may be a function, which is asked for each connection, and again before a token ends.
    """
    wanted: Literal["all"] | list[str] = "all" if subscribe == "all" else list(subscribe)
    tokens = token if callable(token) else lambda: token
    return Client(_address(url, project_id), tokens, wanted, rng)


def _address(url: str, project_id: str) -> str:
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise ValueError(f"{url!r} is not the address of a server")
    project = quote(project_id, safe="")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/ws/projects/{project}"


class Client:
    """One socket of one project. Made by ``connect``."""

    def __init__(
        self,
        address: str,
        token: Callable[[], str],
        subscribe: Literal["all"] | list[str],
        rng: Callable[[], float],
    ) -> None:
        self._address = address
        self._token = token
        self._subscribe = subscribe
        self._rng = rng
        self._socket: ClientConnection | None = None
        self._drafts: dict[str, Draft] = {}
        self._events: asyncio.Queue[dict[str, Any] | RipplecutError] = asyncio.Queue()
        self._outgoing: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._position: tuple[str, int] | None = None
        self._overflowed = False
        self._ended: RipplecutError | None = None
        self._task: asyncio.Task[None] | None = None
        self._welcomed: asyncio.Future[dict[str, Any]] | None = None
        self.welcome: dict[str, Any] = {}
        """The server's last ``welcome``: epoch, seq, user, role, resumed."""

    async def __aenter__(self) -> Self:
        self._welcomed = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name=f"client of {self._address}")
        try:
            await self._welcomed
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for draft in self._drafts.values():
            draft.closed()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Everything that the server tells, in order, from entering on.

        ``{"type": "resync"}`` means that something was missed (the stream no longer reaches back,
        or this program was too slow): take a fresh snapshot by REST. Raises what ended the
        connection for good.
        """
        while True:
            event = await self._events.get()
            if isinstance(event, RipplecutError):
                self._events.put_nowait(event)  # for whoever asks again
                raise event
            self._overflowed = self._overflowed and not self._events.empty()
            yield event

    async def open(self, entity_id: str) -> Draft:
        """An entity's draft, with the server's content. Raises NotFound, Forbidden.

        Asked again for the same entity, it is the same draft.
        """
        if self._ended is not None:
            raise self._ended
        name = normal_id(entity_id)
        draft = self._drafts.get(name)
        if draft is None:
            draft = self._drafts[name] = Draft(name, self._outgoing.put_nowait)
            if self._socket is not None:
                self._say(*draft.connected())
        try:
            await draft.synced()
        except RipplecutError:
            self._drafts.pop(name, draft).closed()
            raise
        return draft

    async def resolved(self, entity_id: str) -> dict[str, Any]:
        """An entity as it looks now, every reference at its resolved version, with its ``hash``.

        Raises NotFound, Forbidden, Unauthenticated, Unavailable.
        """
        base, project = self._address.rsplit("/ws/projects/", 1)
        url = f"{base.replace('ws', 'http', 1)}/api/v1/projects/{project}"
        return await asyncio.to_thread(read_resolved, url, normal_id(entity_id), self._token())

    def subscribe(self, entities: Literal["all"] | Iterable[str]) -> None:
        """Hear of these entities too."""
        wanted: Literal["all"] | list[str] = "all" if entities == "all" else list(entities)
        if wanted == "all" or self._subscribe == "all":
            self._subscribe = "all"
        else:
            self._subscribe = [*self._subscribe, *wanted]
        if self._socket is not None:
            self._say(_text({"type": "subscribe", "entities": wanted}))

    # -- the line ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._stay_connected()
        except Exception as error:
            # Whoever waits must not wait for a task that is gone.
            self._end(RipplecutError(f"The client cannot go on: {error}"))

    async def _stay_connected(self) -> None:
        pause = FIRST_PAUSE
        while True:
            failure = Unavailable("The line broke")
            try:
                async with connect_socket(self._address, max_size=None, proxy=None) as socket:
                    pause = FIRST_PAUSE
                    await self._converse(socket)
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                reason = closed.rcvd.reason if closed.rcvd else "the line broke"
                meaning = _FINAL.get(code)
                if meaning is not None:
                    return self._end(meaning(reason))
                failure = Unavailable(reason)
            except (OSError, InvalidHandshake, Malformed, ValueError) as error:
                failure = Unavailable(f"The server does not answer: {error}")
            finally:
                self._disconnected()
            if self._welcomed is not None and not self._welcomed.done():
                return self._end(failure)
            await asyncio.sleep(pause * (0.5 + self._rng()))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _converse(self, socket: ClientConnection) -> None:
        hello: dict[str, Any] = {
            "type": "hello",
            "token": self._token(),
            "subscribe": self._subscribe,
        }
        if self._position is not None:
            hello["resume"] = {"epoch": self._position[0], "seq": self._position[1]}
        await socket.send(_text(hello))
        writer = asyncio.create_task(self._write(socket))
        try:
            while True:
                frame = await socket.recv()
                if isinstance(frame, str):
                    self._hear(orjson.loads(frame), socket)
                else:
                    self._take(hocuspocus.decode_answer(frame))
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(await self._outgoing.get())

    def _say(self, *messages: bytes | str) -> None:
        for message in messages:
            self._outgoing.put_nowait(message)

    def _hear(self, frame: dict[str, Any], socket: ClientConnection) -> None:
        match frame["type"]:
            case "welcome":
                self._greeted(frame, socket)
                return
            case "pong":
                return
            case "token":
                self._say(_text({"type": "token", "token": self._token()}))
                return
            case "role":
                self.welcome = {**self.welcome, "role": frame["role"]}
            case "resync":
                self._position = None
            case _ if "seq" in frame and self._position is not None:
                self._position = (self._position[0], frame["seq"])
        self._offer(frame)

    def _greeted(self, frame: dict[str, Any], socket: ClientConnection) -> None:
        missed = self._position is not None and not frame["resumed"]
        self.welcome = frame
        self._position = (frame["epoch"], frame["seq"])
        self._socket = socket
        for draft in self._drafts.values():
            self._say(*draft.connected())
        if self._welcomed is not None and not self._welcomed.done():
            self._welcomed.set_result(frame)
        if missed:
            self._offer({"type": "resync", "reason": "The stream does not reach back that far"})

    def _take(self, message: hocuspocus.ServerMessage) -> None:
        match message:
            case hocuspocus.Ping():
                self._say(hocuspocus.PONG)
            case hocuspocus.Pong() | hocuspocus.TokenRequest():
                # The documents rest on the token of the hello; for that the server asks by text.
                return
            case _:
                draft = self._drafts.get(message.key)
                if draft is not None:
                    draft.receive(message)

    def _offer(self, event: dict[str, Any]) -> None:
        """Queue an event; past the bound, one note that some are missing stands for all."""
        if self._events.qsize() < MOST_EVENTS:
            self._events.put_nowait(event)
        elif not self._overflowed:
            self._overflowed = True
            self._events.put_nowait({"type": "resync", "reason": TooSlow.code})

    def _disconnected(self) -> None:
        self._socket = None
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        for draft in self._drafts.values():
            draft.disconnected()

    def _end(self, error: RipplecutError) -> None:
        self._ended = error
        for draft in self._drafts.values():
            draft.ended(error)
        self._events.put_nowait(error)
        if self._welcomed is not None and not self._welcomed.done():
            self._welcomed.set_exception(error)


def _text(frame: dict[str, Any]) -> str:
    return orjson.dumps(frame).decode()
