"""Middlewares, plain ASGI: what holds for every request, before any route sees it."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.web.live import origin_allowed
from server.web.problems import problem
from server.web.replies import Rendered

__all__ = ["OriginGuard", "PathGuard", "SecurityHeaders"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = "; ".join(
    [
        "default-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self' ws: wss:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Puts the headers that keep a page to itself on every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with)


class OriginGuard:
    """Refuses what a page from elsewhere sends: sockets, and requests that change something."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _harmless(scope):
            await self._app(scope, receive, send)
            return
        if origin_allowed(Headers(scope=scope), self._allowed):
            await self._app(scope, receive, send)
            return
        refusal = problem("forbidden", "Pages of this origin may not use this server")
        if scope["type"] == "http":
            await _refuse(refusal, scope, receive, send)
        else:
            await _refuse_socket(refusal, scope, receive, send)


def _harmless(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in _SAFE


class PathGuard:
    """Refuses an escaped slash, which would otherwise be read as the end of an id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"%2f" in raw.split(b"?")[0].lower():
            refusal = problem("not_found", "No id has a slash in it")
            await _refuse(refusal, scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _refuse(refusal: Rendered, scope: Scope, receive: Receive, send: Send) -> None:
    response = refusal.response(Headers(scope=scope), reads=False)
    await response(scope, receive, send)


async def _refuse_socket(refusal: Rendered, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the handshake itself: nobody is told more than HTTP 403."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    start = {
        "type": "websocket.http.response.start",
        "status": refusal.status,
        "headers": [(b"content-type", refusal.media_type.encode())],
    }
    await send(start)
    await send({"type": "websocket.http.response.body", "body": refusal.body})
