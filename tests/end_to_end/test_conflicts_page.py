"""What is in conflict, in two browsers: seen by the other at once, settled by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path
from bench.running import RunningServer, production
from tests.end_to_end.conftest import Open

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

SHOT = "shot-000001"
FINAL = "shot-000003"
_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("conflicts") / "data") as running:
        yield running


@pytest.fixture
def film(server: RunningServer) -> str:
    id_ = f"film-{next(_numbers)}"
    server.import_project(id_, production(6))
    return id_


def change(server: RunningServer, film: str, user: str, base: int, **fields: Any) -> Any:
    """Somebody's change of the coat, made on one of its versions."""
    token = server.token_for(user, "editor", film)
    body = {"change_data": fields, "base_version": base}
    url = f"{server.url}/api/v1/assets/coat/propagate?project_id={film}"
    answer = httpx.post(url, json=body, headers={"authorization": f"Bearer {token}"}, timeout=60)
    return answer.raise_for_status().json()


def clash(server: RunningServer, film: str, **fields: tuple[Any, Any]) -> None:
    """Ann and Ines change the same fields of the same version."""
    base = server.get(f"/projects/{film}/entities/coat")["version"]
    change(server, film, "ann", base, **{name: ours for name, (ours, _) in fields.items()})
    change(server, film, "ines", base, **{name: theirs for name, (_, theirs) in fields.items()})


def coat(server: RunningServer, film: str, field: str) -> Any:
    return server.get(f"/projects/{film}/entities/coat")["fields"].get(field)


def waiting(page: Page, number: int) -> None:
    expect(page.locator("[data-testid=conflicts]")).to_have_attribute("data-count", str(number))


def about(page: Page, field: str) -> Locator:
    return page.locator(f'[data-conflict][data-field-of="{field}"]')


def side(page: Page, field: str, choice: str) -> Locator:
    return about(page, field).locator(f'[data-conflict-side="{choice}"]')


def test_an_approval_and_a_conflict_are_made_seen_by_the_other_at_once_and_settled_by_keyboard(
    server: RunningServer, film: str, opened: Open
) -> None:
    """One change in a browser makes both: a final shot asks, and a shot's override of what the
    change takes away is left with nothing to override.
    """
    server.post(f"/projects/{film}/statuses", {"ids": [FINAL], "status": "final"})
    used = server.get(f"/projects/{film}/entities/{SHOT}")["references"]
    reference = next(one for one in used if one["source"] == "coat")
    overrides = {"overrides": {"colour": "#102030"}}
    path = f"/api/v1/projects/{film}/references/{reference['id']}"
    server.http.patch(path, json=overrides).raise_for_status()
    ines = opened("ines", "editor", "storyboard?e=coat")
    ann = opened("ann", "approver", "storyboard")
    waiting(ann, 0)
    colour = ines.locator('[data-field="colour"] .line')
    colour.fill("")
    ines.keyboard.press("Enter")
    waiting(ann, 1)
    waiting(ines, 1)
    expect(ann.locator("[data-testid=approvals]")).to_have_attribute("data-count", "1")

    ann.keyboard.press("c")
    row = about(ann, "@references")
    expect(row).to_be_focused()
    expect(row).to_have_attribute("data-entity", SHOT)
    expect(row).to_contain_text("nothing to override")
    ann.keyboard.press("ArrowRight")
    ann.keyboard.press("ArrowRight")
    expect(row.locator("[data-choice=theirs]")).to_be_focused()
    ann.keyboard.press("Enter")
    waiting(ines, 0)
    after = server.get(f"/projects/{film}/entities/{SHOT}")["references"]
    assert next(one for one in after if one["id"] == reference["id"])["overrides"] == {}

    ann.keyboard.press("w")
    expect(ann.locator("[data-approval]")).to_be_focused()
    ann.keyboard.press("a")
    expect(ines.locator("[data-testid=approvals]")).to_have_attribute("data-count", "0")


