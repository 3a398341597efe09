"""Every kind of Yjs client that is known to join a room, told what to do in the same words.

A peer is one person: some documents, opened once, which stay open through whatever happens to the
server. Nothing here waits for a time: each wait ends with what it waits for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from pycrdt import Text

from bench.running import RunningServer
from protocol.client import Client, connect
from protocol.draft import Draft
from tests.peers.plain import Line, PycrdtLine, ShortIdLine, YpyLine

__all__ = ["FAMILIES", "HocuspocusPeer", "Node", "Peer", "ScriptPeer", "World", "YWebsocketPeer"]

PEERS = Path(__file__).parents[1] / "node" / "peers.mjs"


class Node:
    """A Node process in which the published providers live; begun with the first of them."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._ids = count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def _begin(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            self._node,
            str(PEERS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read(process))
        return process

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._reader
            await self._process.wait()

    async def ask(self, do: str, **command: Any) -> Any:
        if self._process is None:
            self._process = await self._begin()
        assert self._process.stdin is not None
        number = next(self._ids)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "do": do, **command})
        self._process.stdin.write(f"{line}\n".encode())
        return await answer

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            said = json.loads(line)
            answer = self._asked.pop(said["id"])
            if answer.done():
                continue
            if "error" in said:
                answer.set_exception(AssertionError(said["error"]))
            else:
                answer.set_result(said["answer"])
        for answer in self._asked.values():
            answer.cancel()


class Reachable(Protocol):
    """Where a published provider finds a server, and itself."""

    node: Node

    @property
    def url(self) -> str: ...


class World:
    """A running server with the project ``film``, and the Node process of a test."""

    def __init__(self, server: RunningServer, node: Node) -> None:
        self.server = server
        self.node = node
        self._peers: list[Peer] = []

    @property
    def url(self) -> str:
        return f"ws{self.server.url.removeprefix('http')}"

    def entity(self, name: str | None = None) -> str:
        """A new character, and the id of it."""
        body = {"kind": "character", "name": name or "Mara", "fields": {"description": "END"}}
        if name is not None:
            body["id"] = name
        return str(self.server.post("/projects/film/entities", body, 201)["id"])

    def token(self, user: str, role: str = "editor") -> str:
        return self.server.token_for(user, role, "film")

    async def join(self, family: str, *names: str, user: str = "ann", role: str = "editor") -> Peer:
        """A peer of a family that has documents open, with their content."""
        peer = FAMILIES[family](self, self.token(user, role))
        self._peers.append(peer)
        await peer.open(*names)
        return peer

    async def everybody_leaves(self) -> None:
        for peer in self._peers:
            await peer.leave()


class Peer(Protocol):
    acknowledges: ClassVar[bool]
    """Whether its protocol says when something is durable."""

    def __init__(self, world: World, token: str) -> None: ...

    async def open(self, *names: str) -> None: ...

    async def write(self, name: str, text: str) -> None:
        """Put something at the beginning of the prose."""
        ...

    async def has(self, name: str, *words: str) -> str:
        """Wait until the prose holds all of the words; answers it."""
        ...

    async def saved(self) -> None:
        """Wait until everything that was written is acknowledged."""
        ...

    async def point(self, name: str, user: str) -> None:
        """Be in the document as ``user``."""
        ...

    async def sees(self, name: str, user: str, *, wanted: bool = True) -> None:
        """Wait until ``user`` is there, or is not."""
        ...

    async def leave(self) -> None: ...


class _NodePeer:
    acknowledges: ClassVar[bool] = False
    family: ClassVar[str]
    path: ClassVar[str]
    _ids: ClassVar[count[int]] = count()

    def __init__(self, world: Reachable, token: str | list[str]) -> None:
        self._node = world.node
        self._url = f"{world.url}{self.path}"
        self._token = token
        self._id = next(self._ids)
        self._left = False

    async def ask(self, do: str, **command: Any) -> Any:
        return await self._node.ask(do, peer=self._id, **command)

    async def open(self, *names: str) -> None:
        await self.ask(
            "open", family=self.family, url=self._url, token=self._token, names=list(names)
        )

    async def write(self, name: str, text: str) -> None:
        await self.ask("write", name=name, text=text)

    async def has(self, name: str, *words: str) -> str:
        return str(await self.ask("has", name=name, words=words))

    async def saved(self) -> None:
        await self.ask("saved")

    async def point(self, name: str, user: str) -> None:
        await self.ask("point", name=name, user=user)

    async def sees(self, name: str, user: str, *, wanted: bool = True) -> None:
        await self.ask("sees", name=name, user=user, wanted=wanted)

    async def leave(self) -> None:
        if not self._left:
            self._left = True
            await self.ask("leave")


