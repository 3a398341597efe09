"""Forms: the one file of a ``multipart/form-data`` body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from protocol.errors import FieldError, Invalid, Malformed

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["FORM", "file_of"]

FORM = "multipart/form-data"


@dataclass(slots=True)
class _Part:
    """A part of a form: its ``Content-Disposition``, and where its bytes are."""

    disposition: bytearray = field(default_factory=bytearray)
    header: bytearray = field(default_factory=bytearray)
    data: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> bytes:
        return parse_options_header(bytes(self.disposition))[1].get(b"name", b"")


class _Reader:
    """Takes a form apart; only what is under ``name`` is kept."""

    def __init__(self, name: str) -> None:
        self.found: list[bytes] | None = None
        self.ended = False
        self._name = name.encode()
        self._part = _Part()
        self._wanted = False

    def on_part_begin(self) -> None:
        self._part = _Part()

    def on_header_begin(self) -> None:
        self._part.header.clear()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        if self._part.header.lower() == b"content-disposition":
            self._part.disposition += data[start:end]

    def on_headers_finished(self) -> None:
        self._wanted = self.found is None and self._part.name == self._name

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._wanted:
            self._part.data.append(data[start:end])

    def on_part_end(self) -> None:
        if self._wanted:
            self.found = self._part.data

    def on_end(self) -> None:
        self.ended = True


def file_of(raw: bytes, content_type: str, name: str) -> bytes:
    """What a form has under a name. Raises Malformed for what is no whole form, Invalid where the
    name is missing.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    reader = _Reader(name)
    calls: MultipartCallbacks = {
        "on_part_begin": reader.on_part_begin,
        "on_header_begin": reader.on_header_begin,
        "on_header_field": reader.on_header_field,
        "on_header_value": reader.on_header_value,
        "on_headers_finished": reader.on_headers_finished,
        "on_part_data": reader.on_part_data,
        "on_part_end": reader.on_part_end,
        "on_end": reader.on_end,
    }
    try:
        parser = MultipartParser(boundary, calls)
        parser.write(raw)
        parser.finalize()
    except FormParserError as error:
        raise Malformed(f"The form cannot be read: {error}") from None
    if not reader.ended:
        raise Malformed("The form is cut off")
    if reader.found is None:
        raise Invalid("The form has no file", [FieldError(name, "is required")])
    return b"".join(reader.found)
