"""What a project's JSON says of the project itself, under its key ``project``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain.kind_reader import read_kinds
from server.domain.kinds import KindRegistry
from server.domain.rules import Rule, check_size

__all__ = ["Header", "read_header"]


@dataclass(slots=True)
class Header:
    """What a file says of the project itself; ``None`` means that it does not say."""

    name: str | None = None
    settings: Mapping[str, Any] | None = None
    kinds: KindRegistry | None = None
    rules: Sequence[Mapping[str, Any]] | None = None
    errors: list[FieldError] = field(default_factory=list)


def read_header(data: Any) -> Header:
    """What a file says of the project itself, under ``project``."""
    given = data.get("project") if isinstance(data, dict) else None
    header = Header()
    if isinstance(given, str):
        header.name = given
    elif isinstance(given, dict):
        _read_header(given, header)
    elif given is not None:
        header.errors.append(FieldError("project", "must be an object"))
    if header.name is not None and not 0 < len(header.name.strip()) <= 300:
        header.errors.append(FieldError("project.name", "must have 1 to 300 characters"))
    return header


def _read_header(given: Mapping[str, Any], header: Header) -> None:
    for key, kind, word in (
        ("name", str, "text"),
        ("settings", dict, "an object"),
        ("kinds", list, "a list"),
        ("rules", list, "a list"),
    ):
        if given.get(key) is not None and not isinstance(given[key], kind):
            header.errors.append(FieldError(f"project.{key}", f"must be {word}"))
            return
    header.name, header.settings = given.get("name"), given.get("settings")
    try:
        if given.get("kinds") is not None:
            header.kinds = read_kinds({"kinds": given["kinds"]})
    except Invalid as error:
        header.errors += [FieldError(f"project.{one.field}", one.message) for one in error.errors]
    if given.get("rules") is not None:
        header.rules = list(_rules(given["rules"], header.errors))


def _rules(items: Sequence[Any], errors: list[FieldError]) -> Iterator[Mapping[str, Any]]:
    known: set[str] = set()
    read: list[Rule] = []
    for index, item in enumerate(items):
        path = f"project.rules.{index}"
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            errors.append(FieldError(path, "must be an object with an id"))
            continue
        if item["id"] in known:
            errors.append(FieldError(f"{path}.id", "stands there twice"))
        known.add(item["id"])
        try:
            read.append(Rule.from_json(item))
            yield read[-1].to_json()
        except Invalid as error:
            errors.extend(FieldError(f"{path}.{one.field}", one.message) for one in error.errors)
    try:
        check_size(read)
    except Invalid as error:
        errors.extend(FieldError("project.rules", one.message) for one in error.errors)
