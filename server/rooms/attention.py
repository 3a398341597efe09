"""Attention: what the people of a room have on screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count, takewhile

__all__ = ["Attention"]


class Attention:
    """What is looked at, by how many, and since when: ``version`` grows with every change.

    Versions are of one count for all rooms, so that a room that is opened anew is never taken for
    the one before it.
    """

    _versions = count(1)

    def __init__(self) -> None:
        self.version = 0
        self._viewers: dict[str, int] = {}
        self._since: dict[str, int] = {}  # in the order in which they came on somebody's screen

    def move(self, before: frozenset[str], now: Sequence[str]) -> None:
        """Somebody looks elsewhere; ``now`` is in the order in which it stands on the screen."""
        here = frozenset(now)
        if here == before:
            return
        self.version = next(self._versions)
        for entity_id in before - here:
            self._viewers[entity_id] -= 1
            if not self._viewers[entity_id]:
                del self._viewers[entity_id], self._since[entity_id]
        for entity_id in dict.fromkeys(now):
            if entity_id not in before:
                self._viewers[entity_id] = self._viewers.get(entity_id, 0) + 1
                self._since.pop(entity_id, None)
                self._since[entity_id] = self.version

    def all(self) -> frozenset[str]:
        return frozenset(self._viewers)

    def since(self, version: int) -> Iterable[str]:
        """What somebody has begun to look at after a version, and still does. Costs that much."""
        if version == self.version:
            return ()
        newest_first = takewhile(lambda one: one[1] > version, reversed(self._since.items()))
        return [entity_id for entity_id, _ in newest_first][::-1]
