"""How the CRDT library is asked: what it gets is read through first, and it may fail or panic."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pycrdt import Doc, merge_updates

from protocol.codec import Reader
from protocol.update_scan import UpdateScan, scan_update
from protocol.ysync import decode_state_vector
from server.domain.kinds import MAX_JSON_DEPTH

__all__ = [
    "MERGE_AT_MOST",
    "is_failure",
    "is_panic",
    "known",
    "merge_in_chunks",
    "scan_at_once",
    "scan_foreign",
]

MERGE_AT_MOST = 200
"""Merging 200 updates takes half a millisecond, 18,000 two seconds."""
_SCANNED_AT_ONCE = 4 * 1024


def is_panic(error: BaseException) -> bool:
    """A Rust panic: its class derives from BaseException and cannot be imported."""
    return type(error).__name__ == "PanicException"


def is_failure(error: BaseException) -> bool:
    """A panic, or an error of the library's own: of an item whose parent is none, say."""
    return isinstance(error, Exception) or is_panic(error)


def scan_at_once(update: bytes) -> UpdateScan:
    """As ``scan_foreign``, in this step of the loop."""
    return scan_update(update, max_depth=MAX_JSON_DEPTH)


async def scan_foreign(update: bytes) -> UpdateScan:
    """Read an update through before the library sees it; a large one beside the loop. Raises
    Invalid.
    """
    if len(update) <= _SCANNED_AT_ONCE:
        return scan_at_once(update)
    return await asyncio.to_thread(scan_at_once, update)


def known(doc: Doc[Any]) -> dict[int, int]:
    """The state vector: how far each client's operations are there."""
    return decode_state_vector(Reader(doc.get_state()))


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
            if not (isinstance(error, ValueError) or is_panic(error)):
                raise
            merged.extend(chunk)
    return merged
