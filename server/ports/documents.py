"""The port of documents at rest."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["DocumentStore", "StoredDocument"]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document at rest: its base state and the updates that were committed after it, in order."""

    state: bytes
    updates: Sequence[bytes]


class DocumentStore(Protocol):
    """Where documents rest. Updates of one document are kept in the order of the calls."""

    async def load_document(self, project_id: str, entity_id: str) -> StoredDocument:
        """The document of an entity; raises NotFound where the entity was never created."""
        ...

    def append_update(self, project_id: str, entity_id: str, update: bytes) -> Awaitable[None]:
        """Queue an update at once, in the order of the calls; awaiting the result means that it is
        durable.

        Raises Unavailable when it could not be committed; then nothing of it was kept.
        """
        ...

    async def compact_document(
        self, project_id: str, entity_id: str, state: bytes, count: int
    ) -> None:
        """Make ``state`` a document's base, and drop its first ``count`` updates: it holds them."""
        ...
