"""A server that stops: what was sent is kept, and everybody is told."""

from __future__ import annotations

import asyncio

import pytest

from protocol.errors import Unavailable
from server.ports import Actor
from tests.rooms.fakes import settle
from tests.rooms.live import Stage


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


async def test_closing_gives_up_on_a_store_that_goes_on_failing() -> None:
    stage = Stage(flush_patience=0.01)
    ann = await stage.opened_by()
    stage.store.broken = True
    await ann.send(ann.yjs.type("never acknowledged"))
    await stage.manager.aclose()
    assert ann.heard == []
    stage.store.broken = False
    await stage.timers.advance(60)
