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

    ``waiting``: something of it waits for an update that is not there. ``skipped``: so many of its
    updates could not be read safely and were left out.
    """

    doc: Doc[Any]
    tally: Tally
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
        logger.warning("What a stored document fails on is looked for: %s", error)
    opened = await _replayed(StoredDocument(stored.state, []))
    opened, waiting = await _sifted(opened, list(stored.updates))
    for update in waiting:
        opened, still = await _sifted(opened, [update])
        opened = replace(opened, skipped=opened.skipped + len(still))
    return opened


async def _sifted(opened: Opened, updates: list[bytes]) -> tuple[Opened, list[bytes]]:
    """With these updates but for those on which the CRDT fails and those that wait for another one,
    which are answered as well.

    Halves that go well are taken whole: each attempt costs an encoding of all that there is.
    """
    if not updates:
        return opened, []
    await asyncio.sleep(0)
    more: Opened | None
    try:
        more = await _replayed(StoredDocument(opened.doc.get_update(), updates))
    except BaseException as error:
        if not is_failure(error):
            raise
        more = None
    if more is not None and not more.waiting:
        return replace(more, skipped=opened.skipped + more.skipped), []
    if len(updates) == 1:
        if more is not None:
            return opened, updates
        return replace(opened, skipped=opened.skipped + 1), []
    half = len(updates) // 2
    opened, early = await _sifted(opened, updates[:half])
    opened, late = await _sifted(opened, updates[half:])
    return opened, early + late


async def _replayed(stored: StoredDocument) -> Opened:
    # Without an id pycrdt takes a fresh random one: reusing one after a lost transaction leaves
    # replicas different.
    doc: Doc[Any] = Doc()
    whole = UpdateScan({}, {}, 0)
    tally = Tally(whole=not stored.state)
    skipped = 0
    if stored.state:
        doc.apply_update(stored.state)
    for number, update in enumerate(stored.updates, 1):
        if number % _OPENED_AT_ONCE == 0:
            await asyncio.sleep(0)
        try:
            scan = await scan_foreign(update)
            if is_dear(scan):
                if not tally.admits(scan):
                    tally = Tally.of(await scan_foreign(doc.get_update()))
                tally.admit(scan)
        except (Invalid, TooLarge) as error:
            logger.error("A stored update is left out: %s", error.detail)
            skipped += 1
            continue
        doc.apply_update(update)
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
