"""server/web/wire.py, over real sockets"""

from __future__ import annotations

import asyncio
import logging

import pytest

from protocol import hocuspocus
from server.rooms.access import Identity, Role
from server.web import heads
from tests.end_to_end.sockets import BINARY, CLOSE, PING, TEXT, RawSocket, frame, open_socket
from tests.rooms.fakes import Client
from tests.web.conftest import ADMIN, Web
from tests.web.test_live_server import port, raw

__all__ = ["port"]

UNENDING = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def nobody(port: int) -> RawSocket:
    return await open_socket(f"ws://127.0.0.1:{port}/ws/projects/film")


async def known(port: int) -> RawSocket:
    return await open_socket(f"ws://127.0.0.1:{port}/ws/projects/film?token={ADMIN}")


@pytest.mark.parametrize(
    "sent", [b"", UNENDING, b"GET /login HTTP/1.1\r\nhost: x\r\n\r\n" + UNENDING]
)
async def test_R50_a_head_that_does_not_come(
    film: Web, monkeypatch: pytest.MonkeyPatch, port: int, sent: bytes
) -> None:
    monkeypatch.setattr(heads, "_HEAD_DEADLINE", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    answered = await asyncio.wait_for(reader.read(), 10)
    assert b"HTTP/1.1 408 " in answered
    writer.close()


async def test_R50_a_head_that_does_not_end(port: int) -> None:
    assert b" 431 " in await raw(port, UNENDING + b"x: " + b"x" * 200_000)


async def test_R50_what_comes_in_time_is_not_bounded_later(
    film: Web, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setattr(heads, "_HEAD_DEADLINE", 0.1)
    socket = await known(port)
    other = await asyncio.open_connection("127.0.0.1", port)
    assert b" 408 " in await other[0].read()
    other[1].close()
    await socket.send(BINARY, hocuspocus.PING)
    assert await socket.told() == hocuspocus.PONG
    await socket.leave()


async def test_R51_who_says_who_they_are_in_the_handshake_need_not_wait(
    film: Web, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await film.token(Role.EDITOR, "film", seconds=60)
    authenticate = film.state.authority.authenticate

    async def slowly(given: str) -> Identity:
        await asyncio.sleep(0.1)
        return await authenticate(given)

    monkeypatch.setattr(film.state.authority, "authenticate", slowly)
    socket = await open_socket(f"ws://127.0.0.1:{port}/ws/projects/film?token={token}")
    await socket.write(frame(BINARY, b"\xff" * 1_000_000))
    assert await socket.ended() == 1007
    monkeypatch.undo()
    refused = await open_socket(f"ws://127.0.0.1:{port}/ws/projects/film?token=x")
    await refused.write(frame(BINARY, b"\xff" * 1_000_000))
    assert await refused.ended() == 4401


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
async def test_no_token_is_logged(port: int, caplog: pytest.LogCaptureFixture, level: int) -> None:
    with caplog.at_level(level), caplog.at_level(level, "uvicorn.error"):
        socket = await known(port)
        await socket.heard()
        await socket.leave()
    assert ADMIN not in caplog.text


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_R51_a_large_message_of_nobody_is_not_read(port: int, opcode: int) -> None:
    socket = await nobody(port)
    await socket.write(frame(opcode, b"x" * 70_000)[:14])
    assert await socket.ended() == 1009


async def test_R51_who_has_logged_in_may_say_more(port: int) -> None:
    socket = await nobody(port)
    await socket.send(BINARY, hocuspocus.encode_auth_token("mara", ADMIN))
    assert await socket.told() == hocuspocus.encode_authenticated("mara", read_only=False)
    for one in (socket, await known(port)):
        await one.heard()
        await one.send(BINARY, b"\xff" * 1_000_000)
        assert await one.ended() == 1007


async def test_R54_a_flood_of_small_frames_leaves_the_others_their_turn(port: int) -> None:
    flood, other = await known(port), await known(port)
    count = 20_000
    await flood.write(frame(BINARY, hocuspocus.PING) * count)
    assert await flood.told() == hocuspocus.PONG
    await other.send(BINARY, hocuspocus.PING)
    assert await other.told() == hocuspocus.PONG
    assert flood.frames.qsize() < count - 1
    for _ in range(count - 1):
        assert await flood.told() == hocuspocus.PONG
    await flood.leave()
    await other.leave()


async def test_R54_who_takes_no_pongs_gets_none(port: int) -> None:
    socket = await known(port)
    socket.pause()
    for _ in range(40):
        await socket.write(frame(PING, b"x" * 125) * 2_000)
    socket.resume()
    await socket.heard()
    assert socket.pongs < 80_000
    await socket.leave()


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (b"\x83\x80\x00\x00\x00\x00", 1002),
        (b"\x82\x00", 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b'{"type":"ping"}') + frame(TEXT, b"\xff"), 1007),
    ],
)
async def test_R55_the_close_frame_comes_also_to_who_goes_on_sending(
    port: int, broken: bytes, code: int
) -> None:
    for socket in (await nobody(port), await known(port)):
        await socket.write(broken + frame(BINARY, hocuspocus.PONG) * 40_000)
        assert await socket.ended() == code


@pytest.mark.parametrize("last", [b"", frame(CLOSE, b"\x03\xe9")], ids=["cut", "goodbye"])
async def test_R61_who_types_and_is_gone_in_the_same_moment_loses_nothing(
    film: Web, port: int, last: bytes
) -> None:
    manager = film.state.manager
    client = Client(await manager.draft_state("film", "mara"))
    before = client.text()
    typed = b"".join(
        frame(BINARY, hocuspocus.encode_update("mara", client.type("x"))) for _ in range(1_000)
    )
    assert len(typed) < 60_000
    socket, watcher = await known(port), await known(port)
    for one in (socket, watcher):
        await one.send(BINARY, hocuspocus.encode_auth_token("mara", ""))
        assert await one.told() == hocuspocus.encode_authenticated("mara", read_only=False)
    await socket.write(typed + last)
    assert await watcher.told() is not None
    await socket.leave()
    while manager.connections > 1:
        assert await watcher.told() is not None
    text = Client(await manager.draft_state("film", "mara")).text()
    assert text == "x" * 1_000 + before
    await watcher.leave()


async def test_R61_nothing_is_kept_for_who_was_closed(film: Web, port: int) -> None:
    socket = await known(port)
    await socket.write((frame(BINARY, b"\xff") + frame(BINARY, hocuspocus.PING)) * 10_000)
    assert await socket.ended() == 1007
    await socket.leave()
    other = await known(port)
    await other.heard()
    assert film.state.manager.connections == 1
    await other.leave()