class HocuspocusPeer(_NodePeer):
    """``@hocuspocus/provider``, its documents on one socket."""

    acknowledges = True
    family = "hocuspocus"
    path = "/ws/projects/film"

    async def scope(self, name: str, wanted: str) -> None:
        """Wait until the server said what may be done with a document."""
        await self.ask("scope", name=name, wanted=wanted)

    async def unsynced(self, name: str) -> int:
        return int(await self.ask("unsynced", name=name))

    async def denied(self, name: str) -> str:
        """Wait until a document is denied, or was; answers the reason."""
        return str(await self.ask("denied", name=name))


class YWebsocketPeer(_NodePeer):
    """``y-websocket``, a socket for each document."""

    family = "ywebsocket"
    path = "/yjs/film"

    async def stopped(self, name: str) -> int:
        """Wait until it has stopped for good, or had; answers the close code."""
        return int(await self.ask("stopped", name=name))


class _PlainPeer:
    """A replica in Python behind the plain protocol, a socket for each document."""

    acknowledges: ClassVar[bool] = False
    line: ClassVar[type[Line]]

    def __init__(self, world: World, token: str) -> None:
        self._url = f"{world.url}/yjs/film/{{}}?token={token}"
        self._lines: dict[str, Line] = {}

    async def open(self, *names: str) -> None:
        for name in names:
            self._lines[name] = type(self).line(self._url.format(name))
        await asyncio.gather(*(line.open() for line in self._lines.values()))

    async def write(self, name: str, text: str) -> None:
        self._lines[name].write(text)

    async def has(self, name: str, *words: str) -> str:
        line = self._lines[name]
        await line.until(lambda: all(word in line.text() for word in words))
        return line.text()

    async def saved(self) -> None:
        return None

    async def point(self, name: str, user: str) -> None:
        await self._lines[name].point({"user": {"name": user}})

    async def sees(self, name: str, user: str, *, wanted: bool = True) -> None:
        line = self._lines[name]
        await line.until(lambda: (user in line.present()) is wanted)

    async def leave(self) -> None:
        for line in self._lines.values():
            await line.close()
        self._lines.clear()


class PycrdtPeer(_PlainPeer):
    """``pycrdt.Provider`` and ``pycrdt.Awareness``."""

    line = PycrdtLine


class ShortIdPeer(_PlainPeer):
    """pycrdt's client as it can be together with y-py."""

    line = ShortIdLine


class YpyPeer(_PlainPeer):
    """``y-py``, the older binding of another generation of the same library."""

    line = YpyLine


class ScriptPeer:
    """Our own client for scripts. Who is there it knows from the project's presence."""

    acknowledges: ClassVar[bool] = True

    def __init__(self, world: World, token: str) -> None:
        self._client: Client | None = connect(world.server.url, "film", token=token)
        self._drafts: dict[str, Draft] = {}
        self._people: list[str] = []
        self._happened = asyncio.Event()

    async def open(self, *names: str) -> None:
        assert self._client is not None
        await self._client.__aenter__()
        self._listener = asyncio.create_task(self._listen(self._client))
        for name in names:
            draft = self._drafts[name] = await self._client.open(name)
            draft.doc.observe(lambda _: self._happened.set())

    async def _listen(self, client: Client) -> None:
        async for event in client.events():
            if event["type"] == "presence":
                self._people = [person["name"] for person in event["people"]]
                self._happened.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._happened.clear()
            await self._happened.wait()

    async def write(self, name: str, text: str) -> None:
        prose = self._drafts[name].fields["description"]
        assert isinstance(prose, Text)
        prose.insert(0, text)

    async def has(self, name: str, *words: str) -> str:
        draft = self._drafts[name]
        await self.until(lambda: all(word in draft["description"] for word in words))
        return str(draft["description"])

    async def saved(self) -> None:
        await asyncio.gather(*(draft.saved() for draft in self._drafts.values()))

    async def point(self, name: str, user: str) -> None:
        """Its token says who it is; that is told to everybody from the hello on."""

    async def sees(self, name: str, user: str, *, wanted: bool = True) -> None:
        await self.until(lambda: (user in self._people) is wanted)

    async def leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            await client.__aexit__(None, None, None)


FAMILIES: dict[str, Callable[[World, str], Peer]] = {
    "hocuspocus": HocuspocusPeer,
    "ywebsocket": YWebsocketPeer,
    "pycrdt": PycrdtPeer,
    "pycrdt, short ids": ShortIdPeer,
    "script": ScriptPeer,
    "ypy": YpyPeer,
}
