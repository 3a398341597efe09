"""Eight people, a run over everything, a session in one text: nothing that they wrote is lost."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from bench.conflicts import FLOOR, SMALL, Size, play
from bench.running import RunningServer
from protocol.client import connect

SEED = 20261123


async def test_eight_people_at_work_lose_nothing_and_are_hardly_asked(
    server: RunningServer,
) -> None:
    async with asyncio.timeout(100):
        result = await play(server, SMALL, SEED)
    assert result.rate() >= FLOOR
    assert result.found["simultaneous_edit, values"] >= SMALL.actions / 2
    assert (
        result.automatic["simultaneous_edit, values"] == result.found["simultaneous_edit, values"]
    )


async def test_R64_two_people_who_set_a_field_apart_are_told_and_can_choose(
    server: RunningServer,
) -> None:
    """Over real sockets, up to the notification, and back."""
    server.import_project("film", {"characters": [{"id": "mara", "name": "Mara"}]})
    tokens = {
        user: await asyncio.to_thread(server.token_for, user, "editor", "film")
        for user in ("ann", "ben")
    }
    async with (
        connect(server.url, "film", token=tokens["ann"]) as ann,
        connect(server.url, "film", token=tokens["ben"], subscribe=[]) as ben,
    ):
        drafts = [await client.open("mara") for client in (ann, ben)]
        for draft in drafts:
            await draft.synced()
        drafts[0]["eye_colour"], drafts[1]["eye_colour"] = "green", "blue"
        for draft in drafts:
            await draft.saved()
        async with asyncio.timeout(20):
            async for event in ann.events():
                if event["type"] == "conflict_resolved":
                    break
        assert (event["automatic"], event["field"]) == (True, "eye_colour")
        one = await asyncio.to_thread(
            server.get, f"/projects/film/conflicts/{event['conflict_id']}"
        )
        who = {"green": "ann", "blue": "ben"}
        assert {one["ours"], one["theirs"]} == {"green", "blue"}
        assert (one["ours_by"], one["theirs_by"]) == (who[one["ours"]], who[one["theirs"]])
        assert drafts[0]["eye_colour"] == one["ours"]
        path = f"/projects/film/conflicts/{one['id']}/resolve"
        done = await asyncio.to_thread(server.post, path, {"choice": "theirs"}, 200)
        assert done["conflict"]["resolution"] == "theirs"
        entity = await asyncio.to_thread(server.get, "/projects/film/entities/mara")
        assert entity["fields"]["eye_colour"] == one["theirs"]


@pytest.mark.soak
async def test_eight_people_again_and_again(server: RunningServer, soak_seconds: float) -> None:
    deadline = time.monotonic() + soak_seconds
    rounds = 0
    while not rounds or time.monotonic() < deadline:
        seed = random.randrange(2**31)
        print(f"seed {seed}")  # noqa: T201 - shown where it fails
        name = f"film-{rounds}"
        async with asyncio.timeout(300):
            result = await play(server, Size(30, 1_000, 2_000), seed, name)
        assert result.rate() >= FLOOR, seed
        rounds += 1
