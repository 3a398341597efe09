"""The storyboard at work: sizes, groups, new shots, order, and what was there before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FloatRect, Locator, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer
from tests.end_to_end.conftest import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all: each test has a project of its own."""
    with RunningServer(tmp_path_factory.mktemp("storyboard") / "data") as running:
        yield running


@dataclass(frozen=True)
class Film:
    """A project of the server, and its storyboard."""

    server: RunningServer
    id: str

    def open(self, context: BrowserContext, query: str = "") -> Page:
        return open_page(context, self.server, f"/p/{self.id}/storyboard{query}")

    def resolved(self, entity_id: str) -> Any:
        return self.server.get(f"/projects/{self.id}/entities/{entity_id}/resolved")

    def members(self, entity_id: str) -> list[str]:
        """The shots of a sequence or scene, in their order."""
        references = self.resolved(entity_id)["references"]
        return [one["source"] for one in references if one["kind"] == "shot"]


def _production() -> dict[str, Any]:
    """Two sequences of three shots, two scenes with some of them, one scene without any."""
    places = {"sh010": "sc1", "sh020": "sc1", "sh030": "sc2"}
    return {
        "characters": [{"id": "hero", "name": "Hero", "description": "Tall."}],
        "wardrobes": [{"id": "coat", "name": "Coat", "worn_by": "hero", "colour": "#d8a31a"}],
        "locations": [{"id": "quay", "name": "The quay", "setting": "exterior"}],
        "styles": [{"id": "noir", "name": "Noir"}],
        "sequences": [
            {"sequence_id": "sq1", "name": "The arrival"},
            {"sequence_id": "sq2", "name": "The departure"},
        ],
        "scenes": [
            {
                "scene_id": id_,
                "name": name,
                "number": number,
                "setting": "exterior",
                "time_of_day": "night",
                "length_eighths": 10,
                "sequence_id": "sq1",
                "references": [{"asset_id": "quay"}, {"asset_id": "hero"}],
            }
            for id_, name, number in (
                ("sc1", "On the quay", "1"),
                ("sc2", "By the lamp", "2"),
                ("sc3", "Nobody yet", "3"),
            )
        ],
        "shots": [
            {
                "shot_id": id_,
                "sequence_id": "sq1" if number < 3 else "sq2",
                **({"scene_id": places[id_]} if id_ in places else {}),
                "description": f"Shot {number}.",
                "visual_prompt": {
                    "character_references": ["hero"],
                    "wardrobe_references": ["coat"],
                    "location_references": ["quay"],
                    "style_references": ["noir"],
                },
            }
            for number, id_ in enumerate(("sh010", "sh020", "sh030", "sh040", "sh050", "sh060"))
        ],
    }


_numbers = count(1)


@pytest.fixture
def film(server: RunningServer) -> Film:
    id_ = f"board-{next(_numbers)}"
    server.import_project(id_, _production())
    return Film(server, id_)


@pytest.fixture
def mara(browser: Browser, film: Film) -> Iterator[BrowserContext]:
    yield from _person(browser, film, "mara")


@pytest.fixture
def otto(browser: Browser, film: Film) -> Iterator[BrowserContext]:
    yield from _person(browser, film, "otto")


@pytest.fixture
def vera(browser: Browser, film: Film) -> Iterator[BrowserContext]:
    """Somebody who may only look."""
    yield from _person(browser, film, "vera", "viewer")


def _person(
    browser: Browser, film: Film, name: str, role: str = "editor"
) -> Iterator[BrowserContext]:
    token = film.server.token_for(name, role, film.id)
    context = person(browser, film.server, f"{film.server.url}/login?token={token}")
    yield context
    context.close()


def panel(page: Page, shot: str) -> Locator:
    return page.locator(f'[data-panel="{shot}"]')


def row(page: Page, group: str) -> Locator:
    return page.locator(f'[data-group="{group}"] [data-panel]')


def shows(page: Page, group: str, *shots: str) -> None:
    """The group's panels, in order; once they are so, nothing is shown twice."""
    links = row(page, group).locator(".panel-link")
    expect(links).to_have_text(list(shots))


def box_of(element: Locator) -> FloatRect:
    box = element.bounding_box()
    assert box is not None
    return box


def middle(of: Locator, across: float = 0.5) -> tuple[float, float]:
    box = box_of(of)
    return box["x"] + box["width"] * across, box["y"] + box["height"] / 2


def drag(page: Page, shot: str, onto: Locator, across: float) -> None:
    """As a hand does it: press, leave, go there, let go."""
    x, y = middle(panel(page, shot))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 12, y + 8)
    page.mouse.move(*middle(onto, across), steps=4)
    expect(page.locator(".drop-line")).to_be_visible()
    page.mouse.up()


