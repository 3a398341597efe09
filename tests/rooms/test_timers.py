"""server/rooms/timers.py"""

from __future__ import annotations

import asyncio
import logging

import pytest

from server.rooms.timers import LoopTimers, Throttle
from tests.rooms.fakes import FakeTimers


async def test_the_first_touch_acts_at_once_and_the_last_is_not_lost() -> None:
    timers = FakeTimers()
    acted: list[float] = []
    throttle = Throttle(timers, 0.1, lambda: acted.append(round(timers.now(), 3)))
    for _ in range(25):
        throttle.touch()
        throttle.touch()
        await timers.advance(0.01)
    await timers.advance(1)
    assert acted == [0.0, 0.1, 0.2, 0.3]
    assert throttle.idle
    throttle.touch()
    await timers.advance()
    assert acted[-1] == 1.25


async def test_cancelled_it_does_not_act() -> None:
    timers = FakeTimers()
    acted: list[int] = []
    throttle = Throttle(timers, 0.1, lambda: acted.append(1))
    throttle.touch()
    throttle.cancel()
    await timers.advance(1)
    assert acted == []


async def test_work_in_the_background_is_waited_for_and_its_failure_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    timers = LoopTimers()
    done: list[str] = []

    async def good() -> None:
        await timers.sleep(0)
        done.append("good")

    async def bad() -> None:
        raise LookupError("lost")

    async def endless() -> None:
        await asyncio.Event().wait()

    timers.spawn(good())
    timers.spawn(bad())
    timers.spawn(endless())
    with caplog.at_level(logging.ERROR):
        await timers.aclose(patience=0.01)
    assert done == ["good"]
    assert "Work in the background failed" in caplog.text
    await timers.aclose()


async def test_the_loop_is_the_clock() -> None:
    timers = LoopTimers()
    called = asyncio.Event()
    timers.call_later(0, called.set)
    await called.wait()
    timers.call_later(3600, called.set).cancel()
    assert timers.now() == pytest.approx(asyncio.get_running_loop().time(), abs=1)
