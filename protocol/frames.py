"""The JSON text frames of the live socket: what a client may say, and what the server answers.

``decode`` turns one frame into a frozen object or raises Malformed with every bad field named;
members that this version does not know are ignored. The builders return the JSON text of a server
frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from protocol.codec import normal_id
from protocol.errors import Malformed

__all__ = [
    "ClientFrame",
    "Hello",
    "PingFrame",
    "PresenceFrame",
    "Resume",
    "Subscribe",
    "TokenFrame",
    "Unsubscribe",
    "Viewing",
    "decode_frame",
    "encode_frame",
    "error",
    "pong",
    "presence",
    "resync",
    "role",
    "saved",
    "token_wanted",
    "welcome",
]

MAX_IDS_PER_REQUEST = 20_000

EntityId = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(normal_id)]
EntityIds = Annotated[tuple[EntityId, ...], Field(max_length=MAX_IDS_PER_REQUEST)]
Subscription = Literal["all"] | EntityIds


@dataclass(frozen=True, slots=True)
class Resume:
    """The position of the last durable event that the client has seen."""

    epoch: Annotated[str, Field(max_length=128)]
    seq: Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, slots=True)
class Hello:
    type: Literal["hello"]
    token: Annotated[str, Field(max_length=8 * 1024)] | None = None
    resume: Resume | None = None
    subscribe: Subscription = ()


@dataclass(frozen=True, slots=True)
class Subscribe:
    type: Literal["subscribe"]
    entities: Subscription


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    type: Literal["unsubscribe"]
    entities: Subscription


@dataclass(frozen=True, slots=True)
class Viewing:
    """What the client has on screen; replaces what it said before."""

    type: Literal["viewing"]
    entities: EntityIds


@dataclass(frozen=True, slots=True)
class PresenceFrame:
    type: Literal["presence"]
    view: Annotated[str, Field(max_length=64)]
    entity: EntityId | None = None
    name: Annotated[str, Field(max_length=128)] | None = None


@dataclass(frozen=True, slots=True)
class PingFrame:
    type: Literal["ping"]
    id: (
        Annotated[str, Field(max_length=128)] | Annotated[int, Field(ge=-(2**53), le=2**53)] | None
    ) = None


@dataclass(frozen=True, slots=True)
class TokenFrame:
    """The token on which the connection rests from now on."""

    type: Literal["token"]
    token: Annotated[str, Field(min_length=1, max_length=8 * 1024)]


ClientFrame = Hello | Subscribe | Unsubscribe | Viewing | PresenceFrame | PingFrame | TokenFrame

_ADAPTER: TypeAdapter[ClientFrame] = TypeAdapter(
    Annotated[ClientFrame, Field(discriminator="type")]
)
_MAX_NAMED_FIELDS = 10


def decode_frame(text: str) -> ClientFrame:
    """Read one client frame; raises Malformed, which names every bad field (the first ten)."""
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as failure:
        raise Malformed(_explain(failure)) from failure


def _explain(failure: ValidationError) -> str:
    named: dict[str, str] = {}
    for problem in failure.errors(include_url=False, include_context=False, include_input=False):
        # The first part is the frame's type; what follows the field's name may be a branch of a
        # union.
        path = [str(part) for part in problem["loc"][1:] if "[" not in str(part)]
        named.setdefault(".".join(path) or "frame", problem["msg"])
    shown = [f"{path}: {message}" for path, message in list(named.items())[:_MAX_NAMED_FIELDS]]
    return "; ".join(shown)


def encode_frame(frame: Mapping[str, Any]) -> str:
    return orjson.dumps(frame).decode()


def welcome(*, epoch: str, seq: int, user: str, role: str, resumed: bool, session: str) -> str:
    return encode_frame(
        {
            "type": "welcome",
            "epoch": epoch,
            "seq": seq,
            "user": user,
            "role": role,
            "resumed": resumed,
            "session": session,
        }
    )


def error(code: str, message: str, *, fatal: bool) -> str:
    return encode_frame({"type": "error", "code": code, "message": message, "fatal": fatal})


def pong(identifier: str | int | None, seq: int) -> str:
    return encode_frame({"type": "pong", "id": identifier, "seq": seq})


def saved(document: str, clock: int) -> str:
    return encode_frame({"type": "saved", "document": document, "clock": clock})


def role(role: str) -> str:
    return encode_frame({"type": "role", "role": role})


def token_wanted(expires_in: float) -> str:
    return encode_frame({"type": "token", "expires_in": round(expires_in)})


def resync(reason: str) -> str:
    return encode_frame({"type": "resync", "reason": reason})


def presence(people: Sequence[Mapping[str, Any]]) -> str:
    return encode_frame({"type": "presence", "people": people})
