"""server/rooms/registry.py and server/rooms/connection.py"""

from __future__ import annotations

import asyncio

import pytest

from protocol.errors import Forbidden, NotFound, Unavailable
from server.ports import Actor, StoredDocument
from server.rooms.access import Identity, Role
from server.rooms.lifecycle import LifeCycle
from server.rooms.outbox import CloseFrame
from server.rooms.registry import RealTimeSyncManager
from server.rooms.stored import encode_stored
from tests.rooms.fakes import Client, FakeCore, FakeGate, FakeStore, grant, settle
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


async def test_R9_who_never_logs_in_is_closed_after_sixty_seconds() -> None:
    stage = Stage()
    nobody, ann = stage.socket(None), stage.ann()
    await stage.timers.advance(59)
    assert nobody.wire.closed_with() is None
    await stage.timers.advance(2)
    assert nobody.wire.closed_with() == 4401
    assert ann.wire.closed_with() is None
    assert stage.manager.connections == 1


async def test_R7_identity_by_hello_and_what_is_wrong_with_it() -> None:
    stage = Stage()
    for token, code in (("wrong", 4401), ("mallory", 4403)):
        socket = stage.socket(None)
        await socket.say("hello", token=token)
        assert socket.told[0]["fatal"] is True
        assert socket.wire.closed_with() == code
    ann = stage.socket(None)
    await ann.say("hello", token="ann")
    assert ann.told[0]["user"] == "ann"


async def test_R11_a_revoked_token_ends_its_connections_only() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.joined("bob")
    assert stage.manager.revoke(lambda who, _: who.token_id == "token-ann") == 1
    assert ann.heard == [
        "denied: The token was revoked; log in again",
        "close: The token was revoked; log in again",
    ]
    assert ann.wire.closed_with() == 4401
    assert bob.wire.closed_with() is None
    removed = Forbidden("You were removed from this project")
    assert stage.manager.revoke(lambda who, _: who.user == "bob", removed) == 1
    assert bob.told[-1]["code"] == "forbidden"
    assert bob.wire.closed_with() == 4403
    assert stage.manager.connections == 0


async def test_R11_a_documents_own_token_counts_too() -> None:
    stage = Stage()
    ann = stage.ann()
    await ann.auth(token="bob")
    assert stage.manager.revoke(lambda who, _: who.user == "bob") == 1


async def test_drafts_are_read_loaded_or_not() -> None:
    stage = Stage()
    assert Client(await stage.manager.draft_state("film", "hero")).text() == ""
    ann = await stage.opened_by()
    stage.store.open.clear()
    await ann.send(ann.yjs.type("not yet durable"))
    reading = asyncio.ensure_future(stage.manager.draft_state("film", "hero"))
    await settle()
    assert not reading.done()
    await ann.send(ann.yjs.type("typed later, "))
    stage.store.open.set()
    assert Client(await reading).text() == "not yet durable"
    await settle()
    ann.connection.gone()
    await stage.timers.advance(120)
    text = Client(await stage.manager.draft_state("film", "hero")).text()
    assert text == "typed later, not yet durable"


async def test_R16_a_draft_is_not_built_on_while_the_disk_fails() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    stage.store.broken = True
    await ann.send(ann.yjs.type("x"))
    reading = asyncio.ensure_future(stage.manager.draft_state("film", "hero"))
    await stage.timers.advance(4.9)
    assert not reading.done()
    await stage.timers.advance(0.2)
    with pytest.raises(Unavailable):
        await reading


async def test_what_waits_is_published_before_the_end() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    await ann.send(ann.yjs.type("typed and left"))
    await stage.manager.aclose()
    assert stage.core.published == [("hero", None, Actor("ann", "page", "editor"))]
    assert ann.wire.closed_with() == 1012


async def test_discrete_fields_are_published_before_the_end() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    await ann.send(ann.yjs.set("age", 31))
    await stage.timers.advance(0.1)
    await stage.manager.aclose()
    assert stage.core.published == [("hero", ("age",), Actor("ann", "page", "editor"))]


