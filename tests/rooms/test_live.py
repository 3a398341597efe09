"""server/web/live.py"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.datastructures import Headers

from server.rooms.access import Identity, Role
from server.rooms.registry import RealTimeSyncManager
from server.web.live import LiveEndpoint, origin_allowed
from tests.rooms.fakes import FakeCore, FakeGate, FakeStore, settle
from tests.rooms.live import STATE


class Browser:
    """One ASGI connection to the endpoint."""

    def __init__(self, project: str = "film", query: str = "", **headers: str) -> None:
        core = FakeCore()

        async def open_core(_: str) -> FakeCore:
            return core

        self.gate = gate = FakeGate()
        self.manager = RealTimeSyncManager(
            open_core=open_core, store=FakeStore(hero=STATE), gate=gate
        )
        self.scope = {
            "type": "websocket",
            "path_params": {"project_id": project},
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.outbox: list[dict[str, Any]] = []
        endpoint = LiveEndpoint(self.manager, gate)
        self.task = asyncio.ensure_future(endpoint(self.scope, self.inbox.get, self._sent))

    async def _sent(self, message: Any) -> None:
        self.outbox.append(message)

    async def say(self, text: str = '{"type":"hello"}') -> None:
        self.inbox.put_nowait({"type": "websocket.receive", "text": text})
        await settle()

    async def leave(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task

    @property
    def code(self) -> int | None:
        last = self.outbox[-1]
        return last["code"] if last["type"] == "websocket.close" else None


KNOWN: list[dict[str, Any]] = [
    {"authorization": "Bearer ann"},
    {"authorization": "bearer ann"},
    {"query": "token=ann"},
    {"cookie": "a=b; ripplecut_session=ann"},
]


@pytest.mark.parametrize("handshake", KNOWN)
async def test_R7_identity_by_the_handshake(handshake: dict[str, Any]) -> None:
    browser = Browser(**handshake)
    await browser.say()
    assert browser.outbox[0] == {"type": "websocket.accept"}
    assert '"user":"ann"' in browser.outbox[1]["text"]
    await browser.leave()
    assert browser.manager.connections == 0


@pytest.mark.parametrize(
    ("handshake", "code"),
    [
        ({"query": "token=wrong"}, 4401),
        ({"authorization": "Bearer wrong"}, 4401),
        ({"query": "token=mallory"}, 4403),
        ({"query": "token=ann", "project": "nowhere"}, 4404),
    ],
)
async def test_R6_accepted_first_and_then_closed(handshake: dict[str, Any], code: int) -> None:
    browser = Browser(**handshake)
    await browser.task
    assert [message["type"] for message in browser.outbox] == [
        "websocket.accept",
        "websocket.close",
    ]
    assert browser.code == code


@pytest.mark.parametrize(
    "handshake", [{}, {"cookie": "ripplecut_session=wrong"}, {"cookie": "\x00"}]
)
async def test_R7_a_stale_cookie_is_nobody(handshake: dict[str, str]) -> None:
    browser = Browser(**handshake)
    await browser.say()
    assert browser.code == 4401
    await browser.leave()


async def test_R45_who_comes_while_the_server_stops_is_told_so() -> None:
    browser = Browser(query="token=ann")
    await browser.leave()
    await browser.manager.drain()
    late = Browser(query="token=ann")
    await late.manager.drain()
    await late.task
    assert late.code == 1012


async def test_R11_who_logs_out_while_the_project_is_loading_does_not_stay() -> None:
    browser = Browser(query="token=ann")
    loading = asyncio.Event()
    authorise = browser.gate.authorise

    async def slowly(identity: Identity, project_id: str) -> Role:
        await loading.wait()
        return await authorise(identity, project_id)

    browser.gate.authorise = slowly  # type: ignore[method-assign]
    await settle()
    assert browser.manager.revoke(lambda who, _: who.user == "ann") == 0
    loading.set()
    await browser.task
    assert browser.code == 4401
    assert browser.manager.connections == 0


async def test_a_project_is_known_however_its_id_is_spelt() -> None:
    browser = Browser(project="fi\u0301lm", query="token=ann")
    named: list[str] = []

    async def authorise(_: Identity, project_id: str) -> Role:
        named.append(project_id)
        return Role.EDITOR

    browser.gate.authorise = authorise  # type: ignore[method-assign, assignment]
    await browser.say()
    assert named == ["f\u00edlm"]
    await browser.leave()


async def test_binary_frames_pass() -> None:
    browser = Browser(query="token=ann")
    browser.inbox.put_nowait({"type": "websocket.receive", "bytes": b"\x09"})
    await settle()
    assert browser.outbox[-1] == {"type": "websocket.send", "bytes": b"\x0a"}
    await browser.leave()


async def test_a_long_reason_is_cut_to_what_a_close_frame_holds() -> None:
    browser = Browser(query="token=ann", project="é" * 100)
    await browser.task
    assert len(browser.outbox[-1]["reason"].encode()) <= 123


async def test_who_goes_before_connecting_is_nobody() -> None:
    browser = Browser()
    browser.inbox.get_nowait()
    await browser.leave()
    assert browser.outbox == []


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "film.example", True),
        ("https://film.example", "film.example", True),
        ("https://film.example:443", "film.example", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://listed.example", "film.example", True),
        ("https://listed.example:444", "film.example", False),
        ("https://evil.example", "film.example", False),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", False),
        ("null", "film.example", False),
        ("null", "", False),
        ("https://film.example:x", "film.example", False),
    ],
)
def test_R6_origins(origin: str | None, host: str, allowed: bool) -> None:
    headers = Headers({"host": host} if origin is None else {"host": host, "origin": origin})
    assert origin_allowed(headers, {"https://listed.example"}) is allowed
