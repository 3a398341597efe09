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

from server.domain.actors import Actor
from server.domain.drafts import read_values
from server.ports import ProjectCore
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.rooms.document import encode_stored
from server.rooms.registry import RealTimeSyncManager
from server.services import entities
from server.services.projects import Projects
from server.storage import SqliteStorage
from server.web.live import LiveEndpoint
from tests.rooms.fakes import FakeGate

NODE = Path(__file__).parents[1] / "node"
ACTOR = Actor("ann", "api")
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

    def __init__(self, url: str, storage: SqliteStorage) -> None:
        self.url = url
        self._storage = storage

    async def stored_text(self, name: str) -> str:
        stored = await self._storage.load_document("film", name)
        return str(read_values(await encode_stored(stored))["description"])


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    storage = await SqliteStorage.open(tmp_path / "film.db")
    gate = FakeGate()

    async def open_core(project_id: str) -> ProjectCore:
        return await projects.open(project_id)

    manager = RealTimeSyncManager(open_core=open_core, store=storage, gate=gate)
    projects = Projects(storage, manager, manager)
    owner = await projects.create("Film", "film", ACTOR)
    for name in NAMES:
        new = NewEntity("character", "Zoë", {"description": "", "age": 30}, name)
        await entities.create_entity(owner, new, ACTOR)
    shot = NewEntity("shot", "sh010", {}, "sh010", references=[NewReference("hero")])
    await entities.create_entity(owner, shot, ACTOR)
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
        yield Served(f"ws://127.0.0.1:{listener.getsockname()[1]}/ws/projects/film", storage)
    finally:
        await manager.aclose()
        server.should_exit = True
        await task
        listener.close()
        await projects.close()
        await storage.close()


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
    stored = await served.stored_text(name)
    assert "Mara 🎬" in stored
    assert "ëxtra" in stored


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
    assert answer["draft"]["affected_entities"] == ["sh010"]
