"""Checks of one thing that somebody sent: all that is wrong with it is told at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from protocol.errors import Invalid

__all__ = ["check_all"]

T = TypeVar("T")


def check_all(*checks: Callable[[], T]) -> list[T]:
    """What each check answers. Raises Invalid, with the errors of all that do."""
    found: list[T] = []
    wrong: list[Invalid] = []
    for check in checks:
        try:
            found.append(check())
        except Invalid as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        every = [one for error in wrong for one in error.errors]
        raise Invalid(f"{len(every)} things are not valid", every)
    return found