def test_both_sides_stand_beside_each_other_and_keys_settle_one_after_the_other(
    server: RunningServer, film: str, opened: Open
) -> None:
    ines = opened("ines", "editor", "conflicts")
    ann = opened("ann", "editor", "storyboard")
    expect(ines.locator(".conflicts .notice")).to_contain_text("Nothing is in conflict")
    clash(
        server,
        film,
        colour=("#1f6f4f", "#883322"),
        pattern=("stripes", "checks"),
        state=("torn", "mended"),
    )
    waiting(ann, 3)
    expect(ines.locator("[data-conflict]")).to_have_count(3)
    expect(ines.locator("[data-conflict]").first).to_be_focused()
    expect(side(ines, "colour", "ours")).to_contain_text("ann")
    expect(side(ines, "colour", "ours")).to_have_attribute("data-stands", "")
    expect(side(ines, "colour", "theirs")).to_contain_text("ines")

    about(ines, "colour").focus()
    ines.keyboard.press("t")
    expect(ines.locator("[data-conflict]")).to_have_count(2)
    waiting(ann, 2)
    assert coat(server, film, "colour") == "#883322"
    # The next one has the keyboard already.
    expect(ines.locator('[data-conflict][tabindex="0"]')).to_be_focused()

    about(ines, "pattern").focus()
    ines.keyboard.press("o")
    waiting(ann, 1)
    assert coat(server, film, "pattern") == "stripes"

    expect(ines.locator("[data-conflict]")).to_be_focused()
    ines.keyboard.press("e")
    expect(ines.locator("[data-conflict-edit] textarea")).to_be_focused()
    ines.keyboard.press("Control+a")
    ines.keyboard.type("torn and mended")
    ines.keyboard.press("Enter")
    waiting(ann, 0)
    assert coat(server, film, "state") == "torn and mended"
    expect(ines.locator(".conflicts .notice")).to_be_visible()
    expect(ines.locator(".conflicts")).to_be_focused()


def test_what_was_settled_by_itself_can_be_had_back(
    server: RunningServer, film: str, opened: Open
) -> None:
    words = "A long coat. It is yellow."
    server.post(
        f"/assets/coat/propagate?project_id={film}", {"change_data": {"description": words}}
    )
    both = (words.replace("long", "short"), words.replace("yellow", "green"))
    clash(server, film, description=both)
    ines = opened("ines", "editor", "conflicts")
    waiting(ines, 0)
    ines.locator("[data-part-choice=settled]").click()
    row = about(ines, "description")
    expect(side(ines, "description", "merged")).to_have_attribute("data-stands", "")
    expect(row.locator("[data-choice=merged]")).to_have_count(0)
    row.focus()
    ines.keyboard.press("o")
    expect(row).to_have_count(0)
    assert coat(server, film, "description") == both[0]


def test_one_who_decided_first_is_told_to_the_other_and_nothing_is_overwritten(
    server: RunningServer, film: str, opened: Open
) -> None:
    ines = opened("ines", "editor", "conflicts")
    clash(server, film, colour=("#1f6f4f", "#883322"))
    expect(about(ines, "colour")).to_be_focused()
    (one,) = server.get(f"/projects/{film}/conflicts")["items"]
    ines.route("**/conflicts?*", lambda route: route.abort())  # the news does not reach the page
    server.post(f"/projects/{film}/conflicts/{one['id']}/resolve", {"choice": "ours"})
    ines.keyboard.press("t")
    expect(ines.locator(".toast")).to_contain_text("This conflict is resolved")
    assert coat(server, film, "colour") == "#1f6f4f"
    ines.unroute("**/conflicts?*")


def test_a_viewer_looks_and_settles_nothing(server: RunningServer, film: str, opened: Open) -> None:
    theo = opened("theo", "viewer", "conflicts")
    clash(server, film, colour=("#1f6f4f", "#883322"))
    expect(about(theo, "colour")).to_be_focused()
    expect(theo.locator(".conflicts-note")).to_be_visible()
    expect(theo.locator("[data-choice], [data-testid=conflict-edit]")).to_have_count(0)
    for key in ("t", "o", "e", "ArrowRight"):
        theo.keyboard.press(key)
    theo.keyboard.press("Enter")
    expect(theo.locator("[data-inspector=coat]")).to_be_visible()
    waiting(theo, 1)
