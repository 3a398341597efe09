"""Telling: what a screenplay's import did, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["told"]


def told(report: Mapping[str, Any] | None) -> Iterator[str]:
    """The lists of a report, each under its name; nothing for what has no screenplay."""
    if report is None:
        return
    if report["title"]:
        yield report["title"]
    scenes, people, places = report["scenes"], report["people"], report["locations"]
    yield from _list("Scenes added", map(_scene, scenes["added"]))
    yield from _list("Scenes omitted", map(_scene, scenes["omitted"]))
    yield from _list(
        "Scenes moved",
        (f"{_scene(one)}: from {one['from']} to {one['to']}" for one in scenes["moved"]),
    )
    yield from _list(
        "Scenes rewritten", (f"{_scene(one)}: {one['what']}" for one in scenes["rewritten"])
    )
    yield from _list("People added", map(_named, people["added"]))
    yield from _list(
        "People renamed",
        (f"{one['from']} is now {one['to']} ({one['id']})" for one in people["renamed"]),
    )
    yield from _list("People who no longer speak", map(_named, people["gone"]))
    yield from _list(
        "People who may be one",
        (f"{_named(one['a'])}, {_named(one['b'])}: {one['reason']}" for one in people["offered"]),
    )
    yield from _list("Locations added", map(_named, places["added"]))
    yield from _list("Locations no longer used", map(_named, places["gone"]))
    shots = report["affected_shots"]
    yield from _list("Shots to look at", (f"{_named(one)}: {one['reason']}" for one in shots))


def _list(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"{title} ({len(found)})"
        yield from (f"  {line}" for line in found)


def _scene(one: Mapping[str, Any]) -> str:
    return f"{one['number']} {one['heading']} ({one['id']})"


def _named(one: Mapping[str, Any]) -> str:
    return f"{one['name']} ({one['id']})"
