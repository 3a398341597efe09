"""The unmodified @hocuspocus/provider 4.8 against a real server on a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rooms.conftest import NAMES, Served


async def run(served: Served, scenario: str, name: str = "hero") -> dict[str, Any]:
    return await served.run("provider.mjs", "/ws/projects/film", scenario, name)


@pytest.mark.parametrize("name", NAMES)
async def test_two_clients_converge_and_count_down(served: Served, name: str) -> None:
    answer = await run(served, "converge", name)
    assert answer == {"words": len("Mara 🎬ëxtra") + 1, "scope": "read-write"}  # 🎬 is two units
    stored = await served.stored_text(name)
    assert "Mara 🎬" in stored
    assert "ëxtra" in stored


async def test_R15_five_edits_five_statuses(served: Served) -> None:
    assert (await run(served, "five_edits"))["text"] == "43210"


async def test_R17_read_only_hears_and_is_not_heard(served: Served) -> None:
    answer = await run(served, "read_only")
    assert answer == {"scope": "readonly", "unsynced": 1, "text": "by ann "}


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
