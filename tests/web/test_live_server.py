"""Over a real server and real sockets: bodies that are cut off, odd bytes, WebSocket handshakes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protocol.client import connect as connect_to_documents
from server.domain.drafts import read_values
from server.rooms.access import Role
from server.rooms.stored import encode_stored
from server.serve import ReadyServer, uvicorn_config
from server.web.auth import hash_of
from tests.web.conftest import ADMIN, Web


@asynccontextmanager
async def serving(web: Web, ping_interval: float = 20.0) -> AsyncIterator[tuple[int, ReadyServer]]:
    """The application on a port of its own."""
    listening = asyncio.Event()

    async def ready() -> None:
        listening.set()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        config = uvicorn_config(web.app, web.state.settings)
        config.ws_ping_interval = ping_interval
        config.ws_ping_timeout = ping_interval
        server = ReadyServer(config, ready, web.state.manager.drain)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait_for(listening.wait(), 10)
            yield port, server
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def port(film: Web) -> AsyncIterator[int]:
    async with serving(film) as (found, _):
        yield found


async def raw(port: int, request: bytes) -> bytes:
    """What comes back for some bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head


async def until_closed(ws: ClientConnection) -> None:
    while True:
        await ws.recv()


async def megabytes(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 2**20


async def test_a_body_of_50_mb_is_refused_and_the_server_goes_on(port: int) -> None:
    headers = {"authorization": f"Bearer {ADMIN}"}
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, headers=headers) as client:
        for body in (b"x" * (50 * 2**20), megabytes(50)):
            response = await client.post("/api/v1/projects", content=body)
            assert response.status_code == 413
            assert response.json()["code"] == "too_large"
        assert (await client.get("/api/v1/me")).status_code == 200


async def test_a_body_that_never_comes_is_refused_by_its_length(port: int) -> None:
    head = (
        f"POST /api/v1/projects HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN}\r\n"
        "content-length: 9999999999\r\n\r\n"
    )
    assert b" 413 " in await raw(port, head.encode())


@pytest.mark.parametrize(
    "path", [b"/api/v1/projects/\x00", b"/api/v1/projects/../../x", b"/api/v1/projects/%00'\""]
)
async def test_odd_bytes_in_a_path(port: int, path: bytes) -> None:
    request = b"GET %b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n\r\n"
    answered = await raw(port, request % (path, ADMIN.encode()))
    assert answered.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
    assert b"\r\nserver:" not in answered.lower()


async def test_a_socket_is_let_in_with_a_token(port: int) -> None:
    url = f"ws://127.0.0.1:{port}/ws/projects/film?token={ADMIN}"
    async with connect(url) as ws:
        await ws.send(orjson.dumps({"type": "hello", "subscribe": "all"}).decode())
        welcome = orjson.loads(await ws.recv())
        assert welcome["type"] == "welcome"
        assert welcome["role"] == "owner"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answer = await client.post(
                "/api/v1/assets/mara/propagate",
                json={"change_data": {"age": 30}},
                headers={"authorization": f"Bearer {ADMIN}"},
            )
        seen = [orjson.loads(await ws.recv())]
        while seen[-1]["type"] != "run_finished":
            seen.append(orjson.loads(await ws.recv()))
        update = next(one for one in seen if one["type"] == "asset_update")
        assert update["affected_entities"] == ["coat", "sh010"]
        assert update["run_id"] == answer.json()["run_id"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/ws/projects/film?token=wrong", 4401),
        (f"/ws/projects/none?token={ADMIN}", 4404),
    ],
)
async def test_a_socket_that_may_not_is_closed_with_its_reason(
    port: int, path: str, code: int
) -> None:
    async with connect(f"ws://127.0.0.1:{port}{path}") as ws:
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code


async def test_a_token_of_another_project_does_not_open_this_one(film: Web) -> None:
    await film.make("other")
    token = await film.token(Role.OWNER, "other")
    async with serving(film) as (port, _):
        url = f"ws://127.0.0.1:{port}/ws/projects/film"
        async with connect(url, additional_headers={"authorization": f"Bearer {token}"}) as ws:
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4404


