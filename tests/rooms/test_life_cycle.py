"""Rooms and documents that come and go: server/rooms/registry.py, room.py"""

from __future__ import annotations

import asyncio

from server.ports import StoredDocument
from tests.rooms.fakes import Client, settle
from tests.rooms.live import Socket, Stage


async def test_a_room_is_opened_once_and_only_for_who_is_let_in() -> None:
    stage = Stage()
    nobody = stage.socket(None)
    await nobody.auth()
    await nobody.say("hello")
    assert stage.opened == 0
    sockets = [stage.ann() for _ in range(10)]
    await asyncio.gather(*(socket.say("hello") for socket in sockets))
    assert stage.opened == 1


async def test_R44_a_room_is_loading_ready_draining_and_gone() -> None:
    stage = Stage()
    assert stage.room == "gone"
    ann = stage.ann()
    hello = asyncio.ensure_future(ann.say("hello"))
    await asyncio.sleep(0)
    assert stage.room == "loading"
    await hello
    assert stage.room == "ready"
    bob = await stage.opened_by("bob")
    stage.store.open.clear()
    await bob.send(bob.yjs.type("x"))
    bob.connection.gone()
    closing = asyncio.ensure_future(stage.manager.aclose())
    await settle()
    assert stage.room == "draining"
    stage.store.open.set()
    await closing
    assert stage.room == "gone"


async def test_R44_an_empty_room_is_put_away_after_a_while_and_opened_again() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    await ann.send(ann.yjs.type("x"))
    ann.connection.gone()
    await stage.timers.advance(20)
    bob = await stage.joined("bob")
    await stage.timers.advance(120)
    assert stage.opened == 1
    bob.connection.gone()
    await stage.timers.advance(29)
    assert stage.room == "ready"
    await stage.timers.advance(2)
    assert stage.room == "gone"
    late = await stage.joined("late")
    assert stage.opened == 2
    stage.emit("hero")
    assert len(late.of_type("version_created")) == 1


async def test_R44_a_room_that_everybody_left_while_it_was_opened_is_put_away() -> None:
    stage = Stage()
    ann = stage.ann()
    hello = asyncio.ensure_future(ann.say("hello"))
    await asyncio.sleep(0)
    ann.connection.gone()
    await hello
    assert stage.room == "ready"
    await stage.timers.advance(31)
    assert stage.room == "gone"


async def test_R44_a_room_with_something_under_way_is_not_put_away() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    stage.store.open.clear()
    await ann.send(ann.yjs.type("x"))
    ann.connection.gone()
    await stage.timers.advance(300)
    assert stage.room == "ready"
    stage.store.open.set()
    await stage.timers.advance(120)
    assert stage.room == "gone"
    assert Client(await stage.manager.draft_state("film", "hero")).text() == "x"


async def test_R44_a_document_is_loaded_once_and_nothing_is_written_into_it_before() -> None:
    stage = Stage()
    loading = asyncio.Event()
    load = stage.store.load_document

    async def slowly(project_id: str, entity_id: str) -> StoredDocument:
        await loading.wait()
        return await load(project_id, entity_id)

    stage.store.load_document = slowly  # type: ignore[method-assign]
    sockets = [stage.ann() for _ in range(10)]

    async def come(number: int, socket: Socket) -> None:
        await socket.open()
        await socket.send(socket.yjs.set("age", number))

    coming = [asyncio.ensure_future(come(*one)) for one in enumerate(sockets)]
    await settle()
    assert stage.store.appended == []
    assert all(socket.heard == [] for socket in sockets)
    loading.set()
    await asyncio.gather(*coming)
    await settle()
    assert stage.store.loads == 1
    for socket in sockets:
        assert socket.heard[:3] == ["read-write", "step 1", "step 2"]
        assert socket.heard.count("status 1") == 1


async def test_R44_who_comes_back_soon_finds_the_document_as_it_was() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    ann.connection.gone()
    await stage.timers.advance(29)
    bob = await stage.opened_by("bob")
    await stage.timers.advance(29)
    assert stage.store.loads == 1
    bob.connection.gone()
    await stage.timers.advance(31)
    await stage.opened_by()
    assert stage.store.loads == 2


async def test_R44_each_time_it_is_left_the_document_has_its_thirty_seconds_anew() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    ann.connection.gone()
    await stage.timers.advance(10)
    bob = await stage.opened_by("bob")
    await stage.timers.advance(15)
    bob.connection.gone()
    await stage.timers.advance(20)
    assert stage.room == "ready"
    await stage.opened_by()
    assert stage.store.loads == 1


async def test_R44_each_time_it_is_left_the_room_has_its_thirty_seconds_anew() -> None:
    stage = Stage()
    (await stage.joined()).connection.gone()
    await stage.timers.advance(10)
    bob = await stage.joined("bob")
    await stage.timers.advance(15)
    bob.connection.gone()
    await stage.timers.advance(20)
    assert stage.room == "ready"
    await stage.timers.advance(11)
    assert stage.room == "gone"


async def test_a_late_close_of_an_old_socket_leaves_the_new_one_alone() -> None:
    stage = Stage()
    old, new, bob = await stage.opened_by(), await stage.opened_by(), await stage.opened_by("bob")
    old.connection.gone()
    old.connection.gone()
    await bob.send(bob.yjs.type("x"))
    await stage.timers.advance()
    assert new.heard == ["update"]
