"""Who is in a project, and as what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from protocol.errors import FieldError, Forbidden, Invalid
from server.rooms.access import Identity, Role
from server.services.members import list_members, put_member, remove_member
from server.web.auth import ADMIN
from server.web.bodies import Body, Query
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply
from server.web.rest.shapes import Page, Shape

__all__ = ["OPERATIONS"]


class MemberShape(Shape):
    user: str
    role: Literal["viewer", "editor", "approver", "owner"]
    since: str
    added_by: str


class MemberBody(Body):
    user: Annotated[str, Field(min_length=1, max_length=200)]
    role: Literal["viewer", "editor", "approver", "owner"]


class MemberQuery(Query):
    """Who; the name as it stands, slashes included."""

    user: Annotated[str, Field(min_length=1, max_length=200)]


class MemberRemoved(Shape):
    removed: str


async def read_members(call: Call[Body, NoQuery]) -> Reply:
    """Everybody who is in the project, whole. The administrator may do everything everywhere."""
    items = await list_members(await call.project())
    return Reply({"items": items, "next_cursor": None})


async def add_member(call: Call[MemberBody, NoQuery]) -> Reply:
    """Add somebody, or change what they are: 201 or 200. Open sockets follow at once.

    A role bounds what all tokens of that name may do here; a token that carried the whole role
    follows it, a narrower one stays what it is. To come in they need a token. The only owner
    cannot become something else (409 `last_owner`).
    """
    owner, body = await call.project(), call.body
    user = _name(call, body.user)
    member, added = await put_member(owner, user, body.role, call.actor)
    here = owner.project_id
    await call.web.manager.recheck(lambda who, project: who.user == user and project == here)
    return Reply(member, 201 if added else 200)


async def drop_member(call: Call[Body, NoQuery]) -> Reply:
    """Put somebody out: their tokens for this project end, their sockets close with 4403.

    No other token of that name opens the project again until somebody adds them. The only owner
    stays (409 `last_owner`).
    """
    return await _remove(call, call.path["user"])


async def drop_named_member(call: Call[Body, MemberQuery]) -> Reply:
    """As above, for names that no path can hold."""
    return await _remove(call, call.query.user)


async def _remove(call: Call[Body, NoQuery] | Call[Body, MemberQuery], user: str) -> Reply:
    owner = await call.project()
    await remove_member(owner, user, call.actor)
    here = owner.project_id

    def concerns(who: Identity, project_id: str) -> bool:
        return who.user == user and project_id == here and who.token_id != ADMIN

    call.web.manager.revoke(concerns, Forbidden("You are no longer a member of this project"))
    return Reply({"removed": user})


def _name(call: Call[MemberBody, NoQuery], given: str) -> str:
    user, own = given.strip(), call.caller.identity
    if not user or not user.isprintable():
        problem = FieldError("user", "must be a name")
    elif call.web.authority.is_administrator(user) and own.token_id != ADMIN:
        problem = FieldError("user", "must not be the name of the administrator")
    else:
        return user
    raise Invalid("The body is not valid", [problem])


_ALL = "/projects/{project_id}/members"
OPERATIONS: list[Operation] = [
    operation("GET", _ALL, read_members, answer=Page[MemberShape]),
    operation(
        "POST",
        _ALL,
        add_member,
        role=Role.OWNER,
        body=MemberBody,
        answer=MemberShape,
        status=201,
        also=(200,),
    ),
    operation(
        "DELETE",
        _ALL,
        drop_named_member,
        role=Role.OWNER,
        query=MemberQuery,
        answer=MemberRemoved,
    ),
    operation("DELETE", f"{_ALL}/{{user}}", drop_member, role=Role.OWNER, answer=MemberRemoved),
]