async def test_a_socket_of_a_page_from_elsewhere_is_refused(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"ws://127.0.0.1:{port}/ws/projects/film?token={ADMIN}"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, origin="https://evil.example"):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403
    assert orjson.loads(refused.value.response.body)["code"] == "forbidden"
    await asyncio.sleep(0)
    assert caplog.records == []


async def test_logging_out_closes_the_sockets_of_the_session(port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base) as browser:
        await browser.get("/login", params={"token": ADMIN})
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        url = f"ws://127.0.0.1:{port}/ws/projects/film"
        async with connect(url, additional_headers={"cookie": cookie}) as ws:
            await ws.send('{"type": "hello"}')
            assert orjson.loads(await ws.recv())["type"] == "welcome"
            await browser.post("/api/v1/logout")
            with pytest.raises(ConnectionClosed) as closed:
                await until_closed(ws)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401


HELLO = b'{"type": "hello"}'


async def code_at_the_end(ws: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        await until_closed(ws)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_R45_a_server_that_stops_acknowledges_and_then_says_1012(film: Web) -> None:
    async with serving(film) as (port, server), AsyncExitStack() as sockets:
        url = f"ws://127.0.0.1:{port}/ws/projects/film?token={ADMIN}"
        everybody = [await sockets.enter_async_context(connect(url)) for _ in range(20)]
        for ws in everybody:
            await ws.send(HELLO.decode())
            assert orjson.loads(await ws.recv())["type"] == "welcome"
        typing = connect_to_documents(f"http://127.0.0.1:{port}", "film", token=ADMIN)
        async with typing as script:
            mara = await script.open("mara")
            mara["description"] = "The last words. 🎬"
            server.should_exit = True
            await mara.saved()
        codes = await asyncio.gather(*(code_at_the_end(ws) for ws in everybody))
        assert codes == [1012] * 20
    stored = await film.state.store.load_document("film", "mara")
    assert read_values(await encode_stored(stored))["description"] == "The last words. 🎬"


async def test_R46_a_peer_that_does_not_answer_pings_is_noticed(film: Web) -> None:
    async with serving(film, ping_interval=0.05) as (port, _):
        path = f"/ws/projects/film?token={ADMIN}"
        async with connect(f"ws://127.0.0.1:{port}{path}") as ws:
            await ws.send(HELLO.decode())
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            assert b"101" in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x81" + bytes((0x80 | len(HELLO),)) + bytes(4) + HELLO)
            there = 0
            while there < 2:
                there = len(orjson.loads(await ws.recv()).get("people", ()))
            while there > 1:
                there = len(orjson.loads(await ws.recv()).get("people", ())) or there
            assert film.state.manager.connections == 1
            writer.close()


async def test_R47_R48_a_real_token_is_asked_for_in_time_and_then_ends(film: Web) -> None:
    token = await film.token(Role.EDITOR, "film", seconds=60)
    async with (
        serving(film) as (port, _),
        connect(f"ws://127.0.0.1:{port}/ws/projects/film?token={token}") as ws,
        connect(f"ws://127.0.0.1:{port}/yjs/film/mara?token={token}") as yjs,
        connect(f"ws://127.0.0.1:{port}/ws/projects/film?token={token}") as renewing,
    ):
        for one in (ws, renewing):
            await one.send(HELLO.decode())
            assert orjson.loads(await one.recv())["type"] == "welcome"
        film.clock.pass_(seconds=40)
        await film.state.manager.recheck()
        for one in (ws, renewing):
            while (asked := orjson.loads(await one.recv()))["type"] != "token":
                pass
            assert 0 < asked["expires_in"] <= 20
        another = await film.token(Role.EDITOR, "film", seconds=60)
        await renewing.send(orjson.dumps({"type": "token", "token": another}).decode())
        while orjson.loads(await renewing.recv())["type"] != "role":
            pass
        film.clock.pass_(seconds=21)
        await film.state.manager.recheck()
        assert await code_at_the_end(ws) == await code_at_the_end(yjs) == 4401
        await renewing.send('{"type": "ping", "id": 1}')
        while orjson.loads(await renewing.recv())["type"] != "pong":
            pass
        await film.state.store.remove_token(hash_of(another))
        await film.state.manager.recheck()
        assert await code_at_the_end(renewing) == 4401
