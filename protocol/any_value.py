"""The plain values inside a Yjs update: lib0's ``any`` encoding, back into Python."""

from __future__ import annotations

import struct
from typing import Any

from protocol.errors import Invalid

__all__ = ["read_any"]

_DEPTH = 64


def read_any(data: bytes) -> Any:
    """The value of one plain content: a count of one, and the value. Raises Invalid for what is
    not that, or holds what JSON cannot.
    """
    try:
        value, end = _value(data, 1, 0)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise Invalid("A value of the update cannot be read") from None
    if data[0] != 1 or end != len(data):
        raise Invalid("This is not one value")
    return value


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > _DEPTH:
        raise Invalid("A value of the update is nested too deeply")
    tag = data[at]
    at += 1
    match tag:
        case 126 | 127:
            return None, at
        case 120 | 121:
            return tag == 120, at
        case 119:
            size, at = _number(data, at)
            if at + size > len(data):
                raise IndexError
            return data[at : at + size].decode(), at + size
        case 125:
            return _signed(data, at)
        case 123:
            return struct.unpack_from(">d", data, at)[0], at + 8
        case 124:
            return struct.unpack_from(">f", data, at)[0], at + 4
        case 122:
            return struct.unpack_from(">q", data, at)[0], at + 8
        case 117:
            return _array(data, at, depth)
        case 118:
            return _object(data, at, depth)
        case _:
            raise Invalid("A value of the update is no JSON")


def _array(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    count, at = _number(data, at)
    items: list[Any] = []
    for _ in range(count):
        item, at = _value(data, at, depth + 1)
        items.append(item)
    return items, at


def _object(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    count, at = _number(data, at)
    members: dict[str, Any] = {}
    for _ in range(count):
        size, at = _number(data, at)
        name = data[at : at + size].decode()
        members[name], at = _value(data, at + size, depth + 1)
    return members, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _signed(data: bytes, at: int) -> tuple[int, int]:
    """The first byte has a sign and six bits, each further one seven."""
    first = data[at]
    at += 1
    number, shift = first & 0x3F, 6
    more = first >= 0x80
    while more:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        more = byte >= 0x80
        shift += 7
    return (-number if first & 0x40 else number), at