def test_panels_grow_and_shrink_by_keys_and_stay_so(film: Film, mara: BrowserContext) -> None:
    page = film.open(mara)
    first = panel(page, "sh010")
    before = box_of(first)
    slider = page.locator("[data-testid=panel-size]")
    slider.focus()
    page.keyboard.press("End")
    expect(first.locator("[data-prompt]")).to_contain_text("Shot 0.")
    until(lambda: box_of(first)["width"] > 1.5 * before["width"])
    page.reload()
    expect(page.locator("[data-size=large]")).to_be_visible()
    page.locator("[data-testid=panel-size]").focus()
    page.keyboard.press("Home")
    expect(first.locator(".description")).to_be_hidden()
    until(lambda: box_of(first)["width"] < before["width"])


def test_scenes_show_with_their_headings_also_without_shots(
    film: Film, mara: BrowserContext
) -> None:
    page = film.open(mara)
    shows(page, "sq1", "sh010", "sh020", "sh030")
    page.locator("[data-grouping=scene]").click()
    shows(page, "sc1", "sh010", "sh020")
    shows(page, "sc3")
    heading = page.locator('[data-group="sc3"] h2')
    expect(heading).to_contain_text("Nobody yet")
    expect(heading).to_contain_text("EXT · night · 1 2/8 pages")
    page.reload()
    shows(page, "sc2", "sh030")


