"""Pictures: added to and taken from an entity, as functions on a transaction.

A picture has no say in how anything looks: no version is cut, and no run follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from server.domain.depicting import parts_of
from server.domain.entities import Entity
from server.domain.ids import new_id
from server.domain.pictures import FULL, Image, Picture
from server.domain.transaction import Transaction
from server.propagation.edits import tell_entity

__all__ = ["add_picture", "hashes_of", "remove_picture"]


def hashes_of(image: Image) -> dict[str, str]:
    """The name of each of an image's files: the SHA-256 of its bytes, in hex."""
    return {size: sha256(data).hexdigest() for size, data in image.files.items()}


def add_picture(
    tx: Transaction, entity_id: str, image: Image, hashes: Mapping[str, str]
) -> Picture:
    """Make an image the newest picture of an entity, made from what it resolves to now. Raises
    NotFound.
    """
    entity = tx.entity(entity_id)
    picture = Picture(
        new_id("pic"),
        entity_id,
        image.width,
        image.height,
        image.media_type,
        dict(hashes),
        parts_of(tx, entity),
        tx.digests(entity_id).visual,
        tx.author.user,
        tx.at,
    )
    tx.add_picture(picture, {hashes[size]: data for size, data in image.files.items()})
    _note(tx, entity, picture, "added")
    return picture


def remove_picture(tx: Transaction, picture: Picture, newest: Picture | None) -> None:
    """Take a picture away; ``newest`` is the one that its entity is left with. Raises NotFound."""
    entity = tx.entity(picture.entity_id)
    tx.remove_picture(picture, newest)
    _note(tx, entity, picture, "removed")


def _note(tx: Transaction, entity: Entity, picture: Picture, action: str) -> None:
    tx.audit(f"picture_{action}", {"picture": picture.id, "sha256": picture.files[FULL]}, entity.id)
    tell_entity(tx, entity, f"picture_{action}", picture_id=picture.id)
