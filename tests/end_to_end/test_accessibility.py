"""No screen breaks WCAG 2.2 AA as far as axe-core can tell, in either theme."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from bench.browser import HOW_TO_GET_IT, browser_path, log_in
from bench.running import RunningServer, production

AXE = Path(__file__).parents[2] / "static" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
    pytest.mark.skipif(not AXE.is_file(), reason="no axe-core here; in static: npm ci"),
]

Theme = Literal["dark", "light"]
PROJECT = "the-night-line"
# What is drawn within a picture is no content: the picture has one name for all of it.
RUN = """(runOnly) => axe.run({ exclude: [[".sketch svg"]] }, {
    runOnly,
    resultTypes: ["violations"],
})"""
EVERYTHING = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""All that another theme can break: the elements are the same."""


class Screen(NamedTuple):
    """Where it is, and how one gets to it from there."""

    path: str
    ready: str
    prepare: Callable[[Page], None] = lambda page: None


def _press(keys: str, then: str) -> Callable[[Page], None]:
    def prepare(page: Page) -> None:
        page.keyboard.press(keys)
        page.locator(then).wait_for()

    return prepare


def _click(*steps: str) -> Callable[[Page], None]:
    """Click one after the other; the last one only has to appear. Its section then stands below the
    head that stays: what is half under that would be measured as half a target.
    """

    def prepare(page: Page) -> None:
        for step in steps[:-1]:
            page.locator(step).first.click()
        last = page.locator(steps[-1]).first
        last.wait_for()
        last.evaluate("one => one.closest('.inspector section')?.scrollIntoView()")

    return prepare


def _write_and_publish(page: Page) -> None:
    """Something final wears it: so it asks, and the draft stays ahead."""
    page.locator('[data-field="description"] .cm-content').click()
    page.keyboard.type("Torn. ")
    page.locator("[data-ahead-forecast]").wait_for()
    page.locator("[data-testid=publish]").click()
    page.locator("dialog [data-outcome]").first.wait_for()


def _new_rule(page: Page) -> None:
    """One that would have changed something, with a key that is wrong beside it."""
    page.locator("[data-testid=rule-new]").click()
    page.locator('[data-rule-field="target_kinds"] [data-value=shot]').click()
    page.locator("[data-tested] summary").first.click()
    page.locator("[data-tried]").first.wait_for()
    page.locator('[data-rule-field="affected_over"] input').fill("many")
    page.locator("[data-problem]").wait_for()


def _drop(name: str, text: str, then: str) -> Callable[[Page], None]:
    def prepare(page: Page) -> None:
        page.locator("[data-testid=import-file]").set_input_files(
            files={"name": name, "mimeType": "text/plain", "buffer": text.encode()}
        )
        page.locator(then).wait_for()

    return prepare


def _view(view: str, entity: str = "") -> str:
    return f"/p/{PROJECT}/{view}" + (f"?e={entity}" if entity else "")


def _beside(entity: str = "") -> str:
    """Where what stands beside or over any view has least around it, for that is looked at too."""
    return _view("conflicts", entity)