async def test_a_draft_that_is_ahead_when_it_is_loaded_is_published() -> None:
    stage = Stage()
    stage.core.fields["hero"]["age"] = 29
    await stage.opened_by("eve", Role.VIEWER)
    await stage.timers.advance(1)
    assert stage.core.published == [("hero", ("age",), Actor("system", "page"))]


async def test_R11_who_is_revoked_while_being_let_in_stays_out() -> None:
    stage = Stage()
    letting_in = asyncio.Event()
    gate = stage.manager._gate
    authorise = gate.authorise

    async def slowly(identity: Identity, project_id: str) -> Role:
        await letting_in.wait()
        return await authorise(identity, project_id)

    gate.authorise = slowly  # type: ignore[method-assign]
    ann = stage.socket(None)
    hello = asyncio.ensure_future(ann.say("hello", token="ann"))
    await settle()
    stage.manager.revoke(lambda who, _: who.user == "ann")
    letting_in.set()
    await hello
    assert ann.wire.closed_with() == 4401


async def test_a_long_log_is_compacted_while_it_is_open() -> None:
    stage = Stage(compact_at=10)
    ann = await stage.opened_by()
    for _ in range(15):
        await ann.send(ann.yjs.type("x"))
        await settle()
    ((entity, count),) = stage.store.compacted
    assert (entity, count) == ("hero", 11)
    assert len(stage.store.documents["hero"]) == 5
    assert Client(await stage.manager.draft_state("film", "hero")).text() == "x" * 15


async def test_edits_go_on_while_the_log_is_compacted() -> None:
    """Acknowledged, stored and fanned out, while the compaction still waits for the disk."""
    stage = Stage(compact_at=10)
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    compact, going_on = stage.store.compact_document, asyncio.Event()
    held: list[int] = []

    async def slowly(project_id: str, entity_id: str, state: bytes, count: int) -> None:
        held.append(count)
        await going_on.wait()
        await compact(project_id, entity_id, state, count)

    stage.store.compact_document = slowly  # type: ignore[method-assign]
    for _ in range(40):
        await ann.send(ann.yjs.type("x"))
        await stage.timers.advance()
    assert held == [11]  # one at a time
    assert ann.heard.count("status 1") == 40
    assert bob.heard.count("update") == 40
    going_on.set()
    await settle()
    assert len(stage.store.documents["hero"]) == 1 + 29
    assert Client(await encode_stored(await stage.store.load_document("film", "hero"))).text() == (
        "x" * 40
    )


async def test_a_long_document_is_compacted_less_often() -> None:
    stage = Stage(compact_at=10, compact_share=100)
    ann = await stage.opened_by()
    await ann.send(ann.yjs.type("y" * 2000))
    for _ in range(80):
        await ann.send(ann.yjs.type("x"))
        await settle()
    (_, long), (_, first), (_, second) = stage.store.compacted
    assert long < 5
    assert first > 25
    assert second > 25


async def test_an_idle_document_is_compacted_when_it_is_put_away() -> None:
    stage = Stage(compact_at_rest=2)
    ann = await stage.opened_by()
    for text in "ba":
        await ann.send(ann.yjs.type(text))
        await settle()
    ann.connection.gone()
    await stage.timers.advance(120)
    assert stage.store.compacted == [("hero", 2)]
    assert Client(await stage.manager.draft_state("film", "hero")).text() == "ab"


async def test_what_waits_for_another_update_is_never_compacted_away() -> None:
    stage = Stage(compact_at_rest=1)
    ann = await stage.opened_by()
    first, second = ann.yjs.type("b"), ann.yjs.type("a")
    await ann.send(second)
    await settle()
    ann.connection.gone()
    await stage.timers.advance(120)
    assert stage.store.compacted == []
    bob = await stage.opened_by("bob")
    await bob.send(first)
    await settle()
    assert Client(await stage.manager.draft_state("film", "hero")).text() == "ab"


