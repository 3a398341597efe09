"""The live CRDT document of one entity: the only place that applies foreign updates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from pycrdt import Doc, Map, TransactionEvent, merge_updates

from protocol.codec import Reader
from protocol.errors import Invalid, Malformed, NotFound, TooLarge, Unavailable
from protocol.update_scan import UpdateScan, scan_update
from protocol.ysync import EMPTY_STATE_VECTOR, EMPTY_UPDATE, decode_state_vector
from server.domain.drafts import fields_of
from server.domain.kinds import MAX_JSON_DEPTH
from server.ports import StoredDocument

__all__ = [
    "MERGE_AT_MOST",
    "DraftDocument",
    "Gone",
    "Loading",
    "Opened",
    "Ready",
    "Spoilt",
    "encode_stored",
    "merge_in_chunks",
    "open_stored",
    "scan_foreign",
]

logger = logging.getLogger(__name__)

MERGE_AT_MOST = 200
"""Merging 200 updates takes half a millisecond, 18,000 two seconds."""
MAX_TYPES = 5_000
"""Shared types in one document. The library deletes nested ones by calling itself: some 30,000 that
are nested in each other overflow its stack."""
MAX_CROWD = 1_000
"""So often can one key be set by somebody who has not seen it. People do so once each, when they
are the first at the same time; ten thousand cost the library half a second, and more each time.
"""
_SCANNED_AT_ONCE = 16 * 1024
_OPENED_AT_ONCE = 50


def _is_panic(error: BaseException) -> bool:
    """A Rust panic: its class derives from BaseException and cannot be imported."""
    return type(error).__name__ == "PanicException"


def _is_failure(error: BaseException) -> bool:
    """A panic, or an error of the library's own: of an item whose parent is none, say."""
    return isinstance(error, Exception) or _is_panic(error)


def _scan(update: bytes) -> UpdateScan:
    return scan_update(update, max_depth=MAX_JSON_DEPTH)


async def scan_foreign(update: bytes) -> UpdateScan:
    """Read an update through before the library sees it; a large one beside the loop. Raises
    Invalid.
    """
    if len(update) <= _SCANNED_AT_ONCE:
        return _scan(update)
    return await asyncio.to_thread(_scan, update)


def _known(doc: Doc[Any]) -> dict[int, int]:
    return decode_state_vector(Reader(doc.get_state()))


@dataclass(frozen=True, slots=True)
class Opened:
    """A document out of storage.

    ``waiting``: something of it waits for an update that is not there. ``skipped``: so many of its
    updates could not be read safely and were left out.
    """

    doc: Doc[Any]
    types: int
    crowd: int
    waiting: bool
    skipped: int


class Spoilt(Invalid):
    """The CRDT failed on an update, and what waited for it may be to blame: in the document as it
    is loaded anew nothing waits, and the update can be tried once more.
    """


async def open_stored(stored: StoredDocument) -> Opened:
    """Open a document at rest, a slice at a time; raises Invalid where its base cannot be read.

    An update on which the CRDT fails is left out. Where it fails on what waited for another one, it
    is the one that waited.
    """
    try:
        return await _replayed(stored)
    except BaseException as error:
        if isinstance(error, Invalid) or not _is_failure(error):
            raise
        logger.warning("A stored document is opened one update at a time: %s", error)
    opened = await _replayed(StoredDocument(stored.state, []))
    waiting: list[bytes] = []
    for update in stored.updates:
        await asyncio.sleep(0)
        more = await _tried(opened, update)
        if more.waiting:
            waiting.append(update)
        else:
            opened = more
    for update in waiting:
        more = await _tried(opened, update)
        opened = replace(opened, skipped=opened.skipped + 1) if more.waiting else more
    return opened


async def _tried(opened: Opened, update: bytes) -> Opened:
    """With one more update, or without it where the CRDT fails on it."""
    stored = StoredDocument(opened.doc.get_update(), [update])
    try:
        more = await _replayed(stored)
    except BaseException as error:
        if not _is_failure(error):
            raise
        return replace(opened, skipped=opened.skipped + 1)
    return replace(more, skipped=opened.skipped + more.skipped)


async def _replayed(stored: StoredDocument) -> Opened:
    # Without an id pycrdt takes a fresh random one: reusing one after a lost transaction leaves
    # replicas different.
    doc: Doc[Any] = Doc()
    whole = UpdateScan({}, {}, 0)
    types = crowd = skipped = 0
    if stored.state:
        whole = await scan_foreign(stored.state)
        types, crowd = whole.types, whole.crowd
        doc.apply_update(stored.state)
    for number, update in enumerate(stored.updates, 1):
        if number % _OPENED_AT_ONCE == 0:
            await asyncio.sleep(0)
        try:
            scan = await scan_foreign(update)
            if scan.types and types + scan.types > MAX_TYPES:
                types = (await scan_foreign(doc.get_update())).types
                _bound_types(types + scan.types)
            _bound_crowd(crowd, scan.crowd)
        except (Invalid, TooLarge) as error:
            logger.error("A stored update is left out: %s", error.detail)
            skipped += 1
            continue
        doc.apply_update(update)
        types += scan.types
        crowd += max(0, scan.crowd - 1)
        whole = whole.joined(scan)
    return Opened(doc, types, crowd, whole.waits(_known(doc)), skipped)


async def encode_stored(stored: StoredDocument) -> bytes:
    """The whole state of a document at rest; raises Unavailable where it cannot be read."""
    try:
        return (await open_stored(stored)).doc.get_update()
    except BaseException as error:
        if not _is_failure(error):
            raise
        raise Unavailable("The document could not be loaded") from error


def _bound_types(types: int) -> None:
    if types > MAX_TYPES:
        raise TooLarge(f"The document would hold more than {MAX_TYPES} shared types")


