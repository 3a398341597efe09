"""Consistency: a database that somebody altered is noticed, told, and put right."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from server.domain.actors import Actor
from server.domain.default_kinds import default_kinds
from server.ports import AuditFilter
from server.services import entities
from server.services.consistency import HOW_TO_REPAIR, Watch
from server.services.projects import put_kinds
from server.system import AssetPropagationSystem
from server.verify import verify_project

ME = Actor("mara", "test")
_POINTER = (
    "INSERT INTO pointers (number, version) SELECT number, 1 FROM refs WHERE target = '{}' "
    "ON CONFLICT (number) DO UPDATE SET version = 1"
)
ALTERED = {
    "hash": "UPDATE looks SET hash = visual_hash WHERE id = 'sh010'",
    "visual hash": "UPDATE looks SET visual_hash = hash WHERE id = 'coat'",
    "hash of a sequence": "UPDATE looks SET hash = zeroblob(32) WHERE id = 'seq1'",
    "pointer of a shot": _POINTER.format("sh010"),
    "pointer of an asset": _POINTER.format("coat"),
}
every_alteration = pytest.mark.parametrize("statement", ALTERED.values(), ids=ALTERED)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "film.db"


@pytest.fixture
async def system(file: Path) -> AsyncIterator[AssetPropagationSystem]:
    """Mara, her coat, a shot of it in a sequence; Mara changed once."""
    async with AssetPropagationSystem("film", file) as system:
        await system.create_entity("character", "Mara", {"description": "Tall."}, id="mara")
        await system.create_entity("wardrobe", "Coat", id="coat", references=[{"source": "mara"}])
        await system.create_entity("shot", "10", id="sh010", references=[{"source": "coat"}])
        await system.create_entity("sequence", "1", id="seq1", references=[{"source": "sh010"}])
        await system.propagate_asset_change("mara", {"description": "Small."})
        yield system


def alter(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(statement).rowcount == 1


async def broken(system: AssetPropagationSystem) -> list[str]:
    found: list[str] = []
    await verify_project((await system.owner()).storage, "film", found.append)
    return found


async def looks(system: AssetPropagationSystem) -> list[str]:
    return [(await system.get_entity(id_))["hash"] for id_ in ("mara", "coat", "sh010", "seq1")]


@every_alteration
async def test_what_was_altered_while_nobody_looked_is_found_and_put_right(
    system: AssetPropagationSystem, file: Path, statement: str
) -> None:
    before = await looks(system)
    await system.close()
    alter(file, statement)
    assert await broken(system)
    assert await system.check_consistency()
    assert await system.repair_consistency()
    assert not await system.check_consistency()
    assert not await broken(system)
    assert await looks(system) == before
    entries, _ = await (await system.owner()).storage.audit("film", AuditFilter(), 5, None)
    assert "consistency_repaired" in {one.action for one in entries}


@every_alteration
async def test_what_is_altered_under_a_running_server_is_an_alarm_until_it_is_repaired(
    system: AssetPropagationSystem, file: Path, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    owner = await system.owner()
    projects = system._projects
    assert projects is not None
    watch = Watch(projects, 0, batch=2)
    rounds = 3
    for _ in range(rounds):
        await watch.look()
    assert watch.told("film") == {"checked": 2 * rounds, "alarms": [], "repair": None}
    alter(file, statement)
    with caplog.at_level(logging.ERROR, "ripplecut.consistency"):
        for _ in range(rounds):
            await watch.look()
    assert watch.alarms == 1
    told = watch.told("film")
    assert told["repair"] == HOW_TO_REPAIR
    assert told["alarms"][0]["at"]
    assert len(caplog.records) == 1, "an alarm is raised once"
    assert HOW_TO_REPAIR in caplog.text
    entries, _ = await owner.storage.audit("film", AuditFilter(actor="Ripplecut"), 5, None)
    assert [one.action for one in entries] == ["consistency_alarm"]
    assert await watch.repair(owner, ME)
    assert watch.alarms == 0
    assert not await broken(system)


async def test_nothing_is_wrong_in_the_midst_of_changes(system: AssetPropagationSystem) -> None:
    owner = await system.owner()
    shots = [one["id"] for one in await system.create_test_shots(300, "coat")]
    await system.create_entity("scene", "2", references=[{"source": one} for one in shots])
    await entities.patch_entity(owner, "mara", ME, fields={"description": "Old."}, wait=0)
    assert owner.engine.active or owner.engine.queued
    looked_at = 0
    while owner.engine.active or owner.engine.queued:
        assert not await system.check_consistency()
        looked_at += 1
    assert looked_at
    assert not await system.check_consistency()


async def test_a_watch_that_is_switched_off_does_nothing(system: AssetPropagationSystem) -> None:
    projects = system._projects
    assert projects is not None
    watch = Watch(projects, 0)
    watch.start()
    await watch.close()
    assert watch.told("film")["checked"] == 0


async def test_a_field_that_is_declared_later_leaves_everything_consistent(
    system: AssetPropagationSystem,
) -> None:
    owner = await system.owner()
    await system.propagate_asset_change("coat", {"mood": "grim"})
    uses = [{"source": "coat", "overrides": {"mood": "light"}}]
    await system.create_entity("shot", "20", id="sh020", references=uses)
    await system.create_entity("sequence", "2", references=[{"source": "sh020"}])
    before = (await system.get_resolved("sh020"))["visual_hash"]
    kinds = default_kinds().to_json()
    wardrobe = next(one for one in kinds["kinds"] if one["name"] == "wardrobe")
    wardrobe["fields"].append({"name": "mood", "label": "Mood", "type": "text", "facet": "visual"})
    await put_kinds(owner, kinds, ME)
    assert (await system.get_resolved("sh020"))["visual_hash"] != before
    assert not await system.check_consistency()
    assert not await broken(system)
