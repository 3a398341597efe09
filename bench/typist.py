"""Somebody types in a document while something else goes on, and somebody else reads along."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pycrdt import Doc, Text

from bench.load import resident
from bench.running import RunningServer
from bench.wire import Wire, connect
from protocol import hocuspocus

__all__ = ["Typist", "resident"]

BETWEEN = 0.02
"""Seconds between two keys: a few quick typists together."""


class Typist:
    """``shown`` and ``saved``: seconds from each key to the other client, and to durable."""

    def __init__(self, running: RunningServer, project_id: str, document: str) -> None:
        url = f"ws://127.0.0.1:{running.port}/ws/projects/{project_id}"
        self._url = f"{url}?token={running.token}"
        self._document = document
        self._sent: list[float] = []
        self._wires: list[Wire] = []
        self.shown: list[float] = []
        self.saved: list[float] = []
        self._made: list[bytes] = []
        self._all_saved = asyncio.Event()
        self._text: Any = None
        self._doc: Doc[Any] = Doc()

    async def open(self) -> None:
        self._wires = [await self._joined(self._status), await self._joined(self._update)]
        self._text = self._doc.get("typing", type=Text)
        self._doc.observe(lambda event: self._made.append(event.update))

    async def _joined(self, hear: Any) -> Wire:
        wire = await connect(self._url, hear)
        wire.send(hocuspocus.encode_auth_token(self._document, ""))
        wire.send(hocuspocus.encode_step_one(self._document, b"\x00"))
        await asyncio.sleep(0.5)
        return wire

    def _status(self, frame: bytes) -> None:
        if isinstance(hocuspocus.decode_answer(frame), hocuspocus.SyncStatus):
            self.saved.append(time.perf_counter() - self._sent[len(self.saved)])
            if len(self.saved) == len(self._sent):
                self._all_saved.set()

    def _update(self, frame: bytes) -> None:
        if self._sent and isinstance(hocuspocus.decode_answer(frame), hocuspocus.Update):
            now = time.perf_counter()
            # What arrives within one round is merged: everything that was sent is in it by now.
            self.shown += [now - sent for sent in self._sent[len(self.shown) :]]

    async def type(self, until: asyncio.Event) -> None:
        """A key at a time, until something has happened; then until all of them are saved."""
        while not until.is_set():
            self._text.insert(len(self._text), "z")
            self._sent.append(time.perf_counter())
            self._wires[0].send(hocuspocus.encode_update(self._document, self._made.pop()))
            await asyncio.sleep(BETWEEN)
        self._all_saved.clear()
        async with asyncio.timeout(30):
            if len(self.saved) < len(self._sent):
                await self._all_saved.wait()

    def close(self) -> None:
        for wire in self._wires:
            wire.close()