def test_a_new_shot_takes_over_what_its_scene_has(
    film: Film, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers, his = film.open(mara), film.open(otto)
    hers.locator("[data-grouping=scene]").click()
    hers.locator('[data-new-shot="sc3"]').click()
    shows(hers, "sc3", "sh035")
    expect(hers).to_have_url(f"{film.server.url}/p/{film.id}/storyboard?e=sh035")
    expect(panel(hers, "sh035")).to_be_in_viewport()
    made = film.resolved("sh035")
    assert {one["source"] for one in made["references"]} == {"hero", "quay", "noir"}
    assert made["fields"]["time_of_day"] == "night"
    shows(his, "sq1", "sh010", "sh020", "sh030", "sh035")


def test_n_makes_a_shot_behind_the_one_that_has_the_focus(
    film: Film, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers, his = film.open(mara), film.open(otto)
    panel(hers, "sh010").locator(".panel-link").focus()
    hers.keyboard.press("n")
    shows(hers, "sq1", "sh010", "sh015", "sh020", "sh030")
    shows(his, "sq1", "sh010", "sh015", "sh020", "sh030")
    expect(panel(hers, "sh015").locator(".panel-link")).to_be_focused()
    assert film.members("sc1") == ["sh010", "sh015", "sh020"]
    made = film.resolved("sh015")
    assert {one["source"] for one in made["references"]} == {"quay", "noir"}


def test_a_dragged_panel_stays_where_it_was_put(
    film: Film, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers, his = film.open(mara), film.open(otto)
    drag(hers, "sh030", panel(hers, "sh010"), 0.1)
    shows(hers, "sq1", "sh030", "sh010", "sh020")
    shows(his, "sq1", "sh030", "sh010", "sh020")
    drag(hers, "sh020", panel(hers, "sh050"), 0.1)
    for page in (hers, his):
        shows(page, "sq1", "sh030", "sh010")
        shows(page, "sq2", "sh040", "sh020", "sh050", "sh060")
    until(lambda: film.members("sq1") == ["sh030", "sh010"])
    hers.reload()
    shows(hers, "sq2", "sh040", "sh020", "sh050", "sh060")
    expect(hers).to_have_url(f"{film.server.url}/p/{film.id}/storyboard")


def test_escape_gives_a_drag_up(film: Film, mara: BrowserContext) -> None:
    page = film.open(mara)
    x, y = middle(panel(page, "sh010"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(*middle(panel(page, "sh030"), 0.9), steps=3)
    page.keyboard.press("Escape")
    expect(page.locator(".drop-line")).to_have_count(0)
    page.mouse.up()
    shows(page, "sq1", "sh010", "sh020", "sh030")


def test_a_panel_moves_by_keys_and_says_where_it_is(film: Film, mara: BrowserContext) -> None:
    page = film.open(mara)
    link = panel(page, "sh020").locator(".panel-link")
    said = page.locator("[aria-live=assertive]")
    link.focus()
    page.keyboard.press("Space")
    expect(said).to_contain_text("sh020 grabbed, 2 of 3 in The arrival")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text("1 of 4 in The departure")
    shows(page, "sq2", "sh020", "sh040", "sh050", "sh060")
    page.keyboard.press("Escape")
    shows(page, "sq1", "sh010", "sh020", "sh030")
    expect(link).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    shows(page, "sq1", "sh020", "sh010", "sh030")
    expect(said).to_have_text("sh020 is now 1 of 3 in The arrival")
    expect(link).to_be_focused()
    until(lambda: film.members("sq1") == ["sh020", "sh010", "sh030"])


def test_a_panel_moves_by_clicks_alone(film: Film, mara: BrowserContext) -> None:
    page = film.open(mara)
    panel(page, "sh010").hover()
    page.locator('[data-more="sh010"]').click()
    expect(page.locator("[data-more-of=sh010] [data-prompt]")).to_contain_text("Shot 0.")
    page.locator("[data-testid=grab]").click()
    page.locator("[data-testid=grab-later]").click()
    page.locator("[data-testid=grab-drop]").click()
    shows(page, "sq1", "sh020", "sh010", "sh030")
    page.locator('[data-more="sh010"]').click()
    page.locator("[data-testid=move-to]").select_option("sq2")
    shows(page, "sq2", "sh040", "sh050", "sh060", "sh010")
    until(lambda: film.members("sq2") == ["sh040", "sh050", "sh060", "sh010"])
    until(lambda: film.members("sq1") == ["sh020", "sh030"])


def test_two_people_who_move_one_panel_at_once_neither_lose_nor_double_it(
    film: Film, mara: BrowserContext, otto: BrowserContext
) -> None:
    hers, his = film.open(mara), film.open(otto)
    for page, steps in ((hers, ["ArrowRight"]), (his, ["ArrowRight", "ArrowRight"])):
        panel(page, "sh030").locator(".panel-link").focus()
        page.keyboard.press("Space")
        for step in steps:
            page.keyboard.press(step)
    hers.keyboard.press("Space")
    his.keyboard.press("Space")

    def settled() -> bool:
        return film.members("sq1") == ["sh010", "sh020"] and len(film.members("sq2")) == 4

    until(settled)
    order = film.members("sq2")
    assert sorted(order) == ["sh030", "sh040", "sh050", "sh060"]
    for page in (hers, his):
        shows(page, "sq2", *order)
        expect(panel(page, "sh030")).to_have_count(1)


def test_a_refused_move_goes_back_and_says_so(film: Film, mara: BrowserContext) -> None:
    page = film.open(mara)
    page.route("**/references/*", lambda route: route.abort())
    panel(page, "sh010").locator(".panel-link").focus()
    for key in ("Space", "ArrowRight", "Space"):
        page.keyboard.press(key)
    expect(page.locator(".toast.bad")).to_contain_text("cannot be reached")
    shows(page, "sq1", "sh010", "sh020", "sh030")


def test_a_new_shot_that_cannot_be_placed_is_taken_back(film: Film, mara: BrowserContext) -> None:
    page = film.open(mara)
    page.route("**/references", lambda route: route.abort())
    page.locator('[data-new-shot="sq1"]').click()
    expect(page.locator(".toast.bad")).to_contain_text("cannot be reached")
    shows(page, "sq1", "sh010", "sh020", "sh030")
    entities = film.server.get(f"/projects/{film.id}/entities?kind=shot")["items"]
    assert len(entities) == 6


def test_what_was_there_before_shows_in_place_and_goes_with_the_next_selection(
    film: Film, mara: BrowserContext, otto: BrowserContext
) -> None:
    his = film.open(otto)
    one = panel(his, "sh010")
    hash_ = one.get_attribute("data-hash") or ""
    drawn = one.locator("svg[data-cast]").first.inner_html()
    expect(one.locator("[data-testid=before]")).to_have_count(0)
    film.server.post(
        f"/assets/coat/propagate?project_id={film.id}", {"change_data": {"colour": "#204060"}}
    )
    expect(one).not_to_have_attribute("data-hash", hash_)
    one.locator("[data-testid=before]").focus()
    his.keyboard.press("Enter")
    before = one.locator("[data-showing-before]")
    expect(before).to_contain_text("Before")
    expect(his).to_have_url(f"{film.server.url}/p/{film.id}/storyboard")

    def colours(html: str) -> list[str]:
        return sorted({part[:7] for part in html.split('fill="')[1:] if part.startswith("#")})

    assert colours(before.locator("svg[data-cast]").inner_html()) == colours(drawn)
    assert colours(one.locator("svg[data-cast]").first.inner_html()) != colours(drawn)
    one.locator("[data-testid=dismiss-before]").click()
    expect(one.locator("[data-testid=before]")).to_have_count(0)
    expect(panel(his, "sh020").locator("[data-testid=before]")).to_have_count(1)
    panel(his, "sh030").click()
    expect(panel(his, "sh020").locator("[data-testid=before]")).to_have_count(0)


def test_who_may_only_look_is_offered_nothing_else(film: Film, vera: BrowserContext) -> None:
    page = film.open(vera)
    shows(page, "sq1", "sh010", "sh020", "sh030")
    expect(page.locator("[data-new-shot]")).to_have_count(0)
    panel(page, "sh010").locator(".panel-link").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-grab]")).to_have_count(0)


def test_the_first_shot_of_an_empty_project(server: RunningServer, browser: Browser) -> None:
    server.post("/projects", {"id": "empty", "name": "Empty"}, 201)
    empty = Film(server, "empty")
    for context in _person(browser, empty, "mara"):
        page = empty.open(context)
        page.locator("[data-testid=new-shot]").click()
        page.locator("[data-testid=shot-name]").fill("sh010")
        page.locator("[data-testid=create-shot]").click()
        expect(page.locator("[data-panel]")).to_contain_text("sh010")
