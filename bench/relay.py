"""``python bench/relay.py PORT``: copies each update to everybody else on the same address.

It keeps no document, merges nothing and knows nobody: what it takes is what sockets and an event
loop take on this machine, the floor under every server in the table.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from collections import defaultdict
from typing import ClassVar, cast

import uvloop
from websockets.frames import Frame, Opcode

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STEP_2 = Frame(Opcode.BINARY, b"\x00\x01\x02\x00\x00").serialize(mask=False)
_UPDATE = b"\x00\x02"


class Relay(asyncio.Protocol):
    """One connection. Its frames are masked with the key zero, as the load sends them."""

    rooms: ClassVar[defaultdict[bytes, set[Relay]]] = defaultdict(set)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = bytearray()
        self._room: set[Relay] | None = None

    def connection_lost(self, error: Exception | None) -> None:
        if self._room is not None:
            self._room.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._room is None:
            self._greet(self._room_of(data))
            return
        while (payload := self._next()) is not None:
            if payload.startswith(_UPDATE):
                frame = Frame(Opcode.BINARY, payload).serialize(mask=False)
                for one in self._room:
                    if one is not self:
                        one._transport.write(frame)
            else:
                self._transport.write(_STEP_2)

    def _room_of(self, request: bytes) -> set[Relay]:
        return self.rooms[request.split(b" ", 2)[1]]

    def _greet(self, room: set[Relay]) -> None:
        lines = bytes(self._buffer).lower().split(b"\r\n")
        at = next(i for i, line in enumerate(lines) if line.startswith(b"sec-websocket-key"))
        key = bytes(self._buffer).split(b"\r\n")[at].partition(b": ")[2]
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-accept: " + accept + b"\r\n\r\n"
        )
        self._buffer.clear()
        self._room = room
        room.add(self)

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 6:
            return None
        length, begin = buffer[1] & 0x7F, 6
        if length == 126:
            length, begin = int.from_bytes(buffer[2:4], "big"), 8
        if len(buffer) < begin + length:
            return None
        payload = bytes(buffer[begin : begin + length])
        del buffer[: begin + length]
        return payload


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Relay, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
