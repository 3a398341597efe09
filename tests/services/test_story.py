"""server/services/story.py: why something looks as it does, for every way in which it came to."""

from __future__ import annotations

from typing import Any

from server.services import changes, entities
from server.services.story import story
from server.system import AssetPropagationSystem
from server.web.rest.story import Story
from tests.propagation.test_engine import ME


async def told(system: AssetPropagationSystem, entity_id: str, limit: int = 20) -> dict[str, Any]:
    """The story, which has the shape that is documented."""
    found = await story(await system.owner(), entity_id, limit)
    Story.model_validate(found)
    return found


async def test_a_change_is_told_with_its_author_message_and_run() -> None:
    async with AssetPropagationSystem("film", user="mara") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Ines", {"description": "a"})
        coat = await system.create_entity("wardrobe", "Coat", references=[{"source": hero["id"]}])
        shot = await system.create_entity("shot", "sh010", references=[{"source": coat["id"]}])
        first = (await told(system, shot["id"]))["references"][0]
        assert first["why"] == "follows the latest version"
        assert first["since"] is None
        change = {"description": "b"}
        done = await changes.propagate_asset_change(owner, hero["id"], change, ME, message="Colder")
        found = await told(system, shot["id"])
        (one,) = found["references"]
        assert (one["version"], one["latest_version"], one["behind"]) == (2, 2, None)
        assert one["why"] == (
            "follows the latest version: mara changed description of Ines (“Colder”)"
        )
        assert one["since"]["run_id"] == done.run_id
        assert one["change"]["id"] == f"{hero['id']}_v2"
        (outcome,) = found["outcomes"]
        assert (outcome["outcome"], outcome["message"]) == ("updated", "Colder")


async def test_what_holds_a_reference_back_is_told() -> None:
    async with AssetPropagationSystem("film") as system:
        hero = await system.create_entity("character", "Ines", {"description": "a"})
        uses = [{"source": hero["id"]}]
        shot = await system.create_entity("shot", "sh010", references=uses, status="final")
        await system.propagate_asset_change(hero["id"], {"description": "b"})
        behind = (await told(system, shot["id"]))["references"][0]["behind"]
        assert behind["verdict"] == "require_approval"
        assert behind["rule"]["id"] == "final-asks"
        assert behind["why"] == (
            "v2 waits for approval: the rule “Final shots and assets wait for approval” "
            "(its status is final)"
        )


async def test_pins_say_who_made_them_and_overrides_what_they_hide() -> None:
    async with AssetPropagationSystem("film", user="mara") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Ines", {"description": "a"})
        shot = await system.create_entity("shot", "sh010", references=[{"source": hero["id"]}])
        reference = (await system.get_entity(shot["id"]))["references"][0]["id"]
        await entities.relink(
            owner, reference, ME, policy="pinned", overrides={"description": "wet"}
        )
        await system.propagate_asset_change(hero["id"], {"description": "b", "notes": "n"})
        (one,) = (await told(system, shot["id"]))["references"]
        assert one["why"] == "pinned to v1 by mara"
        assert (one["since"]["how"], one["since"]["by"]) == ("changed", "mara")
        assert one["behind"]["why"] == "v2 does not reach it"
        assert one["overrides"] == [{"field": "description", "value": "wet", "instead_of": "a"}]


async def test_an_approved_reference_names_who_approved() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Ines", {"description": "a"})
        uses = [{"source": hero["id"], "policy": "approved"}]
        shot = await system.create_entity("shot", "sh010", references=uses)
        before = (await told(system, shot["id"]))["references"][0]
        assert "none is approved yet" in before["why"]
        await changes.approve(owner, hero["id"], 1, ME)
        await system.propagate_asset_change(hero["id"], {"description": "b"})
        (one,) = (await told(system, shot["id"]))["references"]
        assert one["why"] == "follows the approved version, which mara approved"
        assert one["behind"]["why"] == "v2 is not approved"


async def test_outcomes_are_bounded_and_the_newest_come_first() -> None:
    async with AssetPropagationSystem("film") as system:
        hero = await system.create_entity("character", "Ines", {"description": "a"})
        shot = await system.create_entity("shot", "sh010", references=[{"source": hero["id"]}])
        for number in range(5):
            await system.propagate_asset_change(hero["id"], {"description": str(number)})
        found = await told(system, shot["id"], limit=3)
        assert [one["source_version"] for one in found["outcomes"]] == [6, 5, 4]


async def test_shots_of_a_scene_are_counted_and_not_listed() -> None:
    async with AssetPropagationSystem("film") as system:
        shots = [await system.create_entity("shot", f"s{number}") for number in range(3)]
        uses = [{"source": one["id"]} for one in shots]
        scene = await system.create_entity("scene", "Bar", references=uses)
        found = await told(system, scene["id"])
        assert (found["members"], found["references"]) == (3, [])
