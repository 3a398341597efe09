"""``python -m bench.observed FILE serve …``: the program with a probe on its event loop.

The probe asks to be woken every millisecond and writes down how late that was, with the
monotonic time, so that a measurement in another process can cut out its own window. Beside it
stands how much of the lateness the loop's thread computed itself: what a busy machine takes from it
is left out there.
"""

from __future__ import annotations

import array
import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import server.serve
from server.cli import main

__all__ = ["read_samples"]

STEP = 0.001


async def probe(samples: array.array[float]) -> None:
    while True:
        asked, spent = time.monotonic(), time.thread_time()
        await asyncio.sleep(STEP)
        woken = time.monotonic()
        lag = max(0.0, woken - asked - STEP)
        samples.append(woken)
        samples.append(lag)
        samples.append(min(lag, time.thread_time() - spent))


def read_samples(path: Path, begin: float, end: float, *, own: bool = False) -> list[float]:
    """The lags, in seconds, that were measured between two monotonic times; with ``own`` only what
    the loop itself computed of each.
    """
    samples = array.array("d")
    samples.frombytes(path.read_bytes())
    return [
        computed if own else lag
        for woken, lag, computed in zip(samples[0::3], samples[1::3], samples[2::3], strict=True)
        if begin <= woken <= end
    ]


def observe(
    serve: Callable[..., Coroutine[Any, Any, None]], path: Path
) -> Callable[..., Coroutine[Any, Any, None]]:
    """``serve`` with the probe beside it; what it measured is written when it ends."""

    async def observed(*arguments: Any) -> None:
        samples = array.array("d")
        task = asyncio.create_task(probe(samples))
        try:
            await serve(*arguments)
        finally:
            task.cancel()
            await asyncio.to_thread(path.write_bytes, samples.tobytes())

    return observed


if __name__ == "__main__":
    server.serve.run_app = observe(server.serve.run_app, Path(sys.argv.pop(1)))
    main()
