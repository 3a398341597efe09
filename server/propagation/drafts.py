"""StoredDrafts and Silence: the live side where there is none, as in library use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from server.domain.drafts import merge_states
from server.domain.events import Event
from server.ports import DocumentStore

__all__ = ["Silence", "StoredDrafts"]


class StoredDrafts:
    """Drafts that nobody has open: read from the store each time. Implements ``ports.Drafts``."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def draft_state(self, project_id: str, entity_id: str) -> bytes:
        stored = await self._store.load_document(project_id, entity_id)
        if not stored.updates:
            return stored.state
        return merge_states((stored.state, *stored.updates))

    def editor(self, project_id: str, entity_id: str) -> str:
        return ""

    def merge_committed(self, project_id: str, entity_id: str, update: bytes) -> None:
        """Nothing is loaded, so there is nothing to merge into."""

    def viewed(self, project_id: str) -> frozenset[str]:
        return frozenset()

    def viewed_since(self, project_id: str, version: int) -> tuple[int, Iterable[str]]:
        return 0, ()


class Silence:
    """Nobody listens. Implements ``ports.LiveProject``."""

    def publish(self, project_id: str, events: Sequence[Event]) -> None:
        """Nobody is there to hear it; the events are in the store."""

    def tell(
        self, project_id: str, frame: Mapping[str, Any], concerns: frozenset[str] | None
    ) -> None:
        """Nobody is there to hear it."""
