"""A receiver of webhooks on this machine: keeps what it is sent, answers what it is told to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PATIENCE = 20.0


@dataclass(frozen=True)
class Received:
    """One request; names of headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """``answers`` are given in turn, then 204; where ``hold`` is set, none is before it is."""

    port: int
    answers: list[int] = field(default_factory=list)
    extra: str = ""
    hold: asyncio.Event | None = None
    here: int = 0
    most: int = 0
    _got: asyncio.Queue[Received] = field(default_factory=asyncio.Queue)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def next(self) -> Received:
        return await asyncio.wait_for(self._got.get(), PATIENCE)

    @property
    def empty(self) -> bool:
        return self._got.empty()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.rstrip().split("\r\n")
                pairs = (line.split(": ", 1) for line in lines)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.here += 1
                self.most = max(self.most, self.here)
                self._got.put_nowait(Received(first.split(" ")[1], headers, body))
                if self.hold is not None:
                    await self.hold.wait()
                self.here -= 1
                status = self.answers.pop(0) if self.answers else 204
                writer.write(
                    f"HTTP/1.1 {status} X\r\n{self.extra}content-length: 0\r\n\r\n".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        receiver = Receiver(found.getsockname()[1])
        server = await asyncio.start_server(receiver.take, sock=found)
        try:
            yield receiver
        finally:
            if receiver.hold is not None:
                receiver.hold.set()
            server.close()
            server.close_clients() if hasattr(server, "close_clients") else None
