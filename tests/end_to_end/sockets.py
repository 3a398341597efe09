"""A WebSocket client that sends whatever it is told to, also what none would send."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from typing import cast
from urllib.parse import urlsplit

__all__ = ["BINARY", "CLOSE", "PING", "TEXT", "RawSocket", "frame", "open_socket"]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PATIENCE = 30.0


class RawSocket:
    """One connection. ``code`` is the server's close code, 1006 where it left without any."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.code: int | None = None
        self.frames: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.pongs = 0
        self._pong = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    async def send(self, opcode: int, payload: bytes) -> None:
        """One whole frame. After the end nothing happens."""
        await self.write(frame(opcode, payload))

    async def write(self, data: bytes) -> None:
        """Bytes as they are."""
        if self.code is not None:
            return
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            return

    async def told(self) -> str | bytes | None:
        """The next frame, ``None`` once it is over."""
        return await asyncio.wait_for(self.frames.get(), PATIENCE)

    async def ended(self) -> int:
        """Wait for the server to close; answers its code."""
        await asyncio.wait_for(asyncio.shield(self._listening), PATIENCE)
        assert self.code is not None
        return self.code

    async def heard(self) -> None:
        """Wait until the server has read everything up to here, or closed."""
        self._pong.clear()
        await self.send(PING, b"")
        if self.code is None:
            await asyncio.wait_for(self._pong.wait(), PATIENCE)

    def pause(self) -> None:
        """Read nothing of what comes."""
        cast(asyncio.Transport, self._writer.transport).pause_reading()

    def resume(self) -> None:
        cast(asyncio.Transport, self._writer.transport).resume_reading()

    async def leave(self) -> None:
        """Go without a word, as a cut line."""
        self._writer.transport.abort()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            while self.code is None:
                opcode, payload = await self._frame()
                if opcode == CLOSE:
                    self.code = struct.unpack("!H", payload[:2])[0] if payload else 1005
                elif opcode == PING:
                    await self.send(PONG, payload)
                elif opcode == PONG:
                    self.pongs += 1
                    self._pong.set()
                elif opcode in (TEXT, BINARY):
                    self.frames.put_nowait(payload.decode() if opcode == TEXT else payload)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.code = 1006
        finally:
            self.frames.put_nowait(None)
            self._pong.set()
            self._writer.close()

    async def _frame(self) -> tuple[int, bytes]:
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame; the masking key is zero, which is as valid as any."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BBI", 0x80 | opcode, 0x80 | size, 0)
    elif size < 65536:
        head = struct.pack("!BBHI", 0x80 | opcode, 0x80 | 126, size, 0)
    else:
        head = struct.pack("!BBQI", 0x80 | opcode, 0x80 | 127, size, 0)
    return head + payload


async def open_socket(url: str) -> RawSocket:
    """Raises ConnectionError where the handshake is refused."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the server hung up") from error
    if b" 101 " not in head.split(b"\r\n", 1)[0]:
        writer.close()
        raise ConnectionError(head.decode())
    return RawSocket(reader, writer)
