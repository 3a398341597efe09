"""Operations: one method of one route each, who may call it, what it takes and what it answers.

The list of them is the API: the router is made of it, and so is the OpenAPI document.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from protocol.errors import RipplecutError
from server.domain.actors import Actor
from server.formats.yaml import YAML, YAML_TYPES, read_yaml
from server.propagation.project import ProjectOwner
from server.rooms.access import Role
from server.services.projects import Projects
from server.web.auth import NOBODY, Caller
from server.web.bodies import Body, Empty, Query, decode, nfc, read, read_query, validate
from server.web.idempotency import fingerprint
from server.web.problems import problem, problem_of, unexpected
from server.web.replies import JSON, Rendered, Reply, render
from server.web.state import WebState, web_of

__all__ = ["PREFIX", "Call", "NoQuery", "Operation", "Resource", "operation", "routes_of"]

PREFIX = "/api/v1"
_LARGE = 1024 * 1024
"""From so many bytes on, the digest of a body would hold the loop for too long."""

B = TypeVar("B", bound=Body)
Q = TypeVar("Q", bound=Query)


class NoQuery(Query):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q]):
    """One request that was let in: who, where, and what was sent. ``raw`` is the body's bytes,
    ``needs`` the role that it takes in whatever project it is about.
    """

    web: WebState
    caller: Caller
    path: Mapping[str, str]
    query: Q
    body: B
    raw: bytes
    scope: Scope
    needs: Role | None = None

    @property
    def actor(self) -> Actor:
        return self.caller.actor

    async def project(self) -> ProjectOwner:
        """The owner of the project in the path. Raises NotFound."""
        return await self.open(self.path["project_id"])

    async def open(self, project_id: str) -> ProjectOwner:
        """The owner of a project that the caller may see. Raises NotFound, Forbidden."""
        self._check(project_id)
        return await self.web.projects.open(project_id)

    def named(self) -> tuple[Projects, str, str]:
        """The entity in the path, of a project that the caller may see, without opening it."""
        self.caller.check_sees(self.path["project_id"])
        return self.web.projects, self.path["project_id"], self.path["entity_id"]

    async def holding(self, asset_id: str, project_id: str | None) -> ProjectOwner:
        """The project that an asset is in: the named one, else the only visible one that has it.

        Raises NotFound, Ambiguous.
        """
        if project_id is not None:
            return await self.open(project_id)
        owner = await self.web.projects.find(asset_id, self.caller.sees)
        self._check(owner.project_id)
        return owner

    def _check(self, project_id: str) -> None:
        caller = self.caller.within(project_id)
        if self.needs is not None:
            caller.check_may(self.needs)


Limit = Literal["body_limit", "import_limit", "picture_limit"]
Answer = Reply | Rendered | Response
Act = Callable[[Call[B, Q]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """``path`` is below ``/api/v1``. ``role=None`` asks for no login.

    ``secret``: the answer must not be kept, so an Idempotency-Key is not looked at. ``file``: the
    body is a file and not JSON of ours. ``accepts`` are the media types of the body. ``limit``
    is the setting that bounds the body. ``long``: one at a time for each token. For the
    documentation: ``answer`` is what comes back, ``impact`` what does with ``dry_run``, ``gives``
    its media types where that is not JSON, ``status`` what a success is, ``also`` what else.
    """

    method: str
    path: str
    act: Callable[[Any], Awaitable[Answer]]
    role: Role | None
    body: type[Body]
    query: type[Query]
    answer: type[BaseModel] | None
    impact: type[BaseModel] | None
    status: int
    also: tuple[int, ...]
    secret: bool
    file: bool
    long: bool
    limit: Limit
    accepts: tuple[str, ...]
    gives: tuple[str, ...]

    @property
    def writes(self) -> bool:
        return self.method != "GET"


def operation(
    method: str,
    path: str,
    act: Act[B, Q],
    *,
    role: Role | None = None,
    body: type[B] = Empty,  # type: ignore[assignment]
    query: type[Q] = NoQuery,  # type: ignore[assignment]
    answer: type[BaseModel] | None = None,
    impact: type[BaseModel] | None = None,
    status: int = 200,
    also: tuple[int, ...] = (),
    secret: bool = False,
    file: bool = False,
    long: bool = False,
    public: bool = False,
    limit: Limit | None = None,
    accepts: tuple[str, ...] = (JSON,),
    gives: tuple[str, ...] = (),
) -> Operation:
    """An operation. By default viewers read, editors write; ``public`` asks for no login."""
    default = Role.VIEWER if method == "GET" else Role.EDITOR
    needed = None if public else role or default
    limit = limit or ("import_limit" if file else "body_limit")
    return Operation(
        method,
        path,
        act,
        needed,
        body,
        query,
        answer,
        impact,
        status,
        also,
        secret,
        file,
        long,
        limit,
        accepts,
        gives,
    )


class Resource:
    """One path with its operations by method. An ASGI application."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = {one.method: one for one in operations}
        self._allow = ", ".join(sorted({*self.operations, *(["HEAD"] if self._reads else [])}))

    @property
    def _reads(self) -> bool:
        return "GET" in self.operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(scope, receive)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            # Only a server that ends and has waited long enough cancels a request.
            detail = "The server ended before the answer; what was asked for may have been done"
            ended = problem("unavailable", detail)
            response = ended.response(Headers(scope=scope), reads=False)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        headers = Headers(scope=scope)
        method: str = scope["method"]
        wanted = self.operations.get("GET" if method == "HEAD" else method)
        if wanted is None:
            detail = f"{method} is not offered here; these are: {self._allow}"
            refusal = problem("method_not_allowed", detail, allow=self._allow)
            return refusal.response(headers, reads=False)
        try:
            done = await self._perform(wanted, scope, receive, headers)
        except RipplecutError as error:
            done = problem_of(error)
        except ClientDisconnect:
            raise
        except Exception as error:
            done = unexpected(error)
        if isinstance(done, Response):
            return done
        return done.response(headers, reads=not wanted.writes)

    async def _perform(
        self, one: Operation, scope: Scope, receive: Receive, headers: Headers
    ) -> Rendered | Response:
        web = web_of(scope)
        path = {name: nfc(value) for name, value in scope["path_params"].items()}
        caller = NOBODY
        if one.role is not None:
            caller = await web.authority.caller(scope)
            if "project_id" in path:
                caller = caller.within(path["project_id"])
            caller.check_may(one.role)
        raw = b""
        if one.writes:
            raw = await read(receive, headers, getattr(web.settings, one.limit))
        query: Query = read_query(one.query, scope["query_string"])
        key = headers.get("idempotency-key")

        async def work() -> Rendered | Response:
            body: Body = Empty() if one.file else await _body(one, raw, headers)
            turn = web.turns.of(caller.identity.token_id) if one.long else nullcontext()
            async with turn:
                reply = await one.act(Call(web, caller, path, query, body, raw, scope, one.role))
            return render(reply) if isinstance(reply, Reply) else reply

        if key is None or not one.writes or one.secret:
            return await work()
        parts = one.method, scope["path"], scope["query_string"], raw
        if len(raw) < _LARGE:
            print_ = fingerprint(*parts)
        else:
            print_ = await asyncio.to_thread(fingerprint, *parts)
        owner = (caller.identity.user, caller.role.label, caller.project_id)
        return await web.idempotency.once(owner, key, print_, lambda: _settled(work()))


async def _body(one: Operation, raw: bytes, headers: Headers) -> Body:
    """What was sent, as the operation's model. Raises Malformed, Invalid."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if YAML in one.accepts and media in YAML_TYPES:
        return validate(one.body, await asyncio.to_thread(read_yaml, raw) or {})
    return decode(one.body, raw)


async def _settled(work: Awaitable[Rendered | Response]) -> Rendered:
    """What came of some work, errors included, as it can be kept. Writes never answer a stream."""
    try:
        done = await work
    except RipplecutError as error:
        return problem_of(error)
    except Exception as error:
        return unexpected(error)
    if isinstance(done, Response):
        raise TypeError("a write answered with a stream")
    return done


def routes_of(operations: Sequence[Operation]) -> list[Route]:
    """One route for each path, fixed paths before those with a parameter in the same place."""
    by_path: dict[str, list[Operation]] = {}
    for one in operations:
        by_path.setdefault(one.path, []).append(one)
    return [Route(PREFIX + path, Resource(ones)) for path, ones in by_path.items()]
