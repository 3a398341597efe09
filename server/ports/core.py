"""The port of the core, as the live side sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from server.domain.actors import Actor
from server.domain.conflicts import Clash
from server.domain.events import Event

__all__ = ["Actor", "OpenProject", "ProjectCore"]


class ProjectCore(Protocol):
    """What a room may ask of its project's owner. Plain methods answer from memory at once."""

    @property
    def project_id(self) -> str: ...

    @property
    def epoch(self) -> str: ...

    @property
    def seq(self) -> int:
        """The position of the last committed event."""
        ...

    @property
    def publishes_automatically(self) -> bool:
        """Whether drafts become versions by themselves; else only by hand."""
        ...

    @property
    def prose_quiet(self) -> float:
        """After how many seconds of quiet prose is published; 0: only by hand."""
        ...

    def has_entity(self, entity_id: str) -> bool: ...

    def draft_changes(self, entity_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of a draft's values that differ from the current version's."""
        ...

    def is_prose(self, entity_id: str, field: str) -> bool: ...

    def change_type(self, entity_id: str, fields: Sequence[str]) -> str:
        """``visual``, ``metadata`` or ``relationship``: what a change to these fields is, for a
        frame.
        """
        ...

    def previewed_in(self, entity_id: str) -> tuple[str, ...]:
        """The dependents that would follow a change of this entity, in dependency order; cached."""
        ...

    async def events_after(self, seq: int) -> Sequence[Event] | None:
        """The committed events after a position, or ``None`` when the stream does not reach back
        that far.
        """
        ...

    async def keep_simultaneous(self, entity_id: str, clashes: Sequence[Clash]) -> None:
        """Keep what two people set at once in a draft, so that the value that did not stay can be
        had back; and what one replaced there by the other, unless a version has it.
        """
        ...

    async def publish_values(self, entity_id: str, fields: Sequence[str], actor: Actor) -> None:
        """Make a version of these discrete fields of the draft, and propagate it; does not wait for
        the run.
        """
        ...

    async def publish_draft(self, entity_id: str, actor: Actor) -> object:
        """Make a version of all that the draft is ahead, and propagate it; does not wait for the
        run.
        """
        ...


OpenProject = Callable[[str], Awaitable[ProjectCore]]
