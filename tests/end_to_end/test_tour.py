"""A new user's tour of the demo production: two windows, and everything that one tries first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, person
from bench.running import RunningServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

FILM = "the-night-line"
SUIT = "company-suit"
FOLLOWS, PINNED, FINAL = "sh040", "sh020", "sh050"
SECOND_DRAFT = Path(__file__).parents[2] / "server" / "demo" / "the_night_line_draft_2.fountain"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("tour") / "data", demo=True) as running:
        yield running


def window(browser: Browser, server: RunningServer) -> Page:
    """The printed URL leads into the only project."""
    page = person(browser, server).new_page()
    page.goto(server.login_url)
    page.locator("main[data-phase=ready]").wait_for()
    expect(page).to_have_url(f"{server.url}/p/{FILM}/storyboard")
    return page


def panel(shot: str) -> str:
    return f'[data-panel="{shot}"]'


def hash_of(page: Page, shot: str) -> str:
    return page.locator(panel(shot)).get_attribute("data-hash") or ""


def find_a_wardrobe(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("company suit")
    expect(page.locator("[data-palette] [aria-selected=true]")).to_contain_text("Wardrobe")
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-inspector="{SUIT}"]')).to_be_visible()


def change_its_colour(page: Page, other: Page) -> dict[str, str]:
    """Answers what the panels of the other window were before."""
    before = {shot: hash_of(other, shot) for shot in (FOLLOWS, PINNED, FINAL)}
    drawn = other.locator(f"{panel(FOLLOWS)} svg[data-cast]").inner_html()
    picker = page.locator('[data-field="colour"] input[type=color]')
    picker.fill("#d8a31a")
    expect(other.locator(panel(FOLLOWS))).not_to_have_attribute("data-hash", before[FOLLOWS])
    assert other.locator(f"{panel(FOLLOWS)} svg[data-cast]").inner_html() != drawn
    return before


def see_why_one_did_not(other: Page, before: dict[str, str]) -> None:
    tag = other.locator(f"{panel(PINNED)} [data-why]")
    expect(tag).to_contain_text("pinned")
    tag.hover()
    expect(other.locator("[role=tooltip]")).to_contain_text("pinned to")
    expect(other.locator(f"{panel(FINAL)} [data-why]")).to_contain_text("asks first")
    assert hash_of(other, PINNED) == before[PINNED]
    assert hash_of(other, FINAL) == before[FINAL]


def roll_it_back(page: Page, other: Page, before: dict[str, str]) -> None:
    newest = page.locator('[data-history-version="3"]')
    expect(newest).to_contain_text("colour", ignore_case=True)
    page.locator('[data-history-version="2"] [data-testid=roll-back]').click()
    expect(page.locator("[data-forecast]")).to_contain_text("pinned")
    page.locator("[data-testid=confirm]").click()
    expect(other.locator(panel(FOLLOWS))).to_have_attribute("data-hash", before[FOLLOWS])


def add_a_prop_to_five_shots(page: Page, other: Page, server: RunningServer) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    shots = [f"sh{number}" for number in ("010", "020", "030", "040", "050")]
    row = '[data-row="{}"]'.format
    before = {shot: other.locator(row(shot)).get_attribute("data-hash") or "" for shot in shots}
    page.locator(row(shots[0])).wait_for()
    page.locator(".breakdown[role=grid]").focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator('[data-selection="5"]')).to_be_visible()
    page.locator("[data-testid=selection-add]").click()
    page.keyboard.type("clock")
    expect(page.locator('[data-option="station-clock"][aria-selected="true"]')).to_be_visible()
    page.keyboard.press("Enter")
    for shot in shots:
        expect(other.locator(row(shot))).not_to_have_attribute("data-hash", before[shot])
        used = server.get(f"/projects/{FILM}/entities/{shot}")["references"]
        assert "station-clock" in {one["source"] for one in used}


def drag_a_panel(page: Page, other: Page) -> None:
    page.keyboard.press("s")
    row = page.locator('[data-group="sq1"] [data-panel]')
    row.first.wait_for()
    order = row.evaluate_all("(all) => all.map((one) => one.dataset.panel)")
    moved = [order[1], order[0], *order[2:]]
    from_, to = (page.locator(panel(shot)).bounding_box() for shot in (order[1], order[0]))
    assert from_ is not None
    assert to is not None
    page.mouse.move(from_["x"] + from_["width"] / 2, from_["y"] + from_["height"] / 3)
    page.mouse.down()
    page.mouse.move(from_["x"] + from_["width"] / 3, from_["y"] + from_["height"] / 3)
    page.mouse.move(to["x"] + 10, to["y"] + to["height"] / 3, steps=4)
    expect(page.locator(".drop-line")).to_be_visible()
    page.mouse.up()
    for one in (page, other):
        for place, shot in enumerate(moved):
            expect(one.locator('[data-group="sq1"] [data-panel]').nth(place)).to_have_attribute(
                "data-panel", shot
            )


def import_the_second_draft(page: Page, other: Page) -> None:
    page.locator("[data-testid=project-menu]").click()
    with page.expect_file_chooser() as chooser:
        page.locator("[data-testid=import]").click()
    chooser.value.set_files(SECOND_DRAFT)
    preview = page.locator("[data-import-preview]")
    expect(preview.locator('[data-import-list="added"]')).to_contain_text("12A")
    expect(preview.locator('[data-import-list="omitted"]')).to_contain_text("11")
    expect(preview.locator('[data-import-list="rewritten"]')).to_contain_text("Odile joined")
    expect(preview.locator('[data-import-list="renamed"]')).to_contain_text("Dorn")
    expect(preview.locator('[data-import-list="affected-shots"]')).to_be_visible()
    page.locator("[data-testid=import-confirm]").click()
    expect(page.locator("[data-import]")).to_have_count(0)
    stale = '[data-panel] [data-why]:has-text("stale")'
    expect(other.locator(stale).first).to_be_attached()


def test_a_new_users_tour(browser: Browser, server: RunningServer) -> None:
    hers, his = window(browser, server), window(browser, server)
    find_a_wardrobe(hers)
    before = change_its_colour(hers, his)
    see_why_one_did_not(his, before)
    roll_it_back(hers, his, before)
    his.keyboard.press("b")
    his.locator("[data-row]").first.wait_for()
    add_a_prop_to_five_shots(hers, his, server)
    his.keyboard.press("s")
    drag_a_panel(hers, his)
    import_the_second_draft(hers, his)