_HISTORY = '[data-history-version="1"]'
_READY = "main[data-phase=ready]"
_FILE = json.dumps({"characters": [{"id": "pip", "name": "Pip"}], "shots": [{"shot_id": "x1"}]})
SCREENS = {
    "projects": Screen("/", "[data-project]"),
    "new project": Screen(
        "/", "[data-project]", _click("[data-testid=new-project]", "[data-new-project]")
    ),
    "import into a new project": Screen(
        "/", "[data-project]", _drop("a.json", _FILE, "[data-import]")
    ),
    "storyboard": Screen(_view("storyboard"), "[data-panel] .sketch[aria-label]"),
    "breakdown": Screen(_view("breakdown"), "[data-row]"),
    "an asset": Screen(_view("storyboard", "keepers-coat"), _HISTORY),
    "a shot": Screen(_beside("sh010"), _HISTORY),
    "a scene": Screen(_beside("scene-001"), _HISTORY),
    "an overridden reference": Screen(
        _beside("sh020"),
        _HISTORY,
        _click("[data-testid=reference-more]", "select.add-override"),
    ),
    "a wide publication": Screen(_beside("keepers-coat"), _HISTORY, _write_and_publish),
    "choosing a reference": Screen(
        _beside("sh020"), _HISTORY, _click("[data-testid=add-reference]", "[data-pick]")
    ),
    "an old version": Screen(_beside("keepers-coat&v=1"), "[data-differences]"),
    "rolling back": Screen(
        _beside("keepers-coat&v=1"),
        "[data-differences]",
        _click("[data-testid=roll-back-here]", "[data-forecast]"),
    ),
    "restoring the project": Screen(
        _view("storyboard", "keepers-coat&v=1"),
        "[data-differences]",
        _click("[data-testid=restore-project]", "[data-forecast]"),
    ),
    "the palette": Screen(
        _beside(), _READY, _press("Control+k", "[data-palette] [aria-selected=true]")
    ),
    "the keys": Screen(_beside(), _READY, _press("?", "[data-keys]")),
    "the project menu": Screen(
        _beside(),
        _READY,
        _click("[data-testid=project-menu]", "[data-testid=all-projects]"),
    ),
    "the settings of this browser": Screen(
        _beside(), _READY, _click("[data-testid=settings]", "[data-theme-choice]")
    ),
    "the notifications": Screen(
        _beside("keepers-coat"),
        "[data-unread-count]",
        _click(
            "[data-testid=inbox]",
            ".inbox-quiet summary",
            "[data-testid=follow]",
            "[data-notification] [data-testid=mute]",
        ),
    ),
    "the project's settings": Screen(
        _beside(),
        _READY,
        _click(
            "[data-testid=project-menu]",
            "[data-testid=project-settings]",
            "dialog[data-project-settings]",
        ),
    ),
    "an import": Screen(_beside(), _READY, _drop("a.json", _FILE, "[data-import-preview]")),
    "a refused import": Screen(
        _beside(), _READY, _drop("a.json", '{"shots": [}', "[data-import-refused]")
    ),
    "what waits for approval": Screen(
        "/p/waits/approvals", "[data-side] .sketch[aria-label]", _press("Space", "[data-selected]")
    ),
    "what is in conflict": Screen(
        "/p/waits/conflicts",
        "[data-conflict]",
        _click("[data-testid=conflict-edit]", "[data-conflict-edit]"),
    ),
    "what was settled by itself": Screen(
        "/p/waits/conflicts",
        "[data-conflict]",
        _click("[data-part-choice=settled]", "[data-part=settled] [data-stands]"),
    ),
    "nothing is in conflict": Screen("/p/empty/conflicts", ".conflicts .notice"),
    "the rules": Screen(_view("rules"), "[data-tested][data-decides]"),
    "a new rule that is not valid": Screen(
        _view("rules"),
        "[data-tested][data-decides]",
        _new_rule,
    ),
    "the rules as text": Screen(
        _view("rules"), "[data-rule]", _click("[data-testid=rules-yaml]", "[data-rules-yaml] .yaml")
    ),
    "nothing waits for approval": Screen("/p/empty/approvals", ".approvals .notice"),
    "an empty project": Screen("/p/empty/storyboard", "[data-testid=new-shot]"),
    "a new shot": Screen(
        "/p/empty/storyboard",
        "[data-testid=new-shot]",
        _click("[data-testid=new-shot]", "[data-new-shot]"),
    ),
    "no such project": Screen("/p/nowhere/storyboard", "main[data-phase=failed]"),
    "nothing called that": Screen(_beside("nowhere"), "[data-inspector] .notice"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("axe") / "data", demo=True) as running:
        running.post("/projects", {"id": "empty", "name": "Empty"}, 201)
        headers = {"authorization": f"Bearer {running.token_for('ines', project_id=PROJECT)}"}
        url = f"{running.url}/api/v1/assets/company-suit/propagate?project_id={PROJECT}"
        change = {"change_data": {"description": "A grey suit, too large."}}
        httpx.post(url, json=change, headers=headers, timeout=60).raise_for_status()
        running.import_project("waits", production(3))
        final = {"ids": ["shot-000000", "shot-000001"], "status": "final"}
        running.post("/projects/waits/statuses", final)
        running.post(
            "/assets/coat/propagate?project_id=waits", {"change_data": {"colour": "#206050"}}
        )
        for colour, description in (("#602020", "A short coat."), ("#202060", "A worn coat.")):
            stale = {"colour": colour, "description": description}
            body = {"change_data": stale, "base_version": 1}
            headers = {
                "authorization": f"Bearer {running.token_for(colour[1:], 'editor', 'waits')}"
            }
            url = f"{running.url}/api/v1/assets/coat/propagate?project_id=waits"
            httpx.post(url, json=body, headers=headers, timeout=60).raise_for_status()
        yield running


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    # The page's own policy would refuse a script that a test brings along.
    made = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 800})
    made.add_init_script(AXE.read_text(encoding="utf-8"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(context: BrowserContext) -> Iterator[Page]:
    """One for all screens: to open another takes longer than to look at most of them."""
    made = context.new_page()
    # What was not published yet is left behind.
    made.on("dialog", lambda leaving: leaving.accept())
    yield made
    made.close()


def violations(page: Page, rules: dict[str, Any]) -> list[str]:
    """What axe-core finds, each with the element and the reason."""
    # What fades in or out would be measured half way.
    page.evaluate("() => Promise.allSettled(document.getAnimations().map((one) => one.finished))")
    found: dict[str, Any] = page.evaluate(RUN, rules)
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"][:5]
    ]


def in_both_themes(page: Page) -> dict[Theme, list[str]]:
    rules: dict[Theme, dict[str, Any]] = {"dark": EVERYTHING, "light": COLOURS}
    found: dict[Theme, list[str]] = {}
    for theme, those in rules.items():
        page.emulate_media(color_scheme=theme)
        found[theme] = violations(page, those)
    return found


def test_the_login_has_no_violation(
    page: Page, context: BrowserContext, server: RunningServer
) -> None:
    context.clear_cookies()
    page.goto(server.url)
    page.locator("[data-login]").wait_for()
    assert in_both_themes(page) == {"dark": [], "light": []}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_has_no_violation(
    page: Page, context: BrowserContext, server: RunningServer, name: str
) -> None:
    screen = SCREENS[name]
    if not context.cookies():
        log_in(context, server.login_url)
    page.goto(server.url + screen.path)
    page.locator(screen.ready).first.wait_for()
    screen.prepare(page)
    assert in_both_themes(page) == {"dark": [], "light": []}
