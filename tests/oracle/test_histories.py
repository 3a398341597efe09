"""After whatever people did, everything is what an independent recomputation says.

A history that fails says its seed and its steps; ``InMemory(seed, Classes()).play(length)`` (or
``Stored``) plays it again.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from server.storage import SqliteStorage
from tests.batches import small_batches
from tests.oracle.crowd import Crowded
from tests.oracle.histories import Classes, History
from tests.oracle.ways import InMemory, Stored


@pytest.fixture(autouse=True)
def in_small_batches(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """So that a run of ten dependents can be cancelled, and die, in its midst."""
    small_batches(monkeypatch, 2)
    caplog.set_level(logging.ERROR, "ripplecut.propagation")


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    store = await SqliteStorage.open(tmp_path / "film.db")
    yield store
    await store.close()


async def _play(make: Callable[[int], History], seed: int, number: int, length: int) -> None:
    """So many histories, one after the other: on a slow machine no fewer than on a quick one."""
    for one in range(number):
        await make(seed + one).play(length)


async def test_short_histories_in_memory() -> None:
    classes, seed = Classes(), random.randrange(2**31)
    await _play(lambda one: InMemory(one, classes), seed, 120, 4)


async def test_short_histories_with_crashes_and_cancelled_runs(storage: SqliteStorage) -> None:
    classes, seed = Classes(), random.randrange(2**31)

    def make(one: int) -> History:
        return Stored(storage, f"film{one}", one, classes)

    await _play(make, seed, 12, 4)


async def test_short_histories_of_many_people_at_once(storage: SqliteStorage) -> None:
    classes, seed = Classes(), random.randrange(2**31)

    def make(one: int) -> History:
        return Crowded(storage, f"film{one}", one, classes)

    await _play(make, seed, 8, 2)


@pytest.mark.soak
@pytest.mark.timeout(1200)
async def test_thousands_of_histories(
    storage: SqliteStorage, capsys: pytest.CaptureFixture[str]
) -> None:
    classes, seed = Classes(), random.randrange(2**31)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}: 2,000 histories in memory, 200 with crashes\n")
    await _play(lambda one: InMemory(one, classes), seed, 2_000, 5)
    await _play(lambda one: Stored(storage, f"film{one}", one, classes), seed, 200, 5)


@pytest.mark.soak
async def test_long_histories(storage: SqliteStorage, capsys: pytest.CaptureFixture[str]) -> None:
    classes, seed = Classes(), random.randrange(2**31)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}\n")

    def make(one: int) -> History:
        match one % 3:
            case 0:
                return InMemory(one, classes)
            case 1:
                return Stored(storage, f"film{one}", one, classes)
            case _:
                return Crowded(storage, f"film{one}", one, classes)

    number, end = 0, time.monotonic() + 60
    while time.monotonic() < end:
        await _play(make, seed + number, 1, 20)
        number += 1
    with capsys.disabled():
        sys.stdout.write(f"{number} histories of 20 steps\n")
