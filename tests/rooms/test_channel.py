"""server/rooms/channel.py: documents, as the connections that have them open see them"""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc

from protocol import hocuspocus
from protocol.codec import var_string
from protocol.ysync import AwarenessEntry
from server.domain.drafts import read_values
from server.rooms.access import Role
from server.rooms.outbox import CloseFrame
from server.rooms.tally import MAX_CROWD
from tests.protocol.test_update_scan import arrays, holding
from tests.rooms.drafts import crowd, trap
from tests.rooms.fakes import Client, grant, settle
from tests.rooms.live import STATE, Socket, Stage, updates


class PanicException(BaseException):
    """What a Rust panic looks like from Python."""


async def test_R12_R14_scope_then_step_one_then_step_two() -> None:
    ann = Stage().ann()
    await ann.open()
    assert ann.heard == ["read-write", "step 1", "step 2"]


async def test_R14_type_four_gets_no_counter_step() -> None:
    ann = await Stage().opened_by()
    await ann.connection.receive_bytes(var_string("hero") + b"\x04\x00\x01\x00")
    assert ann.heard == ["step 2"]


async def test_R13_authenticating_again_says_the_scope_again() -> None:
    ann = await Stage().opened_by()
    await ann.auth(token="eve")
    assert ann.heard == ["readonly"]
    await ann.send(ann.yjs.type("x"))
    assert ann.heard == ["readonly", "status 0"]


async def test_R15_one_status_for_each_update_and_step_two() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    for text in "abc":
        await ann.send(ann.yjs.type(text))
    await ann.connection.receive_bytes(hocuspocus.encode_step_two("hero", b"\x00\x00"))
    assert ann.heard == []
    await settle()
    assert ann.heard == ["status 1"] * 4


async def test_R14_150_clients_that_join_are_sent_one_encoded_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded: list[bytes] = []
    encode = Doc.get_update

    def counted(doc: Doc[Any], state: bytes | None = None) -> bytes:
        encoded.append(encode(doc, state))
        return encoded[-1]

    stage = Stage()
    monkeypatch.setattr(Doc, "get_update", counted)
    for generation in range(2):
        encoded.clear()
        sockets = [stage.socket(grant(f"user-{number}")) for number in range(150)]
        for socket in sockets:
            socket.yjs = Client()
            await socket.open()
        assert len(encoded) == 1
        frames = [socket.wire.frames[-1] for socket in sockets]
        assert all(frame is frames[0] for frame in frames)
        message = hocuspocus.decode(frames[0]) if isinstance(frames[0], bytes) else None
        assert isinstance(message, hocuspocus.StepTwo)
        assert Client(message.update).text() == "x" * generation
        ann = Client(message.update)
        await sockets[0].send(ann.type("x"))
        await stage.timers.advance()


async def test_R16_no_status_while_the_store_waits() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    stage.store.open.clear()
    await ann.send(ann.yjs.type("x"))
    await stage.timers.advance()
    assert ann.heard == []
    assert bob.heard == ["update"]
    stage.store.open.set()
    await settle()
    assert ann.heard == ["status 1"]


async def test_R19_updates_of_one_round_are_one_frame_and_do_not_come_back() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    for text in "abc":
        await ann.send(ann.yjs.type(text))
    await stage.timers.advance()
    (merged,) = updates(bob)
    bob.yjs.doc.apply_update(merged)
    assert bob.yjs.text() == "cba"
    assert updates(ann) == []


async def test_R3_the_session_id_is_echoed_and_both_sessions_hear() -> None:
    stage = Stage()
    one = await stage.opened_by()
    await one.open("hero\x00s1")
    await one.open("hero\x00s2")
    one.wire.take()
    await one.send(one.yjs.type("x"), "hero\x00s1")
    await stage.timers.advance()
    keys = [frame.split(b"\x00", 1)[0] for frame in one.wire.frames if isinstance(frame, bytes)]
    assert len(keys) == 3
    assert (
        sum(
            var_string("hero\x00s2") in frame
            for frame in one.wire.frames
            if isinstance(frame, bytes)
        )
        == 1
    )


async def test_R12_an_unknown_entity_is_denied_and_the_socket_stays() -> None:
    ann = Stage().ann()
    await ann.auth("nobody")
    await ann.open()
    assert ann.heard[0].startswith("denied: ")
    assert ann.heard[1:] == ["read-write", "step 1", "step 2"]
    assert ann.wire.closed_with() is None


