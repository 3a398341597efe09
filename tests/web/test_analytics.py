"""Analytics: the counts of a project."""

from __future__ import annotations

from typing import Any

import pytest

from server.rooms.access import Role
from server.web.rest.analytics import Analytics
from tests.web.conftest import Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits
from tests.web.test_members import FILM
from tests.web.test_notifications import change

PATH = f"{FILM}/analytics"


async def counted(web: Web, **query: Any) -> dict[str, Any]:
    answer = await web.client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    fits(Analytics, found)
    return found


async def test_runs_outcomes_assets_and_shots_are_counted(film: Web) -> None:
    await film.client.patch(f"{FILM}/entities/sh020", json={"status": "final"})
    add = {"source": "mara", "target": "sh020"}
    await film.client.post(f"{FILM}/references", json=add)
    before = await counted(film)
    runs = [
        await change(film.client, description="Small"),
        await change(film.client, description="T"),
    ]
    film.clock.pass_(days=1)
    runs.append(await change(film.client, description="Tall"))
    found = await counted(film)
    assert found["runs"]["total"] == before["runs"]["total"] + 3
    assert found["runs"]["by_status"]["done"] == found["runs"]["total"]
    grown = {
        name: count - before["outcomes"].get(name, 0) for name, count in found["outcomes"].items()
    }
    told: dict[str, int] = {}
    for run in runs:
        for name, count in run["counts"].items():
            told[name] = told.get(name, 0) + count
    assert {name: count for name, count in grown.items() if count} == told
    assert [one["day"] for one in found["days"]] == ["2026-05-01", "2026-05-02"]
    assert [one["runs"] for one in found["days"]][-1] == 1
    most = found["most_used"][0]
    assert (most["id"], most["references"], most["dependents"]) == ("mara", 2, 2)
    assert found["shots"]["by_status"] == {"wip": 1, "final": 1}
    assert found["shots"]["waiting"]["awaiting_approval"] == 1
    assert found["storage"]["entities"] == 4
    assert found["storage"]["database_bytes"] > 0
    assert [one["day"] for one in (await counted(film, days=1))["days"]] == ["2026-05-02"]


async def test_they_have_a_tag_and_an_empty_project_has_zeros(web: Web) -> None:
    await web.make("film")
    first = await web.client.get(PATH)
    headers = {"if-none-match": first.headers["etag"]}
    assert (await web.client.get(PATH, headers=headers)).status_code == 304
    found = await counted(web)
    assert (found["runs"]["total"], found["days"], found["most_used"]) == (0, [], [])


@pytest.mark.parametrize("days", [0, 367, "x"])
async def test_a_bad_number_of_days_is_refused(film: Web, days: Any) -> None:
    assert code_of(await film.client.get(PATH, params={"days": days})) == "invalid"


async def test_viewers_see_them(film: Web) -> None:
    viewer = await film.as_(Role.VIEWER, "film")
    assert (await viewer.get(PATH)).status_code == 200
