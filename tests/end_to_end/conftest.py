"""A real server and a real browser for a test, and waiting for a condition."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.browser import chromium, open_page, person
from bench.running import RunningServer

# A slow machine gets its time; what is right does not wait for it.
expect.set_options(timeout=15_000)

Value = TypeVar("Value")
Open = Callable[[str, str, str], Page]
"""By somebody's name, their role, and what they open of the film."""
BETWEEN = 0.02
"""Seconds between two questions: asking without a pause takes the time of whom it waits for."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module's tests: each person in it has a context of their own. Not for longer: its
    driver keeps a loop running in this thread, in which no other could.
    """
    with chromium() as found:
        yield found


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Puts a line on the screen, also of a test that passes: a seed, a figure."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return say


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data") as running:
        yield running


@pytest.fixture
def opened(browser: Browser, server: RunningServer, film: str) -> Iterator[Open]:
    """Opens a view of a module's ``film`` in a browser of somebody's own."""
    contexts = []

    def open_as(name: str, role: str, view: str) -> Page:
        token = server.token_for(name, role, film)
        contexts.append(person(browser, server, f"{server.url}/login?token={token}"))
        return open_page(contexts[-1], server, f"/p/{film}/{view}")

    yield open_as
    for context in contexts:
        context.close()


def until(ask: Callable[[], Value | None], seconds: float = 30.0) -> Value:
    """Ask again until there is an answer."""
    deadline = time.monotonic() + seconds
    while True:
        value = ask()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(BETWEEN)
