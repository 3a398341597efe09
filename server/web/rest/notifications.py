"""What somebody is notified of, what they follow and what they mute."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from protocol.errors import FieldError, Invalid
from server.rooms.access import Role
from server.services import notifications
from server.web.bodies import Body, Id, Query
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply
from server.web.rest.queries import PageQuery
from server.web.rest.shapes import Shape

__all__ = ["OPERATIONS"]

NotificationId = Annotated[str, Field(min_length=1, max_length=100)]


class Notification(Shape):
    """``detail`` depends on the kind; of a run it has ``author``, ``status``, ``counts``,
    ``shots`` (their outcomes), ``needs_you`` and ``versions``.
    """

    id: str
    project_id: str
    kind: Literal["digest", "approval", "conflict", "failure", "removed", "restored"]
    text: str
    entity_id: str | None
    run_id: str | None
    detail: dict[str, Any]
    created_at: str
    read_at: str | None


class NotificationPage(Shape):
    items: list[Notification]
    next_cursor: str | None
    unread: int


class NotificationQuery(PageQuery):
    """Of one project, or of all that the caller sees; ``unread`` leaves out what was read."""

    project_id: Id | None = None
    unread: bool = False


class ReadBody(Body):
    """Which: ``ids``, or ``all`` of them (of one project, where it is named)."""

    ids: Annotated[list[NotificationId], Field(min_length=1, max_length=500)] | None = None
    all: bool = False
    project_id: Id | None = None


class ReadAnswer(Shape):
    """How many of them had not been read, and how many notifications still are not."""

    read: int
    unread: int


class Followed(Shape):
    entity_id: str
    following: bool
    followers: list[str]


class MuteBody(Body):
    """One of both: an entity, or a kind (of notification, or of entity)."""

    entity: Id | None = None
    kind: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class MuteQuery(Query):
    entity: Id | None = None
    kind: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class Muted(Shape):
    entities: list[str]
    kinds: list[str]


def _scope(call: Call[Any, Any], project_id: str | None) -> str | None:
    """The project that is asked about, where the caller's token or the query names one."""
    if project_id is not None:
        call.caller.check_sees(project_id)
    return project_id or call.caller.project_id


async def list_notifications(call: Call[Body, NotificationQuery]) -> Reply:
    """The caller's notifications, newest first, and how many are unread.

    The oldest that were read go where there are more than 500 of one project.
    """
    query, caller = call.query, call.caller
    found = await notifications.notification_page(
        call.web.store,
        caller.identity.user,
        _scope(call, query.project_id),
        caller.hidden,
        unread=query.unread,
        limit=query.limit,
        cursor=query.cursor,
    )
    return Reply(found)


async def read_notifications(call: Call[ReadBody, NoQuery]) -> Reply:
    """Mark notifications of the caller as read; ids of others' are as if they did not exist."""
    body, caller = call.body, call.caller
    if (body.ids is None) == (not body.all):
        problem = FieldError("body", "must name exactly one of: ids, all")
        raise Invalid("It is not clear which were read", [problem])
    done = await notifications.mark_read(
        call.web.store,
        caller.identity.user,
        _scope(call, body.project_id),
        caller.hidden,
        body.ids,
        call.web.authority.after(0),
    )
    return Reply(done)


async def read_followers(call: Call[Body, NoQuery]) -> Reply:
    """Who follows an entity, and whether the caller does."""
    user = call.caller.identity.user
    return Reply(notifications.followed(await call.project(), call.path["entity_id"], user))


async def follow(call: Call[Body, NoQuery]) -> Reply:
    """Follow an entity: to be notified once of every run that changes it."""
    owner = await call.project()
    return Reply(await notifications.follow(owner, call.path["entity_id"], call.actor, True))


async def unfollow(call: Call[Body, NoQuery]) -> Reply:
    """No longer follow an entity, also not for having made or published it."""
    owner = await call.project()
    return Reply(await notifications.follow(owner, call.path["entity_id"], call.actor, False))


async def read_mutes(call: Call[Body, NoQuery]) -> Reply:
    """What the caller mutes in this project."""
    return Reply(notifications.muted(await call.project(), call.caller.identity.user))


async def mute(call: Call[MuteBody, NoQuery]) -> Reply:
    """Hear nothing more of an entity, of a kind of notification, or of a kind of entity."""
    owner, body = await call.project(), call.body
    return Reply(await notifications.mute(owner, call.actor, body.entity, body.kind, True))


async def unmute(call: Call[Body, MuteQuery]) -> Reply:
    """Hear of it again."""
    owner, query = await call.project(), call.query
    return Reply(await notifications.mute(owner, call.actor, query.entity, query.kind, False))


_FOLLOW = "/projects/{project_id}/entities/{entity_id}/follow"
_MUTES = "/projects/{project_id}/mutes"
OPERATIONS: list[Operation] = [
    operation(
        "GET",
        "/notifications",
        list_notifications,
        query=NotificationQuery,
        answer=NotificationPage,
    ),
    operation(
        "POST",
        "/notifications/read",
        read_notifications,
        role=Role.VIEWER,
        body=ReadBody,
        answer=ReadAnswer,
    ),
    operation("GET", _FOLLOW, read_followers, answer=Followed),
    operation("POST", _FOLLOW, follow, role=Role.VIEWER, answer=Followed),
    operation("DELETE", _FOLLOW, unfollow, role=Role.VIEWER, answer=Followed),
    operation("GET", _MUTES, read_mutes, answer=Muted),
    operation("POST", _MUTES, mute, role=Role.VIEWER, body=MuteBody, answer=Muted),
    operation("DELETE", _MUTES, unmute, role=Role.VIEWER, query=MuteQuery, answer=Muted),
]
