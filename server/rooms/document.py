"""The live CRDT document of one entity: the only place that applies foreign updates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from pycrdt import Array, Doc, Map, Text, TransactionEvent, get_update, merge_updates

from protocol.codec import Reader
from protocol.errors import Invalid, Malformed, NotFound, TooLarge, Unavailable
from protocol.ysync import EMPTY_STATE_VECTOR, EMPTY_UPDATE, decode_state_vector
from server.domain.kinds import normalise
from server.ports import StoredDocument

__all__ = [
    "MERGE_AT_MOST",
    "DraftDocument",
    "Gone",
    "Loading",
    "Ready",
    "encode_stored",
    "merge_in_chunks",
]

logger = logging.getLogger(__name__)

MERGE_AT_MOST = 200
"""Merging 200 updates takes half a millisecond, 18,000 two seconds."""


def _is_panic(error: BaseException) -> bool:
    """A Rust panic: its class derives from BaseException and cannot be imported."""
    return type(error).__name__ == "PanicException"


def _open(stored: StoredDocument) -> Doc[Any]:
    # Without an id pycrdt takes a fresh random one: reusing one after a lost transaction leaves
    # replicas different.
    doc: Doc[Any] = Doc()
    if stored.state:
        doc.apply_update(stored.state)
    for update in stored.updates:
        doc.apply_update(update)
    return doc


def encode_stored(stored: StoredDocument) -> bytes:
    """The whole state of a document at rest."""
    return _open(stored).get_update()


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


def _waits(update: bytes, doc: Doc[Any]) -> bool:
    """Whether something of an update, after it was applied, waits for another one."""
    state = doc.get_state()
    rest = Reader(get_update(update, state))
    if rest.var_uint() > 0:
        return True
    known = decode_state_vector(Reader(state))
    for _ in range(rest.var_uint()):
        client = rest.var_uint()
        for _ in range(rest.var_uint()):
            clock, length = rest.var_uint(), rest.var_uint()
            if clock + length > known.get(client, 0):
                return True
    return False


@dataclass(frozen=True, slots=True)
class Loading:
    """Being read from storage; everybody who comes awaits the same task."""

    task: asyncio.Task[None]


@dataclass(slots=True)
class Ready:
    """Loaded. ``size`` is an upper estimate; ``encoded`` is a generation and its state."""

    doc: Doc[Any]
    size: int
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

    def apply(self, update: bytes) -> bytes | None:
        """Merge a foreign update; returns what the others lack, ``None`` where nothing is new.

        That is the update itself, together with what waited for it; one that itself waits for
        another counts as new. Raises Invalid for an update that cannot be read, TooLarge for one
        that would take the document over its bound; then the document is unchanged (after a panic
        inside the CRDT: being loaded anew).
        """
        ready = self._ready()
        if update == EMPTY_UPDATE:
            return None
        self._make_room(ready, update)
        self._merged.clear()
        self._merge(ready.doc, update)
        fired = bool(self._merged)
        # A single run of a single client is merged as a whole or not at all.
        if not fired or update[:2] != b"\x01\x01":
            waits = _waits(update, ready.doc)
            if not (fired or waits):
                return None
            self._waiting = self._waiting or waits
        ready.size += len(update)
        ready.generation += 1
        return merge_in_chunks([update, *filter(None, self._merged)])[0]

    def would_change(self, update: bytes) -> bool:
        """Whether an update holds something new, found out without applying it; raises Invalid."""
        if update == EMPTY_UPDATE:
            return False
        copy = self._copy()
        fired: list[bool] = []
        copy.observe(lambda _: fired.append(True))
        self._merge(copy, update, live=False)
        return bool(fired) or _waits(update, copy)

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
        values: dict[str, Any] = {}
        for name in root:
            value = root[name]
            if isinstance(value, Text):
                values[name] = str(value)
                continue
            try:
                values[name] = normalise(value.to_py() if isinstance(value, Map | Array) else value)
            except ValueError:
                continue
        return values

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
            if not _is_panic(error):
                raise
            if live:
                logger.warning("An update made the CRDT panic; the document is loaded anew")
                self._reload()
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
            doc = _open(stored)
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
        self._waiting = any(_waits(update, doc) for update in stored.updates)
        doc.observe(self._observed)
        encoded = doc.get_update()
        self._state = Ready(doc, size=len(encoded), encoded=(0, encoded))

    def _observed(self, event: TransactionEvent) -> None:
        # Reading the update costs an encoding: only where it may be more than what was applied.
        self._merged.append(event.update if self._waiting else b"")
