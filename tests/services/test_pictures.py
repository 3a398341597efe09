"""Pictures without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.errors import Invalid, NotFound
from server import AssetPropagationSystem
from tests.formats.images import decode, picture


@pytest.mark.parametrize("kept", ["memory", "file"])
async def test_a_program_hangs_pictures_too(kept: str, tmp_path: Path) -> None:
    path = tmp_path / "film.db" if kept == "file" else None
    async with AssetPropagationSystem("film", path) as system:
        lamp = await system.create_entity("prop", "Lamp", {"colour": "#ffffff"})
        shot = await system.create_entity("shot", "sh010", references=[{"source": lamp["id"]}])
        first = await system.add_picture(shot["id"], picture())
        await system.propagate_asset_change(lamp["id"], {"colour": "#000000"})
        second = await system.add_picture(shot["id"], picture())
        newest, oldest = await system.get_pictures(shot["id"])
        assert newest == second
        assert (oldest["id"], oldest["stale_reasons"]) == (first["id"], ["Lamp went from v1 to v2"])
        assert decode(await system.read_picture(second["id"], "320")).width == 320
        await system.remove_picture(shot["id"], second["id"])
        assert (await system.get_resolved(shot["id"]))["picture"]["id"] == first["id"]
        with pytest.raises(NotFound):
            await system.read_picture(second["id"])
        with pytest.raises(NotFound):
            await system.add_picture("nobody", picture())
        with pytest.raises(Invalid):
            await system.add_picture(shot["id"], b"<svg/>")