async def test_nobody_listens_to_a_project_without_a_room() -> None:
    stage = Stage()
    stage.manager.publish("elsewhere", [stage.core.commit()])
    stage.manager.tell("elsewhere", {"type": "x"}, None)
    stage.manager.merge_committed("elsewhere", "hero", b"\x00\x00")


async def test_a_project_that_cannot_be_opened_is_said_and_can_be_tried_again() -> None:
    attempts: list[str] = []

    async def open_core(project_id: str) -> FakeCore:
        attempts.append(project_id)
        raise NotFound("There is no such project")

    stage = Stage()
    stage.manager = RealTimeSyncManager(
        open_core=open_core, store=FakeStore(), gate=FakeGate(), timers=stage.timers
    )
    for _ in range(2):
        ann = stage.socket(grant("ann"))
        await ann.say("hello")
        assert ann.wire.closed_with() == 4404
    assert len(attempts) == 2


async def test_a_failure_of_ours_closes_with_1011() -> None:
    stage = Stage()

    async def broken(_: str) -> FakeCore:
        raise LookupError("a bug")

    stage.manager = RealTimeSyncManager(
        open_core=broken, store=FakeStore(), gate=FakeGate(), timers=stage.timers
    )
    ann = stage.ann()
    await ann.say("hello")
    assert ann.wire.closed_with() == 1011
    assert "bug" not in ann.told[-1]["message"]


async def test_R45_what_was_sent_is_acknowledged_before_the_close() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    stage.store.open.clear()
    await ann.send(ann.yjs.type("last words"))
    closing = asyncio.ensure_future(stage.manager.aclose())
    await settle()
    assert not closing.done()
    assert ann.wire.closed_with() is None
    await ann.send(ann.yjs.type("very "))
    stage.store.open.set()
    await closing
    assert len(stage.store.appended) == 2
    assert ann.heard == ["status 1", "status 1"]
    assert ann.wire.closed_with() == 1012


async def test_R45_closes_are_spread() -> None:
    stage = Stage(drain_pause=0.01, drain_window=2.0)
    sockets = [await stage.joined() for _ in range(4)]
    draining = asyncio.ensure_future(stage.manager.drain())
    for closed in range(1, 5):
        await settle()
        assert [one.wire.closed_with() for one in sockets].count(1012) == closed
        await stage.timers.advance(0.01)
    await draining


async def test_R45_the_closes_of_many_stay_within_the_window() -> None:
    stage = Stage(drain_pause=0.5, drain_window=1.0)
    sockets = [await stage.joined() for _ in range(20)]
    draining = asyncio.ensure_future(stage.manager.drain())
    await stage.timers.advance(0.5)
    assert 10 <= [one.wire.closed_with() for one in sockets].count(1012) <= 11
    await stage.timers.advance(0.5)
    await draining
    assert stage.manager.connections == 0


async def test_R45_who_is_still_there_is_served_and_nobody_new_comes_in() -> None:
    stage = Stage(drain_pause=1.0)
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    draining = asyncio.ensure_future(stage.manager.drain())
    await settle()
    assert ann.wire.closed_with() == 1012
    await bob.send(bob.yjs.type("still here"))
    await settle()
    assert bob.heard == ["status 1"]
    with pytest.raises(Unavailable):
        stage.ann()
    await stage.timers.advance(1.0)
    await draining
    assert bob.wire.closed_with() == 1012


async def test_R45_where_the_store_fails_all_are_closed_unacknowledged() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    stage.store.broken = True
    await ann.send(ann.yjs.type("x"))
    draining = asyncio.ensure_future(stage.manager.drain())
    await stage.timers.advance(4.9)
    assert ann.wire.closed_with() is None
    await stage.timers.advance(0.2)
    await draining
    assert ann.heard == []
    assert ann.wire.closed_with() == bob.wire.closed_with() == 1012


