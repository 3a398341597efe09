"""PerformanceOptimizer: how much a run does at once, and what it will take, from what was measured.

A batch holds the project's lock until it is durable, and edits of the project wait for it as long.
So its size follows the measured cost of a dependent toward a fixed time. The disk's sync is left
out of that: it is paid once a batch, and smaller batches would only pay it more often.
"""

from __future__ import annotations

from itertools import islice
from sys import getsizeof

from server.domain.commit import Commit

__all__ = ["PerformanceOptimizer"]

REACHING = 0.01
"""Seconds that reaching a batch should take; writing its rows and applying them takes as much."""
SLICE = 0.003
"""Seconds of loop time in one piece that reaching dependents should take."""
LEAST, MOST = 64, 2000
"""Dependents in a batch."""
_FIRST_SIZE = 250
_FIRST_COST = 60e-6
_FIRST_BYTES = 700
_LOOKS_AT_THE_CLOCK = 8
_SAMPLE = 16
_HELD_FOR_THE_RUN = 140
"""Bytes: a dependent's places in the order, the set of what is reachable, and that of the done."""


class PerformanceOptimizer:
    """What runs of one project cost on this machine, smoothed; a guess until the first batch."""

    def __init__(self) -> None:
        self.per_dependent = _FIRST_COST
        """Seconds that a dependent takes, committed and announced."""
        self.bytes_per_dependent: float = _FIRST_BYTES
        """Bytes that a dependent takes while its run is on its way."""
        self.batch_size = _FIRST_SIZE
        """How many dependents the next batch should have."""
        self.reached_at_once = _LOOKS_AT_THE_CLOCK
        """How many to reach between two looks at the clock."""

    def measured(self, dependents: int, reaching: float, holding: float) -> None:
        """Take note of a batch: seconds spent reaching its dependents, and seconds in all that it
        held the lock, its commit included.
        """
        if not dependents:
            return
        self.per_dependent = _smoothed(self.per_dependent, holding / dependents, dependents)
        # At most doubled or halved at once: one slow batch says little about the next.
        wanted = dependents * REACHING / max(reaching, 1e-6)
        bounded = min(max(wanted, self.batch_size / 2), self.batch_size * 2)
        self.batch_size = round(min(max(bounded, LEAST), MOST))
        each = max(reaching / dependents, 1e-6)
        self.reached_at_once = round(min(max(SLICE / each / 16, 1), 64))

    def weighed(self, commit: Commit) -> None:
        """Take note of what a batch holds in memory, by a sample of it."""
        count = len(commit.outcomes)
        if not count:
            return
        sample = list(islice(commit.outcomes, _SAMPLE))
        size = _HELD_FOR_THE_RUN + sum(
            getsizeof(one) + getsizeof(one.from_hash) + getsizeof(one.to_hash) for one in sample
        ) / len(sample)
        if commit.digests:
            pair = next(iter(commit.digests.values()))
            whole = getsizeof(pair) + getsizeof(pair.visual) + getsizeof(pair.all)
            size += (getsizeof(commit.digests) + whole * len(commit.digests)) / count
        if commit.pointers:
            size += (getsizeof(commit.pointers) + 8 * len(commit.pointers)) / count
        self.bytes_per_dependent = _smoothed(self.bytes_per_dependent, size, count)

    def seconds_for(self, dependents: int) -> float:
        """About how long a run over so many dependents takes."""
        return dependents * self.per_dependent

    def bytes_for(self, dependents: int) -> int:
        """About how much memory a run over so many dependents holds until its end."""
        return round(dependents * self.bytes_per_dependent)


def _smoothed(before: float, now: float, dependents: int) -> float:
    """A batch of few says little: its fixed cost is most of it."""
    weight = min(0.3, dependents / 1000)
    return (1 - weight) * before + weight * now
