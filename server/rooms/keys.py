"""KeyHistory: which operations set the fields of a draft, so that two people who set one at once,
neither having seen the other's value, are noticed; and who replaced what somebody else had set.

Whoever sets a key builds on the last operation of that key that they know. So a value was set
without having seen the one that stands exactly where it does not build on it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.any_value import read_any
from protocol.errors import Invalid
from protocol.update_scan import Setting
from server.domain.conflicts import Clash
from server.domain.kinds import normalise

__all__ = ["FIELDS", "KeyHistory"]

FIELDS = b"fields"
"""The root type whose keys are an entity's fields."""
_MOST = 10_000
"""So many operations are remembered for one document."""
_FAR = 2**53
"""Past every clock."""
_UNREADABLE = object()

Id = tuple[int, int]


@dataclass(slots=True)
class _Held:
    """The value that stands, the operations that may have set it (alike ones), and by whom."""

    value: Any
    ids: set[Id] = field(default_factory=set)
    user: str = ""


class KeyHistory:
    """The operations that ever set the fields of one document, and the last of each.

    ``read`` answers what a field is now.
    """

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read
        self._held: dict[str, _Held] = {}
        self._spans: dict[int, list[tuple[int, int, str]]] = {}
        self._size = 0

    @classmethod
    def of(cls, settings: Iterable[Setting], read: Callable[[str], Any]) -> KeyHistory:
        """The history that a document's whole state tells."""
        found = cls(read)
        after: dict[int, list[Setting]] = {}
        waiting: list[tuple[Setting, str]] = []
        for one in settings:
            if one.place is not None and one.place[0] == FIELDS:
                waiting.append((one, one.place[1].decode(errors="replace")))
            elif one.origin is not None:
                after.setdefault(one.origin[0], []).append(one)
        for others in after.values():
            others.sort(key=lambda one: one.origin or (0, 0))
        while waiting:
            one, key = waiting.pop()
            if not found._remember(one, key):
                continue
            if one.value is not None and _plain(one.value) == _json(read(key)):
                held = found._held.setdefault(key, _Held(_plain(one.value)))
                held.ids.add((one.client, one.clock))
            waiting += [(other, key) for other in _built_on(after.get(one.client, ()), one)]
        return found

    @property
    def full(self) -> bool:
        """Whether it holds as much as it may."""
        return self._size >= _MOST

    def take(self, settings: Sequence[Setting], user: str) -> list[Clash]:
        """Take in what an update set that was merged just now, and say what was set at once."""
        by_key: dict[str, list[Setting]] = {}
        for one in settings:
            key = self._key(one)
            if key is not None and self._remember(one, key):
                by_key.setdefault(key, []).append(one)
        found: list[Clash] = []
        for key, ones in by_key.items():
            for first, last in _rows(ones):
                clash = self._put(key, first, last, user)
                if clash is not None:
                    found.append(clash)
        return found

    def _put(self, key: str, first: Setting, last: Setting, user: str) -> Clash | None:
        """Put the last of a row of operations that build on each other."""
        id_ = last.client, last.clock + last.length - 1
        value = _UNREADABLE if last.value is None else _plain(last.value)
        held = self._held.get(key)
        if held is None or first.origin in held.ids:
            self._held[key] = _Held(value, {id_}, user)
            return None if held is None else _replaced(key, value, user, held)
        if value == held.value:
            held.ids.add(id_)
            return None
        stands = _json(self._read(key))
        new = _Held(value, {id_}, user)
        kept, lost = (held, new) if stands == held.value else (new, held)
        self._held[key] = kept
        same = bool(user) and user == held.user
        if same or lost.value in (None, _UNREADABLE) or kept.value is _UNREADABLE:
            return None
        return Clash(key, kept.value, kept.user, lost.value, lost.user)

    def _key(self, one: Setting) -> str | None:
        if one.place is not None:
            return one.place[1].decode(errors="replace") if one.place[0] == FIELDS else None
        return None if one.origin is None else self._of(one.origin)

    def _of(self, id_: Id) -> str | None:
        """The key that an operation set, where it is known."""
        spans = self._spans.get(id_[0], ())
        at = bisect_right(spans, (id_[1], _FAR, "")) - 1
        if at < 0 or spans[at][1] <= id_[1]:
            return None
        return spans[at][2]

    def _remember(self, one: Setting, key: str) -> bool:
        """Whether an operation is new, and remembered now."""
        if self._of((one.client, one.clock)) is not None:
            return False
        insort(self._spans.setdefault(one.client, []), (one.clock, one.clock + one.length, key))
        self._size += 1
        return True


def _replaced(key: str, value: Any, user: str, held: _Held) -> Clash | None:
    """What stood there by somebody else and is replaced by who saw it."""
    known = user and held.user and user != held.user
    if not known or _UNREADABLE in (value, held.value) or held.value in (None, value):
        return None
    return Clash(key, value, user, held.value, held.user, seen=True)


def _rows(ones: Sequence[Setting]) -> list[tuple[Setting, Setting]]:
    """The first and the last of each row of operations that build on each other. Those that were
    overwritten at once come as one, which is longer.
    """
    ordered = sorted(ones, key=lambda one: (one.client, one.clock))
    starts = [(one.client, one.clock) for one in ordered]

    def below(one: Setting) -> int | None:
        """Which of them an operation builds on."""
        if one.origin is None:
            return None
        at = bisect_right(starts, one.origin) - 1
        if at < 0 or ordered[at].client != one.origin[0]:
            return None
        return at if one.origin[1] < ordered[at].clock + ordered[at].length else None

    on = [below(one) for one in ordered]
    firsts: list[int | None] = [None] * len(on)
    for number in range(len(on)):
        way: list[int] = []
        here: int | None = number
        while here is not None and firsts[here] is None:
            way.append(here)
            firsts[here] = here
            here = on[here]
        first = way[-1] if here is None else firsts[here]
        for passed in way:
            firsts[passed] = first
    built_upon = set(on)
    return [
        (ordered[first], last)
        for number, (last, first) in enumerate(zip(ordered, firsts, strict=True))
        if number not in built_upon and first is not None
    ]


def _built_on(sorted_: Sequence[Setting], one: Setting) -> list[Setting]:
    """Those of operations, in order of what they build on, that build on a given one."""
    ends = one.clock + one.length
    start = bisect_right(sorted_, (one.client, one.clock - 1), key=lambda two: two.origin or (0, 0))
    found: list[Setting] = []
    for at in range(start, len(sorted_)):
        two = sorted_[at]
        if two.origin is None or two.origin[1] >= ends:
            break
        found.append(two)
    return found


def _plain(raw: bytes) -> Any:
    try:
        return normalise(read_any(raw))
    except (Invalid, ValueError):
        return _UNREADABLE


def _json(value: Any) -> Any:
    try:
        return normalise(value)
    except ValueError:
        return _UNREADABLE
