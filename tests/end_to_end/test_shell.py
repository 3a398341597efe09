"""Around the views: projects, importing, the palette, overrides, old versions, a stopped server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer, production

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

SHOT = "shot-000003"
PANEL = f'[data-panel="{SHOT}"]'
_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("shell") / "data") as running:
        yield running


@pytest.fixture
def film(server: RunningServer) -> str:
    id_ = f"film-{next(_numbers)}"
    server.import_project(id_, production(6))
    return id_


@pytest.fixture
def page(browser: Browser, server: RunningServer) -> Iterator[Page]:
    context = person(browser, server)
    yield context.new_page()
    context.close()


def show(page: Page, server: RunningServer, path: str) -> Page:
    page.goto(server.url + path)
    page.locator("main[data-phase=ready]").wait_for()
    return page


def drop(page: Page, name: str, text: str) -> None:
    """Drop a file on the view, as from a folder."""
    page.locator("main").evaluate(
        """(main, [name, text]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([text], name));
            for (const type of ["dragover", "drop"]) {
                const more = { bubbles: true, cancelable: true, dataTransfer };
                main.dispatchEvent(new DragEvent(type, more));
            }
        }""",
        [name, text],
    )


def test_a_new_project_suggests_an_id_and_says_at_the_field_what_is_wrong(
    page: Page, server: RunningServer, film: str
) -> None:
    show(page, server, "/")
    expect(page.locator(f'[data-project="{film}"]')).to_be_visible()
    page.locator("[data-testid=new-project]").click()
    name, id_ = page.locator("[data-testid=project-name]"), page.locator("[data-testid=project-id]")
    expect(name).to_be_focused()
    name.fill("Brücke bei Nacht")
    expect(id_).to_have_value("brucke-bei-nacht")

    id_.fill("no/slash")
    page.locator("[data-testid=create-project]").click()
    expect(id_).to_have_attribute("aria-invalid", "true")

    id_.fill("bridge")
    page.locator("[data-testid=create-project]").click()
    expect(page).to_have_url(f"{server.url}/p/bridge/storyboard")
    expect(page.locator("[data-testid=project-menu]")).to_contain_text("Brücke bei Nacht")
    page.locator("[data-testid=project-menu]").click()
    page.locator("[data-testid=all-projects]").click()
    expect(page.locator('[data-project="bridge"]')).to_be_visible()
    page.go_back()
    expect(page.locator("main[data-view=storyboard]")).to_be_visible()


def test_a_dropped_file_shows_what_it_would_do_before_it_does_it(
    page: Page, server: RunningServer, film: str
) -> None:
    show(page, server, f"/p/{film}/storyboard")
    drop(page, "one.json", '{"shots": [}')
    expect(page.locator("[data-import-refused]")).to_contain_text("line 1")
    expect(page.locator("[data-testid=import-confirm]")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.locator("[data-import]")).to_have_count(0)

    more = {"shots": [{"shot_id": "pick-up", "description": "One more."}]}
    drop(page, "more.json", json.dumps(more))
    expect(page.locator("[data-import-preview]")).to_contain_text("1 would be created")
    assert server.get(f"/projects/{film}/entities?q=pick-up")["items"] == []
    page.locator("[data-testid=import-confirm]").click()
    expect(page.locator('[data-panel="pick-up"]')).to_be_visible()


def test_a_file_dropped_on_the_list_makes_a_project_only_when_confirmed(
    page: Page, server: RunningServer, film: str
) -> None:
    show(page, server, "/")
    drop(page, "Second unit.json", json.dumps(production(2)))
    expect(page.locator("[data-import]")).to_contain_text("2 shots")
    expect(page.locator("[data-testid=project-id]")).to_have_value("second-unit")
    assert "second-unit" not in {one["id"] for one in server.get("/projects")["items"]}
    page.locator("[data-testid=import-confirm]").click()
    expect(page).to_have_url(re.compile("/p/second-unit/storyboard"))
    expect(page.locator("[data-panel]")).to_have_count(2)


def test_the_palette_finds_and_does_by_keyboard_alone(
    page: Page, server: RunningServer, film: str
) -> None:
    show(page, server, f"/p/{film}/storyboard")
    page.keyboard.press("Control+k")
    page.keyboard.type("hero")
    expect(page.locator("[data-palette] [aria-selected=true]")).to_contain_text("Character")
    page.keyboard.press("Enter")
    expect(page.locator('[data-inspector="hero"]')).to_be_visible()
    expect(page.locator(".inspector")).to_be_focused()

    page.keyboard.press("Control+k")
    expect(page.locator("[data-palette] [aria-selected=true]")).to_contain_text("Hero")
    page.keyboard.type(">row")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-palette] [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("[data-palette]")).to_have_count(0)

    page.keyboard.press("Escape")
    expect(page.locator("[data-inspector]")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator("[data-keys]")).to_be_visible()


def test_an_override_at_a_reference_shows_in_its_panel_only(
    page: Page, server: RunningServer, film: str
) -> None:
    show(page, server, f"/p/{film}/storyboard?e={SHOT}")
    other = page.locator('[data-panel="shot-000002"]')
    before = page.locator(PANEL).get_attribute("data-hash") or ""
    others = other.get_attribute("data-hash") or ""
    reference = next(
        one["id"]
        for one in server.get(f"/projects/{film}/entities/{SHOT}")["references"]
        if one["source"] == "coat"
    )
    row = page.locator(f'[data-reference="{reference}"]')
    row.locator("[data-testid=reference-more]").click()
    row.locator("[data-testid=add-override]").select_option("colour")
    colour = row.locator('[data-override="colour"]')
    colour.get_by_label("as a hex value").fill("#204060")
    colour.get_by_label("as a hex value").press("Enter")

    expect(colour).to_contain_text("overridden here, otherwise yellow")
    expect(page.locator(PANEL)).not_to_have_attribute("data-hash", before)
    assert other.get_attribute("data-hash") == others
    kept = server.get(f"/projects/{film}/entities/{SHOT}/resolved")["references"]
    assert next(one for one in kept if one["source"] == "coat")["overrides"] == {
        "colour": "#204060"
    }

    colour.locator("[data-testid=remove-override]").click()
    expect(page.locator(PANEL)).to_have_attribute("data-hash", before)


def test_a_reference_is_added_pinned_and_removed_in_the_inspector(
    page: Page, server: RunningServer, film: str
) -> None:
    lamp = {"kind": "prop", "name": "Storm lamp", "id": "lamp"}
    server.post(f"/projects/{film}/entities", lamp, 201)
    change = {"change_data": {"colour": "#ffcc66"}}
    server.post(f"/assets/lamp/propagate?project_id={film}", change)
    show(page, server, f"/p/{film}/storyboard?e={SHOT}")
    page.locator("[data-testid=add-reference]").click()
    page.keyboard.type("storm")
    expect(page.locator('[data-pick="lamp"]')).to_be_visible()
    page.keyboard.press("Enter")
    row = page.locator("[data-reference]", has_text="Storm lamp")
    row.locator("select").first.select_option("pinned:1")
    expect(row).to_contain_text("v1 of 2")
    expect(row.locator("select").first).to_have_value("pinned")
    row.locator("[data-testid=reference-more]").click()
    row.locator("[data-testid=remove-reference]").click()
    expect(row).to_have_count(0)


def test_an_old_version_is_looked_at_and_has_a_link_of_its_own(
    page: Page, server: RunningServer, film: str
) -> None:
    for colour in ("#204060", "#7a2020"):
        change = {"change_data": {"colour": colour}}
        server.post(f"/assets/coat/propagate?project_id={film}", change)
    show(page, server, f"/p/{film}/storyboard?e=coat")
    page.locator('[data-history-version="1"] [data-testid=look]').click()
    expect(page).to_have_url(f"{server.url}/p/{film}/storyboard?e=coat&v=1")
    expect(page.locator('[data-look="1"] [data-then="colour"]')).to_contain_text("is now")
    expect(page.locator("[data-beside] .sketch")).to_have_count(2)
    page.locator("[data-testid=compare]").select_option("2")
    expect(page.locator("h2", has_text="From v1 to v2")).to_be_visible()

    page.reload()
    expect(page.locator('[data-look="1"]')).to_be_visible()
    page.locator("[data-testid=roll-back-here]").click()
    expect(page.locator("[data-forecast]")).to_contain_text("6 shots will repaint")
    page.locator("[data-testid=confirm]").click()
    expect(page.locator('[data-version="4"]')).to_be_visible()
    page.go_back()
    expect(page.locator('[data-look="1"]')).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-look]")).to_have_count(0)
    expect(page.locator('[data-inspector="coat"]')).to_be_visible()


def test_the_whole_project_goes_back_to_when_a_version_was_made(
    page: Page, server: RunningServer, film: str
) -> None:
    server.post(f"/assets/coat/propagate?project_id={film}", {"change_data": {"colour": "#7a2020"}})
    server.post(f"/projects/{film}/entities", {"kind": "prop", "name": "Lamp", "id": "lamp"})
    show(page, server, f"/p/{film}/storyboard?e=coat&v=1")
    page.locator("[data-testid=restore-project]").click()
    expect(page.locator("[data-forecast-first]")).to_have_text(
        "1 entity gets a new version. Made since, and deleted: Lamp."
    )
    expect(page.locator("[data-forecast]")).to_contain_text("6 shots will repaint")
    page.locator("[data-testid=confirm]").click()
    expect(page.locator('[data-inspector="coat"] [data-version="3"]')).to_be_visible()
    expect(page.locator(".toast")).to_contain_text("The project is as it was")
    kinds = server.get(f"/projects/{film}/entities?kind=prop")["items"]
    assert "lamp" not in {one["id"] for one in kinds}


def test_one_field_of_a_version_is_taken_back_from_the_history_with_the_keyboard(
    page: Page, server: RunningServer, film: str
) -> None:
    change = {"change_data": {"colour": "#204060", "description": "Oiled wool, and a wet hem."}}
    server.post(f"/assets/coat/propagate?project_id={film}", change)
    show(page, server, f"/p/{film}/storyboard?e=coat")
    version = page.locator('[data-history-version="2"]')
    expect(version.locator("ins").first).to_be_visible()
    version.get_by_role("button", name="Roll Colour back to v1").press("Enter")
    expect(page.locator("[data-forecast]")).to_contain_text("6 shots will repaint")
    page.locator("[data-testid=confirm]").press("Enter")
    expect(page.locator('[data-version="3"]')).to_be_visible()
    fields = server.get(f"/projects/{film}/entities/coat")["fields"]
    assert fields["colour"] != "#204060"
    assert fields["description"] == "Oiled wool, and a wet hem."


def test_a_field_that_publishes_by_itself_does_not_flash_as_unpublished(
    page: Page, server: RunningServer, film: str
) -> None:
    show(page, server, f"/p/{film}/storyboard?e=coat")
    page.locator('[data-history-version="1"]').wait_for()
    page.evaluate(
        """() => {
            window.flashes = 0;
            new MutationObserver(() => {
                if (document.querySelector("[data-draft-ahead]")) window.flashes += 1;
            }).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    pattern = page.locator('[data-field="pattern"] select')
    pattern.select_option("stripes")
    expect(page.locator('[data-history-version="2"]')).to_be_visible()
    assert page.evaluate("() => window.flashes") == 0


def test_a_stopped_server_is_said_and_coming_back_is_noticed(
    browser: Browser, tmp_path: Path
) -> None:
    with RunningServer(tmp_path / "data") as server:
        server.import_project("film", production(3))
        context = person(browser, server)
        page = context.new_page()
        page.goto(server.login_url)
        expect(page).to_have_url(f"{server.url}/p/film/storyboard")
        show(page, server, "/p/film/storyboard?e=coat")
        hex_field = page.get_by_label("Colour as a hex value")
        expect(hex_field).to_be_enabled()
        server.stop()
        expect(page.locator("[data-offline]")).to_be_visible()
        hex_field.fill("#123456")
        hex_field.press("Enter")
        expect(page.locator('[data-offline="1"]')).to_contain_text("1 change waits here")
        server.start()
        expect(page.locator("[data-saved=saved]")).to_be_visible(timeout=30_000)
        expect(page.locator("[data-offline]")).to_have_count(0)
        expect(page.locator('[data-history-version="2"]')).to_be_visible(timeout=15_000)
        coat = server.get("/projects/film/entities/coat")
        assert coat["fields"]["colour"] == "#123456"
        context.close()


def test_an_ended_login_is_asked_for_over_what_was_open(
    browser: Browser, server: RunningServer, film: str
) -> None:
    token = server.token_for("ines", project_id=film)
    context = person(browser, server, f"{server.url}/login?token={token}")
    page = open_page(context, server, f"/p/{film}/storyboard?e=hero")
    prose = page.locator('[data-field="description"] .cm-content')
    prose.click()
    page.keyboard.type("Limping. ")
    context.clear_cookies()
    page.locator("[data-testid=status]").select_option("review")
    dialog = page.locator("dialog[data-login-again]")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.locator("[data-testid=token]").fill(token)
    dialog.locator("button.primary").click()
    expect(dialog).to_have_count(0)
    expect(prose).to_contain_text("Limping.")


def test_what_does_not_exist_has_a_page_with_a_way_on(
    page: Page, server: RunningServer, film: str
) -> None:
    page.goto(f"{server.url}/p/nowhere/storyboard")
    expect(page.locator("main[data-phase=failed]")).to_contain_text("There is no project “nowhere”")
    page.locator("main a").click()
    expect(page.locator(f'[data-project="{film}"]')).to_be_visible()
    show(page, server, f"/p/{film}/storyboard?e=nobody")
    page.locator("[data-inspector] .notice button.primary").click()
    expect(page).to_have_url(f"{server.url}/p/{film}/storyboard")


def test_a_narrow_page_shows_the_inspector_as_a_sheet_with_a_way_back(
    page: Page, server: RunningServer, film: str
) -> None:
    page.set_viewport_size({"width": 800, "height": 700})
    show(page, server, f"/p/{film}/storyboard?e=coat")
    expect(page.locator(".storyboard")).not_to_be_visible()
    page.locator(".inspector-back").click()
    expect(page.locator(".storyboard")).to_be_visible()

    page.set_viewport_size({"width": 1280, "height": 800})
    show(page, server, f"/p/{film}/storyboard?e=coat")
    edge = page.locator("[data-testid=inspector-edge]")
    edge.press("End")
    expect(edge).to_have_attribute("aria-valuenow", "560")
    page.reload()
    expect(edge).to_have_attribute("aria-valuenow", "560")


def test_a_dragged_colour_draws_nothing_of_the_inspector_but_its_field(
    page: Page, server: RunningServer, film: str
) -> None:
    show(page, server, f"/p/{film}/storyboard?e=coat")
    page.locator("[data-used-by] .jump").first.wait_for()
    page.locator('[data-history-version="1"]').wait_for()
    page.evaluate(
        """() => {
            window.drawn = [];
            const note = (records) => records.forEach((one) => window.drawn.push(one.type));
            for (const part of document.querySelectorAll("[data-references], [data-used-by]")) {
                const all = { attributes: true, characterData: true, childList: true };
                new MutationObserver(note).observe(part, { ...all, subtree: true });
            }
        }"""
    )
    page.locator('[data-field="colour"] input[type=color]').evaluate(
        """async (input) => {
            for (let step = 16; step < 48; step += 1) {
                input.value = `#2040${step.toString(16)}`;
                input.dispatchEvent(new Event("input", { bubbles: true }));
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    expect(page.locator('[data-history-version="2"]')).to_be_visible()
    assert page.evaluate("() => window.drawn") == []
