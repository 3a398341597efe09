"""How much a document holds of what is dear to merge, and how much it may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.errors import Invalid, TooLarge
from protocol.update_scan import Place, UpdateScan

__all__ = ["MAX_CROWD", "MAX_TYPES", "Tally", "is_dear"]

MAX_TYPES = 5_000
"""Shared types in one document. The library deletes nested ones by calling itself: some 30,000 that
are nested in each other overflow its stack."""
MAX_CROWD = 1_000
"""So often can one key be set by somebody who has not seen it. People do so once each, when they
are the first at the same time; ten thousand cost the library half a second, and more each time.
"""
_FEW = 100
"""So many of them, one in an update, come in before it is counted how many were there: whoever is
the first to set a key waits for no count."""
_KEYS = 4_096
"""So many keys are remembered; then those that were set once are forgotten."""


def is_dear(scan: UpdateScan) -> bool:
    """Whether an update counts at all."""
    return bool(scan.types or scan.unseen)


@dataclass(slots=True)
class Tally:
    """Upper estimates: what was deleted or came twice is counted until somebody counts afresh.

    ``whole``: what the document held when it was loaded is in it too.
    """

    types: int = 0
    crowds: dict[Place, int] = field(default_factory=dict)
    whole: bool = False

    @classmethod
    def of(cls, scan: UpdateScan) -> Tally:
        """The tally of a whole document by the scan of its state."""
        return cls(scan.types, _repeated(scan.unseen), whole=True)

    def copy(self) -> Tally:
        return Tally(self.types, dict(self.crowds), self.whole)

    def admits(self, scan: UpdateScan) -> bool:
        """Whether it is known that an update fits; else count afresh."""
        if self.whole:
            return not (self._too_many(scan) or self._too_often(scan, MAX_CROWD))
        several = any(times > 1 for times in scan.unseen.values())
        return not (scan.types or several or self._too_often(scan, _FEW))

    def admit(self, scan: UpdateScan) -> None:
        """Raises TooLarge for an update that would bring too many types, Invalid for one that would
        crowd a key: nobody who types does that.
        """
        if self._too_many(scan):
            raise TooLarge(f"The document would hold more than {MAX_TYPES} shared types")
        if self._too_often(scan, MAX_CROWD):
            raise Invalid(f"A key would be set anew more than {MAX_CROWD} times")

    def add(self, scan: UpdateScan) -> None:
        self.types += scan.types
        for place, times in scan.unseen.items():
            self.crowds[place] = self.crowds.get(place, 0) + times
        if len(self.crowds) > _KEYS:
            self.crowds = _repeated(self.crowds)

    def add_since(self, now: Tally, before: Tally) -> None:
        """Add what came to another tally after ``before`` was copied from it."""
        self.types += now.types - before.types
        for place, times in now.crowds.items():
            more = times - before.crowds.get(place, 0)
            if more > 0:
                self.crowds[place] = self.crowds.get(place, 0) + more

    def _too_many(self, scan: UpdateScan) -> bool:
        return bool(scan.types) and self.types + scan.types > MAX_TYPES

    def _too_often(self, scan: UpdateScan, bound: int) -> bool:
        return any(
            self.crowds.get(place, 0) + times > bound for place, times in scan.unseen.items()
        )


def _repeated(crowds: Mapping[Place, int]) -> dict[Place, int]:
    return {place: times for place, times in crowds.items() if times > 1}
