"""The OpenAPI 3.1 document, made of the operations themselves: their models and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from protocol.errors import TABLE
from server.web.api import OPERATIONS
from server.web.bodies import Empty
from server.web.forms import FORM
from server.web.operations import PREFIX, Operation
from server.web.replies import JSON
from server.web.rest.answers import Problem

__all__ = ["document"]

_REF = "#/components/schemas/{model}"
_FILE: dict[str, dict[str, Any]] = {
    JSON: {"type": "object"},
    FORM: {
        "type": "object",
        "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
        "required": ["file"],
    },
}
"""The schema of a file by its media type; bytes as they are need none."""
_HEALTH = {
    "/healthz": "Whether the process is alive.",
    "/readyz": "Whether it can serve: 503 while it starts or stops.",
}


@cache
def document() -> dict[str, Any]:
    """The whole document. It describes only: nothing of any project is in it."""
    models = _models(OPERATIONS)
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF
    )
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _operation(one)
    for path, text in _HEALTH.items():
        paths[path] = {"get": _plain(path.strip("/"), text)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ripplecut",
            "version": _version(),
            "description": "Change a character, a prop or a style once: every shot follows.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "responses": {"Problem": _problem()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "ripplecut_session"},
            },
        },
    }


def _version() -> str:
    try:
        return version("ripplecut")
    except PackageNotFoundError:
        return "0"


def _models(operations: Sequence[Operation]) -> list[type[BaseModel]]:
    found: dict[type[BaseModel], None] = {Problem: None}
    for one in operations:
        if one.body is not Empty:
            found[one.body] = None
        for model in filter(None, (one.answer, one.impact)):
            found[model] = None
    return list(found)


def _name(model: type[BaseModel]) -> str:
    """The name that pydantic gives a model's definition."""
    return re.sub(r"[^a-zA-Z0-9.\-_]", "_", model.__name__)


def _content(
    *models: type[BaseModel] | None, media: str = "application/json"
) -> dict[str, dict[str, Any]]:
    """One of these."""
    found = [{"$ref": _REF.format(model=_name(one))} for one in models if one is not None]
    return {media: {"schema": found[0] if len(found) == 1 else {"anyOf": found}}}


def _plain(id_: str, text: str) -> dict[str, Any]:
    return {
        "operationId": id_,
        "summary": text,
        "tags": ["health"],
        "security": [],
        "responses": {"200": {"description": "Yes"}},
    }


def _operation(one: Operation) -> dict[str, Any]:
    text = inspect.getdoc(one.act) or ""
    summary, _, more = text.partition("\n\n")
    out: dict[str, Any] = {
        "operationId": one.act.__name__,
        "summary": " ".join(summary.split()),
        "tags": [one.act.__module__.rpartition(".")[2]],
        "parameters": _parameters(one),
        "responses": _responses(one),
    }
    if more:
        out["description"] = " ".join(more.split())
    if one.role is None:
        out["security"] = []
    else:
        out["x-role"] = one.role.label
    if one.file:
        out["requestBody"] = {
            "required": True,
            "description": "The file",
            "content": {media: {"schema": _FILE.get(media, {})} for media in one.accepts},
        }
        if "format" in one.query.model_fields:
            out["requestBody"]["content"]["text/plain"] = {"schema": {"type": "string"}}
    elif one.body is not Empty:
        needed = any(field.is_required() for field in one.body.model_fields.values())
        out["requestBody"] = {"required": needed, "content": _body(one)}
    return out


def _body(one: Operation) -> dict[str, Any]:
    return {
        key: value
        for media in one.accepts
        for key, value in _content(one.body, media=media).items()
    }


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", one.path)
    ]
    schema = one.query.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    for name, property_ in schema.get("properties", {}).items():
        property_.pop("title", None)
        found.append(
            {"name": name, "in": "query", "required": name in required, "schema": property_}
        )
    if one.writes and not one.secret:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "maxLength": 255},
            }
        )
    return found


def _responses(one: Operation) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if one.answer is not None:
        done["content"] = _content(one.answer, one.impact)
    if one.gives:
        done["content"] = done.get("content", {}) | {media: {} for media in one.gives}
    out = {str(status): done for status in (one.status, *one.also)}
    if "wait" in one.query.model_fields and one.status == 200:
        out["202"] = {**done, "description": "Accepted: the run goes on after the answer"}
    if not one.writes:
        out["304"] = {"description": "What If-None-Match names is still right"}
    out["default"] = {"$ref": "#/components/responses/Problem"}
    return out


def _problem() -> dict[str, Any]:
    codes = "; ".join(f"`{code}` ({meaning.status})" for code, meaning in TABLE.items())
    return {
        "description": f"An error (RFC 9457). Its `code` is one of: {codes}",
        "content": _content(Problem, media="application/problem+json"),
    }
