"""Old updates of a document become one state, so that loading it stays quick."""

from __future__ import annotations

import logging
from collections.abc import Callable

from server.ports import DocumentStore
from server.rooms.settings import RoomSettings
from server.rooms.stored import encode_stored, open_stored
from server.rooms.timers import Timers

__all__ = ["Compaction"]

logger = logging.getLogger(__name__)


class Compaction:
    """Compacts documents in the background, each one at a time.

    It works on what is at rest, not on the live document: only there is it certain which updates
    the new state holds.
    """

    def __init__(self, store: DocumentStore, timers: Timers, settings: RoomSettings) -> None:
        self._store = store
        self._timers = timers
        self._settings = settings
        self._busy: set[tuple[str, str]] = set()

    def start(
        self, project_id: str, entity_id: str, done: Callable[[int], None] = lambda _: None
    ) -> None:
        """``done`` is told how many bytes the new state has, once it is durable."""
        # Two at once would each drop the first updates, and the second those that came meanwhile.
        if (project_id, entity_id) not in self._busy:
            self._busy.add((project_id, entity_id))
            self._timers.spawn(self._compact(project_id, entity_id, done))

    async def state_at_rest(self, project_id: str, entity_id: str) -> bytes:
        """The state of a document that nobody has open. What only programs change is never put
        away, so it is compacted from here, where its log has become long.
        """
        stored = await self._store.load_document(project_id, entity_id)
        state = await encode_stored(stored)
        if len(stored.updates) >= self._settings.least_at_rest(len(stored.state)):
            self.start(project_id, entity_id)
        return state

    async def _compact(self, project_id: str, entity_id: str, done: Callable[[int], None]) -> None:
        try:
            stored = await self._store.load_document(project_id, entity_id)
            if not stored.updates:
                return
            opened = await open_stored(stored)
            # A state does not hold what waits, and what was left out may be mended by hand.
            if opened.waiting or opened.skipped:
                return
            state = opened.doc.get_update()
            await self._store.compact_document(project_id, entity_id, state, len(stored.updates))
            done(len(state))
        except Exception as error:
            logger.warning("The document of %r stays as it is: %s", entity_id, error)
        finally:
            self._busy.discard((project_id, entity_id))
