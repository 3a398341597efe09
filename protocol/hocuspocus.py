"""The Hocuspocus envelope (provider 4.8): many documents on one socket.

A frame is ``varString(routing key) type payload``. The routing key is the document's name, with
session awareness followed by NUL and a session id; it is echoed as it came. Two frames stand
outside: the single byte ``09`` is a ping, ``0a`` a pong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from protocol.codec import Reader, normal_id, var_string, var_uint
from protocol.errors import Malformed
from protocol.ysync import (
    AwarenessEntry,
    SyncStep,
    decode_awareness,
    decode_sync,
    encode_awareness,
    encode_sync,
)

__all__ = [
    "MAX_KEY",
    "MAX_TOKEN",
    "PING",
    "PONG",
    "AuthToken",
    "Awareness",
    "ClientMessage",
    "CloseDocument",
    "Ping",
    "Pong",
    "QueryAwareness",
    "Refusal",
    "Scope",
    "ServerMessage",
    "Stateless",
    "StepOne",
    "StepTwo",
    "SyncStatus",
    "TokenRequest",
    "Update",
    "decode",
    "decode_answer",
    "document_name",
    "encode_auth_token",
    "encode_authenticated",
    "encode_awareness_frame",
    "encode_close",
    "encode_denied",
    "encode_step_one",
    "encode_step_two",
    "encode_sync_status",
    "encode_token_request",
    "encode_update",
]

MAX_KEY = 1024
MAX_TOKEN = 8 * 1024
MAX_STATELESS = 64 * 1024
MAX_REASON = 1024
PING = b"\x09"
PONG = b"\x0a"


class _Type(IntEnum):
    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    SYNC_REPLY = 4
    STATELESS = 5
    CLOSE = 7
    SYNC_STATUS = 8


_AUTH_TOKEN, _AUTH_DENIED, _AUTH_GRANTED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Ping:
    pass


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class AuthToken:
    """A client's token for a document; an empty one means the identity of the socket."""

    key: str
    token: str


@dataclass(frozen=True, slots=True)
class StepOne:
    """What the client has; ``counter`` says whether it wants to be asked the same."""

    key: str
    state_vector: bytes
    counter: bool = True


@dataclass(frozen=True, slots=True)
class StepTwo:
    """What the server lacked, as an answer to its own step 1."""

    key: str
    update: bytes


@dataclass(frozen=True, slots=True)
class Update:
    key: str
    update: bytes


@dataclass(frozen=True, slots=True)
class Awareness:
    key: str
    entries: tuple[AwarenessEntry, ...]


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    key: str


@dataclass(frozen=True, slots=True)
class Stateless:
    key: str
    payload: str


@dataclass(frozen=True, slots=True)
class CloseDocument:
    """The client is done with one document; the socket stays."""

    key: str


ClientMessage = (
    Ping
    | Pong
    | AuthToken
    | StepOne
    | StepTwo
    | Update
    | Awareness
    | QueryAwareness
    | Stateless
    | CloseDocument
)


@dataclass(frozen=True, slots=True)
class Scope:
    """A document is open, for reading or for writing too."""

    key: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document cannot be had, or not any more."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class TokenRequest:
    key: str


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """The answer to one step 2 or update: it is durable, or it was refused."""

    key: str
    applied: bool


ServerMessage = (
    Ping
    | Pong
    | Scope
    | Refusal
    | TokenRequest
    | StepOne
    | StepTwo
    | Update
    | Awareness
    | QueryAwareness
    | SyncStatus
    | Stateless
)


def document_name(key: str) -> str:
    """The document that a routing key means, in the normal form of ids; answers go to the key."""
    return normal_id(key.partition("\x00")[0])


def decode(data: bytes) -> ClientMessage:
    """Read one client frame; raises Malformed or TooLarge."""
    if data == PING:
        return Ping()
    if data == PONG:
        return Pong()
    reader = Reader(data)
    key = reader.var_string(MAX_KEY)
    if not document_name(key):
        raise Malformed("A frame without a document name")
    number = reader.var_uint()
    try:
        kind = _Type(number)
    except ValueError as error:
        raise Malformed(f"{number} is not a message type") from error
    message = _decode_body(kind, key, reader)
    if kind is not _Type.AUTH:
        reader.end()
    return message


