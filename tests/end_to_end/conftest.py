"""A real server and a real browser for a test, and waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser

from bench.browser import chromium
from bench.running import RunningServer

Value = TypeVar("Value")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module's tests: each person in it has a context of their own. Not for longer: its
    driver keeps a loop running in this thread, in which no other could.
    """
    with chromium() as found:
        yield found


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
