"""From a key pressed in one Chromium page to the letter on the screen of another."""

from __future__ import annotations

from playwright.sync_api import Page

from bench.browser import AFTER_PAINT, chromium, open_page, person
from bench.figures import Figure, quantile
from bench.running import RunningServer, production

__all__ = ["measure"]

KEYS = 200
WARM_UP = 20
BETWEEN = 120
"""Milliseconds between two keys: a quick typist."""
PROSE = '[data-field="description"] .cm-content'

# Both pages are on one machine, so timeOrigin + now() is one clock.
PRESSED = """() => {
    window.pressed = [];
    document.addEventListener("keydown", (event) =>
        window.pressed.push(performance.timeOrigin + event.timeStamp), { capture: true });
}"""
SHOWN = f"""(selector) => {{
    const prose = document.querySelector(selector);
    const after = {AFTER_PAINT};
    window.shown = [];
    new MutationObserver(() => {{
        const typed = prose.textContent.split("z").length - 1;
        after((at) => window.shown.push([typed, at]));
    }}).observe(prose, {{ childList: true, subtree: true, characterData: true }});
}}"""


def measure() -> list[Figure]:
    """Two people have one description open; one types."""
    with RunningServer() as running, chromium() as browser:
        running.import_project("film", production(24, per_sequence=12))
        writer = _open(open_page(person(browser, running), running, "/p/film/storyboard?e=coat"))
        reader = _open(open_page(person(browser, running), running, "/p/film/storyboard?e=coat"))
        writer.evaluate(PRESSED)
        reader.evaluate(SHOWN, PROSE)
        writer.locator(PROSE).click()
        writer.keyboard.press("Control+End")
        writer.evaluate("() => { window.pressed.length = 0 }")
        writer.keyboard.type("z" * KEYS, delay=BETWEEN)
        reader.wait_for_timeout(1000)
        pressed: list[float] = writer.evaluate("() => window.pressed")
        shown: list[tuple[int, float]] = reader.evaluate("() => window.shown")
    assert len(pressed) == KEYS
    assert shown[-1][0] == KEYS, "letters are missing on the other screen"
    took = [
        next(at for typed, at in shown if typed > number) - pressed[number]
        for number in range(WARM_UP, KEYS)
    ]
    return [
        Figure("key pressed to letter on another browser's screen, p50", quantile(took, 0.5), "ms"),
        Figure("the same, p95", quantile(took, 0.95), "ms", 50, f"{len(took)} keys"),
    ]


def _open(page: Page) -> Page:
    """The page, once its prose can be typed into."""
    page.locator(PROSE).wait_for()
    return page
