"""From a colour picked in one Chromium page to the repainted panel in another."""

from __future__ import annotations

from playwright.sync_api import Page

from bench.browser import AFTER_PAINT, chromium, open_page, person
from bench.figures import Figure, quantile
from bench.running import RunningServer, production

__all__ = ["measure"]

CHANGES = 100
WARM_UP = 5
REST = 1700
PANEL = '[data-panel="shot-000000"]'

# Both pages are on one machine, so timeOrigin + now() is one clock.
WATCH = f"""(selector) => {{
    const after = {AFTER_PAINT};
    const panel = document.querySelector(selector);
    window.repainted = [];
    new MutationObserver(() => after((at) => window.repainted.push(at))).observe(
        panel.querySelector("svg").parentElement,
        {{ childList: true, subtree: true, attributes: true }});
}}"""
PICK = """(input, value) => {
    const at = performance.timeOrigin + performance.now();
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return at;
}"""
FIRST_AFTER = "(at) => window.repainted.find((time) => time > at) ?? null"


def measure() -> list[Figure]:
    """A hundred picked colours, each from its own rest, 24 panels on screen."""
    with RunningServer() as running, chromium() as browser:
        running.import_project("film", production(24, per_sequence=12))
        editor = open_page(person(browser, running), running, "/p/film/storyboard?e=coat")
        viewer = open_page(person(browser, running), running, "/p/film/storyboard")
        viewer.evaluate(WATCH, PANEL)
        took = [_change(editor, viewer, number) for number in range(CHANGES + WARM_UP)][WARM_UP:]
    return [
        Figure(
            "colour picked to panel repainted in another browser, p50",
            quantile(took, 0.5),
            "ms",
            None,
        ),
        Figure("the same, p95", quantile(took, 0.95), "ms", 100, f"{CHANGES} changes"),
    ]


def _change(editor: Page, viewer: Page, number: int) -> float:
    """Milliseconds for one change. Ends when both pages have shown it published and faded its wash
    (1.2 s): the next one starts from rest.
    """
    colour = f"#{(number * 2654435761) % 0xFFFFFF:06x}"
    picker = editor.locator('[data-field="colour"] input[type=color]')
    picked: float = picker.evaluate(PICK, colour)
    # Waiting for something in a page polls it on every frame, which would take part in the
    # measurement.
    viewer.wait_for_timeout(REST)
    assert editor.locator(f'[data-history-version="{number + 2}"]').is_visible()
    painted = viewer.evaluate(FIRST_AFTER, picked)
    assert painted is not None, "the panel was not repainted"
    return float(painted - picked)
