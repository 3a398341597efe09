"""The unmodified @hocuspocus/provider 4.8 against a real server on a real socket."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from server.rooms.registry import RealTimeSyncManager
from server.web.live import LiveEndpoint
from tests.rooms.fakes import FakeCore, FakeGate, FakeStore, seed

NODE = Path(__file__).parents[1] / "node"
NAMES = ["hero", "Zoë·沙漠 🎬"]


@pytest.fixture(scope="session")
def node() -> str:
    """Node with the published clients installed, as their lock file says."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("no Node.js; bring it with: apt-get install nodejs npm")
    if not (NODE / "node_modules" / ".package-lock.json").exists():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=NODE, check=True, capture_output=True, timeout=110)
    return found


class Served:
    """A running server and what it keeps."""

    def __init__(self, url: str, store: FakeStore) -> None:
        self.url = url
        self.store = store


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    store = FakeStore(**{name: seed(description="", age=30) for name in NAMES})
    core = FakeCore(description="", age=30)
    core.fields = {name: {"description": "", "age": 30} for name in NAMES}

    async def open_core(_: str) -> FakeCore:
        return core

    gate = FakeGate()
    manager = RealTimeSyncManager(open_core=open_core, store=store, gate=gate)
    route = WebSocketRoute("/ws/projects/{project_id}", LiveEndpoint(manager, gate))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Starlette(routes=[route]),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Served(f"ws://127.0.0.1:{listener.getsockname()[1]}/ws/projects/film", store)
    finally:
        await manager.aclose()
        server.should_exit = True
        await task
        listener.close()


async def run(node: str, served: Served, scenario: str, name: str = "hero") -> dict[str, Any]:
    options = {"token": "ann", "other": "bob", "viewer": "eve", "name": name}
    process = await asyncio.create_subprocess_exec(
        node,
        str(NODE / "provider.mjs"),
        scenario,
        served.url,
        json.dumps(options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    answer: dict[str, Any] = json.loads(out)
    return answer


@pytest.mark.parametrize("name", NAMES)
async def test_two_clients_converge_and_count_down(node: str, served: Served, name: str) -> None:
    answer = await run(node, served, "converge", name)
    assert answer == {"words": len("Mara 🎬ëxtra") + 1, "scope": "read-write"}  # 🎬 is two units
    assert len(served.store.documents[name]) > 1


async def test_R15_five_edits_five_statuses(node: str, served: Served) -> None:
    assert (await run(node, served, "five_edits"))["text"] == "43210"


async def test_R17_read_only_hears_and_is_not_heard(node: str, served: Served) -> None:
    answer = await run(node, served, "read_only")
    assert answer == {"scope": "readonly", "unsynced": 1, "text": "by ann "}


async def test_R14_offline_edits_arrive(node: str, served: Served) -> None:
    assert (await run(node, served, "offline_edits"))["text"] == "offline "


async def test_R3_two_sessions_share_a_socket(node: str, served: Served) -> None:
    assert await run(node, served, "two_sessions_one_socket") == {"left": 1}


async def test_R12_unknown_entity_is_denied_and_the_socket_stays(node: str, served: Served) -> None:
    answer = await run(node, served, "unknown_entity")
    assert "nowhere" in answer["reason"]
    assert answer["status"] == "connected"


async def test_R26_json_and_documents_share_a_socket(node: str, served: Served) -> None:
    answer = await run(node, served, "shared_with_json")
    assert answer["first"] == "welcome"
    assert answer["draft"]["values"] == {"description": "x"}
    assert answer["draft"]["affected_entities"] == ["sh010", "sh020"]
