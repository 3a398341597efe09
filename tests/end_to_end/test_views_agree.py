"""Consistency across all views: for one state, whoever shows it shows the same hash."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer, production
from protocol.client import connect
from server.system import AssetPropagationSystem

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

T = TypeVar("T")

AFFECTED, UNAFFECTED = "shot-000003", "shot-000004"


class Views(NamedTuple):
    """The breakdown with the inspector open, and the storyboard, in browsers of two people."""

    breakdown: Page
    storyboard: Page


@pytest.fixture
def views(browser: Browser, server: RunningServer) -> Iterator[Views]:
    film = production(12, per_sequence=6)
    film["shots"][4]["visual_prompt"].pop("wardrobe_references")
    server.import_project("film", film)
    people = [person(browser, server), person(browser, server)]
    yield Views(
        open_page(people[0], server, f"/p/film/breakdown?e={AFFECTED}"),
        open_page(people[1], server, "/p/film/storyboard"),
    )
    for one in people:
        one.close()


def by_rest(server: RunningServer, shot: str) -> str:
    entity = server.get(f"/projects/film/entities/{shot}")
    resolved = server.get(f"/projects/film/entities/{shot}/resolved")
    assert entity["hash"] == resolved["hash"]
    return str(resolved["hash"])


def by_client(server: RunningServer, shot: str) -> str:
    async def read() -> str:
        async with connect(server.url, "film", token=server.token) as film:
            return str((await film.resolved(shot))["hash"])

    return elsewhere(read())


def elsewhere(asking: Coroutine[Any, Any, T]) -> T:
    """What a coroutine answers: the browser's driver keeps a loop running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asking).result()


def all_show(server: RunningServer, views: Views, shot: str) -> str:
    """The hash that REST, the Python client, breakdown, storyboard and inspector show."""
    hash_ = by_rest(server, shot)
    assert by_client(server, shot) == hash_
    row = views.breakdown.locator(f'[data-row="{shot}"]')
    expect(row).to_have_attribute("data-hash", hash_)
    expect(views.storyboard.locator(f'[data-panel="{shot}"]')).to_have_attribute("data-hash", hash_)
    row.locator('[role="rowheader"] a').click()
    inspector = views.breakdown.locator(f'[data-inspector="{shot}"]')
    expect(inspector).to_have_attribute("data-hash", hash_)
    expect(inspector.locator("[data-state]")).to_have_text(hash_[:8])
    expect(inspector.locator("[data-state]")).to_have_attribute("data-state", hash_)
    return hash_


def test_every_view_shows_the_same_hash_before_and_after_a_change(
    server: RunningServer, views: Views
) -> None:
    before = {shot: all_show(server, views, shot) for shot in (AFFECTED, UNAFFECTED)}
    assert before[AFFECTED] != before[UNAFFECTED]
    server.post("/assets/coat/propagate", {"change_data": {"colour": "#123456"}})
    after = {shot: all_show(server, views, shot) for shot in (AFFECTED, UNAFFECTED)}
    assert after[AFFECTED] != before[AFFECTED]
    assert after[UNAFFECTED] == before[UNAFFECTED]
    views.breakdown.reload()
    views.storyboard.reload()
    assert {shot: all_show(server, views, shot) for shot in after} == after
    server.stop()

    async def of_the_library() -> dict[str, str]:
        path = server.data / "ripplecut.db"
        async with AssetPropagationSystem("film", path) as film:
            return {shot: (await film.get_resolved(shot))["hash"] for shot in after}

    assert elsewhere(of_the_library()) == after
