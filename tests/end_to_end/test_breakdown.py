"""The breakdown: a grid worked in with the keyboard, and others see what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FloatRect, Locator, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer, production
from tests.end_to_end.conftest import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

_numbers = count(1)
# Where the keyboard is: the cell, or the chip in it.
AT = "document.querySelector('.breakdown').getAttribute('aria-activedescendant')"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all: each test has a project of its own."""
    with RunningServer(tmp_path_factory.mktemp("breakdown") / "data") as running:
        yield running


@pytest.fixture
def mara(browser: Browser, server: RunningServer) -> Iterator[BrowserContext]:
    """A browser of her own for each test: what one prefers is kept there."""
    context = person(browser, server)
    yield context
    context.close()


@pytest.fixture
def otto(browser: Browser, server: RunningServer, film: str) -> Iterator[BrowserContext]:
    token = server.token_for("otto", "editor", film)
    context = person(browser, server, f"{server.url}/login?token={token}")
    yield context
    context.close()


@pytest.fixture
def film(server: RunningServer) -> str:
    """24 shots in two sequences and three scenes, a letter and a lamp that no shot has yet."""
    id_ = f"grid-{next(_numbers)}"
    data = production(24, per_sequence=12)
    data["props"] = [{"id": "letter", "name": "The letter"}, {"id": "lamp", "name": "Storm lamp"}]
    data["scenes"] = [
        {"id": f"sc{number}", "name": f"Scene {number}", "number": str(number)}
        for number in range(1, 4)
    ]
    for number, shot in enumerate(data["shots"][:18]):
        shot["scene_id"] = f"sc{number // 6 + 1}"
    server.import_project(id_, data)
    return id_


def shot(number: int) -> str:
    return f"shot-{number:06d}"


def row(number: int) -> str:
    return f'[data-row="{shot(number)}"]'


def grid(page: Page) -> Any:
    return page.locator(".breakdown")


def open_grid(context: BrowserContext, server: RunningServer, film: str, query: str = "") -> Page:
    page = open_page(context, server, f"/p/{film}/breakdown{query}")
    page.locator("[data-row], [data-testid=filter-back]").first.wait_for()
    return page


def select_with_keys(page: Page, rows: int) -> None:
    """The first shots, by Shift and arrows: the grid is focused on its first shot."""
    grid(page).focus()
    for _ in range(rows - 1):
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator(f'[data-selection="{rows}"]')).to_be_visible()


def to_column(page: Page, kind: str) -> None:
    """Step right until the keyboard is in a kind's column."""
    here = page.locator(f'[data-column="{kind}"].at')
    for _ in range(20):
        if here.count() > 0:
            return
        before = page.evaluate(AT)
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"(before) => {AT} !== before", arg=before)
    raise AssertionError(f"no way to the column {kind}")


def box_of(element: Locator) -> FloatRect:
    box = element.bounding_box()
    assert box is not None
    return box


def runs(server: RunningServer, film: str) -> int:
    status = server.get(f"/projects/{film}/propagation-status")
    return int(status["totals"]["runs"]) + len(status["active"]) + int(status["queued"])


