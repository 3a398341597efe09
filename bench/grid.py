"""The breakdown of 5,000 shots: how soon it is there, and how it scrolls while they change."""

from __future__ import annotations

import statistics
import threading
import time
from itertools import pairwise
from typing import Any

from playwright.sync_api import BrowserContext

from bench.browser import AFTER_PAINT, chromium, open_page, person
from bench.figures import Figure
from bench.running import RunningServer, production

__all__ = ["measure"]

SHOTS = 5_000
COATS = 10
LOADS = 9
SECONDS = 10
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
SPEED = 1200
"""Pixels a second, by the browser's own gesture: reading positions in the page would lay it out."""
RECORD = """() => {
    window.frames_ = [];
    const step = (at) => { window.frames_.push(at); requestAnimationFrame(step); };
    requestAnimationFrame(step);
}"""
FRAME = 1000 / 60


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
    """Nine loads of a logged-in browser, then ten seconds of scrolling while a coat of five
    hundred shots changes every second.
    """
    with RunningServer() as running, chromium() as browser:
        running.import_project("film", film())
        context = person(browser, running)
        _first_row(context, running)
        loads = [_first_row(context, running) for _ in range(LOADS)]
        dropped, changed = _scroll(context, running)
    return [
        Figure(
            f"first paint of the grid of {SHOTS:,} shots, median of {LOADS}",
            statistics.median(loads),
            "ms",
            1000,
        ),
        Figure("the same, worst", max(loads), "ms"),
        Figure(
            f"frames dropped while it scrolls and {changed:.0f} shots a second change",
            dropped,
            "%",
            2,
            f"{SECONDS} s at 60 frames/s",
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


def _scroll(context: BrowserContext, running: RunningServer) -> tuple[float, float]:
    """The share of frames that were dropped, in percent, and how many shots changed a second."""
    page = open_page(context, running, PAGE)
    stop = threading.Event()
    counts: list[int] = []
    changing = threading.Thread(target=_change, args=(running, stop, counts))
    changing.start()
    begun = time.monotonic()
    try:
        page.evaluate(RECORD)
        gesture = {"x": 600, "y": 500, "yDistance": -SPEED * SECONDS, "speed": SPEED}
        context.new_cdp_session(page).send("Input.synthesizeScrollGesture", gesture)
        frames: list[float] = page.evaluate("() => window.frames_")
    finally:
        elapsed = time.monotonic() - begun
        stop.set()
        changing.join()
    gaps = [after - before for before, after in pairwise(frames)]
    missed = sum(round(gap / FRAME) - 1 for gap in gaps if gap > 1.5 * FRAME)
    return 100 * missed / (missed + len(gaps)), sum(counts) / elapsed


def _change(running: RunningServer, stop: threading.Event, counts: list[int]) -> None:
    """A coat of five hundred shots gets another colour every second."""
    number = 0
    due = time.monotonic()
    while not stop.wait(max(0.0, due - time.monotonic())):
        due += 1
        number += 1
        colour = f"#{(number * 2654435761) % 0xFFFFFF:06x}"
        answer = running.post(
            f"/assets/coat-{number % COATS}/propagate?project_id=film",
            {"change_data": {"colour": colour}},
        )
        counts.append(answer["counts"]["updated"])