async def test_R17_R18_a_viewer_may_say_what_is_known() -> None:
    stage = Stage()
    eve = await stage.opened_by("eve", Role.VIEWER)
    ann = await stage.opened_by()
    await eve.connection.receive_bytes(hocuspocus.encode_step_two("hero", eve.yjs.doc.get_update()))
    assert eve.heard == ["status 1"]
    await eve.send(eve.yjs.type("vandal"))
    await eve.send(b"\xff")
    assert eve.heard == ["status 1", "status 0", "status 0"]
    await stage.timers.advance()
    assert updates(ann) == []
    assert stage.store.appended == []


async def test_R18_known_means_nothing_new() -> None:
    stage = Stage()
    eve = await stage.opened_by("eve", Role.VIEWER)
    await eve.send(b"\x00\x00")
    assert eve.heard == ["status 1"]


async def test_R17_a_poison_update_hurts_its_sender_only() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    await ann.say("hello")
    ann.wire.take()
    await ann.send(b"\xff\xff")
    await stage.timers.advance()
    assert ann.heard == ["status 0"]
    assert ann.of_type("error")[0]["code"] == "invalid"
    assert bob.heard == []
    await ann.send(ann.yjs.type("fine"))
    await stage.timers.advance()
    assert ann.heard == ["status 0", "status 1"]


async def test_R17_an_update_that_would_overflow_the_stack_is_refused_whoever_sends_it() -> None:
    stage = Stage()
    ann, eve = await stage.opened_by(), await stage.opened_by("eve", Role.VIEWER)
    for socket in (ann, eve):
        # A large one is read beside the loop.
        for depth in (40, 30_000):
            await socket.send(holding(arrays(depth)))
        assert socket.heard == ["status 0"] * 2
    await ann.send(ann.yjs.type("fine"))
    await settle()
    assert ann.heard[-1] == "status 1"


async def test_R18_a_reader_who_was_refused_is_not_looked_at_closely_at_once() -> None:
    stage = Stage()
    ann, eve = await stage.opened_by(), await stage.opened_by("eve", Role.VIEWER)
    await ann.send(ann.yjs.type("ab"))
    del ann.yjs.fields["description"][0:1]
    await ann.send(ann.yjs.updates[-1])
    await settle()
    known = ann.yjs.doc.get_update()
    await eve.send(known)
    await eve.send(eve.yjs.type("x"))
    await eve.send(known)
    await stage.timers.advance(1)
    await eve.send(known)
    assert [one for one in eve.heard if one.startswith("status")] == [
        "status 1",
        "status 0",
        "status 0",
        "status 1",
    ]


async def test_R3_an_id_is_known_however_it_is_spelt_and_its_key_is_echoed() -> None:
    stage = Stage()
    composed, decomposed = "h\u00e9ro", "he\u0301ro"
    stage.core.fields[composed] = {}
    stage.store.documents[composed] = [STATE]
    ann = stage.ann()
    await ann.open(decomposed)
    assert ann.heard == ["read-write", "step 1", "step 2"]
    key = var_string(decomposed)
    assert all(frame.startswith(key) for frame in ann.wire.frames if isinstance(frame, bytes))
    await ann.say("hello", subscribe=[decomposed])
    await ann.say("viewing", entities=[decomposed])
    assert stage.manager.viewed("film") == {composed}
    stage.emit(composed)
    assert ann.of_type("version_created")


async def test_R17_an_update_over_the_bound_is_refused() -> None:
    stage = Stage(document_limit=500)
    ann = await stage.opened_by()
    await ann.send(ann.yjs.type("x" * 1000))
    assert ann.heard == ["status 0"]
    await stage.manager.draft_state("film", "hero")
    assert Client(await stage.manager.draft_state("film", "hero")).text() == ""


async def test_a_panic_is_survived_with_everything_that_was_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    await ann.send(ann.yjs.type("kept"))

    def panic(_: Doc[Any], __: bytes) -> None:
        raise PanicException("unwrap on a None value")

    with monkeypatch.context() as patched:
        patched.setattr(Doc, "apply_update", panic)
        await ann.send(b"\x01\x01\x01\x00")
    await bob.send(bob.yjs.type("on "))
    await stage.timers.advance()
    assert ann.heard == ["status 1", "status 0", "update"]
    assert "status 1" in bob.heard
    text = Client(await stage.manager.draft_state("film", "hero")).text()
    assert "kept" in text
    assert "on " in text


async def test_R56_what_waits_for_anns_next_update_costs_only_its_author() -> None:
    stage = Stage()
    ann, mallory = await stage.opened_by(), await stage.opened_by("mallory")
    await mallory.send(trap(ann.yjs.doc.client_id, 0))
    await settle()
    await ann.send(ann.yjs.type("hi"))
    await stage.timers.advance()
    assert ann.heard == ["status 1", "update"]
    bob = await stage.opened_by("bob")
    await ann.send(ann.yjs.type("oh "))
    await stage.timers.advance()
    assert ann.heard == ["status 1", "update", "status 1"]
    assert bob.heard == ["update"]
    assert read_values(await stage.manager.draft_state("film", "hero"))["description"] == "oh hi"


