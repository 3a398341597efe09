"""Keeping Python's garbage collector away from what lasts.

Millions of new objects make it walk over all of them again and again, and everything stops for up
to a second each time. A project's objects hold no cycles, so they are freed without it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["LARGE", "lasting", "without_collector"]

LARGE = 50_000
"""From so many objects on, those that last are kept from the collector for good."""


class _Away:
    """How many are at it now, and whether the collector was on before."""

    lock = Lock()
    count = 0
    was_on = True


@contextmanager
def without_collector() -> Iterator[None]:
    """Make objects without it. Several may do so at once, on any thread."""
    with _Away.lock:
        if not _Away.count:
            _Away.was_on = gc.isenabled()
            gc.disable()
        _Away.count += 1
    try:
        yield
    finally:
        with _Away.lock:
            _Away.count -= 1
            if not _Away.count and _Away.was_on:
                gc.enable()


def lasting(count: int) -> None:
    """Say that so many objects were made that will last: the collector never looks at them."""
    if count >= LARGE:
        gc.freeze()
