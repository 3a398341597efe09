"""Who does something."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Actor"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or program, and what they came through (``page``, ``api``, ``library``, ``cli``,
    ``run``).

    ``role`` is what they may do in the project; empty where nobody says.
    """

    user: str
    via: str = "api"
    role: str = ""
