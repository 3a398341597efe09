"""The Night Line, a short film written for Ripplecut: fourteen scenes, 120 shots and 35 assets.

Its scenes come from its screenplay, as in any production: the cast and the places are there first,
so that the import finds them by their names; the shots hang on the scenes that it made.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Literal

import orjson

from protocol.errors import NotFound
from server.domain.actors import Actor
from server.formats.fountain import import_screenplay, read_fountain
from server.formats.json import import_project
from server.propagation.project import ProjectOwner
from server.services.projects import Projects

__all__ = ["DEMO_ID", "load_demo", "production", "screenplay"]

DEMO_ID = "the-night-line"
_TITLE = "The Night Line"
_ON_SCENES = frozenset({"sequences", "shots"})


def production() -> dict[str, Any]:
    """All of the film but its scenes, in the mission's project JSON."""
    data: dict[str, Any] = orjson.loads((files(__package__) / "production.json").read_bytes())
    return data


def screenplay(draft: Literal[1, 2]) -> bytes:
    """A draft of the film's screenplay, in Fountain. The demo is made from the first."""
    return (files(__package__) / f"the_night_line_draft_{draft}.fountain").read_bytes()


async def load_demo(projects: Projects, actor: Actor) -> ProjectOwner:
    """The demo project; made where it is not there yet, and else left as people have made it.

    Returns when all that loading set off has come to its end. A loading that was cut short between
    two of its steps is completed.
    """
    try:
        owner = await projects.open(DEMO_ID)
    except NotFound:
        owner = await projects.create(_TITLE, DEMO_ID, actor)
    state = owner.state
    if not state.deleted and not any(state.category(one) == "shot" for one in state.entities):
        film = production()
        assets = {key: value for key, value in film.items() if key not in _ON_SCENES}
        await import_project(owner, assets, actor)
        await import_screenplay(owner, await read_fountain(screenplay(1)), actor)
        shots = await import_project(owner, {key: film[key] for key in _ON_SCENES}, actor)
        if shots["run_id"] is not None:
            await owner.engine.wait(shots["run_id"], None)
    return owner
