"""server/rooms/registry.py and server/rooms/connection.py"""

from __future__ import annotations

import asyncio

import pytest

from protocol.errors import NotFound, Unavailable
from server.ports import Actor
from server.rooms.access import Identity, Role
from server.rooms.outbox import CloseFrame
from server.rooms.registry import RealTimeSyncManager
from tests.rooms.fakes import Client, FakeCore, FakeGate, FakeStore, grant, settle
from tests.rooms.live import Stage


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
    assert stage.manager.remove_member("film", "bob") == 1
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
    assert stage.core.published == [("hero", None, Actor("ann", "page"))]
    assert ann.wire.closed_with() == 1012


async def test_discrete_fields_are_published_before_the_end() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    await ann.send(ann.yjs.set("age", 31))
    await stage.timers.advance(0.1)
    await stage.manager.aclose()
    assert stage.core.published == [("hero", ("age",), Actor("ann", "page"))]


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


async def test_closing_says_goodbye_and_waits_for_the_disk() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    stage.store.open.clear()
    await ann.send(ann.yjs.type("last words"))
    closing = asyncio.ensure_future(stage.manager.aclose())
    await settle()
    assert not closing.done()
    assert ann.wire.closed_with() == 1012
    stage.store.open.set()
    await closing
    assert len(stage.store.appended) == 1


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
