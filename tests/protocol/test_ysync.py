"""protocol/ysync.py"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import MAX_VAR_UINT, Reader, var_bytes, var_string, var_uint
from protocol.errors import Malformed, TooLarge
from protocol.ysync import (
    MAX_AWARENESS_ENTRIES,
    MAX_AWARENESS_STATE,
    AwarenessEntry,
    SyncStep,
    decode_awareness,
    decode_sync,
    encode_awareness,
    encode_sync,
)

entries = st.builds(
    AwarenessEntry,
    client=st.integers(0, MAX_VAR_UINT),
    clock=st.integers(0, MAX_VAR_UINT),
    state=st.text(max_size=50),
)


@given(st.sampled_from(SyncStep), st.binary())
def test_sync_comes_back(step: SyncStep, data: bytes) -> None:
    assert decode_sync(Reader(encode_sync(step, data))) == (step, data)


@given(st.lists(entries, max_size=10))
def test_awareness_comes_back(some: list[AwarenessEntry]) -> None:
    assert decode_awareness(Reader(encode_awareness(some))) == tuple(some)


def test_an_unknown_step_is_malformed() -> None:
    with pytest.raises(Malformed):
        decode_sync(Reader(b"\x03\x00"))


def test_more_entries_than_the_bound_are_too_large() -> None:
    with pytest.raises(TooLarge):
        decode_awareness(Reader(var_bytes(var_uint(MAX_AWARENESS_ENTRIES + 1))))


def test_a_state_over_the_bound_is_too_large() -> None:
    entry = var_uint(1) + var_uint(1) + var_string("x" * (MAX_AWARENESS_STATE + 1))
    with pytest.raises(TooLarge):
        decode_awareness(Reader(var_bytes(var_uint(1) + entry)))


def test_more_than_the_entries_is_malformed() -> None:
    with pytest.raises(Malformed):
        decode_awareness(Reader(var_bytes(var_uint(0) + b"\x00")))
