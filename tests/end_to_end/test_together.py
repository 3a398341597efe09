"""Two people at once: following, undo, writing without a line; a server that cannot store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path
from bench.running import RunningServer, production
from tests.end_to_end.conftest import Open, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

PROSE = '[data-field="description"] .cm-content'
WRITTEN = "Tall, in a long coat."
WORDS = """(prose) => {
    const words = prose.cloneNode(true);
    for (const caret of words.querySelectorAll("[data-caret]")) caret.remove();
    return words.textContent;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("together") / "data") as running:
        yield running


_numbers = count(1)


@pytest.fixture
def film(server: RunningServer) -> str:
    id_ = f"film-{next(_numbers)}"
    server.import_project(id_, production(48, per_sequence=12))
    return id_


def shot(number: int) -> str:
    return f"shot-{number:06d}"


def panel(number: int) -> str:
    return f'[data-panel="{shot(number)}"]'


def write(page: Page, key: str, words: str) -> None:
    """Go to the beginning or the end of the description, and type."""
    page.locator(PROSE).click()
    page.keyboard.press(key)
    page.keyboard.type(words)


def press(page: Page, key: str, times: int) -> None:
    """As often as letters were typed: how many of them are one step depends on how fast it went."""
    for _ in range(times):
        page.keyboard.press(key)


def is_written(page: Page, text: str) -> bool:
    return bool(page.locator(PROSE).evaluate(WORDS) == text)


def test_a_click_on_an_avatar_goes_where_that_person_goes_until_one_goes_elsewhere(
    opened: Open,
) -> None:
    hers = opened("mara", "editor", f"breakdown?e={shot(40)}")
    his = opened("otto", "editor", "storyboard")
    avatar = his.locator('[data-person="mara"]')
    following = his.locator('[data-following="mara"]')
    said = his.locator("[data-testid=followed-said]")
    inspector = his.locator("[data-inspector]")

    avatar.focus()
    his.keyboard.press("Enter")
    expect(his.locator('main[data-view="breakdown"]')).to_be_visible()
    expect(following).to_contain_text("Following mara")
    expect(said).to_have_text(
        f"Following mara, who has {shot(40)} open in the breakdown. Escape stops."
    )
    expect(his.locator(f'[data-row="{shot(40)}"] [data-ring="mara"]')).to_be_in_viewport()

    hers.locator(".breakdown").focus()
    hers.keyboard.press("s")
    expect(his.locator('main[data-view="storyboard"]')).to_be_visible()
    expect(his.locator(f'{panel(40)} [data-ring="mara"]')).to_be_in_viewport()
    hers.locator(f"{panel(41)} .panel-look").click()
    expect(inspector).to_have_attribute("data-inspector", shot(41))
    expect(said).to_have_text(f"mara has {shot(41)} open in the storyboard.")

    his.keyboard.press("Escape")
    expect(following).to_have_count(0)
    expect(said).to_have_text("No longer following mara.")
    hers.locator(f"{panel(42)} .panel-look").click()
    expect(his.locator(f"{panel(42)} [data-ring]")).to_be_visible()
    expect(inspector).to_have_attribute("data-inspector", shot(41))

    avatar.click()
    expect(inspector).to_have_attribute("data-inspector", shot(42))
    his.keyboard.press("b")
    expect(following).to_have_count(0)
    expect(his.locator('main[data-view="breakdown"]')).to_be_visible()


def test_undo_is_for_ones_own_words_and_words_written_offline_meet_once(
    server: RunningServer, film: str, opened: Open
) -> None:
    hers = opened("mara", "editor", "storyboard?e=hero")
    his = opened("otto", "editor", "storyboard?e=hero")
    both = (hers, his)

    def reads(text: str) -> None:
        for page in both:
            until(partial(is_written, page, text))

    write(hers, "Control+Home", "She limps. ")
    write(his, "Control+End", " He sat.")
    reads(f"She limps. {WRITTEN} He sat.")
    press(hers, "Control+z", 11)
    reads(f"{WRITTEN} He sat.")
    press(hers, "Control+Shift+Z", 11)
    reads(f"She limps. {WRITTEN} He sat.")

    server.kill()
    for page in both:
        expect(page.locator('[data-offline="0"]')).to_be_visible()
    write(hers, "Control+Home", "In the rain. ")
    write(his, "Control+End", " He waits, too.")
    expect(hers.locator('[data-offline="13"]')).to_contain_text("13 changes wait here")
    expect(his.locator('[data-offline="15"]')).to_contain_text("15 changes wait here")
    with hers.expect_event("dialog") as leaving:
        hers.close(run_before_unload=True)
    assert leaving.value.type == "beforeunload"
    leaving.value.dismiss()

    server.start()
    whole = f"In the rain. She limps. {WRITTEN} He sat. He waits, too."
    reads(whole)
    for page in both:
        expect(page.locator("[data-saved=saved]")).to_be_visible()
        expect(page.locator("[data-offline], [data-sending]")).to_have_count(0)

    hers.locator(PROSE).focus()
    press(hers, "Control+z", 24)
    reads(f"{WRITTEN} He sat. He waits, too.")
    press(hers, "Control+y", 24)
    reads(whole)
    hers.locator("[data-testid=name]").click()
    expect(hers.locator('[data-history-version="2"]')).to_be_visible()
    assert server.get(f"/projects/{film}/entities/hero")["fields"]["description"] == whole

    hers.context.set_offline(True)
    expect(hers.locator("[data-offline]")).to_be_visible()
    write(hers, "Control+Home", "Again: ")
    hers.locator("[data-testid=project-menu]").click()
    hers.locator("[data-testid=all-projects]").click()
    expect(hers.locator("[data-inspector]")).to_have_count(0)
    hers.context.set_offline(False)
    until(partial(is_written, his, f"Again: {whole}"))


def test_a_server_that_cannot_store_is_said_and_what_was_typed_is_kept(
    server: RunningServer, film: str, opened: Open
) -> None:
    page = opened("mara", "editor", "storyboard?e=hero")
    expect(page.locator(PROSE)).to_have_text(WRITTEN)
    with closing(sqlite3.connect(next(server.data.glob("*.db")), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        write(page, "Control+End", " Wet.")
        expect(page.locator("[data-unsaved]")).to_contain_text("Not saved yet.", timeout=10_000)
        expect(page.locator("[data-unsaved]")).to_contain_text("5 changes wait here")
        expect(page.locator("[data-saved=unsaved]")).to_have_text("Not saved")
        other.execute("ROLLBACK")
    expect(page.locator("[data-saved=saved]")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-unsaved]")).to_have_count(0)
    expect(page.locator(PROSE)).to_have_text(f"{WRITTEN} Wet.")
    page.locator("[data-testid=name]").click()

    def stored() -> bool:
        hero = server.get(f"/projects/{film}/entities/hero")
        return bool(hero["fields"]["description"] == f"{WRITTEN} Wet.")

    until(stored)
