"""From a draft to its previews and versions: what is told, and what publishes by itself."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from protocol.errors import RipplecutError
from server.domain.events import MAX_IDS_PER_FRAME
from server.ports import Actor, ProjectCore
from server.rooms.settings import RoomSettings
from server.rooms.timers import Cancellable, Throttle, Timers

__all__ = ["Editor", "Publishing"]

logger = logging.getLogger(__name__)
_MISSING = object()
Chunk = tuple[tuple[str, ...], frozenset[str]]
"""Ids for one frame, and whom that frame concerns."""


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edited last, and how they hear that something of it cannot be published."""

    user: str
    complain: Callable[[RipplecutError], None]


@dataclass(slots=True)
class _Draft:
    """What is known of one entity's draft: what was told of it, and what waits to be published."""

    throttle: Throttle
    told: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    editor: Editor | None = None
    resting: set[str] = field(default_factory=set)
    discrete_due: Cancellable | None = None
    prose_due: Cancellable | None = None
    publishing: bool = False
    chunks: tuple[tuple[str, ...], list[Chunk]] | None = None

    @property
    def idle(self) -> bool:
        return self.throttle.idle and not (self.discrete_due or self.prose_due or self.publishing)

    def chunks_of(self, entity_id: str, affected: tuple[str, ...]) -> list[Chunk]:
        """The affected ids as they fit in frames, at least one; kept while they stay the same."""
        if self.chunks is None or self.chunks[0] is not affected:
            starts = range(0, max(len(affected), 1), MAX_IDS_PER_FRAME)
            pieces = [affected[start : start + MAX_IDS_PER_FRAME] for start in starts]
            self.chunks = (affected, [(piece, frozenset(piece) | {entity_id}) for piece in pieces])
        return self.chunks[1]


class Publishing:
    """The drafts of a room. Times come from ``timers``.

    ``values`` reads an entity's draft (``None``: not loaded); ``tell`` takes a frame and whom it
    concerns.
    """

    def __init__(
        self,
        core: ProjectCore,
        timers: Timers,
        settings: RoomSettings,
        *,
        values: Callable[[str], dict[str, Any] | None],
        tell: Callable[[Mapping[str, Any], frozenset[str]], None],
    ) -> None:
        self._core = core
        self._timers = timers
        self._settings = settings
        self._values = values
        self._tell = tell
        self._drafts: dict[str, _Draft] = {}

    def changed(self, entity_id: str, editor: Editor | None) -> None:
        """A draft was merged into, by somebody or (``None``) by the server."""
        draft = self._drafts.get(entity_id)
        if draft is None:
            throttle = Throttle(
                self._timers, self._settings.draft_interval, lambda: self._look(entity_id)
            )
            draft = self._drafts[entity_id] = _Draft(throttle)
        if editor is not None:
            draft.editor = editor
        draft.throttle.touch()

    def idle(self, entity_id: str) -> bool:
        draft = self._drafts.get(entity_id)
        return draft is None or draft.idle

    def forget(self, entity_id: str) -> None:
        draft = self._drafts.pop(entity_id, None)
        if draft is not None:
            draft.throttle.cancel()
            _cancel(draft.discrete_due, draft.prose_due)

    def stop(self) -> None:
        for entity_id in list(self._drafts):
            self.forget(entity_id)

    def _look(self, entity_id: str) -> None:
        draft = self._drafts[entity_id]
        values = self._values(entity_id)
        if values is None or not self._core.has_entity(entity_id):
            return
        changes = self._core.draft_changes(entity_id, values)
        self._preview(entity_id, draft, changes, values)
        moved = {name for name, value in changes.items() if draft.seen.get(name, _MISSING) != value}
        draft.seen = dict(changes)
        if draft.editor is None or not self._core.publishes_automatically:
            return
        prose = {name for name in moved if self._core.is_prose(entity_id, name)}
        if discrete := moved - prose:
            draft.resting |= discrete
            self._arm_discrete(entity_id, draft)
        if prose and (quiet := self._core.prose_quiet) > 0:
            _cancel(draft.prose_due)
            draft.prose_due = self._timers.call_later(quiet, lambda: self._prose_rests(entity_id))

    def _preview(
        self, entity_id: str, draft: _Draft, changes: Mapping[str, Any], values: Mapping[str, Any]
    ) -> None:
        """Tell the values that changed since they were told, also those that changed back."""
        fresh = {
            name: value
            for name, value in changes.items()
            if draft.told.get(name, _MISSING) != value
        }
        back = {
            name: values.get(name)
            for name, told in draft.told.items()
            if name not in changes and told != values.get(name)
        }
        draft.told = dict(changes)
        announced = {**fresh, **back}
        if not announced:
            return
        affected = self._core.previewed_in(entity_id)
        frame = {
            "type": "asset_update",
            "stage": "draft",
            "asset_id": entity_id,
            "change_type": self._core.change_type(entity_id, list(announced)),
            "values": announced,
            "affected_count": len(affected),
            "timestamp": datetime.now(UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
        }
        for ids, concerns in draft.chunks_of(entity_id, affected):
            self._tell({**frame, "affected_entities": ids}, concerns)

    def _arm_discrete(self, entity_id: str, draft: _Draft) -> None:
        _cancel(draft.discrete_due)
        draft.discrete_due = self._timers.call_later(
            self._settings.discrete_rest, lambda: self._discrete_rests(entity_id)
        )

    def _discrete_rests(self, entity_id: str) -> None:
        draft = self._drafts[entity_id]
        draft.discrete_due = None
        if draft.publishing:
            self._arm_discrete(entity_id, draft)
            return
        resting, draft.resting = draft.resting, set()
        fields = sorted(resting & self._ahead(entity_id))
        if fields and draft.editor is not None:
            actor = Actor(draft.editor.user, "page")
            self._publish(draft, draft.editor, self._core.publish_values(entity_id, fields, actor))

    def _prose_rests(self, entity_id: str) -> None:
        draft = self._drafts[entity_id]
        draft.prose_due = None
        if draft.publishing:
            draft.prose_due = self._timers.call_later(
                self._settings.discrete_rest, lambda: self._prose_rests(entity_id)
            )
            return
        # Somebody may have published it by hand meanwhile.
        ahead = any(self._core.is_prose(entity_id, name) for name in self._ahead(entity_id))
        if ahead and draft.editor is not None:
            actor = Actor(draft.editor.user, "page")
            self._publish(draft, draft.editor, self._core.publish_draft(entity_id, actor))

    def _ahead(self, entity_id: str) -> set[str]:
        values = self._values(entity_id)
        if values is None or not self._core.has_entity(entity_id):
            return set()
        return set(self._core.draft_changes(entity_id, values))

    def _publish(self, draft: _Draft, editor: Editor, publication: Awaitable[object]) -> None:
        draft.publishing = True
        self._timers.spawn(self._publishing(draft, editor, publication))

    async def _publishing(
        self, draft: _Draft, editor: Editor, publication: Awaitable[object]
    ) -> None:
        try:
            await publication
        except RipplecutError as error:
            # The draft stays as it is; who typed it can mend it.
            editor.complain(error)
        finally:
            draft.publishing = False


def _cancel(*timers: Cancellable | None) -> None:
    for timer in timers:
        if timer is not None:
            timer.cancel()
