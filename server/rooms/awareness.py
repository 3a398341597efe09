"""Who points where in one document: the Yjs awareness states that its connections introduced.

Awareness is never stored. A state belongs to the connection that introduced its client id and goes
with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from protocol.ysync import NULL_STATE, AwarenessEntry

__all__ = ["AwarenessBoard"]

Owner = TypeVar("Owner")


@dataclass(slots=True)
class _Held(Generic[Owner]):
    entry: AwarenessEntry
    owner: Owner
    user: str


class AwarenessBoard(Generic[Owner]):
    """The latest state of every client id, and which of them have not been told yet."""

    def __init__(self, clients_per_owner: int) -> None:
        self._held: dict[int, _Held[Owner]] = {}
        self._fresh: dict[int, AwarenessEntry] = {}
        self._bound = clients_per_owner

    def introduce(self, owner: Owner, user: str, entries: Iterable[AwarenessEntry]) -> bool:
        """Take what ``owner`` says; returns whether there is something to tell.

        Foreign and older entries are ignored silently, because clients repeat what they heard. The
        same user may take an id over from an earlier connection that has not died yet.
        """
        for entry in entries:
            held = self._held.get(entry.client)
            if held is None:
                if not entry.gone and self._count(owner) < self._bound:
                    self._held[entry.client] = _Held(entry, owner, user)
                    self._fresh[entry.client] = entry
            elif held.owner is owner:
                self._renew(held, entry)
            elif held.user == user and entry.clock >= held.entry.clock and not entry.gone:
                held.owner = owner
                self._renew(held, entry)
        return bool(self._fresh)

    def drop(self, owner: Owner) -> bool:
        """Forget what ``owner`` introduced; returns whether there is something to tell."""
        for client in [client for client, held in self._held.items() if held.owner is owner]:
            clock = self._held.pop(client).entry.clock
            self._fresh[client] = AwarenessEntry(client, clock + 1, NULL_STATE)
        return bool(self._fresh)

    def snapshot(self) -> list[AwarenessEntry]:
        return [held.entry for held in self._held.values()]

    def take_fresh(self) -> list[AwarenessEntry]:
        """What has not been told yet; afterwards it has."""
        fresh = list(self._fresh.values())
        self._fresh.clear()
        return fresh

    def _renew(self, held: _Held[Owner], entry: AwarenessEntry) -> None:
        newer = entry.clock > held.entry.clock or (entry.clock == held.entry.clock and entry.gone)
        if not newer:
            return
        if entry.gone:
            del self._held[entry.client]
        else:
            held.entry = entry
        self._fresh[entry.client] = entry

    def _count(self, owner: Owner) -> int:
        return sum(1 for held in self._held.values() if held.owner is owner)
