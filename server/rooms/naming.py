"""The documents that one client has named, and how far it has come with each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from protocol import hocuspocus
from protocol.errors import RipplecutError, TooLarge
from server.rooms.access import Grant
from server.rooms.effects import (
    AnswerQuery,
    AnswerStepOne,
    ApplyUpdate,
    Detach,
    Effect,
    Open,
    RelayAwareness,
    SendBytes,
)
from server.rooms.settings import RoomSettings

__all__ = ["DocumentMessage", "NamedDocuments"]

DocumentMessage = (
    hocuspocus.StepOne
    | hocuspocus.StepTwo
    | hocuspocus.Update
    | hocuspocus.Awareness
    | hocuspocus.QueryAwareness
    | hocuspocus.Stateless
)


@dataclass(slots=True)
class _Waiting:
    """A document whose auth frame has not come: what came instead."""

    messages: list[DocumentMessage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Granted:
    """``follows``: it rests on the socket's identity, and not on a token of its own."""

    follows: bool


@dataclass(frozen=True, slots=True)
class _Denied:
    """What a client goes on to send for this document is dropped, until it authenticates anew."""


class NamedDocuments:
    """By routing key. A denied one is remembered and counts, until the client closes it: so a
    client can name no more of them than the bound, whatever becomes of them.
    """

    def __init__(self, settings: RoomSettings) -> None:
        self._settings = settings
        self._known: dict[str, _Waiting | _Granted | _Denied] = {}
        self._waiting_bytes = 0
        self._waiting_frames = 0

    def granted(self) -> Iterator[str]:
        return (key for key, one in self._known.items() if isinstance(one, _Granted))

    def following(self) -> list[str]:
        """Those that rest on the socket's identity."""
        return [
            key for key, one in self._known.items() if isinstance(one, _Granted) and one.follows
        ]

    def is_granted(self, key: str) -> bool:
        return isinstance(self._known.get(key), _Granted)

    def may_name(self, key: str, *, stranger: bool) -> bool:
        """Whether there is room for it among those that were named."""
        settings = self._settings
        bound = settings.documents_before_login if stranger else settings.documents_per_socket
        return key in self._known or len(self._known) < bound

    def grant(self, key: str, grant: Grant, *, follows: bool) -> list[Effect]:
        """Open it, then do what its client asked for before."""
        waiting = self._forget_waiting(key)
        self._known[key] = _Granted(follows)
        return [
            Open(key, grant),
            *(effect for message in waiting for effect in _effects(message)),
        ]

    def deny(self, key: str, error: RipplecutError) -> list[Effect]:
        self._forget_waiting(key)
        self._known[key] = _Denied()
        return [SendBytes(hocuspocus.encode_denied(key, error.detail))]

    def close(self, key: str) -> list[Effect]:
        self._forget_waiting(key)
        return [Detach(key)] if isinstance(self._known.pop(key, None), _Granted) else []

    def receive(self, message: DocumentMessage, size: int, *, stranger: bool) -> list[Effect]:
        match self._known.get(message.key):
            case _Granted():
                return _effects(message)
            case _Denied():
                return []
            case _Waiting() as waiting:
                return self._keep(waiting, message, size)
            case None:
                if not self.may_name(message.key, stranger=stranger):
                    return []
                waiting = self._known[message.key] = _Waiting()
                return self._keep(waiting, message, size)
            case other:
                assert_never(other)

    def _keep(self, waiting: _Waiting, message: DocumentMessage, size: int) -> list[Effect]:
        self._waiting_bytes += size
        self._waiting_frames += 1
        waiting.messages.append(message)
        over_bytes = self._waiting_bytes > self._settings.waiting_limit
        if over_bytes or self._waiting_frames > self._settings.waiting_frames:
            return self.deny(message.key, TooLarge("Too much was sent before the auth frame"))
        return []

    def _forget_waiting(self, key: str) -> list[DocumentMessage]:
        """What waited for this document's auth frame. The bounds start anew once none waits."""
        document = self._known.get(key)
        if not isinstance(document, _Waiting):
            return []
        self._known[key] = _Denied()
        if not any(isinstance(other, _Waiting) for other in self._known.values()):
            self._waiting_bytes = self._waiting_frames = 0
        return document.messages


def _effects(message: DocumentMessage) -> list[Effect]:
    match message:
        case hocuspocus.StepOne(key, state_vector, counter):
            return [AnswerStepOne(key, state_vector, counter)]
        case hocuspocus.StepTwo(key, update) | hocuspocus.Update(key, update):
            return [ApplyUpdate(key, update)]
        case hocuspocus.Awareness(key, entries):
            return [RelayAwareness(key, entries)]
        case hocuspocus.QueryAwareness(key):
            return [AnswerQuery(key)]
        case hocuspocus.Stateless():
            return []
        case other:
            assert_never(other)