async def test_R57_who_goes_on_sending_harmful_updates_is_closed() -> None:
    stage = Stage(malformed_frames=3)
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    for _ in range(3):
        await bob.send(trap(STATE[2], 0)[:-2])
    await settle()
    assert bob.heard == ["status 0"] * 3
    await bob.send(b"\xff")
    close = bob.wire.frames[-1]
    assert isinstance(close, CloseFrame)
    assert close.code == 1007
    await ann.send(ann.yjs.type("x"))
    await settle()
    assert ann.heard == ["status 1"]


async def test_R57_who_goes_on_crowding_a_key_is_closed() -> None:
    stage = Stage(malformed_frames=3)
    bob = await stage.opened_by("bob")
    for number in range(4):
        await bob.send(crowd(MAX_CROWD + 1, 1_000 + number))
        await settle()
    assert bob.heard[:3] == ["status 0"] * 3
    assert bob.wire.closed_with() == 1007


async def test_R22_what_the_server_wrote_reaches_everybody_and_is_not_stored_again() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    stage.manager.merge_committed("film", "hero", Client(STATE).type("by the server"))
    await stage.timers.advance()
    (update,) = updates(ann)
    ann.yjs.doc.apply_update(update)
    assert ann.yjs.text() == "by the server"
    assert stage.store.appended == []


async def test_R33_saved_counts_for_who_said_hello_and_has_it_open() -> None:
    stage = Stage()
    ann, watcher = await stage.opened_by(), await stage.joined("bob")
    await ann.say("hello")
    ann.wire.take()
    await ann.send(ann.yjs.type("a"))
    await settle()
    await ann.send(ann.yjs.type("b"))
    await ann.send(ann.yjs.type("c"))
    await settle()
    saved = ann.of_type("saved")
    assert saved == [
        {"type": "saved", "document": "hero", "clock": 1},
        {"type": "saved", "document": "hero", "clock": 3},
    ]
    assert watcher.of_type("saved") == []


def state(client: int, clock: int = 1, text: str = '{"user": "ann"}') -> AwarenessEntry:
    return AwarenessEntry(client, clock, text)


def seen(socket: Socket) -> list[AwarenessEntry]:
    frames = [frame for frame in socket.wire.frames if isinstance(frame, bytes)]
    kind = var_string("hero") + b"\x01"
    messages = [hocuspocus.decode(frame) for frame in frames if frame.startswith(kind)]
    return [
        entry for one in messages if isinstance(one, hocuspocus.Awareness) for entry in one.entries
    ]


async def test_R46_who_has_documents_open_hears_something_every_fifteen_seconds() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.joined("bob")
    await stage.timers.advance(14)
    assert ann.heard == []
    await stage.timers.advance(32)
    assert ann.heard == ["ping"] * 3
    assert bob.heard == []
    await ann.connection.receive_bytes(hocuspocus.PONG)
    assert ann.heard == ["ping"] * 3
    ann.connection.gone()
    await stage.timers.advance(60)
    assert ann.heard == ["ping"] * 3


async def test_R24_awareness_goes_round_at_most_twenty_times_a_second() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    for clock in range(1, 101):
        await ann.point(state(7, clock))
        await stage.timers.advance(0.01)
    await stage.timers.advance(1)
    assert 20 <= len(seen(bob)) <= 22
    assert seen(bob)[-1] == state(7, 100)
    assert seen(ann) == seen(bob)


async def test_R24_who_comes_later_or_asks_gets_what_there_is() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    await ann.point(state(7))
    await stage.timers.advance()
    bob = stage.socket(None)
    await bob.auth(token="bob")
    assert seen(bob) == [state(7)]
    await bob.connection.receive_bytes(var_string("hero") + b"\x03")
    assert seen(bob) == [state(7), state(7)]


@pytest.mark.parametrize("way", ["dies", "detaches"])
async def test_R25_what_it_introduced_goes_with_a_connection(way: str) -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    await ann.point(state(7))
    await stage.timers.advance(1)
    bob.wire.take()
    if way == "dies":
        ann.connection.gone()
    else:
        await ann.connection.receive_bytes(var_string("hero") + b"\x07")
    await stage.timers.advance(1)
    assert seen(bob) == [state(7, 2, "null")]


async def test_R21_after_a_close_nothing_more_comes_until_it_is_opened_again() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    await ann.connection.receive_bytes(var_string("hero") + b"\x07")
    await bob.send(bob.yjs.type("x"))
    await stage.timers.advance()
    assert ann.heard == []
    await ann.open()
    assert ann.heard == ["read-write", "step 1", "step 2"]
