"""Mara and her coat: the film on which rolling back is tried."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from server.domain.actors import Actor
from server.propagation.project import ProjectOwner
from server.system import AssetPropagationSystem

__all__ = ["ME", "fields_of", "film", "hashes"]

ME = Actor("mara", "test")


@asynccontextmanager
async def film() -> AsyncIterator[tuple[AssetPropagationSystem, ProjectOwner]]:
    """Mara wears a coat, two shots show both; a sequence holds them."""
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        before = {"description": "Tall", "age": 30, "hair": "#111111"}
        await system.create_entity("character", "Mara", before, id="mara")
        uses = [{"source": "mara"}]
        coat = {"colour": "#111111"}
        await system.create_entity("wardrobe", "Coat", coat, id="coat", references=uses)
        await system.create_entity("sequence", "One", id="seq1")
        for shot in ("sh1", "sh2"):
            uses = [{"source": "mara"}, {"source": "coat"}]
            await system.create_entity("shot", shot, id=shot, references=uses)
            await system.add_reference(shot, "seq1")
        yield system, owner


async def hashes(system: AssetPropagationSystem, *ids: str) -> list[str]:
    return [(await system.get_entity(id_))["hash"] for id_ in ids]


def fields_of(conflicts: Sequence[Any]) -> list[str]:
    return [one["field"] for one in conflicts]
