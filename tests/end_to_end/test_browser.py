"""Two people, two browsers, one production."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer, production

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

COLOUR = '[data-field="colour"] input[type=color]'
PROSE = '[data-field="description"] .cm-content'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all: each test has a project of its own."""
    with RunningServer(tmp_path_factory.mktemp("browser") / "data") as running:
        yield running


@dataclass(frozen=True)
class Film:
    """A project of the server, and its views."""

    server: RunningServer
    id: str

    def open(self, context: BrowserContext, view: str) -> Page:
        return open_page(context, self.server, f"/p/{self.id}/{view}")

    def newest(self, asset_id: str) -> Any:
        path = f"/assets/{asset_id}/versions?project_id={self.id}"
        return self.server.get(path)["items"][0]


_numbers = count(1)


@pytest.fixture
def film(server: RunningServer) -> Film:
    """24 shots of a hero in a coat; the last is pinned to the coat, the one before is final."""
    id_ = f"film-{next(_numbers)}"
    server.import_project(id_, production(24, per_sequence=12))
    last = server.get(f"/projects/{id_}/entities/shot-000023")
    coat = next(one for one in last["references"] if one["source"] == "coat")
    server.call("PATCH", f"/projects/{id_}/references/{coat['id']}", {"policy": "pinned"})
    server.call("PATCH", f"/projects/{id_}/entities/shot-000022", {"status": "final"})
    return Film(server, id_)


@pytest.fixture
def mara(browser: Browser, film: Film) -> Iterator[BrowserContext]:
    yield from _person(browser, film, "mara")


@pytest.fixture
def otto(browser: Browser, film: Film) -> Iterator[BrowserContext]:
    yield from _person(browser, film, "otto")


def _person(browser: Browser, film: Film, name: str) -> Iterator[BrowserContext]:
    token = film.server.token_for(name, project_id=film.id)
    context = person(browser, film.server, f"{film.server.url}/login?token={token}")
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
    film: Film, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers = film.open(mara, "storyboard?e=coat")
    his = film.open(otto, "storyboard")
    follows, pinned, final = panel(his, 0), panel(his, 23), panel(his, 22)
    before = {one: attribute(his, one, "data-hash") for one in (follows, pinned, final)}
    drawn = his.locator(f"{follows} svg[data-cast]").first.inner_html()

    set_colour(hers, "#204060")

    expect(his.locator(follows)).not_to_have_attribute("data-hash", before[follows])
    assert his.locator(f"{follows} svg[data-cast]").first.inner_html() != drawn
    expect(his.locator(f"{follows} [data-why]")).to_contain_text("v2")
    expect(his.locator(f"{pinned} [data-why]")).to_contain_text("pinned")
    assert attribute(his, pinned, "data-hash") == before[pinned]
    assert attribute(his, final, "data-hash") == before[final]
    version = film.newest("coat")
    assert (version["number"], version["author"]) == (2, "mara")
    assert version["changes"] == {"colour": {"from": "#d8a31a", "to": "#204060"}}

    hers.locator('[data-history-version="1"] [data-testid=roll-back]').click()
    expect(hers.locator("[data-forecast]")).to_contain_text(
        "22 shots will repaint. 2 others follow."
    )
    hers.locator("[data-testid=confirm]").click()
    expect(his.locator(follows)).to_have_attribute("data-hash", before[follows])
    assert film.newest("coat")["cause"] == "rollback"


def test_two_people_type_into_one_description_and_both_texts_are_kept(
    film: Film, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers = film.open(mara, "storyboard?e=hero")
    his = film.open(otto, "storyboard?e=hero")
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
    hero = film.server.get(f"/projects/{film.id}/entities/hero")
    assert hero["fields"]["description"] == whole


def test_a_change_through_the_api_shows_up_in_an_open_editor(
    film: Film, mara: BrowserContext
) -> None:
    page = film.open(mara, "storyboard?e=hero")
    expect(page.locator(PROSE)).to_contain_text("Tall, in a long coat.")
    change = {"change_data": {"description": "Short, in a long coat."}}
    film.server.post(f"/assets/hero/propagate?project_id={film.id}", change)
    expect(page.locator(PROSE)).to_contain_text("Short, in a long coat.")


def test_both_views_show_who_else_is_here(
    film: Film, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers = film.open(mara, "breakdown?e=shot-000003")
    his = film.open(otto, "storyboard")
    expect(his.locator('[data-person="mara"]')).to_be_visible()
    expect(his.locator(f"{panel(his, 3)}[data-ring], {panel(his, 3)} [data-ring]")).to_be_visible()
    expect(hers.locator('[data-person="otto"]')).to_be_visible()
    expect(hers.locator('[data-row="shot-000003"] [data-chip="coat"]')).to_be_visible()
