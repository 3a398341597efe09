"""Notifications over the life of a run: through a crash, and of what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from server.domain.actors import Actor
from server.domain.commit import Commit
from server.domain.people import Follow, Following, Notice
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.services.changes import propagate_asset_change
from server.services.entities import create_entities
from server.services.members import put_member
from server.services.notifications import follow
from server.services.projects import Projects
from server.storage import SqliteStorage

JAN, INES = Actor("jan"), Actor("ines")


@pytest.fixture
async def storage() -> AsyncIterator[SqliteStorage]:
    opened = await SqliteStorage.open(None)
    yield opened
    await opened.close()


async def film(projects: Projects, shots: int) -> ProjectOwner:
    owner = await projects.create("film", "film", JAN)
    await create_entities(owner, [NewEntity("character", "Mara", id="mara")], JAN)
    wearing = [
        NewEntity("shot", f"s{number}", id=f"s{number}", references=[NewReference("mara")])
        for number in range(shots)
    ]
    await create_entities(owner, wearing, JAN)
    return owner


async def told(storage: SqliteStorage, user: str) -> Sequence[Notice]:
    found, _ = await storage.notices(user, None, (), False, 100, None)
    return found


async def test_a_run_that_goes_on_after_a_crash_makes_one_whole_digest(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, commit = asyncio.Event(), storage.commit

    async def note(step: Commit) -> None:
        await commit(step)
        if step.outcomes:
            begun.set()

    projects = Projects(storage)
    owner = await film(projects, 300)
    async with owner.step(INES) as tx:
        tx.commit.follows.append(Follow("ines", "s5", True))
    monkeypatch.setattr(storage, "commit", note)
    result = await propagate_asset_change(owner, "mara", {"description": "New"}, JAN, wait=0)
    await begun.wait()
    await projects.close()  # what is left resumes
    assert 0 < (await storage.run(result.run_id or "")).processed < 300
    assert await told(storage, "ines") == []
    again = await Projects(storage).open("film")
    assert result.run_id is not None
    assert await again.engine.wait(result.run_id, 30)
    (digest,) = await told(storage, "ines")
    assert digest.text == "Mara v2: 300 shots: 300 updated"
    events = await storage.events_after("film", 0, 10_000)
    assert events is not None
    assert [one.body["id"] for one in events if one.person == "ines"] == [digest.id]
    await again.close()


async def test_a_conflict_is_told_to_whom_it_concerns(storage: SqliteStorage) -> None:
    owner = await film(Projects(storage), 1)
    async with owner.step(JAN) as tx:
        body: dict[str, Any] = {"type": "conflict_detected", "entity_id": "s0", "field": "framing"}
        tx.tell({**body, "affected_users": ["ines", "jan"]}, None)
    for user in ("ines", "jan"):
        (notice,) = [one for one in await told(storage, user) if one.kind == "conflict"]
        assert notice.text == "s0: a conflict in framing waits for a decision"
    await owner.close()


async def test_a_run_that_fails_is_told_to_its_author(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await film(Projects(storage), 3)

    def broken(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("server.propagation.recording.reach", broken)
    await propagate_asset_change(owner, "mara", {"description": "New"}, JAN)
    (notice,) = await told(storage, "jan")
    assert (notice.kind, notice.text) == ("failure", "Mara v2: 3 dependents could not follow")
    await owner.close()


async def test_what_is_told_stands_or_falls_with_its_step(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await film(Projects(storage), 1)
    monkeypatch.setattr(storage, "commit", _refuse)
    with pytest.raises(OSError, match="full"):
        await follow(owner, "s0", INES, True)
    with pytest.raises(OSError, match="full"):
        await put_member(owner, "ines", "viewer", JAN)
    monkeypatch.undo()
    assert owner.people.following.followers("s0") == {"jan"}
    assert [one.user for one in await storage.members("film")] == ["jan"]
    await owner.close()


async def _refuse(_: object) -> None:
    raise OSError("the disk is full")


def test_following_remembers_wishes_and_shares_sets() -> None:
    following = Following()
    following.take([Follow("a", "x", True), Follow("a", "y", True), Follow("b", "x", False)], [])
    assert following.followers("x") is following.followers("y")
    assert following.has_choice("b", "x")
    following.forget("a")
    following.forget("b")
    assert following.followers("x") == frozenset()
    assert not following.has_choice("b", "x")
