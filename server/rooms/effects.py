"""What a session asks its connection to do: plain values, performed in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from protocol.frames import Hello, PresenceFrame, TokenFrame
from protocol.ysync import AwarenessEntry
from server.rooms.access import Grant

__all__ = [
    "AnswerPing",
    "AnswerQuery",
    "AnswerStepOne",
    "ApplyUpdate",
    "Authenticate",
    "ChangeSubscription",
    "Close",
    "Detach",
    "Effect",
    "Join",
    "MovePresence",
    "Open",
    "RelayAwareness",
    "SendBytes",
    "SendText",
    "View",
]


@dataclass(frozen=True, slots=True)
class SendText:
    text: str


@dataclass(frozen=True, slots=True)
class SendBytes:
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Find out whose token this is, and say ``session.authenticated`` or ``refused``.

    ``wanted`` is what it was for: the hello, a renewal, or the routing key of a document.
    """

    token: str
    wanted: Hello | TokenFrame | str


@dataclass(frozen=True, slots=True)
class Join:
    grant: Grant
    hello: Hello


@dataclass(frozen=True, slots=True)
class AnswerPing:
    id: str | int | None


@dataclass(frozen=True, slots=True)
class ChangeSubscription:
    entities: Literal["all"] | tuple[str, ...]
    wanted: bool


@dataclass(frozen=True, slots=True)
class View:
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MovePresence:
    frame: PresenceFrame


@dataclass(frozen=True, slots=True)
class Open:
    """Open a document, or say its scope again; where that fails: ``session.unopened``."""

    key: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class AnswerStepOne:
    key: str
    state_vector: bytes
    counter: bool


@dataclass(frozen=True, slots=True)
class ApplyUpdate:
    """A step 2 or an update: exactly one sync status answers it."""

    key: str
    update: bytes


@dataclass(frozen=True, slots=True)
class RelayAwareness:
    key: str
    entries: tuple[AwarenessEntry, ...]


@dataclass(frozen=True, slots=True)
class AnswerQuery:
    key: str


@dataclass(frozen=True, slots=True)
class Detach:
    key: str


Effect = (
    SendText
    | SendBytes
    | Close
    | Authenticate
    | Join
    | AnswerPing
    | ChangeSubscription
    | View
    | MovePresence
    | Open
    | AnswerStepOne
    | ApplyUpdate
    | RelayAwareness
    | AnswerQuery
    | Detach
)
