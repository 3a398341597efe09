"""The Night Line: three sequences, six scenes, 24 shots and 12 assets, written for Ripplecut."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson

from protocol.errors import NotFound
from server.domain.actors import Actor
from server.formats.json import import_project
from server.propagation.project import ProjectOwner
from server.services.projects import Projects

__all__ = ["DEMO_ID", "load_demo", "production"]

DEMO_ID = "the-night-line"
_TITLE = "The Night Line"


def production() -> dict[str, Any]:
    """The film in the mission's project JSON."""
    text = (files(__package__) / "production.json").read_bytes()
    data: dict[str, Any] = orjson.loads(text)
    return data


async def load_demo(projects: Projects, actor: Actor) -> ProjectOwner:
    """The demo project; made where it is not there yet, and else left as people have made it."""
    try:
        owner = await projects.open(DEMO_ID)
    except NotFound:
        owner = await projects.create(_TITLE, DEMO_ID, actor)
    if not owner.state.entities and not owner.state.deleted:
        await import_project(owner, production(), actor)
    return owner
