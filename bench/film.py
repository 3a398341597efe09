"""A generated film: a style in every shot, scenes of seven shots that share a place and a cast.

It is made with the library, entity by entity, as a program would that keeps a production here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from server import AssetPropagationSystem
from server.domain.actors import Actor
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.services.entities import create_entities
from server.services.rules import remove_rule

__all__ = ["STYLE", "make_film"]

STYLE = "noir"
"""The style that every shot uses: a change of it reaches all of them."""
CAST = 60
PER_SCENE = 7
_ACTOR = Actor("bench", "library")
_AT_ONCE = 500


def make_film(database: Path, project_id: str, shots: int, per_sequence: int) -> None:
    """Add a project of so many shots with seven references each, and their sequences."""
    asyncio.run(_make(database, project_id, shots, per_sequence))


async def _make(database: Path, project_id: str, shots: int, per_sequence: int) -> None:
    async with AssetPropagationSystem(project_id, database) as system:
        owner = await system.owner()
        await remove_rule(owner, "wide-style-asks", _ACTOR)  # here it follows, however wide
        await create_entities(owner, list(_assets()), _ACTOR)
        for begin in range(0, shots, _AT_ONCE):
            some = [_shot(number) for number in range(begin, min(shots, begin + _AT_ONCE))]
            await create_entities(owner, some, _ACTOR)
        for begin in range(0, shots, per_sequence * 10):
            firsts = range(begin, min(shots, begin + per_sequence * 10), per_sequence)
            some = [_sequence(first, min(shots, first + per_sequence)) for first in firsts]
            await create_entities(owner, some, _ACTOR)


def _assets() -> Iterator[NewEntity]:
    yield NewEntity("style", "Noir", {"description": "Hard light, wet streets."}, STYLE)
    for kind in ("character", "wardrobe", "prop", "location"):
        for number in range(CAST):
            text = f"{kind.capitalize()} {number}, as described."
            yield NewEntity(kind, f"{kind} {number}", {"description": text}, f"{kind}-{number:03d}")


def _shot(number: int) -> NewEntity:
    scene = number // PER_SCENE
    one, other = scene % CAST, (scene * 7 + scene // CAST + 1) % CAST
    other = other if other != one else (other + 1) % CAST
    uses = [
        STYLE,
        f"location-{(scene * 11 + scene // CAST) % CAST:03d}",
        *(f"{kind}-{who:03d}" for kind in ("character", "wardrobe") for who in (one, other)),
        f"prop-{(scene * 13 + scene // 7) % CAST:03d}",
    ]
    fields = {"description": f"Shot {number}.", "framing": "wide"}
    references = [NewReference(one) for one in uses]
    return NewEntity("shot", f"Shot {number}", fields, f"shot-{number:06d}", references=references)


def _sequence(first: int, end: int) -> NewEntity:
    references = [NewReference(f"shot-{number:06d}") for number in range(first, end)]
    return NewEntity("sequence", f"From {first}", {}, f"seq-{first:06d}", references=references)
