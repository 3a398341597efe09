"""A document at rest, opened: what storage has of it, made into one document again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Any

from pycrdt import Doc

from protocol.errors import Invalid, TooLarge, Unavailable
from protocol.update_scan import UpdateScan
from server.ports import StoredDocument
from server.rooms.crdt import is_failure, known, scan_foreign
from server.rooms.tally import Tally, is_dear

__all__ = ["Opened", "encode_stored", "open_stored"]

logger = logging.getLogger(__name__)

_OPENED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Opened:
    """A document out of storage.

    ``tally``: ``None`` where it was not counted. ``waiting``: something of it waits for an update
    that is not there. ``skipped``: so many of its updates could not be read safely and were left
    out.
    """

    doc: Doc[Any]
    tally: Tally | None
    waiting: bool
    skipped: int


async def open_stored(stored: StoredDocument) -> Opened:
    """Open a document at rest, a slice at a time; raises ValueError where its base cannot be read.

    The base is taken as it is: this library encoded it, from updates that were all looked through.
    Doing so again would be most of the time that a long document takes to open. An update on which
    the CRDT fails is left out. Where it fails on what waited for another one, it is the one that
    waited.
    """
    try:
        return await _replayed(stored)
    except BaseException as error:
        if isinstance(error, Invalid) or not is_failure(error):
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
        if not is_failure(error):
            raise
        return replace(opened, skipped=opened.skipped + 1)
    return replace(more, skipped=opened.skipped + more.skipped)


async def _replayed(stored: StoredDocument) -> Opened:
    # Without an id pycrdt takes a fresh random one: reusing one after a lost transaction leaves
    # replicas different.
    doc: Doc[Any] = Doc()
    whole = UpdateScan({}, {}, 0)
    tally: Tally | None = None
    skipped = 0
    if stored.state:
        doc.apply_update(stored.state)
    for number, update in enumerate(stored.updates, 1):
        if number % _OPENED_AT_ONCE == 0:
            await asyncio.sleep(0)
        try:
            scan = await scan_foreign(update)
            if is_dear(scan):
                if tally is None or not tally.admits(scan):
                    tally = Tally.of(await scan_foreign(doc.get_update()))
                tally.admit(scan)
        except (Invalid, TooLarge) as error:
            logger.error("A stored update is left out: %s", error.detail)
            skipped += 1
            continue
        doc.apply_update(update)
        if tally is not None:
            tally.add(scan)
        whole = whole.joined(scan)
    return Opened(doc, tally, whole.waits(known(doc)), skipped)


async def encode_stored(stored: StoredDocument) -> bytes:
    """The whole state of a document at rest; raises Unavailable where it cannot be read."""
    try:
        return (await open_stored(stored)).doc.get_update()
    except BaseException as error:
        if not is_failure(error):
            raise
        raise Unavailable("The document could not be loaded") from error
