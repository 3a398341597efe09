"""An alarm of the consistency check: where a user sees it, and how it is repaired."""

from __future__ import annotations

from server.domain.entities import Digests
from server.rooms.access import Role
from server.web.rest import run_answers
from tests.web.conftest import Web
from tests.web.test_entities import fits

FILM = "/api/v1/projects/film"


async def test_an_alarm_stands_in_status_and_health_until_it_is_repaired(film: Web) -> None:
    nobody = await film.with_token(None)
    status = (await film.client.get(f"{FILM}/propagation-status")).json()
    fits(run_answers.Status, status)
    assert status["consistency"] == {"checked": 0, "alarms": [], "repair": None}
    owner = await film.state.projects.open("film")
    before = (await film.client.get(f"{FILM}/entities/sh010")).json()
    owner.state.entities["sh010"].digests = Digests(b"v" * 32, b"a" * 32)
    await film.state.watch.look()
    status = (await film.client.get(f"{FILM}/propagation-status")).json()
    fits(run_answers.Status, status)
    told = status["consistency"]
    assert {one["entity_id"] for one in told["alarms"]} == {"sh010"}
    assert told["repair"] == "ripplecut verify --repair"
    alarms = len(told["alarms"])
    ready = await nobody.get("/readyz")
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ready", "consistency_alarms": alarms},
    )
    audit = (await film.client.get(f"{FILM}/audit?entity=sh010")).json()["items"]
    assert [one["action"] for one in audit].count("consistency_alarm") == alarms

    editor = await film.as_(Role.EDITOR, "film")
    assert (await editor.post(f"{FILM}/repair")).status_code == 403
    done = await (await film.as_(Role.OWNER, "film")).post(f"{FILM}/repair")
    fits(run_answers.Repaired, done.json())
    assert {one["entity_id"] for one in done.json()["repaired"]} == {"sh010"}
    assert (await film.client.get(f"{FILM}/entities/sh010")).json()["hash"] == before["hash"]
    assert (await nobody.get("/readyz")).json() == {"status": "ready"}
    again = await film.client.post(f"{FILM}/repair")
    assert again.json() == {"repaired": []}
