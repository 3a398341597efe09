"""Failed: what a command could not do, in plain words."""

from __future__ import annotations

__all__ = ["Failed"]


class Failed(Exception):
    """A command that could not be done; the text says why, and ends as exit code 1."""
