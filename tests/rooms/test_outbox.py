"""server/rooms/outbox.py"""

from __future__ import annotations

import asyncio

from protocol.hocuspocus import Update, decode
from server.rooms.outbox import CloseFrame, Item, Outbox, Overflow, document_update
from tests.rooms.fakes import Client, FakeTimers, Wire, seed, settle

STATE = seed(description="")


class Box:
    """An outbox on a wire, and what it reported."""

    def __init__(self, limit: int = 1000) -> None:
        self.wire = Wire()
        self.timers = FakeTimers()
        self.reports: list[str] = []
        self.outbox = Outbox(
            self.wire.write,
            self.timers,
            limit=limit,
            on_dead=lambda: self.reports.append("dead"),
            on_overflow=lambda: self.reports.append("overflow"),
        )

    def push(self, text: str, overflow: Overflow = Overflow.KEEP) -> None:
        self.outbox.push(Item(text, overflow))


async def test_what_completes_at_once_needs_no_task() -> None:
    box = Box()
    box.push("a")
    box.push("b")
    assert box.wire.frames == ["a", "b"]
    assert not box.timers.tasks


async def test_what_waits_keeps_its_order() -> None:
    box = Box()
    box.wire.stall()
    for text in "abc":
        box.push(text)
    await settle()
    assert box.wire.frames == []
    assert box.outbox.waiting_bytes == 2
    box.wire.flowing.set()
    await settle()
    assert box.wire.frames == ["a", "b", "c"]
    assert box.outbox.waiting_bytes == 0
    box.push("d")
    assert box.wire.frames[-1] == "d"


async def test_close_comes_last_and_nothing_after_it() -> None:
    box = Box()
    box.wire.stall()
    box.push("a")
    box.outbox.close(1000, "done")
    box.push("b")
    box.outbox.close(1011, "again")
    box.wire.flowing.set()
    await settle()
    assert box.wire.frames == ["a", CloseFrame(1000, "done")]


async def test_R36_presence_is_dropped_first() -> None:
    box = Box()
    box.wire.stall()
    box.push("first")
    box.push("p" * 200, Overflow.DROP)
    box.push("k" * 600)
    box.push("never queued", Overflow.DROP)
    box.push("k" * 260)
    box.wire.flowing.set()
    await settle()
    assert box.wire.frames == ["first", "k" * 600, "k" * 260]


async def test_R38_document_updates_are_coalesced_and_none_is_lost() -> None:
    box, writer = Box(limit=6000), Client(STATE)
    box.wire.stall()
    box.push("first")
    for number in range(300):
        box.outbox.push(document_update("hero", writer.type(str(number % 10))))
    assert not box.outbox.closed
    box.wire.flowing.set()
    await settle()
    reader = Client(STATE)
    messages = [decode(frame) for frame in box.wire.frames if isinstance(frame, bytes)]
    assert len(messages) < 300
    for message in messages:
        assert isinstance(message, Update)
        reader.doc.apply_update(message.update)
    assert reader.text() == writer.text()


async def test_R38_what_is_still_too_slow_is_closed_with_1013() -> None:
    box = Box()
    box.wire.stall()
    for _ in range(20):
        box.push("k" * 100)
    assert box.outbox.closed
    assert box.outbox.waiting_bytes == 0
    await box.timers.advance()
    assert box.reports == ["overflow"]
    box.wire.flowing.set()
    await settle()
    assert box.wire.frames[0] == "k" * 100
    assert box.wire.closed_with() == 1013


async def test_a_dead_connection_is_reported_once_and_later() -> None:
    box = Box()
    box.wire.dead = True
    box.push("a")
    assert box.reports == []
    box.push("b")
    await box.timers.advance()
    assert box.reports == ["dead"]


async def test_a_connection_that_dies_while_something_waits() -> None:
    box = Box()
    box.wire.stall()
    box.push("a")
    box.push("b")
    await settle()
    box.wire.dead = True
    box.wire.flowing.set()
    await box.timers.advance()
    assert box.reports == ["dead"]
    assert box.outbox.waiting_bytes == 0


async def test_who_has_much_to_say_can_wait_until_little_waits() -> None:
    box = Box(limit=40)
    await box.outbox.low()
    box.wire.stall()
    box.push("first")
    for _ in range(3):
        box.push("x" * 8)
    waiting = asyncio.ensure_future(box.outbox.low())
    await settle()
    assert not waiting.done()
    box.wire.flowing.set()
    await waiting
    box.wire.stall()
    for _ in range(3):
        box.push("x" * 8)
    waiting = asyncio.ensure_future(box.outbox.low())
    await settle()
    box.outbox.abandon()
    await waiting