def test_five_selected_rows_get_a_prop_by_keyboard_in_one_run_and_lose_it_by_undo(
    server: RunningServer, film: str, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers = open_grid(mara, server, film)
    his = open_grid(otto, server, film)
    before = runs(server, film)

    select_with_keys(hers, 5)
    to_column(hers, "prop")
    hers.keyboard.press("a")
    expect(hers.locator("[data-picker] label")).to_have_text("Add prop to 5 shots")
    expect(hers.locator("[data-picker] input")).to_be_focused()
    hers.keyboard.type("lett")
    expect(hers.locator('[data-option="letter"][aria-selected="true"]')).to_be_visible()
    hers.keyboard.press("Enter")

    for number in range(5):
        expect(his.locator(f'{row(number)} [data-chip="letter"]')).to_be_visible()
    expect(his.locator(f'{row(5)} [data-chip="letter"]')).to_have_count(0)
    expect(his.locator('[data-group="seq-0000"] [data-count="prop"]')).to_have_text("1")
    until(lambda: runs(server, film) == before + 1)
    expect(grid(hers)).to_be_focused()

    hers.locator("[data-testid=toast-action]").click()
    expect(his.locator('[data-chip="letter"]')).to_have_count(0)
    until(lambda: runs(server, film) == before + 2)
    for page in (hers, his):
        page.close()


def test_a_chip_is_removed_by_a_key_and_comes_back_as_it_was(
    server: RunningServer, film: str, mara: BrowserContext
) -> None:
    coat = next(
        one
        for one in server.get(f"/projects/{film}/entities/{shot(0)}")["references"]
        if one["source"] == "coat"
    )
    change = {"policy": "pinned", "overrides": {"state": "torn"}}
    server.call("PATCH", f"/projects/{film}/references/{coat['id']}", change)
    page = open_grid(mara, server, film)
    grid(page).focus()
    to_column(page, "wardrobe")
    expect(page.locator(f'{row(0)} [data-chip="coat"].at')).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.locator(f'{row(0)} [data-chip="coat"]')).to_have_count(0)
    expect(page.locator(f'{row(1)} [data-chip="coat"]')).to_be_visible()
    page.locator("[data-testid=toast-action]").click()
    expect(page.locator(f'{row(0)} [data-chip="coat"]')).to_be_visible()

    def back() -> Any:
        references = server.get(f"/projects/{film}/entities/{shot(0)}")["references"]
        return next((one for one in references if one["source"] == "coat"), None)

    again = until(back)
    assert (again["policy"], again["overrides"]) == ("pinned", {"state": "torn"})
    assert (again["role"], again["order"]) == (coat["role"], coat["order"])
    page.close()


def test_a_url_says_what_is_shown_and_the_way_back_is_there(
    server: RunningServer, film: str, mara: BrowserContext
) -> None:
    server.call("PATCH", f"/projects/{film}/entities/{shot(3)}", {"status": "final"})
    body = {"add": [{"source": "lamp", "target": shot(number)} for number in (3, 4, 15)]}
    server.post(f"/projects/{film}/references/bulk", body, 200)
    page = open_grid(mara, server, film, "?asset=lamp&sort=-id")
    shown = page.locator("[data-row]")
    expect(shown).to_have_count(3)
    expect(shown.first).to_have_attribute("data-row", shot(4))
    line = page.locator(".filter-line")
    expect(line).to_have_attribute("data-matched", "3")
    expect(line).to_contain_text("3 of 24 shots")

    page.locator("[data-filter=final]").click()
    expect(shown).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?asset=lamp&status=final&sort=-id$"))
    page.locator("[data-testid=filter-words]").fill("nothing of the kind")
    expect(page.locator("main")).to_contain_text("No shot is like that")
    page.go_back()
    expect(shown).to_have_count(3)
    page.go_forward()
    page.locator("[data-testid=filter-back]").click()
    expect(line).to_contain_text("24 shots")
    page.locator(f"{row(1)} a.id").click()
    expect(page.locator(f'[data-inspector="{shot(1)}"]')).to_be_visible()
    page.close()


def test_beside_the_inspector_the_filter_line_stays_one_row(
    server: RunningServer, film: str, mara: BrowserContext
) -> None:
    page = open_grid(mara, server, film, f"?e={shot(1)}")
    expect(page.locator(f'[data-inspector="{shot(1)}"]')).to_be_visible()
    for wanted in ("true", "false"):
        page.locator("[data-filter=pinned]").click()
        pinned = page.get_by_role("button", name="Pinned", exact=True)
        expect(pinned).to_have_attribute("aria-pressed", wanted)
        until(lambda: box_of(page.locator(".filter-line"))["height"] < 48)
    page.close()


