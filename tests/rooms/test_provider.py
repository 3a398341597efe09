"""The unmodified @hocuspocus/provider 4.8 against a real server on a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from server.rooms.settings import RoomSettings
from tests.rooms.conftest import Served


async def run(served: Served, scenario: str, name: str = "hero") -> dict[str, Any]:
    return await served.run("provider.mjs", "/ws/projects/film", scenario, name)


async def test_R15_five_edits_five_statuses(served: Served) -> None:
    assert (await run(served, "five_edits"))["text"] == "43210"


async def test_R14_offline_edits_arrive(served: Served) -> None:
    assert (await run(served, "offline_edits"))["text"] == "offline "


async def test_R3_two_sessions_share_a_socket(served: Served) -> None:
    assert await run(served, "two_sessions_one_socket") == {"left": 1}


async def test_R12_unknown_entity_is_denied_and_the_socket_stays(served: Served) -> None:
    answer = await run(served, "unknown_entity")
    assert "nowhere" in answer["reason"]
    assert answer["status"] == "connected"


async def test_R26_json_and_documents_share_a_socket(served: Served) -> None:
    answer = await run(served, "shared_with_json")
    assert answer["first"] == "welcome"
    assert answer["draft"]["values"] == {"description": "x"}
    assert answer["draft"]["affected_entities"] == ["sh010"]


@pytest.mark.parametrize("served", [RoomSettings(keep_alive=0.2)], indirect=True)
async def test_R46_an_idle_provider_keeps_its_line(served: Served) -> None:
    assert await run(served, "idle") == {"opened": 1, "status": "connected"}
