"""A draft as a program holds it: a Yjs document that follows the server's, without I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from pycrdt import Doc, Map, Subscription, Text, TransactionEvent

from protocol import hocuspocus
from protocol.errors import Forbidden, NotFound, RipplecutError
from protocol.ysync import EMPTY_STATE_VECTOR, fresh_client_id

__all__ = ["Draft"]


class Draft:
    """An entity's draft. Fields read and set like those of a dictionary; prose is text.

    What is set while the line is down is kept, and merged when it is back. ``doc`` is the pycrdt
    document itself, for everything else.
    """

    def __init__(self, name: str, send: Callable[[bytes], None]) -> None:
        self.name = name
        self.doc: Doc[Any] = Doc(client_id=fresh_client_id())
        self.fields: Map[Any] = self.doc.get("fields", type=Map)
        self.read_only = False
        self._send = send
        self._settled = False
        self._applying = False
        self._unsaved = 0
        self._refused = 0
        self._error: RipplecutError | None = None
        self._change: asyncio.Future[None] | None = None
        self._subscription: Subscription | None = self.doc.observe(self._on_transaction)
        self._synced = False

    # -- fields ------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        value = self.fields[name]
        return str(value) if isinstance(value, Text) else value

    def __setitem__(self, name: str, value: Any) -> None:
        """Set a field. Prose is changed where it differs, so that others' typing stays."""
        here = self.fields.get(name)
        if isinstance(here, Text) and isinstance(value, str):
            _rewrite(here, value)
        else:
            self.fields[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields.keys())

    # -- waiting -----------------------------------------------------------------------------------

    @property
    def unsaved(self) -> int:
        """How many edits the server has not yet made durable."""
        return self._unsaved

    async def synced(self) -> None:
        """Wait until the server's content is here. Raises what the server refused it with."""
        await self._until(lambda: self._synced)

    async def saved(self) -> None:
        """Wait until everything that was set is durable on the server.

        Raises Forbidden where the server refused an edit; it is still in ``doc`` then.
        """
        await self._until(lambda: self._settled and self._unsaved == 0)
        if self._refused:
            self._refused = 0
            raise Forbidden(f"The server did not take an edit of {self.name!r}")

    async def _until(self, condition: Callable[[], bool]) -> None:
        while self._error is None and not condition():
            if self._change is None:
                self._change = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._change)
        if self._error is not None:
            raise self._error

    # -- the wire ----------------------------------------------------------------------------------

    def connected(self) -> list[bytes]:
        """The frames that open the document on a fresh connection."""
        self._unsaved = 0
        return [
            hocuspocus.encode_auth_token(self.name, ""),
            hocuspocus.encode_step_one(self.name, self.doc.get_state()),
        ]

    def disconnected(self) -> None:
        self._settled = False
        self._wake()

    def ended(self, error: RipplecutError) -> None:
        """It cannot be had any more; who waits is told."""
        self._error = error
        self._settled = False
        self._wake()

    def closed(self) -> None:
        """Nothing is sent any more. A document that is still observed would never be freed."""
        if self._subscription is not None:
            self.doc.unobserve(self._subscription)
            self._subscription = None

    def receive(self, message: hocuspocus.ServerMessage) -> None:
        """Take one of the server's frames about this document."""
        match message:
            case hocuspocus.Scope(_, read_only):
                self.read_only = read_only
            case hocuspocus.Refusal(_, reason):
                self.ended(NotFound(reason))
            case hocuspocus.StepOne(_, state_vector):
                missing = self.doc.get_update(state_vector or EMPTY_STATE_VECTOR)
                self._unsaved += 1
                self._settled = True
                self._send(hocuspocus.encode_step_two(self.name, missing))
            case hocuspocus.StepTwo(_, update):
                self._apply(update)
                self._synced = True
            case hocuspocus.Update(_, update):
                self._apply(update)
            case hocuspocus.SyncStatus(_, applied):
                self._unsaved = max(0, self._unsaved - 1)
                self._refused += not applied
            case _:
                return
        self._wake()

    def _apply(self, update: bytes) -> None:
        self._applying = True
        try:
            self.doc.apply_update(update)
        finally:
            self._applying = False

    def _on_transaction(self, event: TransactionEvent) -> None:
        # What is set before the server has asked goes with the answer to that.
        if self._applying or not self._settled:
            return
        self._unsaved += 1
        self._send(hocuspocus.encode_update(self.name, event.update))

    def _wake(self) -> None:
        change, self._change = self._change, None
        if change is not None and not change.done():
            change.set_result(None)


def _rewrite(text: Text, wanted: str) -> None:
    """Change a text where it differs from ``wanted``: its beginning and its end stay."""
    here = str(text)
    start = 0
    while start < min(len(here), len(wanted)) and here[start] == wanted[start]:
        start += 1
    end = 0
    most = min(len(here), len(wanted)) - start
    while end < most and here[len(here) - 1 - end] == wanted[len(wanted) - 1 - end]:
        end += 1
    begin, stop = (len(part.encode()) for part in (here[:start], here[: len(here) - end]))
    with text.doc.transaction():
        if stop > begin:
            del text[begin:stop]
        if start < len(wanted) - end:
            text.insert(begin, wanted[start : len(wanted) - end])
