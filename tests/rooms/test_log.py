"""server/rooms/log.py"""

from __future__ import annotations

from collections.abc import Sequence

from server.rooms.log import Entry, UpdateLog
from server.rooms.settings import RoomSettings
from tests.rooms.fakes import Client, FakeStore, FakeTimers, seed, settle

STATE = seed(description="")


class Log:
    """A log over a fake store, and what it acknowledged."""

    def __init__(self, **bounds: int) -> None:
        self.store = FakeStore(hero=STATE)
        self.timers = FakeTimers()
        self.durable: list[tuple[str, bool]] = []
        self.client = Client(STATE)
        settings = RoomSettings(**bounds)
        self.log = UpdateLog[str](self._append, self._acknowledge, self.timers, settings)

    async def _append(self, update: bytes) -> None:
        await self.store.append_update("film", "hero", update)

    def _acknowledge(self, entries: Sequence[Entry[str]]) -> None:
        self.durable.extend((entry.sender, entry.applied) for entry in entries)

    def write(self, sender: str) -> None:
        self.log.add(Entry(sender, self.client.type(sender)))


async def test_R16_nothing_is_acknowledged_before_its_commit() -> None:
    log = Log()
    log.store.open.clear()
    log.write("a")
    await settle()
    assert log.durable == []
    assert not log.log.idle
    log.store.open.set()
    await log.log.drained()
    assert log.durable == [("a", True)]
    assert log.log.idle


async def test_R15_one_each_in_order_also_for_what_is_not_stored() -> None:
    log = Log()
    log.store.open.clear()
    log.write("a")
    await settle()
    log.log.add(Entry("refused", None, applied=False))
    log.write("b")
    log.log.add(Entry("repeated", None))
    log.store.open.set()
    await log.log.drained()
    assert log.durable == [("a", True), ("refused", False), ("b", True), ("repeated", True)]
    assert len(log.store.appended) == 2


async def test_with_nothing_under_way_the_answer_is_immediate() -> None:
    log = Log()
    log.log.add(Entry("repeated", None))
    assert log.durable == [("repeated", True)]


async def test_what_comes_together_is_one_commit() -> None:
    log = Log()
    for name in "abcde":
        log.write(name)
    await log.log.drained()
    assert len(log.store.appended) == 1
    assert len(log.durable) == 5


async def test_R16_while_the_store_fails_it_is_tried_again() -> None:
    log = Log()
    log.store.broken = True
    log.write("a")
    await log.timers.advance(0.4)
    log.write("b")
    await log.timers.advance(3)
    assert log.durable == []
    log.store.broken = False
    await log.timers.advance(30)
    assert log.durable == [("a", True), ("b", True)]
    reader = Client()
    for update in log.store.documents["hero"]:
        reader.doc.apply_update(update)
    assert reader.text() == "ba"


async def test_R17_updates_of_a_deleted_entity_are_refused() -> None:
    log = Log()
    del log.store.documents["hero"]
    log.write("a")
    log.log.add(Entry("repeated", None))
    await log.log.drained()
    assert log.durable == [("a", False), ("repeated", True)]


async def test_senders_wait_while_too_much_is_unsaved() -> None:
    log = Log(unsaved_limit=10)
    log.store.open.clear()
    await log.log.below_limit()
    log.write("a")
    await settle()
    log.timers.spawn(log.log.below_limit())
    (waiter,) = [task for task in log.timers.tasks if "below_limit" in repr(task)]
    await settle()
    assert not waiter.done()
    log.store.open.set()
    await waiter
