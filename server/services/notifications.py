"""Notifications as their person sees them; following and muting."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain.actors import Actor
from server.domain.notices import NOTICE_KINDS
from server.domain.people import Follow, Mute
from server.ports import PeopleStore
from server.propagation.project import ProjectOwner

__all__ = ["follow", "followed", "mark_read", "mute", "muted", "notification_page"]


async def notification_page(
    store: PeopleStore,
    user: str,
    project_id: str | None,
    hidden: Collection[str],
    *,
    unread: bool,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """A page of somebody's notifications, newest first, and how many are unread in all."""
    found, following = await store.notices(user, project_id, hidden, unread, limit, cursor)
    return {
        "items": [one.to_json() for one in found],
        "next_cursor": following,
        "unread": await store.unread(user, project_id, hidden),
    }


async def mark_read(
    store: PeopleStore,
    user: str,
    project_id: str | None,
    hidden: Collection[str],
    ids: Sequence[str] | None,
    at: str,
) -> dict[str, int]:
    """Mark some, or all; answers how many that were, and how many are left."""
    read = await store.mark_read(user, project_id, ids, at)
    return {"read": read, "unread": await store.unread(user, project_id, hidden)}


def followed(owner: ProjectOwner, entity_id: str, user: str) -> dict[str, Any]:
    """Who follows an entity. Raises NotFound."""
    owner.state.entity(entity_id)
    followers = owner.people.following.followers(entity_id)
    return {
        "entity_id": entity_id,
        "following": user in followers,
        "followers": sorted(followers),
    }


async def follow(owner: ProjectOwner, entity_id: str, actor: Actor, wanted: bool) -> dict[str, Any]:
    """Follow an entity, or stop that. Raises NotFound."""
    async with owner.step(actor) as tx:
        tx.entity(entity_id)
        tx.commit.follows.append(Follow(actor.user, entity_id, wanted))
    return followed(owner, entity_id, actor.user)


def muted(owner: ProjectOwner, user: str) -> dict[str, Any]:
    """What somebody mutes in a project."""
    found = owner.people.following.muted(user)
    return {
        "entities": [name for what, name in found if what == "entity"],
        "kinds": [name for what, name in found if what == "kind"],
    }


async def mute(
    owner: ProjectOwner, actor: Actor, entity: str | None, kind: str | None, wanted: bool
) -> dict[str, Any]:
    """Mute an entity, a kind of notification or a kind of entity, or hear of it again.

    Raises NotFound, Invalid.
    """
    if (entity is None) == (kind is None):
        problem = FieldError("body", "must name exactly one of: entity, kind")
        raise Invalid("It is not clear what to mute", [problem])
    kinds = {*NOTICE_KINDS, *(one.name for one in owner.state.kinds)}
    if kind is not None and wanted and kind not in kinds:
        problem = FieldError("kind", "must be one of: " + ", ".join(sorted(kinds)))
        raise Invalid("There is no such kind", [problem])
    async with owner.step(actor) as tx:
        if entity is not None and wanted:
            tx.entity(entity)
        what, name = ("entity", entity) if entity is not None else ("kind", kind or "")
        tx.commit.mutes.append(Mute(actor.user, what, name, wanted))
    return muted(owner, actor.user)
