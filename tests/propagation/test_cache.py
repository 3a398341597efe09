"""CacheManager: what is kept is what a fresh look says, and no more is kept than is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from server.domain.resolve import resolve
from server.propagation import cache
from server.propagation.cache import CacheManager
from server.propagation.project import ProjectOwner
from server.services import changes, entities, reading
from server.services.projects import update_settings
from server.system import AssetPropagationSystem
from tests.formats.images import picture
from tests.propagation.test_engine import ME


@pytest.fixture
async def system() -> AsyncIterator[AssetPropagationSystem]:
    """Mara in her coat, in two shots of a sequence; a lamp that nobody uses."""
    async with AssetPropagationSystem("film") as system:
        await system.create_entity("character", "Mara", {"description": "Tall."}, id="mara")
        await system.create_entity("prop", "Lamp", id="lamp")
        await system.create_entity("wardrobe", "Coat", id="coat", references=[{"source": "mara"}])
        for shot in ("sh010", "sh020"):
            await system.create_entity("shot", shot, id=shot, references=[{"source": "coat"}])
        uses = [{"source": "sh010"}, {"source": "sh020"}]
        await system.create_entity("sequence", "1", id="seq1", references=uses)
        yield system


def is_true(owner: ProjectOwner) -> None:
    for id_, entity in owner.state.entities.items():
        assert reading.resolved(owner, id_) == resolve(owner.look(), entity), id_


async def recolour(system: AssetPropagationSystem) -> object:
    return await system.propagate_asset_change("mara", {"hair": "#111111"})


async def link(system: AssetPropagationSystem) -> object:
    return await system.add_reference("lamp", "sh010")


async def unlink(system: AssetPropagationSystem) -> object:
    owner = await system.owner()
    reference = next(iter(owner.state.inputs("sh010").values()))
    return await entities.unlink(owner, reference.id, ME)


async def approve(system: AssetPropagationSystem) -> object:
    return await changes.approve(await system.owner(), "coat", 1, ME)


async def rename(system: AssetPropagationSystem) -> object:
    return await entities.patch_entity(await system.owner(), "sh010", ME, name="Ten")


async def delete(system: AssetPropagationSystem) -> object:
    return await entities.delete_entity(await system.owner(), "mara", ME, force=True)


async def delete_and_restore(system: AssetPropagationSystem) -> object:
    await delete(system)
    is_true(await system.owner())
    return await entities.restore_entity(await system.owner(), "mara", ME)


async def hang_a_picture(system: AssetPropagationSystem) -> object:
    return await system.add_picture("sh010", picture())


async def set_the_template(system: AssetPropagationSystem) -> object:
    settings = {"prompt_template": "{name}: {description}"}
    return await update_settings(await system.owner(), ME, None, settings)


EVENTS = (
    recolour,
    link,
    unlink,
    approve,
    rename,
    delete,
    delete_and_restore,
    hang_a_picture,
    set_the_template,
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: one.__name__)
async def test_what_a_commit_touches_is_forgotten(
    system: AssetPropagationSystem,
    event: Callable[[AssetPropagationSystem], Awaitable[object]],
) -> None:
    owner = await system.owner()
    is_true(owner)
    await event(system)
    assert owner.cache.to_json()["forgotten"] > 0
    is_true(owner)


async def test_what_a_commit_leaves_alone_is_kept(system: AssetPropagationSystem) -> None:
    owner = await system.owner()
    is_true(owner)
    await system.propagate_asset_change("lamp", {"colour": "#111111"})
    before = await system.get_cache_status()
    await system.get_resolved("sh010")
    after = await system.get_cache_status()
    assert (after["hits"], after["misses"]) == (before["hits"] + 1, before["misses"])
    await system.get_resolved("lamp")
    assert (await system.get_cache_status())["misses"] == after["misses"] + 1


async def test_what_is_answered_can_be_changed_without_harm(
    system: AssetPropagationSystem,
) -> None:
    (await system.get_resolved("sh010"))["fields"]["description"] = "Somebody else's."
    is_true(await system.owner())


async def test_it_is_bounded(system: AssetPropagationSystem) -> None:
    owner = await system.owner()
    owner.cache = CacheManager(most_bytes=4000)
    for _ in range(3):
        is_true(owner)
    status = owner.cache.to_json()
    assert 0 < status["entries"] < 6
    assert status["bytes"] <= 4000


async def test_what_rests_on_very_much_is_not_kept(
    system: AssetPropagationSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_RESTED_ON", 1)
    owner = await system.owner()
    is_true(owner)
    assert owner.cache.to_json()["entries"] == 1
