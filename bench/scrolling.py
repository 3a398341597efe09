"""What a person sees while a page scrolls, by the browser's own account of each frame.

Chromium's compositor reports every frame that was due (the trace event ``PipelineReporter``, from
which its "percent dropped frames" is made): whether anything new reached the screen, whether a
part of it was not painted yet, and whether the page's own thread came too late for it. Counting
``requestAnimationFrame`` would tell only of the last, and would itself ask for every frame.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page

__all__ = ["Scroll", "scroll"]

SPEED = 1200
"""Pixels a second, by the browser's own gesture."""
SECONDS = 6
_CATEGORIES = ["benchmark"]


@dataclass(frozen=True, slots=True)
class Scroll:
    """One scroll: percent of the frames that were due at 60 a second."""

    dropped: float
    """Nothing new reached the screen, or something on it was not painted yet."""
    late: float
    """It scrolled, but what the page itself had changed was shown a frame later."""


def scroll(browser: Browser, page: Page, until: Callable[[], None] = lambda: None) -> Scroll:
    """Scrolls for ``SECONDS`` at ``SPEED``; ``until`` is called when it has come to rest."""
    page.bring_to_front()
    browser.start_tracing(page=page, categories=_CATEGORIES)
    gesture = {"x": 600, "y": 500, "yDistance": -SPEED * SECONDS, "speed": SPEED}
    page.context.new_cdp_session(page).send("Input.synthesizeScrollGesture", gesture)
    until()
    return _read(json.loads(browser.stop_tracing())["traceEvents"])


def _read(events: list[dict[str, Any]]) -> Scroll:
    frames: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        report = event.get("args", {}).get("frame_reporter")
        if report is not None and report["scroll_state"] != "SCROLL_NONE":
            frames[report["frame_sequence"]].append(report)
    due = max(frames) - min(frames) + 1
    whole = late = 0
    for reports in frames.values():
        states = {report["state"] for report in reports}
        shown = states & {"STATE_PRESENTED_ALL", "STATE_PRESENTED_PARTIAL"}
        if not shown or any(report["has_missing_content"] for report in reports):
            continue
        whole += 1
        late += "STATE_PRESENTED_ALL" not in states
    return Scroll(100 * (due - whole) / due, 100 * late / due)
