"""The switch "Always first" of the inspector."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer, production
from tests.end_to_end.conftest import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

SHOT = "shot-000040"


def test_a_shot_that_is_ticked_is_reached_before_the_rest(
    browser: Browser, server: RunningServer
) -> None:
    server.import_project("film", production(60, per_sequence=20))
    context = person(browser, server)
    page = open_page(context, server, f"/p/film/storyboard?e={SHOT}")
    tick = page.locator('[data-field="critical"]').get_by_label("Always first")
    expect(tick).not_to_be_checked()
    expect(tick).to_be_enabled()
    tick.check()
    expect(page.locator('[data-inspector] [data-version="2"]')).to_be_visible()
    context.close()
    body = {"change_data": {"colour": "#204060"}, "propagation_mode": "background"}

    def only_that_one() -> bool:
        """Also what was on the screen, until the server knows that it is gone."""
        first = server.post("/assets/coat/impact?project_id=film", body)["phases"][0]
        return bool(first == {"phase": "realtime", "entities": [SHOT]})

    until(only_that_one)
    answer = server.post("/assets/coat/propagate?project_id=film", body)
    outcomes = server.get(f"/runs/{answer['run_id']}/outcomes?limit=1")["items"]
    assert [one["entity_id"] for one in outcomes] == [SHOT]


def test_a_coat_has_no_such_switch(browser: Browser, server: RunningServer) -> None:
    server.import_project("film", production(2))
    page = open_page(person(browser, server), server, "/p/film/storyboard?e=coat")
    expect(page.locator('[data-field="colour"]')).to_be_visible()
    expect(page.locator('[data-field="critical"]')).to_have_count(0)
    page.context.close()
