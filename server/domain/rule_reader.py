"""Reading one rule: what is wrong with it, every offending key named, and its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args

from protocol.errors import FieldError, Invalid
from server.domain.changes import ChangeClass
from server.domain.runs import Phase

__all__ = ["AUTHOR_ROLES", "VERDICTS", "Verdict", "check_rule", "rule_values"]

Verdict = Literal["update", "notify", "require_approval", "mark_stale", "pin", "block"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
AUTHOR_ROLES = ("viewer", "editor", "approver", "owner")

_SETS = (
    "change_classes",
    "source_kinds",
    "target_kinds",
    "target_statuses",
    "fields",
    "roles",
    "author_roles",
)
_KEYS = frozenset({"id", "name", "verdict", "enabled", "affected_over", "phase", *_SETS})
_MOST_ENTRIES = 100
_LONGEST = 200
_MOST_STARS = 4
"""Each star of a pattern multiplies what matching it may cost."""


def check_rule(data: Any) -> None:
    """Raises Invalid for what is not a rule."""
    if not isinstance(data, dict):
        raise Invalid("The rule is not valid", [FieldError("rule", "must be an object")])
    errors = list(_errors(data))
    if errors:
        raise Invalid("The rule is not valid", errors)


def rule_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a rule that was checked, by key; what is left out is empty."""
    found: dict[str, Any] = {key: frozenset(data.get(key) or ()) for key in _SETS}
    found["fields"] = tuple(dict.fromkeys(data.get("fields") or ()))
    return found | {
        "id": data["id"],
        "name": str(data.get("name") or data["id"]).strip(),
        "verdict": data["verdict"],
        "affected_over": data.get("affected_over"),
        "enabled": data.get("enabled", True),
        "phase": data.get("phase"),
    }


def _errors(data: dict[Any, Any]) -> Iterator[FieldError]:
    for key in data:
        if key not in _KEYS:
            yield FieldError(str(key)[:_LONGEST], "is not known")
    for key in ("id", "name"):
        if key == "id" or data.get(key) is not None:
            problem = _text_problem(data.get(key))
            if problem:
                yield FieldError(key, problem)
    if data.get("verdict") not in VERDICTS:
        yield FieldError("verdict", "must be one of: " + ", ".join(VERDICTS))
    if not isinstance(data.get("enabled", True), bool):
        yield FieldError("enabled", "must be true or false")
    if data.get("phase") not in (None, *get_args(Phase)):
        yield FieldError("phase", "must be one of: " + ", ".join(get_args(Phase)))
    over = data.get("affected_over")
    whole = isinstance(over, int) and not isinstance(over, bool)
    if over is not None and not (whole and 0 <= over <= 10_000_000):
        yield FieldError("affected_over", "must be a whole number, or null")
    for key in _SETS:
        yield from _entries(key, data.get(key))


def _entries(key: str, value: Any) -> Iterator[FieldError]:
    if value is None:
        return
    if not isinstance(value, list) or len(value) > _MOST_ENTRIES:
        yield FieldError(key, f"must be a list of at most {_MOST_ENTRIES} texts")
        return
    for item in value:
        problem = _text_problem(item) or _SAYS.get(key, _nothing)(item)
        if problem:
            yield FieldError(key, problem)


def _text_problem(value: Any) -> str | None:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _LONGEST:
        return f"must be text of 1 to {_LONGEST} characters"
    if any(ord(character) < 32 for character in value):
        return "must not hold control characters"
    return None


def _nothing(_: str) -> None:
    return None


def _class_problem(item: str) -> str | None:
    known = get_args(ChangeClass)
    return None if item in known else f"{item!r} is not a class of change: {', '.join(known)}"


def _role_problem(item: str) -> str | None:
    return None if item in AUTHOR_ROLES else f"{item!r} is not a role: {', '.join(AUTHOR_ROLES)}"


def _pattern_problem(item: str) -> str | None:
    many = item.count("*") > _MOST_STARS
    return f"{item!r} has more than {_MOST_STARS} stars" if many else None


_SAYS: dict[str, Callable[[str], str | None]] = {
    "change_classes": _class_problem,
    "author_roles": _role_problem,
    "fields": _pattern_problem,
}
