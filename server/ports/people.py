"""The port of members and notifications."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from server.domain.people import Follow, Member, Mute, Notice
from server.domain.webhooks import Webhook

__all__ = ["PeopleStore", "StoredPeople"]


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """What a live project knows of its people, and its webhooks."""

    follows: Sequence[Follow]
    mutes: Sequence[Mute]
    webhooks: Sequence[Webhook]


class PeopleStore(Protocol):
    """Members and notifications; they are written with the steps that they belong to."""

    async def people(self, project_id: str) -> StoredPeople:
        """Who follows and mutes what in a project, and the webhooks that it has."""
        ...

    async def members(self, project_id: str) -> Sequence[Member]:
        """Everybody who is or was in a project, by name."""
        ...

    async def roles(self, user: str) -> Mapping[str, str | None]:
        """Somebody's role by project, ``None`` where they were removed."""
        ...

    async def notices(
        self,
        user: str,
        project_id: str | None,
        hidden: Collection[str],
        unread: bool,
        limit: int,
        cursor: str | None,
    ) -> tuple[Sequence[Notice], str | None]:
        """A page of somebody's notifications, newest first: of one project, or of all but the
        ``hidden`` ones.
        """
        ...

    async def unread(self, user: str, project_id: str | None, hidden: Collection[str]) -> int:
        """How many notifications somebody has not read."""
        ...

    async def mark_read(
        self, user: str, project_id: str | None, ids: Sequence[str] | None, at: str
    ) -> int:
        """Mark some of somebody's notifications as read (``None``: all); answers how many were
        not.
        """
        ...

    async def analytics(self, project_id: str, since: str, most: int) -> Mapping[str, Any]:
        """Counts of a project, with the runs ``since`` a time and the ``most`` used assets; raises
        Unavailable where counting takes too long.
        """
        ...
