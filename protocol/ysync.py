"""The Yjs sync and awareness payloads, as both Hocuspocus and y-websocket carry them.

A sync payload is ``step varBytes(data)``; an awareness payload is
``varBytes( n, n × (clientID, clock, varString json) )``. States of awareness stay the JSON text
they came as: nothing here needs to look inside.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from protocol.codec import Reader, var_bytes, var_string, var_uint
from protocol.errors import Malformed, TooLarge

__all__ = [
    "EMPTY_STATE_VECTOR",
    "EMPTY_UPDATE",
    "MAX_AWARENESS_ENTRIES",
    "MAX_AWARENESS_STATE",
    "MAX_CLIENTS",
    "MAX_SYNC_BYTES",
    "NULL_STATE",
    "AwarenessEntry",
    "SyncStep",
    "check_state_vector",
    "decode_awareness",
    "decode_state_vector",
    "decode_sync",
    "encode_awareness",
    "encode_sync",
    "fresh_client_id",
]

EMPTY_STATE_VECTOR = b"\x00"
EMPTY_UPDATE = b"\x00\x00"
NULL_STATE = "null"
"""The state of a client that has left."""

MAX_SYNC_BYTES = 4 * 1024 * 1024
MAX_CLIENTS = 65_536
"""The clients that a state vector may name: everybody who ever wrote into one document."""
MAX_AWARENESS_ENTRIES = 256
MAX_AWARENESS_STATE = 16 * 1024


class SyncStep(IntEnum):
    STEP_1 = 0
    STEP_2 = 1
    UPDATE = 2


@dataclass(frozen=True, slots=True)
class AwarenessEntry:
    """What one Yjs client says of itself; ``state`` is JSON text, ``null`` when it has left."""

    client: int
    clock: int
    state: str

    @property
    def gone(self) -> bool:
        return self.state == NULL_STATE


def fresh_client_id() -> int:
    """An id for who edits a document. As short as those of Yjs itself: older libraries (y-py) read
    no more than 32 bits, and what they then write beside a longer id is never merged by anybody.
    """
    return secrets.randbits(32)


def encode_sync(step: SyncStep, data: bytes) -> bytes:
    return bytes((step,)) + var_bytes(data)


def decode_sync(reader: Reader) -> tuple[SyncStep, bytes]:
    """Read a sync payload; raises Malformed for an unknown step."""
    number = reader.var_uint()
    try:
        step = SyncStep(number)
    except ValueError as error:
        raise Malformed(f"{number} is not a sync step") from error
    return step, reader.var_bytes(MAX_SYNC_BYTES)


def decode_state_vector(reader: Reader) -> dict[int, int]:
    """How many operations of each client somebody has."""
    return {reader.var_uint(): reader.var_uint() for _ in range(reader.var_uint())}


def check_state_vector(state_vector: bytes) -> None:
    """Raises Malformed for a state vector that promises more clients than its bytes can name, and
    TooLarge for more than anybody has: a library that believes the number takes memory for all of
    them before it looks.
    """
    reader = Reader(state_vector)
    clients = reader.var_uint()
    if clients > MAX_CLIENTS:
        raise TooLarge(f"{clients} clients are over the bound of {MAX_CLIENTS}")
    if clients > reader.left // 2:
        raise Malformed(f"{clients} clients are announced and {reader.left} bytes are there")


def encode_awareness(entries: Iterable[AwarenessEntry]) -> bytes:
    """The whole payload, its outer length included."""
    parts = [
        var_uint(entry.client) + var_uint(entry.clock) + var_string(entry.state)
        for entry in entries
    ]
    return var_bytes(var_uint(len(parts)) + b"".join(parts))


def decode_awareness(reader: Reader) -> tuple[AwarenessEntry, ...]:
    """Read a payload; raises TooLarge for too many entries or an oversized state."""
    inner = Reader(reader.var_bytes(MAX_AWARENESS_ENTRIES * MAX_AWARENESS_STATE))
    count = inner.var_uint()
    if count > MAX_AWARENESS_ENTRIES:
        raise TooLarge(f"{count} awareness entries are over the bound of {MAX_AWARENESS_ENTRIES}")
    entries = tuple(
        AwarenessEntry(inner.var_uint(), inner.var_uint(), inner.var_string(MAX_AWARENESS_STATE))
        for _ in range(count)
    )
    inner.end()
    return entries
