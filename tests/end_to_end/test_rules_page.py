"""The rules in the page: made, tried on the last changes, ordered and switched off with the
keyboard, seen by another browser at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path
from bench.running import RunningServer, production
from server.formats.yaml import read_yaml
from tests.end_to_end.conftest import Open

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("rules") / "data") as running:
        yield running


@pytest.fixture
def film(server: RunningServer) -> str:
    """Six shots that wear a coat, and one change of it."""
    id_ = f"film-{next(_numbers)}"
    server.import_project(id_, production(6))
    body = {"change_data": {"colour": "#1f6f4f"}, "message": "Greener"}
    server.post(f"/assets/coat/propagate?project_id={id_}", body)
    return id_


def order(page: Page) -> list[str | None]:
    return [one.get_attribute("data-rule") for one in page.locator("[data-rule]").all()]


def rule(page: Page, id_: str) -> Locator:
    return page.locator(f'[data-rule="{id_}"]')


def stands_at(page: Page, id_: str, place: int) -> None:
    expect(page.locator("[data-rule]").nth(place - 1)).to_have_attribute("data-rule", id_)


def tried(page: Page, *, decides: int, changed: int) -> None:
    row = page.locator("[data-tested]").first
    expect(row).to_have_attribute("data-changed", str(changed))
    expect(row).to_have_attribute("data-decides", str(decides))


def test_one_makes_tries_orders_and_switches_off_a_rule_by_keyboard_and_another_sees_it_at_once(
    server: RunningServer, film: str, opened: Open
) -> None:
    ann, ines = opened("ann", "owner", "storyboard"), opened("ines", "editor", "rules")
    ann.keyboard.press("r")
    expect(rule(ann, "final-asks")).to_be_focused()
    tried(ann, decides=0, changed=0)
    ann.keyboard.press("n")
    expect(ann.locator('[data-rule-field="name"] input')).to_be_focused()
    ann.keyboard.type("Coats ask")
    for field, value in (("source_kinds", "wardrobe"), ("target_kinds", "shot")):
        ann.locator(f'[data-rule-field="{field}"] [data-value="{value}"]').focus()
        ann.keyboard.press("Space")
    # What it would have done to the last change, before it is there.
    tried(ann, decides=6, changed=6)
    expect(ann.locator("[data-rule-test]")).to_contain_text("6 would have gone another way")
    expect(rule(ines, "final-asks")).to_be_visible()
    assert len(order(ines)) == 5
    ann.keyboard.press("Control+Enter")
    expect(rule(ann, "coats-ask")).to_be_focused()
    stands_at(ines, "coats-ask", 1)
    expect(rule(ines, "coats-ask")).to_contain_text("When a wardrobe changes and reaches a shot")
    tried(ann, decides=6, changed=0)

    ann.keyboard.press("Alt+ArrowDown")
    stands_at(ann, "coats-ask", 2)
    expect(rule(ann, "coats-ask")).to_be_focused()
    stands_at(ines, "coats-ask", 2)
    expect(ann.locator("[data-testid=rules-said]")).to_contain_text("number 2 of 6")

    ann.keyboard.press("Space")
    expect(rule(ann, "coats-ask")).not_to_have_attribute("data-enabled", "")
    expect(rule(ines, "coats-ask")).not_to_have_attribute("data-enabled", "")
    kept = server.get(f"/projects/{film}/rules")["items"][1]
    assert (kept["id"], kept["enabled"], kept["target_kinds"]) == ("coats-ask", False, ["shot"])
    tried(ann, decides=0, changed=0)

    ann.keyboard.press("Delete")
    expect(rule(ines, "coats-ask")).to_have_count(0)
    expect(rule(ann, "wide-style-asks")).to_be_focused()
    ann.locator("[data-testid=toast-action]").click()
    stands_at(ines, "coats-ask", 2)


def test_what_is_wrong_is_shown_at_its_field_and_nothing_is_saved(
    server: RunningServer, film: str, opened: Open
) -> None:
    ann = opened("ann", "owner", "rules")
    rule(ann, "wide-style-asks").click()
    over = ann.locator('[data-rule-field="affected_over"] input')
    over.fill("many")
    expect(ann.locator("[data-problem=affected_over]")).to_contain_text("whole number")
    ann.locator("[data-testid=rule-save]").click()
    expect(over).to_be_focused()
    expect(over).to_have_attribute("aria-invalid", "true")
    over.fill("3")
    expect(ann.locator("[data-problem]")).to_have_count(0)
    ann.locator('[data-rule-field="fields"] input').fill("a*b*c*d*e*f")
    expect(ann.locator("[data-problem=fields]")).to_contain_text("more than 4 stars")
    assert server.get(f"/projects/{film}/rules")["items"][1]["affected_over"] == 50
    ann.locator('[data-rule-field="fields"] input').fill("")
    ann.keyboard.press("Control+Enter")
    expect(rule(ann, "wide-style-asks")).to_contain_text("more than 3")
    assert server.get(f"/projects/{film}/rules")["items"][1]["affected_over"] == 3


def test_a_rule_is_dragged_to_another_place(film: str, opened: Open) -> None:
    ann, ines = opened("ann", "owner", "rules"), opened("ines", "viewer", "rules")
    rule(ann, "metadata-follows").hover()
    grip = ann.locator('[data-grip-rule="metadata-follows"]')
    grip.hover()
    ann.mouse.down()
    first = rule(ann, "final-asks").bounding_box()
    assert first is not None
    ann.mouse.move(first["x"] + 40, first["y"] + 30, steps=3)
    ann.mouse.move(first["x"] + 40, first["y"] + 4, steps=3)
    expect(rule(ann, "final-asks")).to_have_attribute("data-drop", "before")
    ann.mouse.up()
    stands_at(ann, "metadata-follows", 1)
    stands_at(ines, "metadata-follows", 1)


def test_two_who_edit_one_rule_are_told_and_nothing_is_taken_from_under_them(
    server: RunningServer, film: str, opened: Open
) -> None:
    ann = opened("ann", "owner", "rules")
    rule(ann, "looks-follow").click()
    name = ann.locator('[data-rule-field="name"] input')
    name.fill("Looks follow")
    kept = server.get(f"/projects/{film}/rules")["items"][2]
    kept |= {"name": "Another name", "verdict": "notify"}
    server.http.put(f"/api/v1/projects/{film}/rules/looks-follow", json=kept).raise_for_status()
    expect(ann.locator("[data-overtaken=changed]")).to_be_visible()
    expect(name).to_have_value("Looks follow")
    ann.locator("[data-testid=rule-theirs]").click()
    expect(name).to_have_value("Another name")
    expect(ann.locator("[data-overtaken]")).to_have_count(0)


def test_an_editor_reads_the_rules_and_changes_none(film: str, opened: Open) -> None:
    ines = opened("ines", "editor", "rules")
    expect(rule(ines, "final-asks")).to_be_focused()
    expect(ines.locator(".rule-note")).to_contain_text("An owner changes rules")
    live = ".rule-editor :is(input, button, select):enabled, [data-testid=rule-switch]:enabled"
    assert ines.locator(live).count() == 0
    assert ines.locator("[data-testid=rule-new], [data-grip-rule]").count() == 0
    before = order(ines)
    for key in ("Alt+ArrowDown", "Space", "n", "Delete"):
        ines.keyboard.press(key)
    ines.keyboard.press("ArrowDown")
    expect(rule(ines, "wide-style-asks")).to_be_focused()
    assert order(ines) == before
    expect(rule(ines, "final-asks")).to_have_attribute("data-enabled", "")


def test_rules_are_kept_as_a_file_and_taken_from_one(
    server: RunningServer, film: str, opened: Open, tmp_path: Path
) -> None:
    ann, ines = opened("ann", "owner", "rules"), opened("ines", "viewer", "rules")
    ann.locator("[data-testid=rules-yaml]").click()
    text = ann.locator("[data-rules-yaml] textarea")
    expect(text).to_have_value(read_as_text(server, film))
    with ann.expect_download() as kept:
        ann.locator("[data-testid=yaml-download]").click()
    path = tmp_path / "rules.yaml"
    kept.value.save_as(path)
    assert [one["id"] for one in read_yaml(path.read_bytes())["rules"]][:1] == ["final-asks"]

    path.write_text("rules:\n- name: Props wait\n  verdict: wait\n", encoding="utf-8")
    ann.locator("[data-testid=yaml-file]").set_input_files(path)
    ann.locator("[data-testid=yaml-save]").click()
    expect(ann.locator("[data-yaml-refused]")).to_contain_text("Rule 1, verdict")
    text.fill("rules:\n- name: Props wait\n  verdict: block\n  source_kinds: [prop]\n")
    ann.locator("[data-testid=yaml-save]").click()
    stands_at(ines, "props-wait", 1)
    expect(ines.locator("[data-rule]")).to_have_count(1)
    expect(ann.locator("[data-rule]")).to_have_count(1)


def read_as_text(server: RunningServer, film: str) -> str:
    headers = {"accept": "application/yaml"}
    found = server.http.get(f"/api/v1/projects/{film}/rules", headers=headers)
    return found.raise_for_status().text
