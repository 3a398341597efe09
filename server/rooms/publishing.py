"""From a draft to its previews and versions: what is told, and what publishes by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from protocol.errors import RipplecutError, Unavailable
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
    """Who edited last, how they hear that something of it cannot be published, and their role."""

    user: str
    complain: Callable[[RipplecutError], None]
    role: str = ""


_NOBODY = Editor("system", lambda _: None)
"""Whose edit it was is not known any more: the server was restarted since."""


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
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    retry_after: float | None = None
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

    def editor(self, entity_id: str) -> str:
        """Who changed a draft last; empty where nobody knows."""
        draft = self._drafts.get(entity_id)
        return "" if draft is None or draft.editor in (None, _NOBODY) else draft.editor.user

    def opened(self, entity_id: str) -> None:
        """A draft was loaded: what it is ahead since an earlier time is published now."""
        if self._publishable(entity_id):
            known = self._drafts.get(entity_id)
            self.changed(entity_id, known.editor if known and known.editor else _NOBODY)

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

    async def flush(self) -> None:
        """Publish at once what waits for its time; what cannot be published is logged."""
        for entity_id, draft in list(self._drafts.items()):
            try:
                await self._flush(entity_id, draft)
            except Exception as error:
                logger.error("%r could not be published before the end: %s", entity_id, error)

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
            self._arm_prose(entity_id, draft, quiet)

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

    def _arm_discrete(self, entity_id: str, draft: _Draft, delay: float | None = None) -> None:
        _cancel(draft.discrete_due)
        draft.discrete_due = self._timers.call_later(
            self._settings.discrete_rest if delay is None else delay,
            lambda: self._discrete_rests(entity_id),
        )

    def _arm_prose(self, entity_id: str, draft: _Draft, delay: float) -> None:
        _cancel(draft.prose_due)
        draft.prose_due = self._timers.call_later(delay, lambda: self._prose_rests(entity_id))

    def _discrete_rests(self, entity_id: str) -> None:
        draft = self._drafts[entity_id]
        draft.discrete_due = None
        if draft.publishing:
            self._arm_discrete(entity_id, draft)
            return
        resting, draft.resting = draft.resting, set()
        if fields := resting & self._publishable(entity_id):
            self._publish(entity_id, draft, fields)

    def _prose_rests(self, entity_id: str) -> None:
        draft = self._drafts[entity_id]
        draft.prose_due = None
        if draft.publishing:
            self._arm_prose(entity_id, draft, self._settings.discrete_rest)
        elif self._holds_prose(entity_id, self._publishable(entity_id)):
            self._publish(entity_id, draft, None)

    def _holds_prose(self, entity_id: str, fields: set[str]) -> bool:
        return any(self._core.is_prose(entity_id, name) for name in fields)

    def _publishable(self, entity_id: str) -> set[str]:
        """What the draft is ahead now: somebody may have published it by hand, or told the project
        to publish by hand only.
        """
        return self._ahead(entity_id) if self._core.publishes_automatically else set()

    def _ahead(self, entity_id: str) -> set[str]:
        values = self._values(entity_id)
        if values is None or not self._core.has_entity(entity_id):
            return set()
        return set(self._core.draft_changes(entity_id, values))

    def _publish(self, entity_id: str, draft: _Draft, fields: set[str] | None) -> None:
        draft.publishing = True
        draft.finished.clear()
        self._timers.spawn(self._try_to_publish(entity_id, draft, fields))

    async def _try_to_publish(self, entity_id: str, draft: _Draft, fields: set[str] | None) -> None:
        editor = draft.editor or _NOBODY
        try:
            await self._submit(entity_id, editor, fields)
        except Unavailable as error:
            logger.warning("%r could not be published: %s", entity_id, error.detail)
            self._retry(entity_id, draft, fields)
        except RipplecutError as error:
            # The draft stays as it is; who typed it can mend it.
            editor.complain(error)
        except Exception:
            logger.exception("%r could not be published", entity_id)
            if draft.retry_after is None:
                sorry = "Something went wrong on our side while publishing; it is tried again"
                editor.complain(RipplecutError(sorry))
            self._retry(entity_id, draft, fields)
        else:
            draft.retry_after = None
        finally:
            draft.publishing = False
            draft.finished.set()

    async def _submit(self, entity_id: str, editor: Editor, fields: set[str] | None) -> None:
        actor = Actor(editor.user, "page", editor.role)
        if fields is None:
            await self._core.publish_draft(entity_id, actor)
        else:
            await self._core.publish_values(entity_id, sorted(fields), actor)

    def _retry(self, entity_id: str, draft: _Draft, fields: set[str] | None) -> None:
        if self._drafts.get(entity_id) is not draft:
            return
        delay = draft.retry_after or self._settings.retry_first
        draft.retry_after = min(2 * delay, self._settings.retry_longest)
        if fields is None:
            # Who types on sets the clock anew anyway.
            if draft.prose_due is None:
                self._arm_prose(entity_id, draft, delay)
            return
        draft.resting |= fields
        if draft.discrete_due is None:
            self._arm_discrete(entity_id, draft, delay)

    async def _flush(self, entity_id: str, draft: _Draft) -> None:
        if not draft.throttle.idle:
            draft.throttle.cancel()
            self._look(entity_id)
        if draft.publishing:
            await draft.finished.wait()
        prose, resting = draft.prose_due is not None, draft.resting
        _cancel(draft.discrete_due, draft.prose_due)
        draft.discrete_due = draft.prose_due = None
        draft.resting = set()
        ahead = self._publishable(entity_id)
        editor = draft.editor or _NOBODY
        if prose and self._holds_prose(entity_id, ahead):
            await self._submit(entity_id, editor, None)
        elif fields := resting & ahead:
            await self._submit(entity_id, editor, fields)


def _cancel(*timers: Cancellable | None) -> None:
    for timer in timers:
        if timer is not None:
            timer.cancel()
