"""A few words as a page of their own, where the built page cannot or need not say them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from starlette.responses import HTMLResponse

__all__ = ["note"]

_NOTE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Ripplecut</title>
<link rel="stylesheet" href="/api/docs/docs.css">
</head>
<body><main><h1>{title}</h1><p>{text}</p>{way}</main></body>
</html>
"""
_WAY = '<p><a href="/">All projects</a></p>'


def note(
    title: str,
    text: str,
    status: int,
    headers: Mapping[str, str] | None = None,
    *,
    way_on: bool = False,
) -> HTMLResponse:
    """The note; ``way_on`` adds a link to the project list."""
    shown = _NOTE.format(title=escape(title), text=escape(text), way=_WAY if way_on else "")
    return HTMLResponse(shown, status, headers)
