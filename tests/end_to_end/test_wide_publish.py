"""What publishing would do stands beside the draft; what reaches many, or something final, asks
first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer, production

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

PROSE = '[data-field="description"] .cm-content'
_numbers = count(1)
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("wide") / "data") as running:
        yield running


def film_of(server: RunningServer, shots: int, final: int = 0, pinned: int = 0) -> str:
    id_ = f"film-{next(_numbers)}"
    server.import_project(id_, production(shots))
    if final:
        ids = [f"shot-{number:06d}" for number in range(final)]
        server.post(f"/projects/{id_}/statuses", {"ids": ids, "status": "final"})
    for number in range(final, final + pinned):
        used = server.get(f"/projects/{id_}/entities/shot-{number:06d}")["references"]
        for one in used:
            path = f"/api/v1/projects/{id_}/references/{one['id']}"
            server.http.patch(path, json={"policy": "pinned"}).raise_for_status()
    return id_


@pytest.fixture
def opened(browser: Browser, server: RunningServer) -> Iterator[Open]:
    contexts = []

    def open_as(name: str, film: str, place: str) -> Page:
        token = server.token_for(name, "editor", film)
        contexts.append(person(browser, server, f"{server.url}/login?token={token}"))
        return open_page(contexts[-1], server, f"/p/{film}/{place}")

    yield open_as
    for context in contexts:
        context.close()


def version(server: RunningServer, film: str) -> int:
    return int(server.get(f"/projects/{film}/entities/coat")["version"])


def write(page: Page, words: str) -> None:
    page.locator(PROSE).click()
    page.keyboard.type(words)


def test_a_wide_change_shows_whom_it_reaches_and_is_published_only_once_that_was_seen(
    server: RunningServer, opened: Open
) -> None:
    film = film_of(server, 60, final=2, pinned=3)
    otto = opened("otto", film, "storyboard?e=shot-000020")
    page = opened("ines", film, "storyboard?e=coat")
    expect(otto.locator("[data-inspector=shot-000020]")).to_be_visible()
    write(page, "Torn at the hem.")
    said = page.locator("[data-ahead-forecast]")
    expect(said).to_contain_text("55 shots will repaint, 3 are pinned, 2 are final and will ask.")
    publish = page.locator("[data-testid=publish]")
    expect(publish).to_have_text("Publish to 55 shots…")

    # Leaving the text publishes what reaches few; this waits.
    publish.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog [data-forecast]")
    expect(dialog).to_contain_text("55 shots will repaint, 3 are pinned, 2 are final and will ask.")
    expect(dialog.locator("[data-watchers]")).to_contain_text("otto has one of these open.")
    rows = dialog.locator("[data-outcome]")
    expect(rows.first).to_have_attribute("data-outcome", "awaiting_approval")
    expect(page.locator("[data-testid=confirm]")).to_be_focused()
    assert version(server, film) == 1
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(publish).to_be_focused()
    assert version(server, film) == 1

    page.keyboard.press("Enter")
    expect(page.locator("[data-testid=confirm]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-draft-ahead]")).to_have_count(0)
    assert version(server, film) == 2
    expect(page.locator("[data-testid=approvals]")).to_have_attribute("data-count", "2")


def test_what_changed_since_it_was_shown_is_shown_anew_before_it_is_published(
    server: RunningServer, opened: Open
) -> None:
    film = film_of(server, 3, final=1)
    page = opened("ines", film, "storyboard?e=coat")
    write(page, "Torn.")
    page.locator("[data-testid=publish]").click()
    dialog = page.locator("dialog [data-forecast]")
    expect(dialog).to_contain_text("2 shots will repaint, 1 is final and will ask.")
    server.post(f"/projects/{film}/statuses", {"ids": ["shot-000001"], "status": "final"})
    page.locator("[data-testid=confirm]").click()
    expect(page.locator("dialog [role=alert]")).to_be_visible()
    expect(dialog).to_contain_text("1 shot will repaint, 2 are final and will ask.")
    assert version(server, film) == 1
    page.locator("[data-testid=confirm]").click()
    expect(page.locator("dialog")).to_have_count(0)
    assert version(server, film) == 2


def test_what_reaches_few_is_published_as_it_is_left_unless_the_project_says_by_hand(
    server: RunningServer, opened: Open
) -> None:
    film = film_of(server, 3)
    page = opened("ines", film, "storyboard?e=coat")
    write(page, "Torn.")
    expect(page.locator("[data-ahead-forecast]")).to_have_text(
        "3 shots will repaint. 1 other follows."
    )
    page.locator("main.view").focus()
    expect(page.locator("[data-version='2']")).to_be_visible()

    settings = {"settings": {"automatic_publishing": False}}
    server.http.patch(f"/api/v1/projects/{film}", json=settings).raise_for_status()
    page.reload()
    page.locator("[data-version='2']").wait_for()
    write(page, "And mended. ")
    expect(page.locator("[data-ahead-forecast]")).to_be_visible()
    page.locator("main.view").focus()
    page.locator("[data-testid=publish]").click()
    expect(page.locator("[data-version='3']")).to_be_visible()
