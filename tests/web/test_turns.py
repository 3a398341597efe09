"""Exports and impacts: one of a token at a time."""

from __future__ import annotations

import asyncio

import pytest

from server.rooms.access import Role
from server.web.rest import projects
from server.web.turns import MOST_WAITING, Turns
from tests.web.conftest import Web
from tests.web.test_auth import code_of

EXPORT = "/api/v1/projects/film/export?format=json"


async def test_exports_of_one_token_come_one_after_the_other(
    film: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[int] = []
    most: list[int] = []
    both, gate = asyncio.Event(), asyncio.Event()

    async def export(_owner: object) -> object:
        inside.append(1)
        most.append(len(inside))
        if len(inside) == 2:
            both.set()
        await gate.wait()
        inside.pop()
        return {}

    monkeypatch.setattr(projects, "export_quietly", export)
    other = await film.as_(Role.VIEWER, "film")
    asked = [asyncio.ensure_future(film.client.get(EXPORT)) for _ in range(MOST_WAITING + 3)]
    asked.append(asyncio.ensure_future(other.get(EXPORT)))
    await both.wait()
    gate.set()
    answers = await asyncio.gather(*asked)
    assert max(most) == 2, "one for each of the two tokens"
    codes = [one.status_code for one in answers]
    assert codes == [200] * (MOST_WAITING + 1) + [429] * 2 + [200]
    assert code_of(answers[-2]) == "rate_limited"
    assert (await film.client.get(EXPORT)).status_code == 200


async def test_a_turn_is_given_back_by_an_error_and_by_who_stops_waiting() -> None:
    turns = Turns()

    async def hold(begun: asyncio.Event, end: asyncio.Event) -> None:
        async with turns.of("a"):
            begun.set()
            await end.wait()
            raise LookupError

    begun, end = asyncio.Event(), asyncio.Event()
    first = asyncio.ensure_future(hold(begun, end))
    await begun.wait()
    second_begun = asyncio.Event()
    second = asyncio.ensure_future(hold(second_begun, end))
    await asyncio.sleep(0)
    assert turns._lines["a"].present == 2
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert turns._lines["a"].present == 1
    end.set()
    with pytest.raises(LookupError):
        await first
    assert turns._lines == {}
    assert not second_begun.is_set()
