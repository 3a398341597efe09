"""Two people, two browsers, one production."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, chromium, open_page, person
from bench.running import RunningServer, production

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

COLOUR = '[data-field="colour"] input[type=color]'
PROSE = '[data-field="description"] .cm-content'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def film(server: RunningServer) -> RunningServer:
    """24 shots of a hero in a coat; the last is pinned to the coat, the one before is final."""
    server.import_project("film", production(24, per_sequence=12))
    last = server.get("/projects/film/entities/shot-000023")
    coat = next(one for one in last["references"] if one["source"] == "coat")
    server.call("PATCH", f"/projects/film/references/{coat['id']}", {"policy": "pinned"})
    server.call("PATCH", "/projects/film/entities/shot-000022", {"status": "final"})
    return server


@pytest.fixture
def mara(browser: Browser, film: RunningServer) -> Iterator[BrowserContext]:
    yield from _person(browser, film, "mara")


@pytest.fixture
def otto(browser: Browser, film: RunningServer) -> Iterator[BrowserContext]:
    yield from _person(browser, film, "otto")


def _person(browser: Browser, film: RunningServer, name: str) -> Iterator[BrowserContext]:
    token = film.token_for(name)
    context = person(browser, film, f"{film.url}/login?token={token}")
    yield context
    context.close()


def panel(page: Page, shot: int) -> str:
    return f'[data-panel="shot-{shot:06d}"]'


def attribute(page: Page, selector: str, name: str) -> str:
    return page.locator(selector).get_attribute(name) or ""


def set_colour(page: Page, value: str) -> None:
    """Pick a colour as the picker does: an input and a change event of the very control."""
    page.locator(COLOUR).evaluate(
        """(input, value) => {
            input.value = value;
            input.dispatchEvent(new Event("input", { bubbles: true }));
            input.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        value,
    )


def test_one_edit_repaints_a_panel_in_another_browser(
    film: RunningServer, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers = open_page(mara, film, "/p/film/storyboard?e=coat")
    his = open_page(otto, film, "/p/film/storyboard")
    follows, pinned, final = panel(his, 0), panel(his, 23), panel(his, 22)
    before = {one: attribute(his, one, "data-hash") for one in (follows, pinned, final)}
    drawn = his.locator(f"{follows} svg").first.inner_html()

    set_colour(hers, "#204060")

    expect(his.locator(follows)).not_to_have_attribute("data-hash", before[follows])
    assert his.locator(f"{follows} svg").first.inner_html() != drawn
    expect(his.locator(f"{follows} [data-why]")).to_contain_text("v2")
    expect(his.locator(f"{pinned} [data-why]")).to_contain_text("pinned")
    assert attribute(his, pinned, "data-hash") == before[pinned]
    assert attribute(his, final, "data-hash") == before[final]
    version = film.get("/assets/coat/versions")["items"][0]
    assert (version["number"], version["author"]) == (2, "mara")
    assert version["changes"] == {"colour": {"from": "#d8a31a", "to": "#204060"}}

    hers.locator('[data-history-version="1"] [data-testid=roll-back]').click()
    expect(hers.locator("[data-forecast]")).to_contain_text("24 updated")
    hers.locator("[data-testid=confirm]").click()
    expect(his.locator(follows)).to_have_attribute("data-hash", before[follows])
    assert film.get("/assets/coat/versions")["items"][0]["cause"] == "rollback"


def test_two_people_type_into_one_description_and_both_texts_are_kept(
    film: RunningServer, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers = open_page(mara, film, "/p/film/storyboard?e=hero")
    his = open_page(otto, film, "/p/film/storyboard?e=hero")
    for page, key in ((hers, "Control+Home"), (his, "Control+End")):
        page.locator(PROSE).click()
        page.keyboard.press(key)
    for left, right in zip("She limps. ", " He never sat.", strict=False):
        hers.keyboard.type(left)
        his.keyboard.type(right)
    whole = "She limps. Tall, in a long coat. He never s"
    for page in (hers, his):
        expect(page.locator(PROSE)).to_contain_text("Tall, in a long coat.")
        expect(page.locator(PROSE)).to_contain_text("She limps.")
        expect(page.locator(PROSE)).to_contain_text("He never s")
    expect(his.locator('[data-caret="mara"]')).to_be_visible()

    his.locator("[data-inspector] h1, [data-testid=name]").first.click()
    expect(his.locator("[data-saved=saved]")).to_be_visible()
    expect(his.locator('[data-history-version="2"]')).to_be_visible()
    assert film.get("/projects/film/entities/hero")["fields"]["description"] == whole


def test_a_change_through_the_api_shows_up_in_an_open_editor(
    film: RunningServer, mara: BrowserContext
) -> None:
    page = open_page(mara, film, "/p/film/storyboard?e=hero")
    expect(page.locator(PROSE)).to_contain_text("Tall, in a long coat.")
    change = {"change_data": {"description": "Short, in a long coat."}}
    film.post("/assets/hero/propagate", change)
    expect(page.locator(PROSE)).to_contain_text("Short, in a long coat.")


def test_both_views_show_who_else_is_here(
    film: RunningServer, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers = open_page(mara, film, "/p/film/breakdown?e=shot-000003")
    his = open_page(otto, film, "/p/film/storyboard")
    expect(his.locator('[data-person="mara"]')).to_be_visible()
    expect(his.locator(f"{panel(his, 3)}[data-ring], {panel(his, 3)} [data-ring]")).to_be_visible()
    expect(hers.locator('[data-person="otto"]')).to_be_visible()
    expect(hers.locator('[data-row="shot-000003"] [data-chip="coat"]')).to_be_visible()