def _decode_body(kind: _Type, key: str, reader: Reader) -> ClientMessage:
    match kind:
        case _Type.SYNC | _Type.SYNC_REPLY:
            return _decode_sync(key, reader, counter=kind is _Type.SYNC)
        case _Type.AWARENESS:
            return Awareness(key, decode_awareness(reader))
        case _Type.AUTH:
            # A version follows the token from provider 4 on; it and whatever comes later is of no
            # use here.
            if reader.var_uint() != _AUTH_TOKEN:
                raise Malformed("Only a token can come from a client")
            return AuthToken(key, reader.var_string(MAX_TOKEN))
        case _Type.QUERY_AWARENESS:
            return QueryAwareness(key)
        case _Type.STATELESS:
            return Stateless(key, reader.var_string(MAX_STATELESS))
        case _Type.CLOSE:
            if not reader.at_end:
                reader.var_string(MAX_REASON)
            return CloseDocument(key)
        case _Type.SYNC_STATUS:
            raise Malformed("A sync status cannot come from a client")


def _decode_sync(key: str, reader: Reader, *, counter: bool) -> StepOne | StepTwo | Update:
    step, data = decode_sync(reader)
    match step:
        case SyncStep.STEP_1:
            return StepOne(key, data, counter)
        case SyncStep.STEP_2:
            return StepTwo(key, data)
        case SyncStep.UPDATE:
            return Update(key, data)


def decode_answer(data: bytes) -> ServerMessage:
    """Read one server frame; raises Malformed or TooLarge."""
    if data == PING:
        return Ping()
    if data == PONG:
        return Pong()
    reader = Reader(data)
    key = reader.var_string(MAX_KEY)
    number = reader.var_uint()
    match number:
        case _Type.AUTH:
            return _decode_auth_answer(key, reader)
        case _Type.SYNC_STATUS:
            return SyncStatus(key, reader.var_uint() == 1)
        case _Type.CLOSE:
            return Refusal(key, "" if reader.at_end else reader.var_string(MAX_REASON))
        case _Type.SYNC | _Type.SYNC_REPLY:
            return _decode_sync(key, reader, counter=number == _Type.SYNC)
        case _Type.AWARENESS:
            return Awareness(key, decode_awareness(reader))
        case _Type.QUERY_AWARENESS:
            return QueryAwareness(key)
        case _Type.STATELESS:
            return Stateless(key, reader.var_string(MAX_STATELESS))
        case _:
            raise Malformed(f"{number} is not a message type")


def _decode_auth_answer(key: str, reader: Reader) -> Scope | Refusal | TokenRequest:
    match reader.var_uint():
        case 0:
            return TokenRequest(key)
        case 1:
            return Refusal(key, reader.var_string(MAX_REASON))
        case 2:
            return Scope(key, reader.var_string(MAX_REASON) == "readonly")
        case other:
            raise Malformed(f"{other} is not an answer to a token")


def _frame(key: str, kind: _Type, payload: bytes) -> bytes:
    return var_string(key) + bytes((kind,)) + payload


def encode_auth_token(key: str, token: str) -> bytes:
    return _frame(key, _Type.AUTH, bytes((_AUTH_TOKEN,)) + var_string(token))


def encode_authenticated(key: str, *, read_only: bool) -> bytes:
    scope = "readonly" if read_only else "read-write"
    return _frame(key, _Type.AUTH, bytes((_AUTH_GRANTED,)) + var_string(scope))


def encode_denied(key: str, reason: str) -> bytes:
    return _frame(key, _Type.AUTH, bytes((_AUTH_DENIED,)) + var_string(reason))


def encode_token_request(key: str) -> bytes:
    """Ask the client to send its token again."""
    return _frame(key, _Type.AUTH, bytes((_AUTH_TOKEN,)))


def encode_step_one(key: str, state_vector: bytes) -> bytes:
    return _frame(key, _Type.SYNC, encode_sync(SyncStep.STEP_1, state_vector))


def encode_step_two(key: str, update: bytes) -> bytes:
    return _frame(key, _Type.SYNC, encode_sync(SyncStep.STEP_2, update))


def encode_update(key: str, update: bytes) -> bytes:
    return _frame(key, _Type.SYNC, encode_sync(SyncStep.UPDATE, update))


def encode_awareness_frame(key: str, entries: Iterable[AwarenessEntry]) -> bytes:
    return _frame(key, _Type.AWARENESS, encode_awareness(entries))


def encode_sync_status(key: str, *, applied: bool) -> bytes:
    # The client reads a signed number here; 0 and 1 look the same in both encodings.
    return _frame(key, _Type.SYNC_STATUS, var_uint(int(applied)))


def encode_close(key: str, reason: str) -> bytes:
    return _frame(key, _Type.CLOSE, var_string(reason))
