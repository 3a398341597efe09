"""A real Chromium, as Debian and others ship it: nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.running import RunningServer

__all__ = [
    "AFTER_PAINT",
    "HOW_TO_GET_IT",
    "browser_path",
    "chromium",
    "log_in",
    "open_page",
    "person",
]

HOW_TO_GET_IT = "no Chromium here; on Debian: apt-get install chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AFTER_PAINT = """((then) => requestAnimationFrame(() => {
    const after = new MessageChannel();
    after.port1.onmessage = () => then(performance.timeOrigin + performance.now());
    after.port2.postMessage(0);
}))"""
"""Calls with the time, in milliseconds, when what is on the page now has been painted: a paint is
over when the task after the animation frame runs.
"""
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def browser_path() -> str | None:
    """Where a Chromium is installed; ``None`` where there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser; raises RuntimeError where none is installed."""
    path = browser_path()
    if path is None:
        raise RuntimeError(HOW_TO_GET_IT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


def person(browser: Browser, server: RunningServer, login_url: str = "") -> BrowserContext:
    """Somebody's browser, logged in by the printed URL or by another one."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    log_in(context, login_url or server.login_url)
    return context


def log_in(context: BrowserContext, login_url: str) -> None:
    """Follow a login link without drawing what it leads to; open pages are told nothing."""
    answer = context.request.get(login_url, max_redirects=0)
    if answer.status != 303:
        raise RuntimeError(f"the link does not log in: {answer.status} {answer.text()}")


def open_page(context: BrowserContext, server: RunningServer, path: str) -> Page:
    """A view, once it is there."""
    page = context.new_page()
    page.goto(server.url + path)
    page.locator("main[data-phase=ready]").wait_for()
    return page
