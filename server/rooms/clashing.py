"""Clashing: what two people set at once in the drafts of a room, on its way into the conflicts."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from protocol.errors import Unavailable
from server.domain.conflicts import Clash
from server.ports import ProjectCore
from server.rooms.settings import RoomSettings
from server.rooms.timers import Cancellable, Timers

__all__ = ["Clashing"]

logger = logging.getLogger(__name__)
_MOST = 1_000
"""So many of one draft wait at most: then they are kept at once."""


class Clashing:
    """Gathers clashes until the fields rest, for who drags a slider sets it sixty times a second,
    and has them kept. What the store does not take is tried again.
    """

    def __init__(self, core: ProjectCore, timers: Timers, settings: RoomSettings) -> None:
        self._core = core
        self._timers = timers
        self._settings = settings
        self._waiting: dict[str, dict[tuple[str, str, str, bool], Clash]] = {}
        self._due: dict[str, Cancellable] = {}
        self._keeping: set[str] = set()

    @property
    def idle(self) -> bool:
        return not (self._waiting or self._keeping)

    def add(self, entity_id: str, clashes: Sequence[Clash]) -> None:
        """Of what one person loses to another in one field, the last counts, seen and unseen."""
        waiting = self._waiting.setdefault(entity_id, {})
        for one in clashes:
            waiting[one.field, one.kept_by, one.lost_by, one.seen] = one
        delay = 0 if len(waiting) > _MOST else self._settings.discrete_rest
        self._arm(entity_id, delay)

    async def flush(self) -> None:
        """Keep at once what waits for its time."""
        for due in self._due.values():
            due.cancel()
        self._due.clear()
        for entity_id in list(self._waiting):
            await self._try_to_keep(entity_id, again=False)

    def stop(self) -> None:
        for due in self._due.values():
            due.cancel()
        self._due.clear()
        self._waiting.clear()

    def _arm(self, entity_id: str, delay: float) -> None:
        if (due := self._due.pop(entity_id, None)) is not None:
            due.cancel()
        self._due[entity_id] = self._timers.call_later(delay, lambda: self._rests(entity_id))

    def _rests(self, entity_id: str) -> None:
        self._due.pop(entity_id, None)
        self._timers.spawn(self._try_to_keep(entity_id))

    async def _try_to_keep(self, entity_id: str, again: bool = True) -> None:
        waiting = self._waiting.pop(entity_id, None)
        if not waiting:
            return
        self._keeping.add(entity_id)
        try:
            await self._core.keep_simultaneous(entity_id, list(waiting.values()))
        except Unavailable as error:
            logger.warning(
                "What was set at once in %r is not kept yet: %s", entity_id, error.detail
            )
            self._waiting[entity_id] = {**waiting, **self._waiting.get(entity_id, {})}
            if again:
                self._arm(entity_id, self._settings.retry_longest)
        except Exception:
            logger.exception("What was set at once in %r could not be kept", entity_id)
        finally:
            self._keeping.discard(entity_id)
