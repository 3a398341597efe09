"""``python -m bench.observed FILE serve …``: the program with a probe on its event loop.

The probe asks to be woken every millisecond and writes down how late that was, with the
monotonic time, so that a measurement in another process can cut out its own window.
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
        asked = time.monotonic()
        await asyncio.sleep(STEP)
        woken = time.monotonic()
        samples.append(woken)
        samples.append(max(0.0, woken - asked - STEP))


def read_samples(path: Path, begin: float, end: float) -> list[float]:
    """The lags, in seconds, that were measured between two monotonic times."""
    samples = array.array("d")
    samples.frombytes(path.read_bytes())
    return [
        lag
        for woken, lag in zip(samples[0::2], samples[1::2], strict=True)
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
