"""Why it looks like this: the inspector tells what moved a reference, and what holds one back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer, production

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]


def test_the_inspector_says_who_moved_a_reference_and_what_holds_it_back(
    server: RunningServer, browser: Browser
) -> None:
    server.import_project("film", production(6))
    shots = server.get("/projects/film/entities?kind=shot&limit=1")["items"]
    shot, reference = shots[0]["id"], shots[0]["references"][0]
    asset = f"/assets/{reference['source']}/propagate"
    page = open_page(person(browser, server), server, f"/p/film/storyboard?e={shot}")
    why = page.locator("[data-why-section]")
    expect(why.locator("[data-quiet]")).to_be_visible()
    expect(why.locator("[data-story]")).to_have_count(0)

    server.post(asset, {"change_data": {"description": "Wet"}, "message": "After the rain"})
    told = why.locator(f'[data-story="{reference["id"]}"]')
    expect(told).to_contain_text("(“After the rain”)")

    server.call("PATCH", f"/projects/film/entities/{shot}", {"status": "final"})
    server.post(asset, {"change_data": {"description": "Dry"}})
    held = told.locator('[data-behind="require_approval"]')
    expect(held).to_contain_text("waits for approval: the rule “Final shots and assets wait for")
