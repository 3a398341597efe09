"""Who is in the project, and where: one list for everybody, coalesced, never stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocol.frames import presence
from server.rooms.access import Identity
from server.rooms.timers import Throttle, Timers

__all__ = ["Person", "Presence"]


@dataclass(frozen=True, slots=True)
class Person:
    """One session as the others see it."""

    session: str
    user: str
    name: str
    colour: str
    view: str | None = None
    entity: str | None = None

    def to_json(self) -> dict[str, str | None]:
        return {
            "session": self.session,
            "user": self.user,
            "name": self.name,
            "colour": self.colour,
            "view": self.view,
            "entity": self.entity,
        }


class Presence:
    """The people of a room. Changes announce the whole list, at most once per ``interval``."""

    def __init__(self, timers: Timers, interval: float, announce: Callable[[str], None]) -> None:
        self._people: dict[str, Person] = {}
        self._announce = announce
        self._throttle = Throttle(timers, interval, self._tell)

    def enter(self, session: str, identity: Identity) -> None:
        self._people[session] = Person(session, identity.user, identity.user, identity.colour)
        self._throttle.touch()

    def move(self, session: str, *, view: str, entity: str | None, name: str | None) -> None:
        """Does nothing for a session that has not entered."""
        person = self._people.get(session)
        if person is None:
            return
        moved = Person(session, person.user, name or person.name, person.colour, view, entity)
        if moved != person:
            self._people[session] = moved
            self._throttle.touch()

    def leave(self, session: str) -> None:
        if self._people.pop(session, None) is not None:
            self._throttle.touch()

    def stop(self) -> None:
        self._throttle.cancel()

    def _tell(self) -> None:
        self._announce(presence([person.to_json() for person in self._people.values()]))
