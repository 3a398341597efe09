"""server/web/inbox.py"""

from __future__ import annotations

import asyncio

from server.web.inbox import Gate, Inbox


async def test_an_inbox_gives_what_it_got_in_order_also_to_who_waits() -> None:
    inbox: Inbox[int] = Inbox()
    inbox.put_nowait(1)
    inbox.put_nowait(2)
    assert [await inbox.get(), await inbox.get(), inbox.empty()] == [1, 2, True]
    waiting = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(3)
    inbox.put_nowait(4)
    assert [await waiting, await inbox.get()] == [3, 4]


async def test_a_reader_that_gave_up_takes_nothing_with_it() -> None:
    inbox: Inbox[int] = Inbox()
    gave_up = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    gave_up.cancel()
    inbox.put_nowait(1)
    assert await inbox.get() == 1


async def test_a_gate_lets_everybody_through_when_it_opens() -> None:
    gate = Gate()
    await gate.wait()
    gate.clear()
    waiting = [asyncio.ensure_future(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not gate.is_set()
    waiting[0].cancel()
    gate.set()
    await asyncio.gather(*waiting[1:])
    assert gate.is_set()
