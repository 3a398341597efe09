"""Replies: what an operation answers, before and after it has become bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response

__all__ = ["JSON", "PROBLEM", "Rendered", "Reply", "names_tag", "propagated", "render"]

JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON answer."""

    content: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def propagated(content: Mapping[str, Any], status: int = 200, *, how: str = "") -> Reply:
    """What a change led to: 202 while its run is on its way, unless the ``status`` says more.

    The content is an answer A, or ``how`` is the status of the one in it.
    """
    waits = (how or content["status"]) == "accepted"
    return Reply(content, 202 if waits and status == 200 else status)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A reply as bytes: what can be kept and sent again. ``tag`` is its entity tag, where that is
    known already.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    media: str = JSON

    @property
    def media_type(self) -> str:
        return PROBLEM if self.status >= 400 else self.media

    def response(self, request: Headers, *, reads: bool) -> Response:
        """The response; a read carries a strong ``ETag``, and is 304 for whoever has it already."""
        headers = dict(self.headers)
        if not reads or self.status != 200:
            headers.setdefault("cache-control", "no-store")
            return Response(self.body, self.status, headers, self.media_type)
        tag = self.tag or f'"{sha256(self.body).hexdigest()[:32]}"'
        headers |= {"etag": tag, "cache-control": "private, no-cache"}
        if names_tag(request.get("if-none-match", ""), tag):
            return Response(None, 304, headers)
        return Response(self.body, 200, headers, self.media_type)


def names_tag(condition: str, tag: str) -> bool:
    """Whether an ``If-None-Match`` names this entity tag."""
    given = [one.strip().removeprefix("W/") for one in condition.split(",")]
    return tag in given or "*" in given


def render(reply: Reply) -> Rendered:
    return Rendered(reply.status, orjson.dumps(reply.content), reply.headers)
