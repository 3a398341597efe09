"""Filters: what a list is asked for, checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from protocol.errors import FieldError, Invalid

__all__ = ["one_of"]

T = TypeVar("T", bound=str)


def one_of(field: str, value: str | None, known: Iterable[T], every: str = "") -> T | None:
    """The value that a field is to have; ``None`` where that does not matter, which the word
    ``every`` says too. Raises Invalid for any other.
    """
    if value is None or (every and value == every):
        return None
    known = list(known)
    for one in known:
        if one == value:
            return one
    problem = "must be one of: " + ", ".join([every, *known] if every else known)
    raise Invalid(f"The {field} is not valid", [FieldError(field, problem)])
