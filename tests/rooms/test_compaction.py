"""server/rooms/compaction.py"""

from __future__ import annotations

import asyncio

from server.rooms.stored import encode_stored
from tests.rooms.fakes import Client, settle
from tests.rooms.live import Stage


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


async def test_what_nobody_opens_is_compacted_as_it_is_read() -> None:
    """Only programs change it: its log grew with each of their changes, and so did their time."""
    stage = Stage(compact_at_rest=3)
    writer = Client(await stage.manager.draft_state("film", "hero"))
    for text in "abcdefgh":
        await stage.store.append_update("film", "hero", writer.type(text))
        before = await stage.manager.draft_state("film", "hero")
        await settle()
        assert await stage.manager.draft_state("film", "hero") == before
        await settle()
        assert len(stage.store.documents["hero"]) <= 3
    assert [entity for entity, _ in stage.store.compacted] == ["hero"] * len(stage.store.compacted)
    assert Client(before).text() == "hgfedcba"


async def test_what_is_read_twice_at_once_is_compacted_once() -> None:
    """The second would drop what came meanwhile. The room opens while the first is at it."""
    stage = Stage(compact_at_rest=2)
    writer = Client(await stage.manager.draft_state("film", "hero"))
    for text in "ab":
        await stage.store.append_update("film", "hero", writer.type(text))
    compact, going_on = stage.store.compact_document, asyncio.Event()

    async def slowly(project_id: str, entity_id: str, state: bytes, count: int) -> None:
        await going_on.wait()
        await compact(project_id, entity_id, state, count)

    stage.store.compact_document = slowly  # type: ignore[method-assign]
    await asyncio.gather(*(stage.manager.draft_state("film", "hero") for _ in range(3)))
    ann = await stage.opened_by()
    await ann.send(ann.yjs.type("c"))
    ann.connection.gone()
    await stage.timers.advance(120)
    going_on.set()
    await settle()
    assert [count for _, count in stage.store.compacted] == [2]
    assert sorted(Client(await stage.manager.draft_state("film", "hero")).text()) == ["a", "b", "c"]


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
