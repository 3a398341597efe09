"""protocol/hocuspocus.py"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import hocuspocus
from protocol.codec import var_string, var_uint
from protocol.errors import Malformed, TooLarge
from protocol.ysync import AwarenessEntry

keys = st.text(min_size=1, max_size=40).filter(lambda key: not key.startswith("\x00"))


@given(keys, st.binary())
def test_R3_the_key_comes_back_as_it_was_sent(key: str, data: bytes) -> None:
    assert hocuspocus.decode(hocuspocus.encode_update(key, data)) == hocuspocus.Update(key, data)
    assert hocuspocus.decode(hocuspocus.encode_step_two(key, data)) == hocuspocus.StepTwo(key, data)
    assert hocuspocus.decode(hocuspocus.encode_step_one(key, data)) == hocuspocus.StepOne(key, data)


def test_R3_a_session_id_is_no_part_of_the_name() -> None:
    assert hocuspocus.document_name("hero\x00k3j") == "hero"
    assert hocuspocus.document_name("hero") == "hero"


def test_awareness_comes_back() -> None:
    entries = (AwarenessEntry(7, 1, '{"user":"Änne"}'),)
    frame = hocuspocus.encode_awareness_frame("hero", entries)
    assert hocuspocus.decode(frame) == hocuspocus.Awareness("hero", entries)


@pytest.mark.parametrize("rest", [b"", var_string("4.8.0"), b"whatever comes later"])
def test_a_token_with_and_without_a_version(rest: bytes) -> None:
    frame = var_string("hero") + b"\x02\x00" + var_string("secret") + rest
    assert hocuspocus.decode(frame) == hocuspocus.AuthToken("hero", "secret")


def test_R14_type_4_is_a_step_without_counter_step() -> None:
    frame = var_string("hero") + b"\x04\x00" + b"\x01\x00"
    assert hocuspocus.decode(frame) == hocuspocus.StepOne("hero", b"\x00", counter=False)


@pytest.mark.parametrize("rest", [b"", var_string("bye")])
def test_R21_a_close_with_and_without_a_reason(rest: bytes) -> None:
    assert hocuspocus.decode(var_string("hero") + b"\x07" + rest) == hocuspocus.CloseDocument(
        "hero"
    )


def test_R4_ping_and_pong_stand_alone() -> None:
    assert hocuspocus.decode(b"\x09") == hocuspocus.Ping()
    assert hocuspocus.decode(b"\x0a") == hocuspocus.Pong()


def test_other_messages() -> None:
    hero = var_string("hero")
    assert hocuspocus.decode(hero + b"\x03") == hocuspocus.QueryAwareness("hero")
    assert hocuspocus.decode(hero + b"\x05" + var_string("x")) == hocuspocus.Stateless("hero", "x")


def test_what_the_server_says() -> None:
    hero = var_string("hero")
    assert hocuspocus.encode_authenticated("hero", read_only=True).endswith(var_string("readonly"))
    assert hocuspocus.encode_authenticated("hero", read_only=False).endswith(
        var_string("read-write")
    )
    assert hocuspocus.encode_denied("hero", "no") == hero + b"\x02\x01" + var_string("no")
    assert hocuspocus.encode_token_request("hero") == hero + b"\x02\x00"
    assert hocuspocus.encode_sync_status("hero", applied=True) == hero + b"\x08\x01"
    assert hocuspocus.encode_sync_status("hero", applied=False) == hero + b"\x08\x00"
    assert hocuspocus.encode_close("hero", "no") == hero + b"\x07" + var_string("no")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        var_string(""),
        var_string("\x00session") + b"\x03",
        var_string("hero"),
        var_string("hero") + b"\x06",
        var_string("hero") + b"\x08\x01",
        var_string("hero") + b"\x02\x01" + var_string("denied by a client"),
        var_string("hero") + b"\x03trailing",
    ],
)
def test_R5_malformed(frame: bytes) -> None:
    with pytest.raises(Malformed):
        hocuspocus.decode(frame)


def test_R5_a_name_over_the_bound_is_too_large() -> None:
    with pytest.raises(TooLarge):
        hocuspocus.decode(var_string("x" * (hocuspocus.MAX_KEY + 1)) + var_uint(3))


@given(st.binary(max_size=80))
def test_R5_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(Malformed, TooLarge):
        hocuspocus.decode(data)
