"""protocol/codec.py"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import MAX_VAR_UINT, Reader, var_bytes, var_string, var_uint
from protocol.errors import Malformed, TooLarge

numbers = st.integers(0, MAX_VAR_UINT)


@given(st.lists(numbers))
def test_R1_numbers_come_back(values: list[int]) -> None:
    reader = Reader(b"".join(map(var_uint, values)))
    assert [reader.var_uint() for _ in values] == values
    reader.end()


@given(st.text(), st.binary())
def test_R2_strings_and_bytes_come_back(text: str, data: bytes) -> None:
    reader = Reader(var_string(text) + var_bytes(data))
    assert reader.var_string(len(text.encode())) == text
    assert reader.var_bytes(len(data)) == data
    assert reader.at_end


@given(st.binary(min_size=1), st.data())
def test_R2_a_truncated_frame_is_malformed(data: bytes, draw: st.DataObject) -> None:
    whole = var_bytes(data)
    cut = draw.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(Malformed):
        Reader(whole[:cut]).var_bytes(len(data))


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    reader = Reader(data)
    try:
        while not reader.at_end:
            reader.var_string(16)
    except (Malformed, TooLarge):
        pass


def test_R2_a_length_of_ten_gigabytes_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        Reader(var_uint(10 * 2**30) + b"x").var_bytes(1024)


@pytest.mark.parametrize("data", [b"\xff" * 9 + b"\x01", b"\xff" * 7 + b"\x7f", b"\x80", b""])
def test_R1_a_number_that_is_too_large_or_too_short_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        Reader(data).var_uint()


@pytest.mark.parametrize("number", [-1, MAX_VAR_UINT + 1])
def test_R1_a_number_out_of_range_is_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        var_uint(number)


def test_strings_are_utf8() -> None:
    with pytest.raises(Malformed):
        Reader(var_bytes(b"\xff\xfe")).var_string(8)


def test_what_is_left_over_is_malformed() -> None:
    with pytest.raises(Malformed, match="2 bytes"):
        Reader(b"ab").end()
