"""Casting: which entity of a project a name of a screenplay means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from server.domain.transaction import Transaction
from server.formats.screenplay import entity_id, name_key, spoken_name

__all__ = ["Casting"]

_PREFIX = {"character": "char", "location": "loc"}


class Casting:
    """The characters or the locations of one draft, each with the entity that it is.

    An entity is found by its name, then by the id that an import gives to the name, then by a name
    that it had. One that exists is taken and keeps its name; two names never share one.
    """

    def __init__(
        self, tx: Transaction, kind: str, former: Mapping[tuple[str, str], list[str]]
    ) -> None:
        self._tx = tx
        self._kind = kind
        self._former = former
        self._named: dict[str, str] = {}
        for entity in sorted(tx.state.entities.values(), key=lambda one: one.id, reverse=True):
            if entity.kind == kind:
                self._named[name_key(entity.name)] = entity.id
        self._buried = {
            name_key(entity.name): entity.id
            for entity in tx.state.deleted.values()
            if entity.kind == kind
        }
        self.ids: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.new: list[str] = []

    def named(self, key: str) -> str | None:
        """The entity that bears a name now."""
        return self._named.get(key)

    def meant(self, name: str) -> str | None:
        """The entity that a name of an earlier draft means, also one that is deleted by now."""
        return next(iter(self._candidates(name)), None) or self._buried.get(name_key(name))

    def _candidates(self, name: str) -> Iterable[str]:
        key = name_key(name)
        if key in self._named:
            yield self._named[key]
        made = entity_id(_PREFIX[self._kind], name, ())
        if made in self._tx.state.entities and self._tx.state.entities[made].kind == self._kind:
            yield made
        yield from self._former.get((self._kind, key), ())

    def claim(self, name: str, entity: str) -> None:
        """Settle that a name is an entity, whatever it is called now."""
        self.ids[name_key(name)] = entity

    def settle(self, names: Iterable[str]) -> None:
        """Give every name its entity: one that exists, else a new one."""
        wanted = {name_key(name): name for name in names}
        for key in wanted:
            if key not in self.ids and key in self._named:
                self.ids[key] = self._named[key]
        for key, name in wanted.items():
            if key in self.ids:
                continue
            claimed = set(self.ids.values())
            free = (one for one in self._candidates(name) if one not in claimed)
            found = next(free, None) or self._buried.get(key)
            if found is None:
                taken = self._tx.state.entities.keys() | self._tx.state.deleted.keys() | claimed
                found = entity_id(_PREFIX[self._kind], name, taken)
                self.new.append(found)
            self.ids[key] = found
        for key, name in wanted.items():
            self.names[self.ids[key]] = self._given_name(self.ids[key], name)

    def _given_name(self, id_: str, name: str) -> str:
        return self._tx.name_of(id_) if id_ not in self.new else spoken_name(name)

    def name_of(self, id_: str) -> str:
        """What an entity will be called, whether or not it is in the draft."""
        return self.names.get(id_) or self._tx.name_of(id_)

    def id_of(self, name: str) -> str:
        return self.ids[name_key(name)]

    def is_deleted(self, id_: str) -> bool:
        return id_ in self._tx.state.deleted
