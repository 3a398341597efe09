"""Inputs: what references bring in, digested; remembered, for thousands of dependents share it.

A style is in every shot of a film, and the shots of a scene have the same cast: a run digests the
same few inputs again and again.
"""

from __future__ import annotations

from hashlib import sha256
from operator import attrgetter

from server.domain.entities import Digests

__all__ = ["InputDigests", "Part"]

_MOST_PARTS = 50_000
_MOST_SUMS = 20_000
_by_key = attrgetter("key")


class Part:
    """What one reference brings in, in the bytes that a digest is made of.

    Parts that are equal are one object, so they are compared and hashed by identity.
    """

    __slots__ = ("everything", "key", "visual")

    def __init__(self, role: str, source: str, digests: Digests) -> None:
        head = f"{role}\x00{source}\x00".encode()
        self.key = (role, source, digests)
        self.visual = head + digests.visual
        self.everything = head + digests.all


class InputDigests:
    """Digests of inputs, by content: what is remembered is never out of date, only let go of."""

    def __init__(self) -> None:
        self.at: dict[tuple[str, str, int], Part] = {}
        """The parts of whole versions, which stay as they are, by role, source and number."""
        self._parts: dict[tuple[str, str, Digests], Part] = {}
        self._sums: dict[tuple[Part, ...], Digests] = {}

    def part(self, role: str, source: str, digests: Digests) -> Part:
        key = (role, source, digests)
        part = self._parts.get(key)
        if part is None:
            if len(self._parts) >= _MOST_PARTS:
                self.at.clear()
                self._parts.clear()
                self._sums.clear()
            part = self._parts[key] = Part(role, source, digests)
        return part

    def of(self, parts: tuple[Part, ...]) -> Digests:
        """The digest of parts, in any order (see ``digests.inputs_digest``)."""
        found = self._sums.get(parts)
        if found is None:
            if len(self._sums) >= _MOST_SUMS:
                self._sums.clear()
            ordered = sorted(parts, key=_by_key)
            found = self._sums[parts] = Digests(
                sha256(b"".join([one.visual for one in ordered])).digest(),
                sha256(b"".join([one.everything for one in ordered])).digest(),
            )
        return found
