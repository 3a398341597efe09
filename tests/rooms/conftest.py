"""A real server on a real socket, and Node with the published clients."""

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
from server.rooms.registry import RealTimeSyncManager
from server.rooms.settings import RoomSettings
from server.rooms.stored import encode_stored
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
    wanted, marker = (NODE / "package-lock.json").read_bytes(), NODE / "node_modules" / ".installed"
    if not marker.exists() or marker.read_bytes() != wanted:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=NODE, check=True, capture_output=True, timeout=110)
        marker.write_bytes(wanted)
    return found


class Served:
    """A running server and what it keeps. ``url`` is its address, without a path."""

    def __init__(
        self,
        url: str,
        manager: RealTimeSyncManager,
        storage: SqliteStorage,
        node: str,
        gate: FakeGate,
    ) -> None:
        self.url = url
        self.gate = gate
        self.manager = manager
        self._storage = storage
        self._node = node

    async def run(
        self, script: str, path: str, scenario: str, name: str = "hero", **more: str
    ) -> dict[str, Any]:
        """What one scenario of a script in ``tests/node`` prints."""
        options = {"token": "ann", "other": "bob", "name": name, **more}
        process = await asyncio.create_subprocess_exec(
            self._node,
            str(NODE / script),
            scenario,
            self.url + path,
            json.dumps(options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        answer: dict[str, Any] = json.loads(out)
        return answer

    async def stored_text(self, name: str) -> str:
        """What the disk has, once it has all that was sent."""
        await self.manager.draft_state("film", name)
        stored = await self._storage.load_document("film", name)
        return str(read_values(await encode_stored(stored))["description"])


@pytest.fixture
async def served(
    tmp_path: Path, node: str, request: pytest.FixtureRequest
) -> AsyncIterator[Served]:
    settings: RoomSettings = getattr(request, "param", RoomSettings())
    storage = await SqliteStorage.open(tmp_path / "film.db")
    gate = FakeGate()

    async def open_core(project_id: str) -> ProjectCore:
        return await projects.open(project_id)

    manager = RealTimeSyncManager(open_core=open_core, store=storage, gate=gate, settings=settings)
    projects = Projects(storage, manager, manager)
    owner = await projects.create("Film", "film", ACTOR)
    for name in NAMES:
        new = NewEntity("character", "Zoë", {"description": "", "age": 30}, name)
        await entities.create_entity(owner, new, ACTOR)
    shot = NewEntity("shot", "sh010", {}, "sh010", references=[NewReference("hero")])
    await entities.create_entity(owner, shot, ACTOR)
    live = LiveEndpoint(manager, gate)
    routes = [
        WebSocketRoute("/ws/projects/{project_id}", live),
        WebSocketRoute("/yjs/{project_id}/{entity_id}", live),
    ]
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Starlette(routes=routes),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Served(f"ws://127.0.0.1:{listener.getsockname()[1]}", manager, storage, node, gate)
    finally:
        await manager.aclose()
        server.should_exit = True
        await task
        listener.close()
        await projects.close()
        await storage.close()
