"""What stands between an HTTP connection and the application: Uvicorn's protocol, with bounds.

A stranger may not hold a connection without a request.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedHttp"]

_HEAD_DEADLINE = 10.0
"""Seconds for the head of a request."""
_HEAD_LIMIT = 64 * 1024


class BoundedHttp(HttpToolsProtocol):
    """HTTP whose heads come within a time and a size; else 408 and 431."""

    _due: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._due is not None:
            self._head += len(data)
            if self._head > _HEAD_LIMIT + len(data):
                self._refuse(b"431 Request Header Fields Too Large")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # They hold each other, and through the transport the WebSocket that comes after them.
        self.parser = None  # type: ignore[assignment]

    def _expect_head(self) -> None:
        if self._due is None:
            self._head = 0
            self._due = self.loop.call_later(_HEAD_DEADLINE, self._refuse, b"408 Request Timeout")

    def _head_came(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _refuse(self, status: bytes) -> None:
        self._head_came()
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()
