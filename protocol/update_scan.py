"""A look at a Yjs update (format v1) before any CRDT library decodes it.

The library decodes nested values, and deletes nested types, by calling itself, so a small update
that nests deeply enough overflows its stack, which no handler can catch. This reads the same bytes
without recursion and refuses what nests too deeply, or announces more than is there.

    update  = n × ( structs, client, clock, structs × struct ), n × ( client, m × ( clock, len ) )
    struct  = info, [left origin], [right origin], [parent, [key]], content
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from protocol.errors import Invalid

__all__ = ["Place", "Setting", "UpdateScan", "scan_update"]

Place = tuple[bytes, bytes]
"""A key: the shared type that it is in, as an update names it, and its name."""

_LONGEST_NUMBER = 10
_MAX_NUMBER = 2**53 - 1
_MAX_CLOCK = 2**32 - 1

_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, _SKIP = range(11)
_HAS_ORIGIN, _HAS_RIGHT_ORIGIN, _HAS_KEY = 0x80, 0x40, 0x20
_NAMED_TYPES = (3, 5)
_LAST_TYPE = 6

_BUFFER, _ARRAY, _OBJECT, _TEXT = 116, 117, 118, 119
_FIXED = {120: 0, 121: 0, 122: 8, 123: 8, 124: 4, 126: 0, 127: 0}
_INTEGER = 125

_JSON_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


_MOST_SETTINGS = 4_096
"""So many settings of keys are told of one update; nobody who types sets more at once."""


class Setting(NamedTuple):
    """A key that an update sets: by which operation, and on which other one of the same key it was
    set (``None``: on none, and then ``place`` says which key). ``value`` is how its one plain value
    is encoded, ``None`` where it is something else, or was overwritten since.
    """

    client: int
    clock: int
    length: int
    origin: tuple[int, int] | None
    place: Place | None
    value: bytes | None


class UpdateScan(NamedTuple):
    """What an update holds.

    ``ends`` is where its operations of each client end, ``deletes`` where its deletions of each
    client's operations end, ``types`` how many shared types it brings. ``unseen`` is how often each
    key is set by somebody who says to have never seen it: for each of them the library walks along
    all that were there before.
    ``settings`` are the keys that it sets, seen or not, in its order.
    """

    ends: Mapping[int, int]
    deletes: Mapping[int, int]
    types: int
    unseen: Mapping[Place, int] = MappingProxyType({})
    settings: tuple[Setting, ...] = ()

    def joined(self, other: UpdateScan) -> UpdateScan:
        """What two updates hold together."""
        return UpdateScan(
            _furthest(self.ends, other.ends),
            _furthest(self.deletes, other.deletes),
            self.types + other.types,
            _together(self.unseen, other.unseen),
            (*self.settings, *other.settings),
        )

    def beyond(self, known: Mapping[int, int]) -> bool:
        """Whether it has operations that a state vector lacks."""
        return any(end > known.get(client, 0) for client, end in self.ends.items())

    def waits(self, known: Mapping[int, int]) -> bool:
        """Whether something of it is not integrated in a document with this state vector, though it
        was applied: it builds on, or deletes, what has not come.
        """
        return self.beyond(known) or any(
            end > known.get(client, 0) for client, end in self.deletes.items()
        )


def _furthest(one: Mapping[int, int], other: Mapping[int, int]) -> Mapping[int, int]:
    if not other:
        return one
    return {**one, **{client: max(end, one.get(client, 0)) for client, end in other.items()}}


def _together(one: Mapping[Place, int], other: Mapping[Place, int]) -> Mapping[Place, int]:
    if not other:
        return one
    return {**one, **{place: times + one.get(place, 0) for place, times in other.items()}}


def scan_update(update: bytes, *, max_depth: int) -> UpdateScan:
    """Read an update through, in one pass; raises Invalid.

    A JSON value may nest ``max_depth`` containers below its outermost one.
    """
    try:
        return _Scanner(update, max_depth).update()
    except IndexError:
        raise Invalid("The update cannot be read: it ends too early") from None


class _Scanner:
    """Walks from front to back; past the end of the data, IndexError or Invalid."""

    __slots__ = ("_at", "_data", "_depth", "_keyed", "_settings", "_size", "_types", "_unseen")

    def __init__(self, data: bytes, max_depth: int) -> None:
        self._data = data
        self._size = len(data)
        self._at = 0
        self._depth = max_depth
        self._types = 0
        self._unseen: dict[Place, int] = {}
        self._keyed: tuple[tuple[int, int] | None, Place | None, bytes | None] | None = None
        self._settings: list[Setting] = []

    def update(self) -> UpdateScan:
        ends: dict[int, int] = {}
        deletes: dict[int, int] = {}
        for _ in range(self._count()):
            structs, client, clock = self._count(), self._number(), self._number()
            if not structs:
                raise Invalid("The update names a client and nothing of it")
            end = ends.get(client, 0)
            for _ in range(structs):
                length, is_skip = self._struct()
                if not length:
                    # The library divides by it, long after it has taken it in.
                    raise Invalid("The update holds something of no length")
                if self._keyed is not None:
                    if len(self._settings) < _MOST_SETTINGS:
                        self._settings.append(Setting(client, clock, length, *self._keyed))
                    self._keyed = None
                clock += length
                if not is_skip:
                    end = max(end, clock)
            self._bounded(clock)
            ends[client] = end
        for _ in range(self._count()):
            client = self._number()
            for _ in range(self._count()):
                end = self._bounded(self._number() + self._number())
                deletes[client] = max(end, deletes.get(client, 0))
        if self._at != self._size:
            raise Invalid("The update cannot be read: something follows its end")
        return UpdateScan(ends, deletes, self._types, self._unseen, tuple(self._settings))

    def _struct(self) -> tuple[int, bool]:
        """Pass a struct; returns how many clocks it takes, and whether it is only a gap."""
        data = self._data
        info = data[self._at]
        self._at += 1
        if info in (_GC, _SKIP):
            return self._bounded(self._number()), info == _SKIP
        if info & _HAS_KEY:
            return self._key(info), False
        if info & _HAS_ORIGIN:
            self._pass_id()
        if info & _HAS_RIGHT_ORIGIN:
            self._pass_id()
        if not info & (_HAS_ORIGIN | _HAS_RIGHT_ORIGIN):
            self._parent()
        return self._content(info & 0x1F), False

    def _key(self, info: int) -> int:
        """Pass a struct that sets a key, and keep which; returns how many clocks it takes."""
        origin = place = None
        if info & _HAS_ORIGIN:
            origin = self._number(), self._number()
        if info & _HAS_RIGHT_ORIGIN:
            self._pass_id()
        if not info & (_HAS_ORIGIN | _HAS_RIGHT_ORIGIN):
            place = self._parent(), self._text()
            self._unseen[place] = self._unseen.get(place, 0) + 1
        kind = info & 0x1F
        start = self._at
        length = self._content(kind)
        plain = self._data[start : self._at] if kind == _ANY and length == 1 else None
        self._keyed = origin, place, plain
        return length

    def _parent(self) -> bytes:
        if self._number() == 1:
            return self._text()
        start = self._at
        self._pass_id()
        return self._data[start : self._at]

    def _content(self, kind: int) -> int:
        if kind == _STRING:
            return self._string_content()
        if kind == _ANY:
            count = self._count()
            for _ in range(count):
                self._any()
            return count
        if kind == _DELETED:
            return self._bounded(self._number())
        if kind == _JSON:
            count = self._count()
            for _ in range(count):
                self._json()
            return count
        self._single(kind)
        return 1

    def _single(self, kind: int) -> None:
        """Pass a content that takes one clock."""
        if kind == _TYPE:
            self._types += 1
            type_ = self._number()
            if type_ > _LAST_TYPE:
                raise Invalid("The update holds a type that is not known")
            if type_ in _NAMED_TYPES:
                self._skip(self._number())
        elif kind == _FORMAT:
            self._skip(self._number())
            self._json()
        elif kind == _EMBED:
            self._json()
        elif kind == _BINARY:
            self._skip(self._number())
        elif kind == _DOC:
            self._skip(self._number())
            self._any()
        else:
            raise Invalid("The update holds something that is not known")

    def _string_content(self) -> int:
        """A text takes as many clocks as it has UTF-16 units."""
        length = self._number()
        start = self._at
        self._skip(length)
        text = self._data[start : self._at]
        if text.isascii():
            return length
        try:
            return len(text.decode().encode("utf-16-le")) // 2
        except UnicodeDecodeError:
            raise Invalid("The update cannot be read: a text is not UTF-8") from None

    def _any(self) -> None:
        """Pass a value. ``open_`` holds, for each container around, how many values it still has
        (negative: of an object, whose values come with a key).
        """
        data = self._data
        open_: list[int] = []
        while True:
            tag = data[self._at]
            self._at += 1
            if tag in (_TEXT, _BUFFER):
                self._skip(self._number())
            elif tag in (_ARRAY, _OBJECT):
                if len(open_) > self._depth:
                    raise Invalid("The update holds a value that is nested too deeply")
                count = self._count()
                open_.append(count if tag == _ARRAY else -count)
            elif tag == _INTEGER:
                self._number(bound=2**70)
            elif (fixed := _FIXED.get(tag)) is not None:
                self._skip(fixed)
            else:
                raise Invalid("The update holds a value that is not known")
            while open_ and open_[-1] == 0:
                open_.pop()
            if not open_:
                return
            if open_[-1] < 0:
                open_[-1] += 1
                self._skip(self._number())
            else:
                open_[-1] -= 1

    def _json(self) -> None:
        length = self._number()
        start = self._at
        self._skip(length)
        text = self._data[start : self._at]
        if text.count(b"[") + text.count(b"{") <= self._depth:
            return
        depth = 0
        for bracket in _BRACKET.finditer(_JSON_STRING.sub(b"", text)):
            depth += 1 if bracket[0] in b"[{" else -1
            if depth > self._depth + 1:
                raise Invalid("The update holds a value that is nested too deeply")

    def _pass_id(self) -> None:
        """Pass two numbers."""
        data = self._data
        at = self._at
        while data[at] >= 0x80:
            at += 1
        at += 1
        while data[at] >= 0x80:
            at += 1
        self._at = at + 1

    def _number(self, bound: int = _MAX_NUMBER) -> int:
        data = self._data
        at = self._at
        byte = data[at]
        if byte < 0x80:
            self._at = at + 1
            return byte
        number = byte & 0x7F
        shift = 7
        while shift < 7 * _LONGEST_NUMBER:
            at += 1
            byte = data[at]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                if number > bound:
                    break
                self._at = at + 1
                return number
            shift += 7
        raise Invalid("The update cannot be read: a number is too large")

    def _count(self) -> int:
        """How many of something come; each takes at least a byte."""
        count = self._number()
        if count > self._size - self._at:
            raise Invalid("The update cannot be read: it announces more than is there")
        return count

    def _text(self) -> bytes:
        length = self._number()
        start = self._at
        self._skip(length)
        return self._data[start : self._at]

    def _skip(self, length: int) -> None:
        self._at += length
        if self._at > self._size:
            raise Invalid("The update cannot be read: it announces more than is there")

    @staticmethod
    def _bounded(clock: int) -> int:
        if clock > _MAX_CLOCK:
            raise Invalid("The update cannot be read: a clock is too large")
        return clock
