"""Chart: which operations set the fields of a draft, kept for as long as it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from protocol.update_scan import Setting
from server.domain.conflicts import Clash
from server.rooms.keys import KeyHistory
from server.rooms.tally import MAX_CROWD

__all__ = ["Chart"]


class Chart:
    """Nothing is known until it is drawn, of a whole state; where nobody could have set the keys so
    often, it never is. ``read`` answers what a field is now.
    """

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read
        self._keys: KeyHistory | None = None
        self._given_up = False
        self._late: list[tuple[Setting, str]] = []

    @property
    def drawn(self) -> bool:
        return self._keys is not None

    @property
    def wanted(self) -> bool:
        return self._keys is None and not self._given_up

    def draw(self, settings: Iterable[Setting]) -> None:
        """Begin with what a state tells."""
        keys = KeyHistory.of(settings, self._read)
        self._given_up = keys.full
        self._keys = None if keys.full else keys

    def take(
        self, settings: Sequence[Setting], by: str, here: Mapping[int, int] | None
    ) -> list[Clash]:
        """Take in what somebody's update set that was merged just now; answers what was set at
        once. ``here`` is how far each client's operations are in the document, given while some
        wait: what is not in it yet is taken in with the first update after which it is.
        """
        if self._keys is None:
            return []
        came = [(one, by) for one in settings]
        if here is not None:
            ripe: list[tuple[Setting, str]] = []
            left: list[tuple[Setting, str]] = []
            for one, who in self._late + came:
                (ripe if one.clock < here.get(one.client, 0) else left).append((one, who))
            came, self._late = ripe, left[:MAX_CROWD]
        found: list[Clash] = []
        for who, some in groupby(came, key=itemgetter(1)):
            found += self._keys.take([one for one, _ in some], who)
        if self._keys.full:
            self._keys = None
        return found

    def take_written(self, settings: Sequence[Setting]) -> None:
        """Take in what the server wrote: made of what stands, nothing can be lost by it."""
        if self._keys is not None:
            self._keys.take(settings, "")

    def forget(self) -> None:
        """Know nothing: the document was loaded anew."""
        self._keys, self._given_up = None, False
        self._late.clear()
