"""People of a project: who is a member, who follows what, who wants to hear nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Follow", "Following", "Member", "Mute", "Notice"]


class Member(NamedTuple):
    """Somebody's place in a project. ``role=None``: they were removed, and no token lets them in
    again until somebody adds them.
    """

    user: str
    role: str | None
    since: str
    added_by: str


class Follow(NamedTuple):
    """Whether somebody follows an entity. A wish not to (``wanted=False``) outlasts what would make
    them follow by default.
    """

    user: str
    entity_id: str
    wanted: bool


class Mute(NamedTuple):
    """Something of which somebody does not want to be notified, or does again (``wanted=False``).

    ``what`` is ``entity`` or ``kind``: a kind of notification, or of entity.
    """

    user: str
    what: str
    name: str
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification of one person. ``detail`` is open: counts, and what else its kind has."""

    id: str
    user: str
    kind: str
    text: str
    entity_id: str | None
    run_id: str | None
    detail: Mapping[str, Any]
    created_at: str
    project_id: str
    read_at: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "project_id": self.project_id,
            "kind": self.kind,
            "text": self.text,
            "entity_id": self.entity_id,
            "run_id": self.run_id,
            "detail": dict(self.detail),
            "created_at": self.created_at,
            "read_at": self.read_at,
        }

    def frame(self) -> dict[str, Any]:
        """The body of the durable event that tells it; only ``user`` is sent it."""
        shown = {key: value for key, value in self.to_json().items() if key != "read_at"}
        return {"type": "notification", "user": self.user, "timestamp": self.created_at, **shown}


_NOBODY: frozenset[str] = frozenset()


@dataclass(slots=True)
class Following:
    """Who follows what and mutes what, in memory. Sets of people are shared: most entities are
    followed by the same few.
    """

    _followers: dict[str, frozenset[str]] = field(default_factory=dict)
    _declined: dict[str, frozenset[str]] = field(default_factory=dict)
    _muted: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _shared: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)

    def followers(self, entity_id: str) -> frozenset[str]:
        return self._followers.get(entity_id, _NOBODY)

    def has_choice(self, user: str, entity_id: str) -> bool:
        """Whether they follow already, or have said that they do not want to."""
        return user in self.followers(entity_id) or user in self._declined.get(entity_id, _NOBODY)

    def mutes(self, user: str, kind: str, entities: Iterable[tuple[str, str]]) -> bool:
        """Whether somebody mutes a notification of a kind about all of some ``(entity, kind)``."""
        muted = self._muted.get(user)
        if not muted:
            return False
        if ("kind", kind) in muted:
            return True
        about = list(entities)
        return bool(about) and all(
            ("entity", id_) in muted or ("kind", of) in muted for id_, of in about
        )

    def muted(self, user: str) -> list[tuple[str, str]]:
        return sorted(self._muted.get(user, ()))

    def take(self, follows: Iterable[Follow], mutes: Iterable[Mute]) -> None:
        """Make stored wishes true here, in order."""
        for user, entity_id, wanted in follows:
            self._move(self._followers, entity_id, user, wanted)
            self._move(self._declined, entity_id, user, not wanted)
        for user, what, name, wanted in mutes:
            found = self._muted.setdefault(user, set())
            (found.add if wanted else found.discard)((what, name))

    def forget(self, user: str) -> None:
        """Somebody is no longer here."""
        for sets in (self._followers, self._declined):
            for entity_id in [id_ for id_, users in sets.items() if user in users]:
                self._move(sets, entity_id, user, False)
        self._muted.pop(user, None)

    def _move(
        self, sets: dict[str, frozenset[str]], entity_id: str, user: str, wanted: bool
    ) -> None:
        before = sets.get(entity_id, _NOBODY)
        after = before | {user} if wanted else before - {user}
        if after:
            sets[entity_id] = self._shared.setdefault(after, after)
        else:
            sets.pop(entity_id, None)
