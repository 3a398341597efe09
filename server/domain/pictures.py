"""Pictures: images that people hang on an entity. The nouns; ``depicting`` says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["FULL", "THUMBNAILS", "Image", "Part", "Picture", "Size"]

Size = Literal["320", "640", "full"]
"""What a picture is kept in: two thumbnails, named by their width in pixels, and whole."""
FULL: Size = "full"
THUMBNAILS: tuple[Size, ...] = ("320", "640")


class Image(NamedTuple):
    """An image that has been checked and encoded afresh; ``files`` holds its bytes by size."""

    width: int
    height: int
    media_type: str
    files: Mapping[str, bytes]


class Part(NamedTuple):
    """One thing that an entity resolves to: in which place, at which version, and its own look.

    The place is the role of the reference; that of a shot or scene in a sequence is its order.
    """

    source: str
    place: str
    version: int
    look: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of an entity, without its bytes: ``files`` names those by size, as SHA-256 in hex.

    ``parts`` is what it was made from, the entity itself first, then nearest first; ``visual`` is
    the entity's ``visual_hash`` of then.
    """

    id: str
    entity_id: str
    width: int
    height: int
    media_type: str
    files: Mapping[str, str]
    parts: tuple[Part, ...]
    visual: bytes
    author: str
    created_at: str

    @property
    def versions(self) -> dict[str, int]:
        """The version of everything that it shows; where there were several, the nearest one."""
        versions: dict[str, int] = {}
        for part in self.parts:
            versions.setdefault(part.source, part.version)
        return versions
