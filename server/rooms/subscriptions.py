"""Which events of a project a connection wants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from protocol.errors import TooLarge

__all__ = ["Subscription"]


class Subscription:
    """Everything but some, or some; project-wide events always."""

    __slots__ = ("_all", "_but", "_ids", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._all = False
        self._ids: frozenset[str] = frozenset()
        self._but: frozenset[str] = frozenset()

    def add(self, entities: Literal["all"] | Iterable[str]) -> None:
        """Raises TooLarge for more ids than one connection may name; then nothing changed."""
        if entities == "all":
            self._all = True
            self._but = frozenset()
            return
        wanted = self._ids.union(entities)
        self._bounded(wanted)
        self._ids = wanted
        self._but = self._but.difference(entities)

    def remove(self, entities: Literal["all"] | Iterable[str]) -> None:
        if entities == "all":
            self._all = False
            self._ids = self._but = frozenset()
            return
        if self._all:
            unwanted = self._but.union(entities)
            self._bounded(unwanted)
            self._but = unwanted
        self._ids = self._ids.difference(entities)

    def wants(self, concerns: frozenset[str] | None) -> bool:
        if concerns is None:
            return True
        if self._all and not (self._but and concerns <= self._but):
            return True
        return not self._ids.isdisjoint(concerns)

    def _bounded(self, ids: frozenset[str]) -> None:
        if len(ids) > self._limit:
            raise TooLarge(f"{len(ids)} entities are over the bound of {self._limit}")
