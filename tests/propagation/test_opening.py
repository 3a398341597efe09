"""Opening a stored project."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from server import collector
from server.system import AssetPropagationSystem


async def test_a_large_project_is_kept_from_the_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "LARGE", 1)
    async with AssetPropagationSystem("film", tmp_path / "film.db") as system:
        await system.create_entity("prop", "Lamp", id="lamp")
        await system.close()
        try:
            state = (await system.owner()).state
            assert gc.isenabled()
            assert gc.get_freeze_count() > 0
            assert not any(one is state.entities["lamp"] for one in gc.get_objects())
        finally:
            gc.unfreeze()
