"""What waits for approval, in two browsers: seen by the other at once, settled by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path
from bench.running import RunningServer, production
from tests.end_to_end.conftest import Open

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

FINAL = ["shot-000001", "shot-000003", "shot-000004"]
_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("approvals") / "data") as running:
        yield running


@pytest.fixture
def film(server: RunningServer) -> str:
    id_ = f"film-{next(_numbers)}"
    server.import_project(id_, production(6))
    server.post(f"/projects/{id_}/statuses", {"ids": FINAL, "status": "final"})
    return id_


def recolour(server: RunningServer, film: str, colour: str) -> None:
    body = {"change_data": {"colour": colour}}
    server.post(f"/assets/coat/propagate?project_id={film}", body)


def colour_of(server: RunningServer, film: str, shot: str) -> str:
    resolved = server.get(f"/projects/{film}/entities/{shot}/resolved")
    found = next(one for one in resolved["references"] if one["source"] == "coat")
    return str(found["fields"]["colour"])


def waiting(page: Page, number: int) -> None:
    expect(page.locator("[data-testid=approvals]")).to_have_attribute("data-count", str(number))


def row(shot: str) -> str:
    return f'[data-approval][data-target="{shot}"]'


def test_what_one_asks_the_other_sees_at_once_and_settles_with_the_keyboard_alone(
    server: RunningServer, film: str, opened: Open
) -> None:
    ines = opened("ines", "editor", "storyboard?e=coat")
    ann = opened("ann", "approver", "storyboard")
    waiting(ann, 0)
    ines.locator('[data-field="colour"] input[type=color]').fill("#1f6f4f")
    waiting(ann, 3)
    waiting(ines, 3)

    ann.keyboard.press("w")
    expect(ann.locator("[data-approval]")).to_have_count(3)
    expect(ann.locator("[data-approval]").first).to_be_focused()
    sides = ann.locator(row(FINAL[0])).locator("[data-side] .sketch [data-cast]")
    expect(sides).to_have_count(2)
    assert sides.nth(0).inner_html() != sides.nth(1).inner_html()

    first = ann.locator("[data-approval]").first.get_attribute("data-target") or ""
    ann.keyboard.press("a")
    waiting(ines, 2)
    assert colour_of(server, film, first) == "#1f6f4f"

    expect(ann.locator("[data-approval]")).to_have_count(2)
    expect(ann.locator("[data-approval]").first).to_be_focused()
    ann.keyboard.press("j")
    second = ann.locator("[data-approval]").nth(1)
    expect(second).to_be_focused()
    target = second.get_attribute("data-target") or ""
    ann.keyboard.press("c")
    expect(ann.locator("[data-testid=approval-comment]")).to_be_focused()
    ann.keyboard.type("Too green for the night")
    ann.keyboard.press("Enter")
    expect(second).to_be_focused()
    ann.keyboard.press("r")
    waiting(ines, 1)
    assert colour_of(server, film, target) == "#d8a31a"
    reason = server.get(f"/projects/{film}/entities/{target}")["last_outcome"]["reason"]
    assert "rejected by ann: Too green for the night" in reason

    expect(ann.locator("[data-approval]")).to_have_count(1)
    expect(ann.locator("[data-approval]")).to_be_focused()
    ann.keyboard.press("a")
    waiting(ines, 0)
    waiting(ann, 0)
    expect(ann.locator(".approvals .notice")).to_be_visible()


def test_all_of_a_change_or_those_that_are_selected_are_settled_together(
    server: RunningServer, film: str, opened: Open
) -> None:
    ann = opened("ann", "approver", "approvals")
    recolour(server, film, "#1f6f4f")
    expect(ann.locator("[data-approval]")).to_have_count(3)
    ann.locator("[data-approval]").first.focus()
    for key in ("Space", "ArrowDown", "Space"):
        ann.keyboard.press(key)
    expect(ann.locator("[data-selected]")).to_have_count(2)
    ann.keyboard.press("r")
    expect(ann.locator("[data-approval]")).to_have_count(1)
    waiting(ann, 1)

    recolour(server, film, "#2233aa")
    expect(ann.locator("[data-approval]")).to_have_count(3)
    ann.locator("[data-testid=approve-group]").click()
    waiting(ann, 0)
    assert {colour_of(server, film, shot) for shot in FINAL} == {"#2233aa"}


def test_what_changed_since_it_was_shown_is_not_decided(
    server: RunningServer, film: str, opened: Open
) -> None:
    ann = opened("ann", "approver", "approvals")
    recolour(server, film, "#1f6f4f")
    expect(ann.locator("[data-approval]")).to_have_count(3)
    items = server.get(f"/projects/{film}/approvals")["items"]
    ann.route("**/approvals?*", lambda route: route.abort())  # the news does not reach the page
    recolour(server, film, "#2233aa")
    ann.locator("[data-testid=approve-group]").click()
    expect(ann.locator(".toast")).to_contain_text("would show v3 by now")
    left = server.get(f"/projects/{film}/approvals")["items"]
    assert {one["id"] for one in left} == {one["id"] for one in items}
    ann.unroute("**/approvals?*")


def test_an_editor_looks_and_does_not_decide(
    server: RunningServer, film: str, opened: Open
) -> None:
    ines = opened("ines", "editor", "approvals")
    recolour(server, film, "#1f6f4f")
    expect(ines.locator("[data-approval]")).to_have_count(3)
    expect(ines.locator(".approvals-note")).to_contain_text("An approver or an owner decides")
    expect(ines.locator("[data-testid=approve-group], [data-testid=approve-one]")).to_have_count(0)
    ines.locator("[data-approval]").first.focus()
    ines.keyboard.press("a")
    ines.keyboard.press("Enter")
    expect(ines.locator("[data-inspector]")).to_be_visible()
    waiting(ines, 3)