async def test_R44_a_room_is_loading_ready_draining_and_gone() -> None:
    stage = Stage()
    assert stage.manager.life_cycle("film") is LifeCycle.GONE
    ann = stage.ann()
    hello = asyncio.ensure_future(ann.say("hello"))
    await asyncio.sleep(0)
    assert stage.manager.life_cycle("film") is LifeCycle.LOADING
    await hello
    assert stage.manager.life_cycle("film") is LifeCycle.READY
    bob = await stage.opened_by("bob")
    stage.store.open.clear()
    await bob.send(bob.yjs.type("x"))
    bob.connection.gone()
    closing = asyncio.ensure_future(stage.manager.aclose())
    await settle()
    assert stage.manager.life_cycle("film") is LifeCycle.DRAINING
    stage.store.open.set()
    await closing
    assert stage.manager.life_cycle("film") is LifeCycle.GONE


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
    assert stage.manager.life_cycle("film") is LifeCycle.READY
    await stage.timers.advance(2)
    assert stage.manager.life_cycle("film") is LifeCycle.GONE
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
    assert stage.manager.life_cycle("film") is LifeCycle.READY
    await stage.timers.advance(31)
    assert stage.manager.life_cycle("film") is LifeCycle.GONE


async def test_R44_a_room_with_something_under_way_is_not_put_away() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    stage.store.open.clear()
    await ann.send(ann.yjs.type("x"))
    ann.connection.gone()
    await stage.timers.advance(300)
    assert stage.manager.life_cycle("film") is LifeCycle.READY
    stage.store.open.set()
    await stage.timers.advance(120)
    assert stage.manager.life_cycle("film") is LifeCycle.GONE
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
    assert stage.manager.life_cycle("film") is LifeCycle.READY
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
    assert stage.manager.life_cycle("film") is LifeCycle.READY
    await stage.timers.advance(11)
    assert stage.manager.life_cycle("film") is LifeCycle.GONE


async def test_closing_gives_up_on_a_store_that_goes_on_failing() -> None:
    stage = Stage(flush_patience=0.01)
    ann = await stage.opened_by()
    stage.store.broken = True
    await ann.send(ann.yjs.type("never acknowledged"))
    await stage.manager.aclose()
    assert ann.heard == []
    stage.store.broken = False
    await stage.timers.advance(60)


async def test_R5_a_bad_state_vector_closes() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    await ann.connection.receive_bytes(b"\x04hero\x00\x00\x01\xff")
    assert ann.wire.closed_with() == 1007


async def test_a_late_close_of_an_old_socket_leaves_the_new_one_alone() -> None:
    stage = Stage()
    old, new, bob = await stage.opened_by(), await stage.opened_by(), await stage.opened_by("bob")
    old.connection.gone()
    old.connection.gone()
    await bob.send(bob.yjs.type("x"))
    await stage.timers.advance()
    assert new.heard == ["update"]


async def test_who_is_too_slow_leaves_the_room() -> None:
    stage = Stage(outbox_limit=2000)
    slow = await stage.joined()
    slow.wire.stall()
    for _ in range(100):
        stage.emit("hero")
    await stage.timers.advance()
    assert stage.manager.connections == 0
    slow.wire.flowing.set()
    await settle()
    assert slow.wire.closed_with() == 1013


async def test_R53_of_those_who_have_not_logged_in_the_one_who_waits_longest_goes() -> None:
    stage = Stage(strangers=2)
    first, second = stage.socket(None), stage.socket(None)
    await first.auth(token="ann")
    third = stage.socket(None)
    assert stage.manager.connections == 3
    assert not any(isinstance(one, CloseFrame) for one in second.wire.frames)
    fourth = stage.socket(None)
    (close,) = second.wire.frames
    assert isinstance(close, CloseFrame)
    assert close.code == 4401
    assert stage.manager.connections == 3
    for one in (first, third, fourth):
        assert not any(isinstance(frame, CloseFrame) for frame in one.wire.frames)
