"""Every error that leaves Ripplecut: one tree, one table.

An error carries a stable ``code`` that programs branch on and a text that a person can act on.
``TABLE`` says what each code becomes on the wire: the HTTP status of a problem document and the
close code of a WebSocket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "TABLE",
    "Ambiguous",
    "Conflict",
    "Cycle",
    "FieldError",
    "Forbidden",
    "InUse",
    "Invalid",
    "LastOwner",
    "Malformed",
    "NotFound",
    "RateLimited",
    "RipplecutError",
    "StalePlan",
    "TooLarge",
    "TooSlow",
    "Unauthenticated",
    "Unavailable",
    "WireMeaning",
]


@dataclass(frozen=True, slots=True)
class WireMeaning:
    """What an error code means outside: HTTP status, WebSocket close code, short title."""

    status: int
    close: int
    title: str


TABLE: dict[str, WireMeaning] = {
    "not_found": WireMeaning(404, 4404, "Not found"),
    "invalid": WireMeaning(422, 1008, "The request is not valid"),
    "malformed": WireMeaning(400, 1007, "The request cannot be read"),
    "conflict": WireMeaning(409, 1008, "Conflict"),
    "cycle": WireMeaning(409, 1008, "That would make a cycle"),
    "in_use": WireMeaning(409, 1008, "Still in use"),
    "ambiguous": WireMeaning(409, 1008, "More than one project has this id"),
    "last_owner": WireMeaning(409, 1008, "A project needs an owner"),
    "stale_plan": WireMeaning(409, 1008, "What the plan rests on has changed"),
    "forbidden": WireMeaning(403, 4403, "Not allowed"),
    "unauthenticated": WireMeaning(401, 4401, "Log in first"),
    "method_not_allowed": WireMeaning(405, 1008, "This method does not exist here"),
    "too_large": WireMeaning(413, 1009, "Too large"),
    "rate_limited": WireMeaning(429, 1013, "Too many requests"),
    "too_slow": WireMeaning(503, 1013, "The connection is too slow"),
    "unavailable": WireMeaning(503, 1012, "Not available right now"),
    "internal": WireMeaning(500, 1011, "Something went wrong on our side"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field of a body: a dotted path and what is wrong with it."""

    field: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"field": self.field, "message": self.message}


class RipplecutError(Exception):
    """The root of all errors that a caller may see; ``detail`` is safe to show."""

    code = "internal"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def meaning(self) -> WireMeaning:
        return TABLE[self.code]

    def extras(self) -> dict[str, Any]:
        """Further members of the problem document."""
        return {}


class NotFound(RipplecutError):
    code = "not_found"


class Malformed(RipplecutError):
    """The bytes or the JSON cannot be read at all."""

    code = "malformed"


class Invalid(RipplecutError):
    """Readable, but wrong; every bad field is in ``errors``."""

    code = "invalid"

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = list(errors)

    def extras(self) -> dict[str, Any]:
        return {"errors": [error.to_json() for error in self.errors]}


class Conflict(RipplecutError):
    """The state is not what the caller thinks; ``conflicts`` names what clashes."""

    code = "conflict"

    def __init__(self, detail: str, conflicts: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.conflicts = list(conflicts)

    def extras(self) -> dict[str, Any]:
        return {"conflicts": self.conflicts} if self.conflicts else {}


class Cycle(RipplecutError):
    """An edge would make an entity depend on itself; ``path`` names the way round."""

    code = "cycle"

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__("This reference would make a cycle: " + " → ".join(path))
        self.path = list(path)

    def extras(self) -> dict[str, Any]:
        return {"path": self.path}


class InUse(RipplecutError):
    """Something depends on what should be deleted; ``users`` names all of it."""

    code = "in_use"

    def __init__(self, detail: str, users: Sequence[str]) -> None:
        super().__init__(detail)
        self.users = list(users)

    def extras(self) -> dict[str, Any]:
        return {"users": self.users}


class Ambiguous(RipplecutError):
    """An asset id without a project fits several; ``candidates`` are the project ids."""

    code = "ambiguous"

    def __init__(self, detail: str, candidates: Sequence[str]) -> None:
        super().__init__(detail)
        self.candidates = list(candidates)

    def extras(self) -> dict[str, Any]:
        return {"candidates": self.candidates}


class LastOwner(RipplecutError):
    """A project's only owner would stop being one."""

    code = "last_owner"


class StalePlan(RipplecutError):
    """What would be done is not what was shown; ``changes`` says what is different, in words, and
    ``more`` how many further differences there are.
    """

    code = "stale_plan"

    def __init__(self, detail: str, changes: Sequence[dict[str, Any]] = (), more: int = 0) -> None:
        super().__init__(detail)
        self.changes = list(changes)
        self.more = more

    def extras(self) -> dict[str, Any]:
        return {"changes": self.changes, "more": self.more}


class Forbidden(RipplecutError):
    code = "forbidden"


class Unauthenticated(RipplecutError):
    code = "unauthenticated"


class TooLarge(RipplecutError):
    code = "too_large"


class RateLimited(RipplecutError):
    code = "rate_limited"


class TooSlow(RipplecutError):
    code = "too_slow"


class Unavailable(RipplecutError):
    """The store or the server cannot take this now; nothing was changed."""

    code = "unavailable"
