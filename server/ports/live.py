"""The ports of the live side, as the core sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from server.domain.events import Event

__all__ = ["Drafts", "LiveProject"]


class Drafts(Protocol):
    """The live side as the core sees it: what is being typed, and who looks at what."""

    async def draft_state(self, project_id: str, entity_id: str) -> bytes:
        """The encoded state of an entity's draft as it is this moment, loaded or not."""
        ...

    def editor(self, project_id: str, entity_id: str) -> str:
        """Who typed last in an entity's draft, as far as it is loaded; empty where nobody knows."""
        ...

    def merge_committed(self, project_id: str, entity_id: str, update: bytes) -> None:
        """Merge a committed, server-authored update into the draft if it is loaded, and fan it
        out.
        """
        ...

    def viewed(self, project_id: str) -> frozenset[str]:
        """The entities that somebody has on screen right now."""
        ...

    def viewed_since(self, project_id: str, version: int) -> tuple[int, Iterable[str]]:
        """The version of what is on people's screens, which is another one after every change, and
        what came onto one since ``version`` (0: ever) and still is there, in that order.

        Where nothing changed this costs a comparison.
        """
        ...


class LiveProject(Protocol):
    """Where a project's events and ephemeral frames go after their commit."""

    def publish(self, project_id: str, events: Sequence[Event]) -> None:
        """Fan durable events out, in order; never blocks."""
        ...

    def tell(
        self, project_id: str, frame: Mapping[str, Any], concerns: frozenset[str] | None
    ) -> None:
        """Fan an ephemeral frame out to whoever subscribes to one of ``concerns`` (``None``:
        everybody).
        """
        ...
