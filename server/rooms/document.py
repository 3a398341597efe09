"""The live CRDT document of one entity: the only place that applies foreign updates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, assert_never

from pycrdt import Doc, Map, Subscription, TransactionEvent

from protocol.errors import Invalid, Malformed, NotFound, TooLarge, Unavailable
from protocol.update_scan import UpdateScan
from protocol.ysync import EMPTY_STATE_VECTOR, EMPTY_UPDATE, check_state_vector
from server.domain.conflicts import Clash
from server.domain.drafts import fields_of
from server.ports import StoredDocument
from server.rooms.chart import Chart
from server.rooms.crdt import (
    is_failure,
    is_panic,
    known,
    merge_in_chunks,
    scan_at_once,
    scan_foreign,
)
from server.rooms.draft_state import DraftState, Draining, Gone, Loading, Ready
from server.rooms.stored import open_stored
from server.rooms.tally import Tally, is_dear

__all__ = ["DraftDocument", "Spoilt"]

logger = logging.getLogger(__name__)

_STOPPING = "The server is stopping"


class Spoilt(Invalid):
    """The CRDT failed on an update, and what waited for it may be to blame: in the document as it
    is loaded anew nothing waits, and the update can be tried once more.
    """


class DraftDocument:
    """One entity's draft in memory.

    ``ready`` must have been awaited (in the same step of the loop) before anything else is called;
    otherwise the other methods raise Unavailable.
    """

    def __init__(self, load: Callable[[], Awaitable[StoredDocument]], *, limit: int) -> None:
        self._load = load
        self._limit = limit
        self._merged: list[bytes] = []
        self._waiting = False
        self._probe: tuple[int, Doc[Any]] | None = None
        self._watched: tuple[Doc[Any], Subscription] | None = None
        self._distrust = False
        self._counting = asyncio.Lock()
        self._charting = asyncio.Lock()
        self._chart = Chart(self._field)
        self._written = 0
        self.clashes: list[Clash] = []
        self._late: list[bytes] = []
        self._state: DraftState | None = None

    @property
    def state(self) -> DraftState | None:
        """``None`` until somebody asks for it."""
        return self._state

    @property
    def generation(self) -> int:
        return self._ready().generation

    async def ready(self) -> None:
        """Load unless that is done; raises NotFound or Unavailable where that fails."""
        while True:
            match self._state:
                case Ready():
                    return
                case Gone(reason):
                    raise Unavailable(reason)
                case Draining():
                    raise Unavailable(_STOPPING)
                case None:
                    self._reload()
                case Loading(task):
                    # Not awaited itself: one waiter that is cancelled must not take the load away
                    # from the others, and a load that is given up is no cancellation of theirs.
                    await asyncio.wait([task])
                    if task.cancelled():
                        raise Unavailable(_STOPPING)
                    task.result()
                case other:
                    assert_never(other)

    def drain(self) -> None:
        """Take nothing more; to be unloaded once all of it is durable."""
        match self._state:
            case Ready() as loaded:
                self._state = Draining(loaded)
            case Loading(task):
                self._state = Gone(_STOPPING)
                task.cancel()
            case Draining() | Gone() | None:
                return
            case other:
                assert_never(other)

    async def counted(self, scan: UpdateScan) -> None:
        """Count what is dear to merge, beside the loop, where it is not known that this still fits;
        once for each state of the document.
        """
        async with self._counting:
            await self.ready()
            ready = self._ready()
            before = ready.tally
            if before.admits(scan) or (
                before.whole and (self._waiting or ready.counted == ready.generation)
            ):
                # What waits is not in the encoded state, but can come in at any time.
                return
            known_before = before.copy()
            generation = ready.generation
            found = Tally.of(await scan_foreign(self.encoded()))
            # What came meanwhile is not in it.
            found.add_since(before, known_before)
            ready.tally, ready.counted = found, generation

    async def charted(self) -> None:
        """Know which operations set the fields, beside the loop; it is read once, and from then on
        kept by ``apply``. To be called before an update that sets any.
        """
        async with self._charting:
            while self._chart.wanted:
                await self.ready()
                ready, written = self._ready(), self._written
                scan = await scan_foreign(self.encoded())
                if self._state is ready and self._written == written:
                    self._chart.draw(scan.settings)

    def unload(self) -> None:
        self._state = Gone("The document was unloaded")
        self._probe = None
        self._watch(None)

    def apply(self, update: bytes, scan: UpdateScan | None = None, by: str = "") -> bytes | None:
        """Merge a foreign update; returns what the others lack, ``None`` where nothing is new. What
        it sets at once with somebody else is put to ``clashes``.

        That is the update itself, together with what waited for it; one that itself waits for
        another counts as new. Raises Invalid for an update that cannot be read, TooLarge for one
        that would take the document over its bound, Spoilt for one to be tried again; then the
        document is unchanged (after a failure inside the CRDT: being loaded anew).
        """
        ready = self._ready()
        if update == EMPTY_UPDATE:
            return None
        scan = scan or scan_at_once(update)
        self._admit(ready, scan)
        self._make_room(ready, update)
        self._probe = None
        self._merged.clear()
        self._merge(ready.doc, update)
        fired = bool(self._merged)
        # A single run of a single client is merged as a whole or not at all; deletions can wait
        # for what they delete.
        if not fired or update[:2] != b"\x01\x01" or scan.deletes:
            waits = scan.waits(known(ready.doc))
            if not (fired or waits):
                return None
            self._waiting = self._waiting or waits
        ready.size += len(update)
        ready.tally.add(scan)
        ready.generation += 1
        if (scan.settings or self._waiting) and self._chart.drawn:
            # Of what waits some may not be in it yet, and of what waited some may be.
            here = known(ready.doc) if self._waiting else None
            self.clashes += self._chart.take(scan.settings, by, here)
        return merge_in_chunks([update, *filter(None, self._merged)])[0]

    def would_change(
        self, update: bytes, scan: UpdateScan | None = None, *, exact: bool = True
    ) -> bool:
        """Whether an update holds something new, found out without applying it; raises Invalid.

        Only of one that deletes what is known this cannot be told by clocks; with ``exact`` it is
        tried out on a copy of the document, else it counts as a change.
        """
        if update == EMPTY_UPDATE:
            return False
        scan = scan or scan_at_once(update)
        if scan.waits(known(self._ready().doc)):
            return True
        if not scan.deletes:
            return False
        return not exact or self._changes_a_copy(update)

    def merge_committed(self, update: bytes) -> None:
        """Merge what the server wrote and committed, also when it comes during the load."""
        match self._state:
            case Ready() as ready:
                self._merge(ready.doc, update)
                ready.size += len(update)
                ready.generation += 1
                self._written += 1
                if self._chart.drawn:
                    self._chart.take_written(scan_at_once(update).settings)
            case Loading():
                self._late.append(update)
            case Draining() | Gone() | None:
                return
            case other:
                assert_never(other)

    def state_vector(self) -> bytes:
        return self._ready().doc.get_state()

    def diff(self, state_vector: bytes) -> bytes:
        """What somebody with this state vector lacks; raises Malformed and TooLarge."""
        if state_vector == EMPTY_STATE_VECTOR:
            return self.encoded()
        check_state_vector(state_vector)
        try:
            return self._ready().doc.get_update(state_vector)
        except BaseException as error:
            if isinstance(error, ValueError) or is_panic(error):
                raise Malformed("The state vector cannot be read") from error
            raise

    def encoded(self) -> bytes:
        """The whole state, encoded once per generation however many ask for it."""
        ready = self._ready()
        if ready.encoded is None or ready.encoded[0] != ready.generation:
            ready.encoded = (ready.generation, ready.doc.get_update())
        return ready.encoded[1]

    def values(self) -> dict[str, Any]:
        """The root map ``fields`` as JSON; what JSON cannot hold is left out."""
        root = self._ready().doc.get("fields", type=Map)
        return fields_of(root)

    def _field(self, name: str) -> Any:
        return self._ready().doc.get("fields", type=Map).get(name)

    def _changes_a_copy(self, update: bytes) -> bool:
        """Many readers who come at once are checked on one copy, until one of them changes it."""
        generation = self._ready().generation
        if self._probe is None or self._probe[0] != generation:
            self._probe = (generation, self._copy())
        copy = self._probe[1]
        fired: list[bool] = []
        subscription = copy.observe(lambda _: fired.append(True))
        try:
            self._merge(copy, update, live=False)
        except Invalid:
            self._probe = None
            raise
        finally:
            copy.unobserve(subscription)
        if fired:
            self._probe = None
        return bool(fired)

    def _admit(self, ready: Ready, scan: UpdateScan) -> None:
        if not is_dear(scan) or ready.tally.admits(scan):
            return
        if not ready.tally.whole:
            ready.tally = Tally.of(scan_at_once(self.encoded()))
        ready.tally.admit(scan)

    def _ready(self) -> Ready:
        if not isinstance(self._state, Ready):
            raise Unavailable("The document is not loaded")
        return self._state

    def _merge(self, doc: Doc[Any], update: bytes, *, live: bool = True) -> None:
        try:
            doc.apply_update(update)
        except ValueError as error:
            raise Invalid("The update cannot be read") from error
        except BaseException as error:
            if not is_failure(error):
                raise
            if live:
                # It may have been merged in part.
                logger.warning("An update made the CRDT fail; the document is loaded anew")
                spoilt, self._distrust = self._waiting, True
                self._reload()
                if spoilt:
                    raise Spoilt("The update cannot be merged with what waits for it") from error
            raise Invalid("The update cannot be merged") from error

    def _make_room(self, ready: Ready, update: bytes) -> None:
        if ready.size + len(update) <= self._limit:
            return
        ready.size = len(self.encoded())
        if ready.size + len(update) <= self._limit:
            return
        # Close to the bound only the result tells: a deletion makes the document smaller.
        copy = self._copy()
        self._merge(copy, update, live=False)
        if len(copy.get_update()) > max(self._limit, ready.size):
            raise TooLarge(f"The document would grow past its bound of {self._limit} bytes")

    def _copy(self) -> Doc[Any]:
        copy: Doc[Any] = Doc()
        copy.apply_update(self.encoded())
        return copy

    def _watch(self, doc: Doc[Any] | None) -> None:
        """Hear of what is merged into a document, and no more of the one before: the library keeps
        a document that is watched, with all of its content, for ever.
        """
        if self._watched is not None:
            before, subscription = self._watched
            try:
                before.unobserve(subscription)
            except BaseException as error:
                if not is_panic(error):
                    raise
        self._watched = None if doc is None else (doc, doc.observe(self._observed))

    def _reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self._loading())
        # A reload after a panic may have nobody waiting who would see how it failed.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._state = Loading(task)

    async def _loading(self) -> None:
        try:
            stored = await self._load()
            opened = await open_stored(stored)
            doc = opened.doc
            for update in self._late:
                self._merge(doc, update, live=False)
        except NotFound as error:
            self._state = Gone(error.detail)
            raise
        except asyncio.CancelledError:
            self._state = Gone(_STOPPING)
            raise
        except BaseException as error:
            if not (isinstance(error, Exception) or is_panic(error)):
                raise
            logger.exception("A document could not be loaded")
            self._state = Gone("The document could not be loaded")
            raise Unavailable("The document could not be loaded") from error
        self._late.clear()
        self._chart.forget()
        self._waiting = opened.waiting
        if self._distrust and self._waiting:
            # A state does not hold what waits.
            state = doc.get_update()
            doc = Doc()
            doc.apply_update(state)
            self._waiting = False
        self._distrust = False
        self._probe = None
        self._watch(doc)
        encoded = doc.get_update()
        self._state = Ready(doc, size=len(encoded), tally=opened.tally, encoded=(0, encoded))

    def _observed(self, event: TransactionEvent) -> None:
        # Reading the update costs an encoding: only where it may be more than what was applied.
        self._merged.append(event.update if self._waiting else b"")
