"""A client that behaves, and watches how long it waits."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Self

from pycrdt import Doc, Text

from bench.wire import Wire, connect
from protocol import hocuspocus

__all__ = ["Typist"]


class Typist:
    """One document over one socket of its own, with its own Yjs replica.

    ``waits`` holds the seconds from each edit to its acknowledgement; ``seen`` when each length of
    the text was reached here first.
    """

    def __init__(self, key: str, root: str) -> None:
        self.key = key
        self.doc: Doc[Any] = Doc()
        self.text: Text = self.doc.get(root, type=Text)
        self.waits: list[float] = []
        self.seen: dict[int, float] = {}
        self.refused = 0
        self._sent: deque[float] = deque()
        self._wire: Wire | None = None

    async def connect(self, url: str) -> Self:
        self._wire = await connect(url, self._hear)
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
        before = self.doc.get_state()
        self.text += words
        self._sent.append(time.monotonic())
        self._say(hocuspocus.encode_update(self.key, self.doc.get_update(before)))

    def leave(self) -> None:
        if self._wire is not None:
            self._wire.close()

    def _say(self, frame: bytes) -> None:
        assert self._wire is not None
        self._wire.send(frame)

    def _hear(self, frame: bytes) -> None:
        match hocuspocus.decode_answer(frame):
            case hocuspocus.StepOne(_, state):
                self._sent.append(time.monotonic())
                missing = self.doc.get_update(state)
                self._say(hocuspocus.encode_step_two(self.key, missing))
            case hocuspocus.StepTwo(_, update) | hocuspocus.Update(_, update):
                self.doc.apply_update(update)
                self.seen.setdefault(len(self.text), time.monotonic())
            case hocuspocus.SyncStatus(_, applied):
                self.waits.append(time.monotonic() - self._sent.popleft())
                self.refused += not applied