def _bound_crowd(crowd: int, more: int) -> None:
    # One each is what every update may bring.
    if more > 1 and crowd + more > MAX_CROWD:
        raise TooLarge(f"A key would be set anew more than {MAX_CROWD} times")


def merge_in_chunks(updates: Sequence[bytes]) -> list[bytes]:
    """Merge updates, at most ``MERGE_AT_MOST`` at a time; what cannot be merged stays as it is."""
    merged: list[bytes] = []
    for start in range(0, len(updates), MERGE_AT_MOST):
        chunk = updates[start : start + MERGE_AT_MOST]
        if len(chunk) == 1:
            merged.append(chunk[0])
            continue
        try:
            merged.append(merge_updates(*chunk))
        except BaseException as error:
            if not (isinstance(error, ValueError) or _is_panic(error)):
                raise
            merged.extend(chunk)
    return merged


@dataclass(frozen=True, slots=True)
class Loading:
    """Being read from storage; everybody who comes awaits the same task."""

    task: asyncio.Task[None]


@dataclass(slots=True)
class Ready:
    """Loaded. ``size``, ``types`` and ``crowd`` are upper estimates; ``encoded`` is a generation
    and its state.
    """

    doc: Doc[Any]
    size: int
    types: int
    crowd: int
    generation: int = 0
    encoded: tuple[int, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """Unloaded, or never there; whoever still holds this instance must ask for a new one."""

    reason: str


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
        self._distrust = False
        self._probe: tuple[int, Doc[Any], list[bool]] | None = None
        self._late: list[bytes] = []
        self._state: Loading | Ready | Gone | None = None

    @property
    def state(self) -> Loading | Ready | Gone | None:
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
                case None:
                    self._reload()
                case Loading(task):
                    # Shielded: one waiter that is cancelled must not take the load away from the
                    # others.
                    await asyncio.shield(task)
                case other:
                    assert_never(other)

    def unload(self) -> None:
        self._state = Gone("The document was unloaded")
        self._probe = None

    def apply(self, update: bytes, scan: UpdateScan | None = None) -> bytes | None:
        """Merge a foreign update; returns what the others lack, ``None`` where nothing is new.

        That is the update itself, together with what waited for it; one that itself waits for
        another counts as new. Raises Invalid for an update that cannot be read, TooLarge for one
        that would take the document over its bound, Spoilt for one to be tried again; then the
        document is unchanged (after a failure inside the CRDT: being loaded anew).
        """
        ready = self._ready()
        if update == EMPTY_UPDATE:
            return None
        scan = scan or _scan(update)
        self._count_types(ready, scan)
        _bound_crowd(ready.crowd, scan.crowd)
        self._make_room(ready, update)
        self._probe = None
        self._merged.clear()
        self._merge(ready.doc, update)
        fired = bool(self._merged)
        # A single run of a single client is merged as a whole or not at all.
        if not fired or update[:2] != b"\x01\x01":
            waits = scan.waits(_known(ready.doc))
            if not (fired or waits):
                return None
            self._waiting = self._waiting or waits
        ready.size += len(update)
        ready.types += scan.types
        ready.crowd += max(0, scan.crowd - 1)
        ready.generation += 1
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
        scan = scan or _scan(update)
        if scan.waits(_known(self._ready().doc)):
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
            case Loading():
                self._late.append(update)
            case Gone() | None:
                return
            case other:
                assert_never(other)

    def state_vector(self) -> bytes:
        return self._ready().doc.get_state()

    def diff(self, state_vector: bytes) -> bytes:
        """What somebody with this state vector lacks; raises Malformed."""
        if state_vector == EMPTY_STATE_VECTOR:
            return self.encoded()
        try:
            return self._ready().doc.get_update(state_vector)
        except BaseException as error:
            if isinstance(error, ValueError) or _is_panic(error):
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

    def _changes_a_copy(self, update: bytes) -> bool:
        """Many readers who come at once are checked on one copy, until one of them changes it."""
        generation = self._ready().generation
        if self._probe is None or self._probe[0] != generation:
            copy = self._copy()
            fired: list[bool] = []
            copy.observe(lambda _: fired.append(True))
            self._probe = (generation, copy, fired)
        _, copy, fired = self._probe
        try:
            self._merge(copy, update, live=False)
        except Invalid:
            self._probe = None
            raise
        if fired:
            self._probe = None
        return bool(fired)

    def _count_types(self, ready: Ready, scan: UpdateScan) -> None:
        if not scan.types or ready.types + scan.types <= MAX_TYPES:
            return
        if not self._waiting:
            # What waits is not in the encoded state, but can come in at any time.
            ready.types = _scan(self.encoded()).types
        _bound_types(ready.types + scan.types)

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
            if not _is_failure(error):
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
            self._state = Gone("The server is stopping")
            raise
        except BaseException as error:
            if not (isinstance(error, Exception) or _is_panic(error)):
                raise
            logger.exception("A document could not be loaded")
            self._state = Gone("The document could not be loaded")
            raise Unavailable("The document could not be loaded") from error
        self._late.clear()
        self._waiting = opened.waiting
        if self._distrust and self._waiting:
            # A state does not hold what waits.
            state = doc.get_update()
            doc = Doc()
            doc.apply_update(state)
            self._waiting = False
        self._distrust = False
        self._probe = None
        doc.observe(self._observed)
        encoded = doc.get_update()
        self._state = Ready(
            doc, size=len(encoded), types=opened.types, crowd=opened.crowd, encoded=(0, encoded)
        )

    def _observed(self, event: TransactionEvent) -> None:
        # Reading the update costs an encoding: only where it may be more than what was applied.
        self._merged.append(event.update if self._waiting else b"")
