"""Pictures of entities: add, list, take away, and their bytes."""

from __future__ import annotations

import asyncio
from typing import Any

from protocol.errors import NotFound
from server.domain.actors import Actor
from server.domain.depicting import picture_json
from server.domain.pictures import Image, Picture, Size
from server.propagation import pictures
from server.propagation.project import ProjectOwner

__all__ = ["add_picture", "content", "picture", "picture_page", "remove_picture"]


async def add_picture(
    owner: ProjectOwner, entity_id: str, image: Image, actor: Actor
) -> dict[str, Any]:
    """Make an image the newest picture of an entity; answers it. Raises NotFound."""
    hashes = await asyncio.to_thread(pictures.hashes_of, image)
    async with owner.step(actor) as tx:
        added = pictures.add_picture(tx, entity_id, image, hashes)
        return picture_json(tx, tx.entity(entity_id), added)


async def remove_picture(
    owner: ProjectOwner, entity_id: str, picture_id: str, actor: Actor
) -> dict[str, Any]:
    """Take a picture away; answers the entity's picture from then on. Raises NotFound."""
    async with owner.step(actor) as tx:
        entity = tx.entity(entity_id)
        found = await picture(owner, picture_id)
        if found.entity_id != entity_id:
            raise NotFound(f"{entity_id!r} has no picture {picture_id!r}")
        two, _ = await owner.storage.pictures(owner.project_id, entity_id, 2, None)
        newest = next((one for one in two if one.id != picture_id), None)
        pictures.remove_picture(tx, found, newest)
        return {"picture": newest and picture_json(tx, entity, newest)}


async def picture_page(
    owner: ProjectOwner, entity_id: str, limit: int, cursor: str | None
) -> dict[str, Any]:
    """A page of an entity's pictures, newest first. Raises NotFound."""
    owner.state.entity(entity_id)
    found, following = await owner.storage.pictures(owner.project_id, entity_id, limit, cursor)
    tx, entity = owner.look(), owner.state.entity(entity_id)
    return {
        "items": [picture_json(tx, entity, one) for one in found],
        "next_cursor": following,
    }


async def picture(owner: ProjectOwner, picture_id: str) -> Picture:
    """One picture, without its bytes. Raises NotFound."""
    return await owner.storage.picture(owner.project_id, picture_id)


async def content(owner: ProjectOwner, found: Picture, size: Size) -> bytes:
    """A picture's bytes in one size. Raises NotFound where it was taken away meanwhile."""
    return await owner.storage.blob(found.files[size])
