"""The shapes of what an import answers, for the API's documentation."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from server.web.rest.shapes import Shape

__all__ = ["Imported"]


class NamedEntity(Shape):
    id: str
    name: str


class FoundEntity(NamedEntity):
    """Somebody or something of a draft that the one before did not have."""

    created: bool


class RenamedEntity(Shape):
    id: str
    from_: str = Field(alias="from")
    to: str


class OfferedAsOne(Shape):
    """Two characters that may be one; nothing was merged."""

    a: NamedEntity
    b: NamedEntity
    reason: str


class ScriptScene(Shape):
    id: str
    number: str
    heading: str


class MovedScene(ScriptScene):
    """Its place among the scenes of the draft before, and of this one, from 1."""

    from_: int = Field(alias="from")
    to: int


class RewrittenScene(ScriptScene):
    what: str


class ScriptScenes(Shape):
    added: list[ScriptScene]
    omitted: list[ScriptScene]
    moved: list[MovedScene]
    rewritten: list[RewrittenScene]


class ScriptPeople(Shape):
    added: list[FoundEntity]
    renamed: list[RenamedEntity]
    gone: list[NamedEntity]
    offered: list[OfferedAsOne]


class ScriptLocations(Shape):
    added: list[FoundEntity]
    gone: list[NamedEntity]


class AffectedShot(NamedEntity):
    reason: str


class ImportedScreenplay(Shape):
    """What a draft is against the one before."""

    title: str
    scenes: ScriptScenes
    people: ScriptPeople
    locations: ScriptLocations
    affected_shots: list[AffectedShot]


class Imported(Shape):
    created: int
    updated: int
    unchanged: int
    removed: list[Any]
    skipped: list[dict[str, Any]]
    warnings: list[Any]
    run_id: str | None = None
    screenplay: ImportedScreenplay | None = None
