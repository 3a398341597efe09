"""The sockets: a thin shell between ASGI and a connection.

``WS /ws/projects/{project_id}`` carries everything of a project,
``WS /yjs/{project_id}/{entity_id}`` one document for a y-websocket client.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from protocol import ywebsocket
from protocol.codec import normal_id
from protocol.errors import NotFound, RipplecutError, Unauthenticated
from server.domain.ids import MAX_ID
from server.rooms.access import Gatekeeper, Grant
from server.rooms.connection import Connection
from server.rooms.outbox import CloseFrame, Frame
from server.rooms.registry import RealTimeSyncManager
from server.web.latest import Latest
from server.web.wire import KNOWN

__all__ = ["SESSION_COOKIE", "LiveEndpoint", "origin_allowed"]

SESSION_COOKIE = "ripplecut_session"
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_MAX_REASON_BYTES = 123
_plain = Latest(ywebsocket.plain)


def origin_allowed(headers: Headers, allowed: Collection[str]) -> bool:
    """Whether a page may use this socket: from our own host, or listed, or no browser.

    ``allowed`` holds whole origins (``https://example.org``).
    """
    origin = headers.get("origin")
    if origin is None or origin in allowed:
        return True
    try:
        parts = urlsplit(origin)
        default = _DEFAULT_PORTS.get(parts.scheme)
        host = urlsplit(f"//{headers.get('host', '')}")
        same_port = (parts.port or default) == (host.port or default)
    except ValueError:
        return False
    return parts.hostname is not None and parts.hostname == host.hostname and same_port


class LiveEndpoint:
    """An ASGI application. The route's path gives ``project_id`` and, for a socket of one document,
    ``entity_id``; the Origin was checked before.

    A socket is always accepted first, because a browser cannot see why a handshake was refused.
    """

    def __init__(self, manager: RealTimeSyncManager, gate: Gatekeeper) -> None:
        self._manager = manager
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = {name: normal_id(value) for name, value in scope["path_params"].items()}
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})

        try:
            with self._manager.admission() as admission:
                grant = await self._grant(scope, path["project_id"])
                if grant is not None:
                    admission.check(grant.identity, path["project_id"])
                connection = self._attach(path, grant, send)
        except RipplecutError as error:
            await send(_message(CloseFrame(error.meaning.close, error.detail)))
            return
        try:
            await connection.begin()
            announce = scope.get("extensions", {}).get(KNOWN)
            while True:
                if announce is not None and connection.known:
                    announce()
                    announce = None
                if (message := await receive())["type"] != "websocket.receive":
                    break
                if (text := message.get("text")) is not None:
                    await connection.receive_text(text)
                else:
                    await connection.receive_bytes(message["bytes"])
        finally:
            connection.gone()

    def _attach(self, path: Mapping[str, str], grant: Grant | None, send: Send) -> Connection:
        project_id, name = path["project_id"], path.get("entity_id")
        if name is None:

            async def write(frame: Frame) -> None:
                await send(_message(frame))

            return self._manager.attach(project_id, write, grant)
        if grant is None:
            raise Unauthenticated("Log in first: the connection carries no token")
        if len(name) > MAX_ID:
            raise NotFound("There is no entity with a name that long")

        async def write_plain(frame: Frame) -> None:
            shown = _plain(frame) if isinstance(frame, bytes) else frame
            if shown is not None:
                await send(_message(shown))

        return self._manager.attach_document(project_id, name, write_plain, grant)

    async def _grant(self, scope: Scope, project_id: str) -> Grant | None:
        """Who the socket is by its handshake, or ``None``: then a frame may still say it.

        Raises Unauthenticated for a token that was named on purpose and is not good; a cookie that
        has gone stale is only nobody. Raises Forbidden or NotFound for somebody who may not be in
        this project.
        """
        headers = Headers(scope=scope)
        token = _bearer(headers) or _query_token(scope)
        if token is not None:
            identity = await self._gate.authenticate(token)
        elif (cookie := _cookie(headers)) is not None:
            try:
                identity = await self._gate.authenticate(cookie)
            except RipplecutError:
                return None
        else:
            return None
        return Grant(identity, await self._gate.authorise(identity, project_id))


def _message(frame: Frame) -> Message:
    match frame:
        case str():
            return {"type": "websocket.send", "text": frame}
        case bytes():
            return {"type": "websocket.send", "bytes": frame}
        case CloseFrame(code, reason):
            short = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
            return {"type": "websocket.close", "code": code, "reason": short}


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _query_token(scope: Scope) -> str | None:
    query: dict[str, list[Any]] = parse_qs(scope["query_string"].decode("latin-1"))
    return query["token"][0] if query.get("token") else None


def _cookie(headers: Headers) -> str | None:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[SESSION_COOKIE].value if SESSION_COOKIE in cookies else None
