"""What stands between a WebSocket and the application: Uvicorn's protocol, with bounds.

A stranger cannot make the server keep more than a little, and nobody's flood of small frames may
keep the loop from everybody else.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.transports import Transport
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from server.web.inbox import Gate, Inbox
from server.web.latest import Latest

__all__ = ["HAND_OVER", "KNOWN", "BoundedWebSocket"]

HAND_OVER = "ripplecut.hand_over"
"""The extension of a WebSocket's scope that takes another application, to be begun when this one
has returned: a conversation of hours needs none of the layers that it came through, and those of a
thousand connections are megabytes.
"""

KNOWN = "ripplecut.known"
"""The extension of a WebSocket's scope that is called, without arguments, once it is known whose
socket it is.
"""

_STRANGER_FRAME_LIMIT = 64 * 1024
"""The largest message of a socket that is nobody's."""
_SLICE = 2048
"""Bytes that are read for frames in one round of the loop."""
_GOODBYE = 2.0
"""Seconds in which what still comes on a broken socket is read and thrown away."""
_TURN = 16
"""Messages that one socket may hand over before the others have their turn."""
_LOGGER = logging.getLogger("ripplecut.sockets")
_LOGGER.setLevel(logging.WARNING)
"""Below that, addresses would be logged, and with them the tokens that they carry."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """WebSockets that are read a slice at a time, and hardly at all before they are somebody's."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = self.conn.logger = _LOGGER
        self.conn.debug = False
        self.queue: Inbox[Any] = Inbox()  # type: ignore[assignment]
        self.writable: Gate = Gate()  # type: ignore[assignment]
        self.app = self._app = _InTurn(self.app)
        self._unread = bytearray()
        self._read_at = 0
        self._reading: asyncio.Handle | None = None
        self._handed_over = 0
        self._expected = False
        self._at_end = False
        self._failed = False
        self._served = False
        self._lost: tuple[Exception | None] | None = None
        self._limit = self.conn.max_message_size
        self.conn.max_message_size = _STRANGER_FRAME_LIMIT

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever types and is gone in the same moment does not lose what came here before."""
        if self._served or self._failed or self.close_sent or not self._unread:
            self._end(exc)
            return
        self._lost = (exc,)
        self.stop_keepalive()
        self.disconnected = True
        self.writable.set()
        self.transport = _Nowhere()
        self._go_on()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._served = True
        if self._lost is not None:
            self._end(*self._lost)

    def _end(self, exc: Exception | None) -> None:
        self._lost = None
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._unread.clear()
        super().connection_lost(exc)
        # Who holds each other is only cleared away by looking through everything, and by the
        # thousand that stops the loop.
        self.conn.parser.close()
        self.conn.parser_exc = None
        if hasattr(self, "scope"):
            cast(Any, self.scope)["extensions"].pop(KNOWN, None)

    def data_received(self, data: bytes) -> None:
        if self._failed:
            return
        if not self.handshake_initiated:
            super().data_received(data)
            return
        self._unread += data
        if not self._expected:
            # The handshake may say whose it is: how much may come depends on that.
            self.transport.pause_reading()
        elif self._reading is None and not self.read_paused:
            self._read()

    def eof_received(self) -> bool:  # type: ignore[override]
        """What was read before is still handled; then the transport is closed."""
        self._at_end = True
        return bool(self._unread)

    async def receive(self) -> Any:
        self._handed_over += 1
        if self._handed_over % _TURN == 0:
            await asyncio.sleep(0)
        if self.handshake_complete and not self._expected:
            self._expected = True
            self._go_on()
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()
        self._go_on()
        return message

    async def send(self, message: Any) -> None:
        payload = message.get("bytes")
        if payload is not None and self._open and self.writable.is_set():
            self.transport.write(_encoded(payload))
            return
        try:
            await super().send(message)
        except ClientDisconnected:
            # They hear nothing any more. What they said before is still on its way to the
            # application, which then comes to the end of it.
            return
        if self.close_sent:
            # The library forgets that of a refusal with a body, and logs an error for every one.
            self.handshake_complete = True
            # Nothing takes messages any more, but the other side's goodbye may be among them.
            self.read_paused = False
            self._expected = True
            self._go_on()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions = cast(Any, self.scope)["extensions"]
            extensions[KNOWN] = self._known
            extensions[HAND_OVER] = self._app.then

    def handle_ping(self) -> None:
        # Who sends pings and reads no pongs gets none.
        if self.writable.is_set() and not self._failed:
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_parser_exception(self) -> None:
        """Say goodbye and read on for a moment: a socket that is closed with something unread is
        reset, and the close frame is lost with it.
        """
        if self._failed:
            return
        self._failed = True
        self._unread.clear()
        code = goodbye.code if (goodbye := self.conn.close_sent) else 1006
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_GOODBYE, self.transport.close)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                if self.conn.state is OPEN:
                    self.conn.fail(1007, "Text must be UTF-8")
                    self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    @property
    def _open(self) -> bool:
        """Whether a message can go out as it is; what else there is to do, the library knows."""
        open_ = self.handshake_complete and not (self.close_sent or self.disconnected)
        return open_ and self.conn.state is OPEN

    def _known(self) -> None:
        self.conn.max_message_size = self._limit
        # The handshake is over: two kilobytes that nobody reads again.
        self.request.headers.clear()
        self.response.headers.clear()
        cast(Any, self.scope)["headers"] = []

    def _read(self) -> None:
        """Look for frames in one slice, and leave the rest for the loop's next rounds."""
        self._reading = None
        end = self._read_at + _SLICE
        slice_ = bytes(memoryview(self._unread)[self._read_at : end])
        self._read_at = end
        if end >= len(self._unread):
            self._unread.clear()
            self._read_at = 0
        super().data_received(slice_)
        if self._lost is not None and (self._failed or not self._unread):
            self._end(*self._lost)
        elif self._failed:
            return
        elif self._unread:
            self._go_on()
        elif self._at_end:
            self.transport.close()
        elif not (self.read_paused or self.transport.is_closing()):
            self.transport.resume_reading()

    def _go_on(self) -> None:
        idle = self._reading is None and not self.read_paused and self._expected
        if self._unread and idle and not self.transport.is_closing():
            self.transport.pause_reading()
            self._reading = self.loop.call_soon(self._read)


class _Nowhere(Transport):
    """In place of a transport whose other end has gone."""

    def write(self, data: object) -> None:
        pass

    def close(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def can_write_eof(self) -> bool:
        return False


class _InTurn:
    """One application, and after it the one that it hands over to, with nothing in between."""

    def __init__(self, first: Any) -> None:
        self._first = first
        self._next: ASGIApp | None = None

    def then(self, app: ASGIApp) -> None:
        self._next = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._first(scope, receive, send)
        if self._next is not None:
            await self._next(scope, receive, send)


def _frame(payload: bytes) -> bytes:
    return Frame(Opcode.BINARY, payload).serialize(mask=False)


_encoded = Latest(_frame)
