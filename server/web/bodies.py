"""Bodies and queries: bytes in, checked objects out, or an error that names all that is wrong."""

from __future__ import annotations

import types
import unicodedata
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from protocol.errors import FieldError, Invalid, Malformed, TooLarge
from server.web.problems import invalid

__all__ = [
    "Body",
    "Empty",
    "Id",
    "Number",
    "PlanHash",
    "Query",
    "Text",
    "decode",
    "parse",
    "read",
    "read_query",
    "validate",
]

M = TypeVar("M", bound=BaseModel)
B = TypeVar("B", bound="Body")


def nfc(value: str) -> str:
    """Text in the one form in which ids are kept."""
    return unicodedata.normalize("NFC", value)


Id = Annotated[str, AfterValidator(nfc)]
"""The id of something that should exist; what cannot be one is simply not found."""
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""A version number."""
Text = Annotated[str, Field(max_length=10_000)]
PlanHash = Annotated[str, Field(min_length=1, max_length=128)]
"""The ``plan_hash`` of an impact that was shown."""


class Body(BaseModel):
    """A JSON body: exact types, and no key that is not known. ``bare`` is the key for which a list
    can stand by itself.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    bare: ClassVar[str | None] = None


class Empty(Body):
    """A body without anything in it; it may be left out."""


class Query(BaseModel):
    """Query parameters; unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, defer_build=True)


async def read(receive: Receive, headers: Headers, limit: int) -> bytes:
    """A request's body, of at most ``limit`` bytes. Raises TooLarge without taking in the rest."""
    error = TooLarge(f"A body of this route can have {limit // 1024} KiB at most")
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise error
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise error
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def parse(raw: bytes) -> Any:
    """JSON, strictly: no NaN, no invalid Unicode, no bottomless nesting. Raises Malformed."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not valid JSON: {error}") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply") from None


def decode(model: type[B], raw: bytes) -> B:
    """A body as its model; an absent one is like ``{}``. Raises Malformed, Invalid."""
    return validate(model, parse(raw) if raw.strip() else {})


def validate(model: type[B], data: Any) -> B:
    """What a body said as its model. Raises Invalid."""
    if isinstance(data, list) and model.bare is not None:
        data = {model.bare: data}
    if not isinstance(data, dict):
        raise Invalid("The body is not valid", [FieldError("body", "must be an object")])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise invalid(error, "The body is not valid", data) from None


def read_query(model: type[M], query_string: bytes) -> M:
    """The query as its model; an empty value is like none. Raises Invalid, also where it says two
    things of one parameter.
    """
    try:
        pairs = parse_qsl(query_string.decode("latin-1"), max_num_fields=1000)
    except ValueError:
        raise Invalid("The query has too many parts") from None
    values: dict[str, Any] = {}
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    twice: dict[str, FieldError] = {}
    for key, value in pairs:
        if key in fields and _is_list(fields[key]):
            values.setdefault(key, []).append(value)
        elif key in fields and values.setdefault(key, value) != value:
            twice[key] = FieldError(key, "is given more than once")
    if twice:
        raise Invalid("The query is not valid", list(twice.values()))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, "The query is not valid", values) from None


def _is_list(field: Any) -> bool:
    found = field.annotation
    if get_origin(found) is types.UnionType:
        found = next((one for one in get_args(found) if one is not type(None)), found)
    return get_origin(found) in (list, tuple)
