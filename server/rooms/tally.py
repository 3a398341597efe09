"""How much a document holds of what is dear to merge, and how much it may hold."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.errors import Invalid, TooLarge
from protocol.update_scan import UpdateScan

__all__ = ["MAX_CROWD", "MAX_TYPES", "Tally", "is_dear"]

MAX_TYPES = 5_000
"""Shared types in one document. The library deletes nested ones by calling itself: some 30,000 that
are nested in each other overflow its stack."""
MAX_CROWD = 1_000
"""So often can one key be set by somebody who has not seen it. People do so once each, when they
are the first at the same time; ten thousand cost the library half a second, and more each time.
"""


def is_dear(scan: UpdateScan) -> bool:
    """Whether an update counts at all; one setting of a key is what every update may bring."""
    return bool(scan.types) or scan.crowd > 1


@dataclass(slots=True)
class Tally:
    """Upper estimates: what was deleted or came twice is counted until somebody counts afresh."""

    types: int
    crowd: int

    @classmethod
    def of(cls, scan: UpdateScan) -> Tally:
        """The tally of a whole document by the scan of its state."""
        return cls(scan.types, scan.crowd)

    def admits(self, scan: UpdateScan) -> bool:
        too_many = scan.types and self.types + scan.types > MAX_TYPES
        too_often = scan.crowd > 1 and self.crowd + scan.crowd > MAX_CROWD
        return not (too_many or too_often)

    def admit(self, scan: UpdateScan) -> None:
        """Raises TooLarge for an update that would bring too many types, Invalid for one that would
        crowd a key: nobody who types does that.
        """
        if scan.types and self.types + scan.types > MAX_TYPES:
            raise TooLarge(f"The document would hold more than {MAX_TYPES} shared types")
        if not self.admits(scan):
            raise Invalid(f"A key would be set anew more than {MAX_CROWD} times")

    def add(self, scan: UpdateScan) -> None:
        self.types += scan.types
        self.crowd += max(0, scan.crowd - 1)
