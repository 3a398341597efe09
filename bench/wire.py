"""A WebSocket client that costs next to nothing: what a load is made of.

It looks at frames as bytes, so that hundreds of readers fit on one core beside the measurement.
Masking uses the key zero, which leaves the payload as it is and is as valid as any other.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import struct
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

__all__ = ["Wire", "connect"]

OnFrame = Callable[[bytes], None]
_BINARY, _CLOSE, _PING, _PONG = 2, 8, 9, 10


class Wire(asyncio.Protocol):
    """One connection. ``on_frame`` gets each binary frame's payload, as it comes."""

    def __init__(self, request: bytes, on_frame: OnFrame) -> None:
        self._request = request
        self.on_frame = on_frame
        self._buffer = bytearray()
        self._upgraded = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = False
        self._writable = asyncio.Event()
        self._writable.set()
        self.bytes_in = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def drained(self) -> None:
        await self._writable.wait()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self._writable.set()
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("refused"))

    def send(self, payload: bytes) -> None:
        self._transport.write(_header(_BINARY, len(payload)) + payload)

    def pause(self, paused: bool) -> None:
        """Read nothing of what comes, or go on."""
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        self.bytes_in += len(data)
        if not self._upgraded:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            answer = bytes(buffer[:end])
            del buffer[: end + 4]
            if b" 101 " not in answer.split(b"\r\n", 1)[0]:
                self.opened.set_exception(ConnectionError(answer.decode(errors="replace")))
                self._transport.abort()
                return
            self._upgraded = True
            self.opened.set_result(None)
        position = 0
        while (found := _frame(buffer, position)) is not None:
            opcode, begin, position = found
            if opcode == _BINARY:
                self.on_frame(bytes(buffer[begin:position]))
            elif opcode == _PING:
                payload = bytes(buffer[begin:position])
                self._transport.write(_header(_PONG, len(payload)) + payload)
            elif opcode == _CLOSE:
                self._transport.close()
        if position:
            del buffer[:position]


def _header(opcode: int, length: int) -> bytes:
    if length < 126:
        return struct.pack("!BBI", 0x80 | opcode, 0x80 | length, 0)
    if length < 65536:
        return struct.pack("!BBHI", 0x80 | opcode, 0x80 | 126, length, 0)
    return struct.pack("!BBQI", 0x80 | opcode, 0x80 | 127, length, 0)


def _frame(buffer: bytearray, position: int) -> tuple[int, int, int] | None:
    """The opcode, begin and end of the frame at a position; servers do not fragment or mask."""
    here = len(buffer) - position
    if here < 2:
        return None
    length, begin = buffer[position + 1] & 0x7F, position + 2
    if length == 126:
        if here < 4:
            return None
        (length,) = struct.unpack_from("!H", buffer, begin)
        begin += 2
    elif length == 127:
        if here < 10:
            return None
        (length,) = struct.unpack_from("!Q", buffer, begin)
        begin += 8
    end = begin + length
    return None if end > len(buffer) else (buffer[position] & 0x0F, begin, end)


async def connect(url: str, on_frame: OnFrame) -> Wire:
    """An open connection; raises ConnectionError where it is refused."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(
        lambda: Wire(request.encode(), on_frame), parts.hostname or "127.0.0.1", parts.port or 80
    )
    await wire.opened
    return wire
