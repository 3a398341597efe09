"""A clock of its own: every look at it is a millisecond later, so moments lie between steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["Ticking"]


class Ticking:
    """Implements ``ports.Clock``."""

    def __init__(self) -> None:
        self.now = datetime(2031, 1, 1, tzinfo=UTC)

    def __call__(self) -> str:
        self.now += timedelta(milliseconds=1)
        return self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
