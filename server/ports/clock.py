"""The port of time."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Clock"]

Clock = Callable[[], str]
"""Answers the time now as ISO 8601 UTC with milliseconds and a ``Z``."""
