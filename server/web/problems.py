"""Problem documents (RFC 9457): how every error leaves over HTTP."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from protocol.errors import TABLE, FieldError, Invalid, RipplecutError
from server.web.notes import note
from server.web.replies import PROBLEM, Rendered

__all__ = ["http_problem", "invalid", "problem", "problem_of", "unexpected"]

log = logging.getLogger("ripplecut.web")

_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not known",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
}
_CODES = {404: "not_found", 405: "method_not_allowed", 401: "unauthenticated", 403: "forbidden"}


def problem(
    code: str, detail: str, extras: dict[str, Any] | None = None, **headers: str
) -> Rendered:
    """A problem document; ``headers`` are named with ``_`` for ``-``."""
    meaning = TABLE[code]
    document = {
        "type": f"/api/docs#problem-{code}",
        "title": meaning.title,
        "status": meaning.status,
        "detail": detail,
        "code": code,
        **(extras or {}),
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if code == "unauthenticated":
        named.setdefault("www-authenticate", 'Bearer realm="Ripplecut"')
    return Rendered(meaning.status, orjson.dumps(document), named)


def problem_of(error: RipplecutError) -> Rendered:
    return problem(error.code, error.detail, error.extras())


def unexpected(error: Exception) -> Rendered:
    """What is said of an error that nobody foresaw: an id to find it in the log by, no more."""
    id_ = secrets.token_hex(6)
    log.error("error %s", id_, exc_info=error)
    detail = f"The server's log says more under the id {id_}. Nothing was half done."
    return problem("internal", detail, {"id": id_})


def invalid(error: ValidationError, detail: str, data: Any) -> Invalid:
    """Every bad field of a body or a query, in one error; ``data`` is what was sent."""
    found: dict[str, dict[str, None]] = {}
    for one in error.errors(include_url=False, include_input=False):
        message = _MESSAGES.get(one["type"]) or _plain(one["msg"])
        found.setdefault(_place(one, data), {})[message] = None
    return Invalid(detail, [FieldError(name, ", or ".join(said)) for name, said in found.items()])


def _place(one: ErrorDetails, data: Any) -> str:
    """Where it is in what was sent. What can be of several types has the names of those in between,
    and those are nobody's business.
    """
    parts: list[str] = []
    for part in one["loc"]:
        if part in data if isinstance(data, Mapping) else isinstance(part, int):
            data = data[part]
        elif one["type"] != "missing" or part != one["loc"][-1]:
            continue
        parts.append(str(part))
    return ".".join(parts) or "body"


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ")
    message = message.replace("Input should be", "must be")
    return message[:1].lower() + message[1:]


def _is_read_by_a_person(request: Request) -> bool:
    """A browser that navigates asks for HTML first; a script asks for anything."""
    return request.headers.get("accept", "").startswith("text/html")


async def http_problem(request: Request, error: Exception) -> Response:
    """What the router itself refuses: a route that does not exist, a method that it has not."""
    status, headers = 500, {}
    if isinstance(error, HTTPException):
        status, headers = error.status_code, dict(error.headers or {})  # such as Allow
    code = _CODES.get(status, "internal")
    path = request.url.path
    if status == 404 and not path.startswith("/api") and _is_read_by_a_person(request):
        text = f"There is nothing at {path}. The link may be mistyped. Nothing else is affected."
        return note("Not found", text, status, way_on=True)
    if not path.startswith("/api"):
        return PlainTextResponse(f"{TABLE[code].title}\n", status, headers)
    found = problem(code, f"There is nothing at {path}")
    return Response(found.body, found.status, {**found.headers, **headers}, PROBLEM)
