"""A client that behaves, and watches how long it waits."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from pycrdt import Doc, Text

from bench.wire import Wire, connect
from protocol import hocuspocus

__all__ = ["Typist", "reached"]


async def reached(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for what several replicas and lines have to come to; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - no one event says it
            await asyncio.sleep(0.005)


class Typist:
    """One document, with a Yjs replica of its own that outlives its lines, and one text in it.

    ``waits`` holds the seconds from each edit to its acknowledgement, ``seen`` when each length of
    the text came here first, ``acknowledged`` the text that is known to be durable.
    """

    def __init__(self, key: str, root: str) -> None:
        self.key = key
        self.root = root
        self.doc: Doc[Any] = Doc()
        self.text: Text = self.doc.get(root, type=Text)
        self.acknowledged = ""
        self.waits: list[float] = []
        self.seen: dict[int, float] = {}
        self.refused = 0
        self.synced = False
        self._asked = False
        self._sent: deque[tuple[float, str]] = deque()
        self._wire: Wire | None = None

    async def connect(self, url: str) -> Self:
        """Open the document on a line of its own; raises ConnectionError and OSError."""
        self.leave()
        wire = await connect(url, lambda frame: self._hear(wire, frame))
        self._wire = wire
        self._say(hocuspocus.encode_auth_token(self.key, ""))
        self._say(hocuspocus.encode_step_one(self.key, self.doc.get_state()))
        return self

    @property
    def alive(self) -> bool:
        return self._wire is not None and not self._wire.closed

    @property
    def waiting(self) -> int:
        """Edits that have not been acknowledged."""
        return len(self._sent)

    def type(self, words: str) -> None:
        """Append, and send it where the line holds and the server has asked for what it lacks."""
        self.edit(len(str(self.text).encode()), 0, words)

    def edit(self, begin: int, count: int, words: str) -> None:
        """Replace so many bytes of the text."""
        state = self.doc.get_state()
        with self.doc.transaction():
            if count:
                del self.text[begin : begin + count]
            self.text.insert(begin, words)
        if self.alive and self._asked:
            self._expect(self.doc.get_update(state), hocuspocus.encode_update)

    def pause(self, paused: bool) -> None:
        """Read nothing of what comes, or go on."""
        if self._wire is not None and self.alive:
            self._wire.pause(paused)

    def leave(self) -> None:
        wire, self._wire = self._wire, None
        self.synced = self._asked = False
        self._sent.clear()
        if wire is not None:
            wire.close()

    def _expect(self, update: bytes, encode: Callable[[str, bytes], bytes]) -> None:
        self._sent.append((time.monotonic(), str(self.text)))
        self._say(encode(self.key, update))

    def _say(self, frame: bytes) -> None:
        if self._wire is not None:
            self._wire.send(frame)

    def _hear(self, wire: Wire, frame: bytes) -> None:
        if wire is not self._wire:
            return
        match hocuspocus.decode_answer(frame):
            case hocuspocus.StepOne(_, state):
                self._asked = True
                self._expect(self.doc.get_update(state), hocuspocus.encode_step_two)
            case (hocuspocus.StepTwo(_, update) | hocuspocus.Update(_, update)) as message:
                self.synced = self.synced or isinstance(message, hocuspocus.StepTwo)
                self.doc.apply_update(update)
                self.seen.setdefault(len(self.text), time.monotonic())
            case hocuspocus.SyncStatus(_, applied):
                begun, text = self._sent.popleft()
                self.waits.append(time.monotonic() - begun)
                self.refused += not applied
                self.acknowledged = text