def test_shots_stand_under_sequences_or_scenes_that_fold(
    server: RunningServer, film: str, mara: BrowserContext
) -> None:
    page = open_grid(mara, server, film)
    groups = page.locator("[data-group]")
    expect(groups.first).to_have_attribute("data-group", "seq-0000")
    page.locator("[data-grouping=scene]").click()
    expect(groups.first).to_have_attribute("data-group", "sc1")
    expect(page.locator('[data-group="sc1"]')).to_contain_text("6 shots")

    page.locator('[data-group="sc1"] [data-fold]').click()
    expect(page.locator(row(0))).to_have_count(0)
    expect(page.locator(row(6))).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator(row(0))).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator('[data-selection="6"]')).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-selection]")).to_have_count(0)
    page.close()


def test_the_keyboard_stays_in_its_column_when_others_come_and_go(
    server: RunningServer, film: str, mara: BrowserContext
) -> None:
    page = open_grid(mara, server, film)
    page.set_viewport_size({"width": 1600, "height": 800})
    expect(page.locator("[data-head=framing]")).to_be_visible()
    grid(page).focus()
    to_column(page, "prop")
    page.set_viewport_size({"width": 920, "height": 800})
    expect(page.locator("[data-head=framing]")).to_have_count(0)
    expect(page.locator('[data-column="prop"].at')).to_have_count(1)
    page.close()


def test_columns_change_width_by_key_and_drag_and_can_go(
    server: RunningServer, film: str, mara: BrowserContext
) -> None:
    page = open_grid(mara, server, film)
    head = page.locator('[data-head="kind prop"]')
    wide = box_of(head)
    page.mouse.move(wide["x"] + wide["width"], wide["y"] + 10)
    page.mouse.down()
    page.mouse.move(wide["x"] + wide["width"] + 60, wide["y"] + 10, steps=4)
    page.mouse.up()
    until(lambda: abs(box_of(head)["width"] - wide["width"] - 60) <= 2)
    dragged = box_of(head)

    grid(page).focus()
    to_column(page, "prop")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    until(lambda: abs(box_of(head)["width"] - dragged["width"] + 16) <= 2)
    page.keyboard.press("Delete")
    expect(head).to_have_count(0)
    page.reload()
    page.locator("main[data-phase=ready]").wait_for()
    expect(page.locator('[data-head="kind wardrobe"]')).to_be_visible()
    expect(head).to_have_count(0)
    page.locator("[data-testid=columns]").click()
    page.get_by_role("button", name="Reset columns").click()
    expect(head).to_be_visible()
    page.close()


def test_of_two_thousand_shots_only_near_rows_are_in_the_document(
    server: RunningServer, mara: BrowserContext
) -> None:
    server.import_project("long", production(2_000))
    page = open_grid(mara, server, "long")
    rows = page.locator("[data-row]")
    assert rows.count() < 60
    page.evaluate("document.querySelector('.breakdown').scrollTop = 28000")
    expect(page.locator(row(980))).to_be_visible()
    assert rows.count() < 60
    expect(page.locator(row(0))).to_have_count(0)
    grid(page).focus()
    page.keyboard.press("Control+End")
    expect(page.locator(row(1_999))).to_be_visible()
    page.keyboard.press("Control+a")
    expect(page.locator('[data-selection="2000"]')).to_be_visible()
    assert rows.count() < 60
    page.close()


def test_who_may_only_look_cannot_change_what_a_shot_is_made_of(
    browser: Browser, server: RunningServer, film: str
) -> None:
    token = server.token_for("vera", "viewer", film)
    context = person(browser, server, f"{server.url}/login?token={token}")
    page = open_grid(context, server, film)
    select_with_keys(page, 2)
    to_column(page, "prop")
    page.keyboard.press("a")
    expect(page.locator("[data-picker]")).to_have_count(0)
    expect(page.locator("[data-add], [data-testid=selection-add]")).to_have_count(0)
    context.close()
