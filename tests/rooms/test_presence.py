"""server/rooms/presence.py"""

from __future__ import annotations

import json
from typing import Any

from server.rooms.presence import Presence
from tests.rooms.fakes import FakeTimers, grant


class Watched:
    def __init__(self) -> None:
        self.timers = FakeTimers()
        self.lists: list[list[dict[str, Any]]] = []
        self.presence = Presence(self.timers, 0.1, self._announce)

    def _announce(self, text: str) -> None:
        self.lists.append(json.loads(text)["people"])


async def test_R36_the_whole_list_at_most_ten_times_a_second() -> None:
    watched = Watched()
    for number in range(30):
        watched.presence.enter(f"s{number}", grant("ann").identity)
        await watched.timers.advance(0.01)
    await watched.timers.advance(1)
    assert [len(people) for people in watched.lists] == [1, 10, 20, 30]


async def test_moving_and_leaving() -> None:
    watched = Watched()
    watched.presence.move("s1", view="graph", entity=None, name=None)
    watched.presence.enter("s1", grant("ann").identity)
    watched.presence.move("s1", view="graph", entity="hero", name="Ann")
    await watched.timers.advance(1)
    assert watched.lists == [
        [
            {
                "session": "s1",
                "user": "ann",
                "name": "Ann",
                "colour": "#aabbcc",
                "view": "graph",
                "entity": "hero",
            }
        ]
    ]
    watched.presence.move("s1", view="graph", entity="hero", name=None)
    await watched.timers.advance(1)
    assert len(watched.lists) == 1
    watched.presence.leave("s1")
    watched.presence.leave("s1")
    await watched.timers.advance(1)
    assert watched.lists[1:] == [[]]


async def test_stopped_it_is_silent() -> None:
    watched = Watched()
    watched.presence.enter("s1", grant("ann").identity)
    watched.presence.stop()
    await watched.timers.advance(1)
    assert watched.lists == []
