"""Old updates of a document become one state, so that loading it stays quick."""

from __future__ import annotations

import logging
from collections.abc import Callable

from server.ports import DocumentStore
from server.rooms.stored import open_stored
from server.rooms.timers import Timers

__all__ = ["Compaction"]

logger = logging.getLogger(__name__)


class Compaction:
    """Compacts documents of one project in the background, each one at a time.

    It works on what is at rest, not on the live document: only there is it certain which updates
    the new state holds.
    """

    def __init__(self, project_id: str, store: DocumentStore, timers: Timers) -> None:
        self._project_id = project_id
        self._store = store
        self._timers = timers
        self._busy: set[str] = set()

    @property
    def idle(self) -> bool:
        return not self._busy

    def start(self, entity_id: str, done: Callable[[int], None] = lambda _: None) -> None:
        """``done`` is told how many bytes the new state has, once it is durable."""
        # Two at once would each drop the first updates, and the second those that came meanwhile.
        if entity_id not in self._busy:
            self._busy.add(entity_id)
            self._timers.spawn(self._compact(entity_id, done))

    async def _compact(self, entity_id: str, done: Callable[[int], None]) -> None:
        try:
            stored = await self._store.load_document(self._project_id, entity_id)
            if not stored.updates:
                return
            opened = await open_stored(stored)
            # A state does not hold what waits, and what was left out may be mended by hand.
            if opened.waiting or opened.skipped:
                return
            state = opened.doc.get_update()
            await self._store.compact_document(
                self._project_id, entity_id, state, len(stored.updates)
            )
            done(len(state))
        except Exception as error:
            logger.warning("The document of %r stays as it is: %s", entity_id, error)
        finally:
            self._busy.discard(entity_id)
