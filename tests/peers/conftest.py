"""A real server in a process of its own, and peers of every family."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bench.running import RunningServer
from tests.peers.peers import Node, World
from tests.rooms.conftest import node, served

__all__ = ["node", "served"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data: Path = tmp_path_factory.mktemp("peers") / "data"
    with RunningServer(data) as running:
        running.post("/projects", {"id": "film", "name": "Film"}, 201)
        yield running


@pytest.fixture
async def world(server: RunningServer, node: str) -> AsyncIterator[World]:
    async with Node(node) as started:
        made = World(server, started)
        yield made
        await made.everybody_leaves()
