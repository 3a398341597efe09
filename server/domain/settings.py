"""A project's settings: their defaults, and what each may be."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain.entities import STATUSES
from server.domain.prompt import DEFAULT_TEMPLATE, check_template

__all__ = ["DEFAULT_SETTINGS", "settings_errors"]

DEFAULT_SETTINGS: Mapping[str, Any] = {
    "automatic_publishing": True,
    "prose_quiet_seconds": 30,
    "aspect_ratio": 2.39,
    "prompt_template": DEFAULT_TEMPLATE,
    "statuses": list(STATUSES),
}


def settings_errors(settings: Mapping[str, Any], used: AbstractSet[str]) -> list[FieldError]:
    """What is wrong with some settings; ``used`` are the statuses that entities have."""
    found = ((key, _problem(key, value, used)) for key, value in settings.items())
    return [FieldError(f"settings.{key}", problem) for key, problem in found if problem]


def _problem(key: str, value: Any, used: AbstractSet[str]) -> str | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match key:
        case "automatic_publishing":
            return None if isinstance(value, bool) else "must be true or false"
        case "prose_quiet_seconds":
            return None if number and 0 <= value <= 86400 else "must be 0 to 86400 seconds"
        case "aspect_ratio":
            return None if number and 0.2 <= value <= 5 else "must be a number from 0.2 to 5"
        case "prompt_template":
            if not isinstance(value, str):
                return "must be text"
            try:
                check_template(value)
            except Invalid as error:
                return error.errors[0].message
            return None
        case "statuses":
            return _statuses_problem(value, used)
        case _:
            return "is not a setting"


def _statuses_problem(value: Any, used: AbstractSet[str]) -> str | None:
    if not isinstance(value, list) or not value or len(value) > 50:
        return "must be a list of 1 to 50 names"
    if not all(isinstance(one, str) and 0 < len(one.strip()) <= 40 for one in value):
        return "must hold short names"
    if len(set(value)) != len(value):
        return "must not name one twice"
    missing = sorted(({"wip", "final"} | used) - set(value))
    return f"must keep what is in use: {', '.join(missing)}" if missing else None
