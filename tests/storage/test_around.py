"""The first answer about an entity of a project that is still loading is the final one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.errors import NotFound
from server import AssetPropagationSystem
from server.domain.resolve import resolve
from server.services.projects import Projects
from server.storage import SqliteStorage
from server.storage.sqlite import around


async def make(path: Path) -> None:
    """A film in which pointers moved, pins and overrides hold, and something was deleted."""
    async with AssetPropagationSystem("film", path) as system:
        hero = await system.create_entity("character", "Mara", {"description": "a"}, id="mara")
        coat = await system.create_entity(
            "wardrobe", "Coat", {"colour": "#111111"}, id="coat", references=[{"source": "mara"}]
        )
        await system.create_entity("prop", "Lost", id="lost")
        uses: list[dict[str, Any]] = [
            {"source": "mara"},
            {"source": "coat", "overrides": {"colour": "#222222"}},
        ]
        await system.create_entity("shot", "One", id="sh010", references=uses)
        pinned: list[dict[str, Any]] = [
            {"source": "coat", "policy": "pinned", "version": 1},
            {"source": "lost"},
        ]
        await system.create_entity("shot", "Two", id="sh020", references=pinned)
        shots = [{"source": "sh010"}, {"source": "sh020"}]
        await system.create_entity("sequence", "Seq", id="seq", references=shots)
        await system.propagate_asset_change(hero["id"], {"description": "b"})
        await system.propagate_asset_change(coat["id"], {"colour": "#333333"})


async def test_it_shows_what_the_loaded_project_shows(path: Path) -> None:
    await make(path)
    storage = await SqliteStorage.open(path)
    owner = await Projects(storage).open("film")
    for entity_id, entity in owner.state.entities.items():
        cold = Projects(storage)
        tx = await cold.look("film", entity_id)
        assert tx.state is not owner.state
        assert len(tx.state.entities) < 9
        assert resolve(tx, tx.entity(entity_id)) == resolve(owner.look(), entity)
        await (await cold.open("film")).close()
    await owner.close()
    await storage.close()


async def test_what_everything_hangs_on_waits_for_the_project(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(path)
    monkeypatch.setattr(around, "_MOST_REFERENCES", 2)
    storage = await SqliteStorage.open(path)
    assert await storage.load_around("film", "coat") is None
    assert await storage.load_around("film", "lost") is not None
    projects = Projects(storage)
    tx = await projects.look("film", "coat")
    owner = await projects.open("film")
    assert tx.state is owner.state
    await owner.close()
    await storage.close()


async def test_what_is_not_there_is_not_found(path: Path) -> None:
    await make(path)
    storage = await SqliteStorage.open(path)
    with pytest.raises(NotFound):
        await storage.load_around("nowhere", "mara")
    projects = Projects(storage)
    tx = await projects.look("film", "nobody")
    with pytest.raises(NotFound):
        tx.entity("nobody")
    await (await projects.open("film")).close()
    await storage.close()
