"""Who one is, logging in and out, and tokens for others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from starlette.datastructures import Headers

from protocol.errors import FieldError, Invalid
from server.rooms.access import Role
from server.web.auth import duration, role_of, session_cookie, session_of
from server.web.bodies import Body
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply
from server.web.rest import answers

__all__ = ["OPERATIONS"]

_LONGEST = 366 * 86400.0


class Login(Body):
    token: Annotated[str, Field(min_length=1, max_length=1000)]


class NewToken(Body):
    """``expires_in`` is seconds, or a text such as ``12h`` or ``7d``."""

    role: Literal["viewer", "editor", "approver", "owner"]
    expires_in: int | str = "7d"
    user: Annotated[str, Field(min_length=1, max_length=200)] | None = None


async def me(call: Call[Body, NoQuery]) -> Reply:
    """Who the caller is."""
    return Reply(call.caller.to_json())


async def log_in(call: Call[Login, NoQuery]) -> Reply:
    """Begin a session with a token's rights and expiry; its cookie is what the page lives on."""
    authority = call.web.authority
    session, caller = await authority.begin_session(call.body.token.strip())
    age = None if caller.expires_at is None else authority.seconds_until(caller.expires_at)
    cookie = session_cookie(session, call.scope, age)
    return Reply(caller.to_json(), headers={"set-cookie": cookie})


async def log_out(call: Call[Body, NoQuery]) -> Reply:
    """End the session, its sockets too."""
    session = session_of(Headers(scope=call.scope))
    if session is not None:
        ended = await call.web.authority.end_session(session)
        call.web.manager.revoke(lambda identity, _: identity.token_id == ended)
    cookie = session_cookie("", call.scope, 0)
    return Reply({"logged_out": session is not None}, headers={"set-cookie": cookie})


async def create_token(call: Call[NewToken, NoQuery]) -> Reply:
    """Make a token for this project. Its text is shown this once.

    It ends with the caller's own token at the latest. Nobody gets the administrator's name by it:
    one that the administrator makes without a ``user`` is called by its role too.
    """
    owner, body, authority = await call.project(), call.body, call.web.authority
    expires_at = authority.after(_seconds(body.expires_in))
    if call.caller.expires_at is not None:
        expires_at = min(expires_at, call.caller.expires_at)
    user = _user(call)
    made = {
        "user": user,
        "role": body.role,
        "project_id": owner.project_id,
        "expires_at": expires_at,
    }
    role = role_of(body.role)
    token, stored = authority.make(user, role, owner.project_id, "api", expires_at)
    async with owner.step(call.actor) as tx:
        tx.commit.tokens.append(stored)
        tx.audit("token_created", {key: made[key] for key in ("user", "role", "expires_at")})
    return Reply({"token": token, **made}, 201)


def _user(call: Call[NewToken, NoQuery]) -> str:
    authority, own = call.web.authority, call.caller.identity.user
    if call.body.user is None:
        return f"{own} ({call.body.role})" if authority.is_administrator(own) else own
    user = call.body.user.strip()
    if not user:
        problem = FieldError("user", "must not be empty")
    elif authority.is_administrator(user):
        problem = FieldError("user", "must not be the name of the administrator")
    else:
        return user
    raise Invalid("The body is not valid", [problem])


def _seconds(given: int | str) -> float:
    try:
        seconds = duration(str(given))
    except ValueError as error:
        problem = FieldError("expires_in", str(error))
        raise Invalid("The body is not valid", [problem]) from None
    if seconds > _LONGEST:
        problem = FieldError("expires_in", "must be at most 366 days")
        raise Invalid("The body is not valid", [problem])
    return seconds


OPERATIONS: list[Operation] = [
    operation("GET", "/me", me, answer=answers.Me),
    operation("POST", "/login", log_in, body=Login, answer=answers.Me, public=True, secret=True),
    operation("POST", "/logout", log_out, answer=answers.LoggedOut, public=True, secret=True),
    operation(
        "POST",
        "/projects/{project_id}/tokens",
        create_token,
        role=Role.OWNER,
        body=NewToken,
        answer=answers.Token,
        status=201,
        secret=True,
    ),
]
