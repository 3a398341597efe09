"""Drafts over a store in memory, and updates that mean no good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from protocol.codec import var_string, var_uint
from server.ports import StoredDocument
from server.rooms.document import DraftDocument
from tests.protocol.test_update_scan import arrays, holding
from tests.rooms.fakes import FakeStore, seed

STATE = seed(description="", age=30)
POISON = holding(arrays(30_000))


class PanicException(BaseException):
    """What a Rust panic looks like from Python."""


def loader(store: FakeStore) -> Callable[[], Awaitable[StoredDocument]]:
    return lambda: store.load_document("film", "hero")


async def loaded(state: bytes = STATE, limit: int = 2**21) -> DraftDocument:
    document = DraftDocument(loader(FakeStore(hero=state)), limit=limit)
    await document.ready()
    return document


def orphan() -> bytes:
    """A text inside what is no type: the library fails when it has begun to merge."""
    head = b"\x01\x02" + var_uint(77) + b"\x00"
    value = b"\x28\x01" + var_string("fields") + var_string("x") + b"\x01\x7e"
    return head + value + b"\x04\x00" + var_uint(77) + b"\x00" + var_string("a") + b"\x00"


def crowd(count: int, client: int = 78, key: str = "x") -> bytes:
    """One key, set so often by somebody who says to have never seen it."""
    item = b"\x28\x01" + var_string("fields") + var_string(key) + b"\x01\x7e"
    return b"\x01" + var_uint(count) + var_uint(client) + b"\x00" + item * count + b"\x00"


def trap(client: int, clock: int) -> bytes:
    """A text inside of what somebody else will write next, as if that were a type."""
    inside = b"\x04\x00" + var_uint(client) + var_uint(clock) + var_string("a")
    return b"\x01\x01" + var_uint(90) + b"\x00" + inside + b"\x00"
