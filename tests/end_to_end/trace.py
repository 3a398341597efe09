"""A recorded session of two authors, typed again by two clients of a real server."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pycrdt import Doc, Map, Text, TransactionEvent

from bench.running import RunningServer
from protocol.client import connect
from protocol.draft import Draft

TRACE = Path(__file__).resolve().parents[3] / "shared/data/traces/friendsforever.json.gz"
PROJECT, FIELD = "film", "description"


class Step(NamedTuple):
    """One thing that an author typed, when they had so many of the other's things on the screen."""

    author: int
    seen: int
    patches: list[tuple[int, int, str]]


class Trace(NamedTuple):
    steps: list[Step]
    end: str


def recorded() -> Trace:
    """The session, as its parents tell it: whoever's step it is has seen their whole past."""
    if not TRACE.is_file():
        pytest.skip(f"shared inputs absent: ../shared/data/traces/{TRACE.name}")
    recording = json.loads(gzip.decompress(TRACE.read_bytes()))
    typed = [0, 0]
    known: list[tuple[int, int]] = []  # how much of each author's is behind each step, with it
    steps: list[Step] = []
    for one in recording["txns"]:
        author: int = one["agent"]
        behind = [max((known[p][who] for p in one["parents"]), default=0) for who in (0, 1)]
        assert behind[author] == typed[author]
        typed[author] += 1
        steps.append(Step(author, behind[1 - author], one["patches"]))
        behind[author] += 1
        known.append((behind[0], behind[1]))
    return Trace(steps, recording["endContent"])


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


class Author:
    """What somebody sees and types (the screen), and a client that carries it (the draft).

    The two are apart so that the screen lags behind the line exactly as it did when the session was
    recorded. Between authors everything goes through the server.
    """

    def __init__(self, number: int, draft: Draft) -> None:
        self.draft = draft
        # Of two who typed in one place at once, Yjs puts the smaller id first; the recording's end
        # has the first author's words first.
        self.screen: Doc[Any] = Doc(client_id=1 + number)
        self._number = number
        self._typed: list[bytes] = []
        self._sent = 0
        self._seen = 0
        self._heard = asyncio.Event()
        self._progress: Map[int] = draft.doc.get("progress", type=Map)
        self.look()
        self._subscriptions = (
            self.screen.observe(self._on_screen),
            draft.doc.observe(lambda _: self._heard.set()),
        )
        self._looking = False

    @property
    def text(self) -> Text:
        fields: Map[Any] = self.screen.get("fields", type=Map)
        text: Text = fields[FIELD]
        return text

    def look(self) -> None:
        """Bring what came over the line to the screen."""
        self._looking = True
        self.screen.apply_update(self.draft.doc.get_update(self.screen.get_state()))
        self._looking = False

    def type(self, step: Step) -> None:
        """In one transaction with the count of steps, so that who has the count has the step and
        all before it, in whatever pieces and order they come.
        """
        with self.screen.transaction():
            count: Map[int] = self.screen.get("progress", type=Map)
            count[str(self._number)] = self.typed + 1
            for position, deleted, inserted in step.patches:
                if deleted:
                    del self.text[position : position + deleted]
                if inserted:
                    self.text.insert(position, inserted)

    def send(self, count: int | None = None) -> None:
        """Hand over the first ``count`` steps, also without a line."""
        count = len(self._typed) if count is None else count
        for update in self._typed[self._sent : count]:
            self.draft.doc.apply_update(update)
        self._sent = max(self._sent, count)

    async def see(self, count: int) -> None:
        """Wait until exactly so many of the other's steps are here, and look."""
        if count <= self._seen:
            return
        other = str(1 - self._number)
        while (here := self._progress.get(other, 0)) < count:
            self._heard.clear()
            await self._heard.wait()
        assert here == count
        self._seen = count
        self.look()

    @property
    def typed(self) -> int:
        return len(self._typed)

    def _on_screen(self, event: TransactionEvent) -> None:
        if not self._looking:
            self._typed.append(event.update)


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
