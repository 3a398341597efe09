"""The line at the foot of the page: what failed is retried, a run rolled back, its impact first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import production
from tests.end_to_end.test_runs_killed import FaultyServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultyServer]:
    (tmp_path / "data").mkdir()
    with FaultyServer(tmp_path / "data") as running:
        running.import_project("film", production(6))
        yield running


@pytest.fixture
def page(browser: Browser, server: FaultyServer) -> Iterator[Page]:
    context = person(browser, server)
    yield open_page(context, server, "/p/film/storyboard")
    context.close()


def recolour(server: FaultyServer, colour: str) -> None:
    server.post("/assets/coat/propagate", {"change_data": {"colour": colour}}, 200)


def test_what_failed_is_retried_from_the_line(page: Page, server: FaultyServer) -> None:
    server.order(broken=["shot-000001"])
    recolour(server, "#204060")
    line = page.locator("footer.progress[data-done]")
    expect(line).to_contain_text("1 needs you")
    server.order()
    line.get_by_test_id("retry-run").click()
    expect(line).to_contain_text("2 updated")
    expect(line.get_by_test_id("retry-run")).to_have_count(0)
    assert not server.get("/projects/film/entities/shot-000001")["stale"]


def test_a_run_is_rolled_back_from_the_line_as_it_was_shown(
    page: Page, server: FaultyServer
) -> None:
    recolour(server, "#204060")
    page.get_by_test_id("roll-back-run").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[data-forecast]")).to_contain_text("6 shots will repaint")
    recolour(server, "#406020")
    dialog.get_by_test_id("confirm").click()
    said = dialog.get_by_role("alert")
    expect(said).to_contain_text(re.compile("Coat is at v3, the plan was made on v2"))
    assert server.get("/projects/film/entities/coat")["version"] == 3
    dialog.get_by_role("button", name="Leave it").click()
    page.get_by_test_id("roll-back-run").click()
    expect(dialog.locator("[data-forecast]")).to_contain_text("6 shots will repaint")
    dialog.get_by_test_id("confirm").click()
    expect(dialog).to_have_count(0)
    coat = server.get("/projects/film/entities/coat")
    assert (coat["version"], coat["fields"]["colour"]) == (4, "#204060")
