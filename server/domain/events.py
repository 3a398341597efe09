"""Events: entries of a project's ordered stream, and the frames that are made of them.

A durable event has a ``seq`` and commits in the same transaction as the state that it tells of. An
ephemeral frame (drafts, progress, presence) is a plain dict that is never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["MAX_IDS_PER_FRAME", "Event"]

MAX_IDS_PER_FRAME = 500


@dataclass(frozen=True, slots=True)
class Event:
    """One durable entry ``(epoch, seq)`` of a project's stream.

    ``concerns`` are the entity ids whose subscribers get it (``None``: everybody in the project);
    ``body`` is the frame without ``seq`` and ``prev``, ``body["type"]`` its type.
    """

    seq: int
    body: Mapping[str, Any]
    concerns: frozenset[str] | None

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def person(self) -> str | None:
        """Whom alone it is for; ``None``: whoever may see the project."""
        return str(self.body.get("user", "")) if self.body["type"] == "notification" else None

    def encode(self) -> bytes:
        """The frame's JSON without ``prev`` and without the closing brace.

        ``prev`` differs from connection to connection, so a sender appends ``,"prev":N}``: the body
        is encoded once however many connections it goes to.
        """
        return orjson.dumps({**self.body, "seq": self.seq})[:-1]
