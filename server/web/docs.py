"""The documentation page: the OpenAPI document as HTML, without a script or another host."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any

from protocol.errors import TABLE
from server.web.openapi import document
from server.web.replies import JSON

__all__ = ["page"]

_METHODS = ("get", "post", "put", "patch", "delete")


@cache
def page() -> str:
    api = document()
    sections: dict[str, list[str]] = {}
    for path, item in api["paths"].items():
        for method in _METHODS:
            if method in item:
                one = item[method]
                sections.setdefault(one["tags"][0], []).append(_operation(path, method, one))
    parts = [f"<h2>{escape(tag.title())}</h2>{''.join(ones)}" for tag, ones in sections.items()]
    parts.append(f"<h2>Errors</h2>{_errors()}<h2>Shapes</h2>{_schemas(api)}")
    return _PAGE.format(
        title=escape(api["info"]["title"]),
        description=escape(api["info"]["description"]),
        body="".join(parts),
    )


def _operation(path: str, method: str, one: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{escape(_type(p['schema']))}{', required' if p['required'] else ''}</td></tr>"
        for p in one.get("parameters", [])
    ]
    body = one.get("requestBody")
    if body:
        rows.append(f"<tr><td>body</td><td></td><td>{_media(body['content'])}</td></tr>")
    for status, response in one["responses"].items():
        if "content" in response:
            shape = _media(response["content"])
            rows.append(f"<tr><td>{escape(status)}</td><td>answer</td><td>{shape}</td></tr>")
    role = f" <small>{escape(one['x-role'])}</small>" if "x-role" in one else ""
    return (
        f'<details id="{escape(one["operationId"])}"><summary><b>{method.upper()}</b> '
        f"<code>{escape(path)}</code> {escape(one['summary'])}{role}</summary>"
        f"<p>{escape(one.get('description', ''))}</p><table>{''.join(rows)}</table></details>"
    )


def _media(content: dict[str, Any]) -> str:
    """What a body can be: the shape of JSON, the media type of all else."""
    return ", ".join(
        _linked(one["schema"]) if media == JSON else escape(media) for media, one in content.items()
    )


def _errors() -> str:
    rows = "".join(
        f'<tr id="problem-{code}"><td><code>{code}</code></td><td>{meaning.status}</td>'
        f"<td>{escape(meaning.title)}</td></tr>"
        for code, meaning in TABLE.items()
    )
    return f"<table>{rows}</table>"


def _schemas(api: dict[str, Any]) -> str:
    parts: list[str] = []
    for name, schema in sorted(api["components"]["schemas"].items()):
        required = schema.get("required", [])
        rows = "".join(
            f"<tr><td><code>{escape(key)}</code></td><td>{_linked(one)}"
            f"{', required' if key in required else ''}</td></tr>"
            for key, one in schema.get("properties", {}).items()
        )
        text = escape(schema.get("description", ""))
        parts.append(
            f'<details id="shape-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
            f"<p>{text}</p><table>{rows}</table></details>"
        )
    return "".join(parts)


def _linked(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if schema.get("type") == "array" and "items" in schema:
        return f"list of {_linked(schema['items'])}"
    if "anyOf" in schema:
        return " or ".join(_linked(one) for one in schema["anyOf"])
    return escape(_type(schema))


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    return str(schema.get("type", "anything"))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: the API</title>
<link rel="stylesheet" href="/api/docs/docs.css">
</head>
<body>
<main>
<h1>{title}: the API</h1>
<p>{description} This page is made of <a href="/api/openapi.json">the OpenAPI document</a>.</p>
{body}
</main>
</body>
</html>
"""
