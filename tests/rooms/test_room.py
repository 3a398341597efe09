"""server/rooms/room.py: the stream of a project, as its connections see it"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from protocol.errors import Invalid
from server.domain.events import Event
from tests.rooms.fakes import settle
from tests.rooms.live import Socket, Stage


async def test_R28_welcome() -> None:
    stage = Stage()
    stage.core.commit()
    ann = stage.ann()
    await ann.say("hello")
    (welcome,) = ann.told
    assert welcome == {
        "type": "welcome",
        "epoch": "epoch-1",
        "seq": 1,
        "user": "ann",
        "role": "editor",
        "resumed": False,
        "session": ann.connection.id,
    }


async def test_R30_events_are_chained_for_each_connection() -> None:
    stage = Stage()
    every, some = await stage.joined(), await stage.joined("bob", subscribe=["prop"])
    stage.emit("hero")
    stage.emit("hero", "prop")
    stage.emit()
    assert [(event["seq"], event["prev"]) for event in every.told] == [(1, 0), (2, 1), (3, 2)]
    assert [(event["seq"], event["prev"]) for event in some.told] == [(2, 0), (3, 2)]


async def test_R31_subscriptions_change() -> None:
    stage = Stage()
    ann = await stage.joined(subscribe=[])
    stage.emit("hero")
    await ann.say("subscribe", entities=["hero"])
    stage.emit("hero")
    await ann.say("unsubscribe", entities=["hero"])
    stage.emit("hero")
    assert [event["seq"] for event in ann.told] == [2]


async def test_R26_who_said_no_hello_gets_no_text() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.joined("bob")
    stage.emit()
    stage.manager.tell("film", {"type": "propagation_progress"}, None)
    await ann.send(ann.yjs.type("x"))
    await stage.timers.advance(1)
    assert ann.told == []
    assert bob.of_type("propagation_progress")


def seqs(socket: Socket) -> list[int]:
    return [frame["seq"] for frame in socket.told if "prev" in frame]


async def resuming(stage: Stage, **resume: Any) -> Socket:
    socket = stage.ann()
    await socket.say("hello", subscribe="all", resume=resume)
    return socket


async def test_R29_what_was_missed_comes_after_the_welcome_and_before_what_is_live() -> None:
    stage = Stage()
    for _ in range(3):
        stage.core.commit()
    ann = await resuming(stage, epoch="epoch-1", seq=1)
    stage.emit()
    assert ann.told[0]["resumed"] is True
    assert ann.told[0]["seq"] == 1
    assert [(one["seq"], one["prev"]) for one in ann.told[1:]] == [(2, 1), (3, 2), (4, 3)]


@pytest.mark.parametrize("moment", range(4))
async def test_R29_nothing_is_lost_or_doubled_while_it_is_read(moment: int) -> None:
    stage = Stage()
    await stage.joined("bob")
    for _ in range(3):
        stage.emit()
    stage.core.reading.clear()
    ann = stage.ann()
    hello = ann.say("hello", subscribe="all", resume={"epoch": "epoch-1", "seq": 1})
    stage.timers.spawn(hello)
    for step in range(4):
        if step == moment:
            stage.emit()
        await settle()
    stage.core.reading.set()
    stage.emit()
    await settle()
    stage.emit()
    assert seqs(ann) == [2, 3, 4, 5, 6]


async def test_R29_the_core_may_answer_with_a_part_at_a_time() -> None:
    stage = Stage()
    stage.core.page = 7
    for _ in range(50):
        stage.core.commit()
    ann = await resuming(stage, epoch="epoch-1", seq=10)
    assert seqs(ann) == list(range(11, 51))


@pytest.mark.parametrize(
    "resume",
    [
        {"epoch": "another", "seq": 1},
        {"epoch": "epoch-1", "seq": 0},
        {"epoch": "epoch-1", "seq": 9},
    ],
)
async def test_R29_where_it_cannot_resume_it_starts_from_now(resume: dict[str, Any]) -> None:
    stage = Stage()
    stage.core.reach = 1
    for _ in range(3):
        stage.core.commit()
    ann = await resuming(stage, **resume)
    assert ann.told[0]["resumed"] is False
    assert ann.told[0]["seq"] == 3
    stage.emit()
    assert seqs(ann) == [4]


async def test_R32_pong_says_how_far_the_stream_is() -> None:
    stage = Stage()
    ann = await stage.joined()
    stage.emit("hero")
    await ann.say("ping", id=5)
    assert ann.told[-1] == {"type": "pong", "id": 5, "seq": 1}


async def test_R34_a_draft_is_told_to_who_subscribes_to_a_dependent() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    watcher = await stage.joined("bob", subscribe=["sh020"])
    other = await stage.joined("cat", subscribe=["sh999"])
    await ann.send(ann.yjs.type("x"))
    await stage.timers.advance()
    (draft,) = watcher.of_type("asset_update")
    assert draft["values"] == {"description": "x"}
    assert other.of_type("asset_update") == []


async def test_R35_a_value_that_does_not_fit_is_told_to_its_author_alone() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.joined("bob")
    await ann.say("hello")
    stage.core.refusal = Invalid("age must be a number")
    await ann.send(ann.yjs.set("age", "old"))
    await stage.timers.advance(1)
    (error,) = ann.of_type("error")
    assert error == {
        "type": "error",
        "code": "invalid",
        "message": "age must be a number",
        "fatal": False,
    }
    assert bob.of_type("error") == []


async def test_R29_what_was_missed_waits_for_a_slow_client_instead_of_losing_it() -> None:
    stage = Stage(outbox_limit=4000)
    for _ in range(500):
        stage.emit("hero")
    ann = stage.ann()
    ann.wire.stall()
    resume = {"epoch": "epoch-1", "seq": 0}
    hello = asyncio.ensure_future(ann.say("hello", subscribe="all", resume=resume))
    await settle()
    assert not hello.done()
    ann.wire.flowing.set()
    await hello
    await settle()
    assert [event["seq"] for event in ann.of_type("version_created")] == list(range(1, 501))
    assert ann.wire.closed_with() is None


async def test_a_document_that_was_left_while_it_was_written_to_is_put_away_later() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    stage.store.open.clear()
    await ann.send(ann.yjs.type("x"))
    ann.connection.gone()
    await stage.timers.advance(120)
    stage.store.open.set()
    await stage.timers.advance(120)
    loads = stage.store.loads
    await stage.opened_by("bob")
    assert stage.store.loads == loads + 1


async def test_presence_is_the_list_of_who_said_hello() -> None:
    stage = Stage()
    ann = await stage.joined()
    bob = await stage.joined("bob")
    await stage.timers.advance(1)
    ann.wire.take()
    await bob.say("presence", view="graph", entity="hero", name="Bob")
    await stage.timers.advance(1)
    people = ann.of_type("presence")[-1]["people"]
    assert [(one["name"], one["view"], one["entity"]) for one in people] == [
        ("ann", None, None),
        ("Bob", "graph", "hero"),
    ]
    bob.connection.gone()
    await stage.timers.advance(1)
    assert len(ann.of_type("presence")[-1]["people"]) == 1


async def test_viewing_is_the_union_of_what_is_on_screen() -> None:
    stage = Stage()
    ann, bob = await stage.joined(), await stage.joined("bob")
    await ann.say("viewing", entities=["sh010", "sh020"])
    await bob.say("viewing", entities=["sh020", "sh030"])
    assert stage.manager.viewed("film") == {"sh010", "sh020", "sh030"}
    ann.connection.gone()
    assert stage.manager.viewed("film") == {"sh020", "sh030"}
    assert stage.manager.viewed("elsewhere") == frozenset()


async def test_an_idle_document_is_unloaded_and_comes_back() -> None:
    stage = Stage()
    stage.core.prose_quiet = 60.0
    ann = await stage.opened_by()
    await ann.send(ann.yjs.type("typed"))
    await stage.timers.advance(1)
    ann.connection.gone()
    await stage.timers.advance(45)
    await stage.manager.draft_state("film", "hero")
    assert stage.store.loads == 1, "it stays while prose waits to be published"
    await stage.timers.advance(60)
    assert stage.core.published
    bob = await stage.opened_by("bob")
    assert stage.store.loads == 2
    await bob.send(bob.yjs.set("age", 31))
    await settle()
    assert "status 1" in bob.heard


async def test_R17_who_has_a_deleted_entity_open_is_put_out_of_it() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    del stage.core.fields["hero"]
    stage.manager.publish("film", [stage.core.commit("entity_changed")])
    assert ann.heard == ["denied: 'hero' was deleted"]
    await ann.send(ann.yjs.type("x"))
    assert len(ann.heard) == 1
    assert ann.wire.closed_with() is None


def notified(stage: Stage, user: str) -> Event:
    body = {"type": "notification", "user": user, "text": "Mara v2: 1 shot: 1 updated"}
    event = Event(stage.core.seq + 1, body, None)
    stage.core.events.append(event)
    return event


async def test_R63_a_notification_reaches_all_windows_of_its_person_and_nobody_else() -> None:
    stage = Stage()
    two = [await stage.joined(), await stage.joined(subscribe=[])]
    bob, stranger = await stage.joined("bob"), await stage.opened_by("ann")
    stage.manager.publish("film", [notified(stage, "ann")])
    seq = stage.emit()
    for window in two:
        assert [one["type"] for one in window.told] == ["notification", "version_created"]
        assert window.told[1]["prev"] == seq - 1
    assert [(one["seq"], one["prev"]) for one in bob.told] == [(seq, 0)]
    assert stranger.told == []


async def test_R63_who_was_away_is_told_their_own_only() -> None:
    stage = Stage()
    for user in ("ann", "bob", "ann"):
        notified(stage, user)
    ann = await resuming(stage, epoch="epoch-1", seq=0)
    assert [one["seq"] for one in ann.told[1:]] == [1, 3]
    assert {one["user"] for one in ann.told[1:]} == {"ann"}
