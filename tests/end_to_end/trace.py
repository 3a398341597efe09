"""A recorded session of two authors, typed again by two clients of a real server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from bench import trace as sessions
from bench.running import RunningServer
from bench.trace import FIELD, TRACE, Author, Trace
from protocol.client import connect

__all__ = ["FIELD", "PROJECT", "recorded", "replay"]

PROJECT = "film"


def recorded() -> Trace:
    """The recorded session; skips the test where it is not there."""
    found = sessions.recorded()
    if found is None:
        pytest.skip(f"shared inputs absent: ../shared/data/traces/{TRACE.name}")
    return found


class Line:
    """A relay between a client and the server, which can be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: set[asyncio.WriteTransport] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        for transport in list(self._open):
            transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer.transport, out.transport}
        self._open |= ends
        await asyncio.gather(_pump(reader, out), _pump(there, writer))
        self._open -= ends


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.transport.abort()


async def replay(
    server: RunningServer, entity: str, trace: Trace, seed: int, *, cuts: int, ends: int
) -> None:
    """Type it all, while lines are cut and the server ends (in order, or killed) and starts anew.

    Both authors have the end of the recording on their screens then, and on the disk it is too.
    """
    chance = random.Random(seed)
    cut_at = set(chance.sample(range(len(trace.steps)), cuts))
    end_at = set(chance.sample(range(len(trace.steps)), ends))
    restarting: asyncio.Future[None] | None = None
    async with AsyncExitStack() as stack:
        lines = [Line(server.port), Line(server.port)]
        authors: list[Author] = []
        for number, line in enumerate(lines):
            port = await stack.enter_async_context(line.listening())
            url = f"http://127.0.0.1:{port}"
            client = connect(url, PROJECT, token=server.token, subscribe=[], rng=lambda: 0.0)
            draft = await (await stack.enter_async_context(client)).open(entity)
            authors.append(Author(number, draft))
        for number, step in enumerate(trace.steps):
            if number in cut_at:
                for line in chance.sample(lines, chance.randint(1, 2)):
                    line.cut()
            if number in end_at:
                if restarting is not None:
                    await restarting
                end = server.kill if chance.random() < 0.5 else server.stop
                restarting = asyncio.ensure_future(asyncio.to_thread(_restart, server, end))
            author, other = authors[step.author], authors[1 - step.author]
            other.send(step.seen)
            await author.see(step.seen)
            author.type(step)
        if restarting is not None:
            await restarting
        for author in authors:
            author.send()
        for author, other in (authors, authors[::-1]):
            await author.see(other.typed)
            await author.draft.saved()
            assert str(author.text) == trace.end
            assert author.draft[FIELD] == trace.end


def _restart(server: RunningServer, end: Any) -> None:
    end()
    server.start()
