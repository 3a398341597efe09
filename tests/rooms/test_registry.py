"""server/rooms/registry.py and server/rooms/connection.py"""

from __future__ import annotations

import asyncio
import gc

import pytest

from protocol import hocuspocus
from protocol.errors import Forbidden, NotFound, Unavailable
from server.ports import Actor, StoredDocument
from server.rooms.access import Identity, Role
from server.rooms.outbox import CloseFrame
from server.rooms.registry import RealTimeSyncManager
from tests.rooms.fakes import Client, FakeCore, FakeGate, FakeStore, grant, settle
from tests.rooms.live import Stage


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


async def test_R5_a_bad_state_vector_closes() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    await ann.connection.receive_bytes(b"\x04hero\x00\x00\x01\xff")
    assert ann.wire.closed_with() == 1007


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


async def test_R59_whose_token_is_being_checked_is_not_crowded_out() -> None:
    stage = Stage(strangers=2)
    letting_in = asyncio.Event()
    authenticate = stage.gate.authenticate

    async def slowly(token: str) -> Identity:
        await letting_in.wait()
        return await authenticate(token)

    stage.gate.authenticate = slowly  # type: ignore[method-assign]
    ann = stage.socket(None)
    hello = asyncio.ensure_future(ann.say("hello", token="ann"))
    await settle()
    crowd = [stage.socket(None) for _ in range(5)]
    assert stage.manager.connections == 2
    assert [one.wire.closed_with() for one in crowd] == [4401] * 4 + [None]
    letting_in.set()
    await hello
    assert ann.of_type("welcome")
    # Nor do those who make the server check keep everybody else out.
    letting_in.clear()
    checked = [stage.socket(None) for _ in range(4)]
    saying = [asyncio.ensure_future(one.say("hello", token="x")) for one in checked]
    await settle()
    stage.socket(None)
    assert stage.manager.connections == 1 + 2
    letting_in.set()
    await asyncio.gather(*saying)


async def test_a_room_whose_opening_fails_when_all_have_left_is_no_unread_failure() -> None:
    stage = Stage()
    failing = asyncio.Event()

    async def broken(_: str) -> FakeCore:
        await failing.wait()
        raise LookupError("a bug")

    stage.manager = RealTimeSyncManager(
        open_core=broken, store=FakeStore(), gate=FakeGate(), timers=stage.timers
    )
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(str(context["message"])))
    ann = stage.ann()
    hello = asyncio.ensure_future(ann.say("hello"))
    await settle()
    hello.cancel()
    ann.connection.gone()
    await settle()
    failing.set()
    await settle()
    gc.collect()
    assert stage.room == "gone"
    assert complaints == []


async def test_a_document_whose_opening_fails_when_all_have_left_is_no_unread_failure() -> None:
    stage = Stage()
    failing = asyncio.Event()

    async def broken(project_id: str, entity_id: str) -> StoredDocument:
        await failing.wait()
        raise LookupError("a bug")

    stage.store.load_document = broken  # type: ignore[method-assign]
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(str(context["message"])))
    ann = stage.ann()
    opening = asyncio.ensure_future(ann.open())
    await settle()
    opening.cancel()
    ann.connection.gone()
    await settle()
    failing.set()
    await settle()
    gc.collect()
    assert complaints == []


async def test_R46_the_sign_of_life_goes_on_when_the_last_document_is_closed() -> None:
    """Its provider still counts messages, and would take the line for dead."""
    stage = Stage()
    ann = await stage.opened_by()
    await ann.connection.receive_bytes(hocuspocus.encode_close("hero", ""))
    await stage.timers.advance(31)
    assert ann.heard == ["ping", "ping"]
