"""A real server for a test, and waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from bench.running import RunningServer

Value = TypeVar("Value")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data") as running:
        yield running


def until(ask: Callable[[], Value | None], seconds: float = 30.0) -> Value:
    """Ask again until there is an answer; each question is a round trip, so this does not spin."""
    deadline = time.monotonic() + seconds
    while True:
        value = ask()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition was never met"
