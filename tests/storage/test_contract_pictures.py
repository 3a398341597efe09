"""The contract of the storage ports, continued: pictures, and their bytes apart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from protocol.errors import Invalid, NotFound
from server.domain.commit import Commit, RemovedPicture
from server.domain.pictures import Part, Picture
from server.storage import SqliteStorage
from tests.storage.factories import LATER, NOW, PROJECT, creation, digests, entity, step

SMALL, MIDDLE, LARGE = b"small\x00\xff", b"middle", b"large" * 100_000


def name(data: bytes) -> str:
    return sha256(data).hexdigest()


def made(*contents: bytes) -> dict[str, bytes]:
    return {name(data): data for data in contents}


def picture(id_: str = "pic-1", entity_id: str = "mara", **changes: Any) -> Picture:
    values: dict[str, Any] = {
        "width": 1920,
        "height": 803,
        "media_type": "image/webp",
        "files": {"full": name(LARGE), "640": name(MIDDLE), "320": name(SMALL)},
        "parts": (Part(entity_id, "", 2, "ab" * 8), Part("coat", "wardrobe 🧥", 3, "cd" * 8)),
        "visual": digests("then").visual,
        "author": "ines",
        "created_at": LATER,
    }
    return Picture(id_, entity_id, **{**values, **changes})


def adding(*pictures: Picture, **more: Any) -> Commit:
    return step(pictures=list(pictures), blobs=made(SMALL, MIDDLE, LARGE), **more)


async def test_a_picture_is_kept_whole(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    await storage.commit(adding(picture()))
    assert await storage.picture(PROJECT, "pic-1") == picture()
    assert await storage.pictures(PROJECT, "mara", 10, None) == ([picture()], None)
    for data in (SMALL, MIDDLE, LARGE):
        assert await storage.blob(name(data)) == data


async def test_what_is_not_there_is_not_found(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    await storage.commit(creation(project_id="other"))
    await storage.commit(adding(picture()))
    with pytest.raises(NotFound):
        await storage.picture(PROJECT, "pic-2")
    with pytest.raises(NotFound):
        await storage.picture("other", "pic-1")
    with pytest.raises(NotFound):
        await storage.blob(name(b"nothing"))
    assert await storage.pictures("other", "mara", 10, None) == ([], None)


async def test_pictures_come_newest_first_in_pages(storage: SqliteStorage) -> None:
    await storage.commit(creation(["mara", "coat"]))
    some = [picture(f"pic-{number}") for number in range(3)]
    await storage.commit(adding(some[0], picture("pic-x", "coat")))
    await storage.commit(adding(some[1], some[2]))
    first, cursor = await storage.pictures(PROJECT, "mara", 2, None)
    assert first == [some[2], some[1]]
    assert await storage.pictures(PROJECT, "mara", 2, cursor) == ([some[0]], None)
    with pytest.raises(Invalid):
        await storage.pictures(PROJECT, "mara", 2, "not a cursor")


async def test_a_project_loads_with_the_newest_picture_of_each_entity(
    storage: SqliteStorage,
) -> None:
    many = [f"shot-{number:03d}" for number in range(450)]
    lost = entity("lost", deleted_at=NOW)
    await storage.commit(creation(["mara", *many]))
    await storage.commit(step(entities=[lost], versions=[lost.current]))
    await storage.commit(creation(project_id="other"))
    old = [picture(f"old-{id_}", id_) for id_ in [*many, "lost"]]
    new = [picture(f"new-{id_}", id_) for id_ in [*many, "lost"]]
    await storage.commit(adding(*old))
    await storage.commit(adding(*new))
    assert (await storage.load_project("other")).pictures == []
    loaded = (await storage.load_project(PROJECT)).pictures
    assert sorted(loaded, key=lambda one: one.id) == sorted(new, key=lambda one: one.id)


async def test_the_same_bytes_are_kept_once(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    await asyncio.gather(*(storage.commit(adding(picture(f"pic-{n}"))) for n in range(5)))
    assert await counted(storage, "blobs") == 3
    assert await counted(storage, "pictures") == 5


async def test_bytes_go_with_the_last_picture_that_has_them(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    other = replace(picture("pic-2"), files={**picture().files, "640": name(SMALL)})
    await storage.commit(adding(picture(), other))
    await storage.commit(step(pictures_removed=[RemovedPicture("pic-1", "mara", other)]))
    with pytest.raises(NotFound):
        await storage.picture(PROJECT, "pic-1")
    with pytest.raises(NotFound):
        await storage.blob(name(MIDDLE))
    assert await storage.blob(name(LARGE)) == LARGE
    assert await storage.pictures(PROJECT, "mara", 10, None) == ([other], None)
    await storage.commit(step(pictures_removed=[RemovedPicture("pic-2", "mara", None)]))
    assert await counted(storage, "blobs") == 0
    assert (await storage.load_project(PROJECT)).pictures == []


async def test_a_picture_that_cannot_be_stored_leaves_nothing(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    for wrong in (
        adding(picture("pic-1", "nobody")),
        step(pictures=[picture()], blobs=made(SMALL, MIDDLE)),
        adding(picture(), picture()),
    ):
        with pytest.raises(Exception, match="constraint failed"):
            await storage.commit(wrong)
    assert await counted(storage, "blobs") == await counted(storage, "pictures") == 0


async def counted(storage: SqliteStorage, table: str) -> int:
    query = f"SELECT COUNT(*) FROM {table}"
    return await storage._database.run(lambda c: int(c.execute(query).fetchone()[0]))
