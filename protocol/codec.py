"""lib0's variable-length encoding: a length is checked against its bound before it is read.

The numbers are unsigned, seven bits a byte, least significant first. Strings are UTF-8 and are
encoded here, because their length counts bytes and not characters.
"""

from __future__ import annotations

import unicodedata

from protocol.errors import Malformed, TooLarge

__all__ = ["MAX_VAR_UINT", "Reader", "normal_id", "var_bytes", "var_string", "var_uint"]

MAX_VAR_UINT = 2**53 - 1
"""The largest number that JavaScript peers can hold exactly."""


def var_uint(number: int) -> bytes:
    """Encode a number of 0 to ``MAX_VAR_UINT``; raises ValueError for any other."""
    if not 0 <= number <= MAX_VAR_UINT:
        raise ValueError(f"{number} is not a number of 0 to {MAX_VAR_UINT}")
    if number < 0x80:
        return bytes((number,))
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def var_bytes(data: bytes) -> bytes:
    return var_uint(len(data)) + data


def var_string(text: str) -> bytes:
    return var_bytes(text.encode())


def normal_id(text: str) -> str:
    """An id in the one form in which ids are kept (NFC): a keyboard may write ``é`` as two
    characters.
    """
    return unicodedata.normalize("NFC", text)


class Reader:
    """Reads one frame from front to back.

    Every method raises Malformed where the frame ends too early or cannot be read, and TooLarge
    where a length is over the caller's bound; in either case nothing was copied.
    """

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def at_end(self) -> bool:
        return self._position >= len(self._data)

    @property
    def left(self) -> int:
        """So many bytes have not been read."""
        return len(self._data) - self._position

    def var_uint(self) -> int:
        number = 0
        shift = 0
        data = self._data
        position = self._position
        while True:
            if position >= len(data):
                raise Malformed("The frame ends inside a number")
            byte = data[position]
            position += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 49:
                raise Malformed("A number has more than eight bytes")
        if number > MAX_VAR_UINT:
            raise Malformed("A number is larger than 2^53 - 1")
        self._position = position
        return number

    def var_bytes(self, limit: int) -> bytes:
        length = self.var_uint()
        if length > limit:
            raise TooLarge(f"A length of {length} bytes is over the bound of {limit}")
        end = self._position + length
        if end > len(self._data):
            raise Malformed(
                f"{length} bytes are announced and {len(self._data) - self._position} are there"
            )
        data = self._data[self._position : end]
        self._position = end
        return data

    def var_string(self, limit: int) -> str:
        """A string whose UTF-8 form has at most ``limit`` bytes."""
        data = self.var_bytes(limit)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise Malformed("A string is not UTF-8") from error

    def rest(self) -> bytes:
        """All that is left, which may be nothing."""
        data = self._data[self._position :]
        self._position = len(self._data)
        return data

    def end(self) -> None:
        """Raises Malformed where something is left over."""
        if not self.at_end:
            raise Malformed(
                f"{len(self._data) - self._position} bytes follow the end of the message"
            )
