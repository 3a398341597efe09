"""The breakdown of 5,000 shots: how soon it is there, and how it scrolls while they change."""

from __future__ import annotations

import statistics
import threading
import time
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from bench.browser import AFTER_PAINT, chromium, open_page, person
from bench.figures import Figure
from bench.running import RunningServer, production
from bench.scrolling import SECONDS, Scroll, scroll

__all__ = ["measure"]

SHOTS = 5_000
COATS = 10
LOADS = 9
SCROLLS = 5
PAGE = "/p/film/breakdown"

FIRST_ROW = f"""() => {{
    const after = {AFTER_PAINT};
    const look = new MutationObserver(() => {{
        if (document.querySelector("[data-row]") === null) return;
        look.disconnect();
        after((at) => {{ window.firstRow = at - performance.timeOrigin; }});
    }});
    look.observe(document, {{ childList: true, subtree: true }});
}}"""
ROW = "<div style='height: 27px; border-bottom: 1px solid'>"
STATIC = "".join(f"{ROW}shot-{number:06d} Shot {number}. Hero</div>" for number in range(SHOTS))
"""As many rows that nothing makes, updates or observes: what scrolling costs here at least."""


def film() -> dict[str, Any]:
    """5,000 shots; every five hundred of them have a coat of their own."""
    made = production(SHOTS, per_sequence=50)
    coat = made["wardrobes"][0]
    made["wardrobes"] = [{**coat, "id": f"coat-{number}"} for number in range(COATS)]
    for number, shot in enumerate(made["shots"]):
        worn = f"coat-{number * COATS // SHOTS}"
        shot["visual_prompt"]["wardrobe_references"] = [{"asset_id": worn}]
    return made


def measure() -> list[Figure]:
    """Nine loads of a logged-in browser; then, in turn, scrolls of the grid while a coat of five
    hundred shots changes every second, and scrolls of a page that does nothing else.
    """
    with RunningServer() as running, chromium() as browser:
        running.import_project("film", film())
        context = person(browser, running)
        _first_row(context, running)
        loads = [_first_row(context, running) for _ in range(LOADS)]
        page = open_page(context, running, PAGE)
        static = context.new_page()
        static.set_content(f"<div style='height: 800px; overflow: auto'>{STATIC}</div>")
        coats = Coats(running)
        pairs = [(_scroll(browser, page, coats), scroll(browser, static)) for _ in range(SCROLLS)]
    grid, still = zip(*pairs, strict=True)
    detail = f"median of {SCROLLS} scrolls of {SECONDS} s at 60 frames/s"
    return [
        Figure(
            f"first paint of the grid of {SHOTS:,} shots, median of {LOADS}",
            statistics.median(loads),
            "ms",
            1000,
        ),
        Figure("the same, worst", max(loads), "ms"),
        Figure(
            f"frames dropped while it scrolls and {coats.per_second():.0f} shots a second change",
            statistics.median(one.dropped for one in grid),
            "%",
            2,
            detail,
        ),
        Figure("the same, worst", max(one.dropped for one in grid), "%"),
        Figure(
            "frames in which the page's own changes came one frame late",
            statistics.median(one.late for one in grid),
            "%",
        ),
        Figure(
            f"frames dropped by a page of {SHOTS:,} rows that only scrolls",
            statistics.median(one.dropped for one in still),
            "%",
            detail="in turn with the others",
        ),
    ]


def _first_row(context: BrowserContext, running: RunningServer) -> float:
    """Milliseconds from the navigation's start to the first row on screen."""
    page = context.new_page()
    page.add_init_script(f"({FIRST_ROW})()")
    page.goto(running.url + PAGE)
    page.locator("main[data-phase=ready]").wait_for()
    found: float = page.evaluate("() => window.firstRow")
    page.close()
    return found


def _scroll(browser: Browser, page: Page, coats: Coats) -> Scroll:
    page.locator("[role=grid]").evaluate("(grid) => { grid.scrollTop = 0; }")
    coats.start()
    return scroll(browser, page, coats.stop)


class Coats:
    """Every second a coat of five hundred shots gets another colour, between start and stop."""

    def __init__(self, running: RunningServer) -> None:
        self._running = running
        self._number = 0
        self._changed = 0
        self._seconds = 0.0

    def start(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._change)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def per_second(self) -> float:
        return self._changed / self._seconds

    def _change(self) -> None:
        begun = due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += 1
            self._number += 1
            colour = f"#{(self._number * 2654435761) % 0xFFFFFF:06x}"
            answer = self._running.post(
                f"/assets/coat-{self._number % COATS}/propagate?project_id=film",
                {"change_data": {"colour": colour}},
            )
            self._changed += answer["counts"]["updated"]
        self._seconds += time.monotonic() - begun
