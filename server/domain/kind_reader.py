"""Reading a registry of kinds from outside data, with every error named."""

from __future__ import annotations

import re
from typing import Any, cast, get_args

from protocol.errors import FieldError, Invalid
from server.domain.default_kinds import default_kinds
from server.domain.kinds import COLOUR, Category, Facet, FieldSpec, FieldType, Kind, KindRegistry

__all__ = ["read_kinds"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")


def read_kinds(data: Any) -> KindRegistry:
    """A registry of outside data; raises Invalid naming every bad member.

    The default kinds must stay, with their categories: documents and versions that exist
    already rest on them. Labels, icons, colours, more fields and more asset kinds are free.
    """
    reader = _Reader()
    kinds = reader.kinds(data)
    if reader.errors:
        raise Invalid("The kinds are not valid", reader.errors)
    return KindRegistry(kinds)


class _Reader:
    """Reads outside data into kinds, collecting every error on the way."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def _bad(self, path: str, message: str) -> None:
        self.errors.append(FieldError(path, message))

    def kinds(self, data: Any) -> list[Kind]:
        items = data.get("kinds") if isinstance(data, dict) else None
        if not isinstance(items, list):
            self._bad("kinds", "must be a list of kinds")
            return []
        kinds = [
            kind
            for index, item in enumerate(items)
            if (kind := self.kind(item, f"kinds.{index}")) is not None
        ]
        names = [kind.name for kind in kinds]
        for name in {name for name in names if names.count(name) > 1}:
            self._bad("kinds", f"{name} stands there twice")
        by_name = {kind.name: kind for kind in kinds}
        for default in default_kinds():
            given = by_name.get(default.name)
            if given is None:
                self._bad("kinds", f"the kind {default.name} must stay")
            elif given.category != default.category:
                self._bad("kinds", f"{default.name} must stay in the category {default.category}")
        return kinds

    def kind(self, item: Any, path: str) -> Kind | None:
        if not isinstance(item, dict):
            self._bad(path, "must be an object")
            return None
        allowed = {"name", "label", "plural", "category", "icon", "colour", "fields"}
        for key in item.keys() - allowed:
            self._bad(f"{path}.{key}", "is not known")
        name = item.get("name")
        if not isinstance(name, str) or not _NAME.match(name):
            self._bad(f"{path}.name", "must be a short name of letters, digits, _ and -")
            return None
        category = item.get("category", "asset")
        if category not in get_args(Category):
            self._bad(f"{path}.category", "must be one of: " + ", ".join(get_args(Category)))
        colour = item.get("colour", "#63656a")
        if not isinstance(colour, str) or not COLOUR.match(colour):
            self._bad(f"{path}.colour", "must be a colour such as #d8a31a")
        label = self._text(item, "label", path, name.replace("_", " ").capitalize())
        specs = item.get("fields", [])
        if not isinstance(specs, list):
            self._bad(f"{path}.fields", "must be a list")
            specs = []
        fields = [
            spec
            for index, entry in enumerate(specs)
            if (spec := self.spec(entry, f"{path}.fields.{index}")) is not None
        ]
        if len({spec.name for spec in fields}) != len(fields):
            self._bad(f"{path}.fields", "name a field twice")
        return Kind(
            name,
            label,
            self._text(item, "plural", path, label + "s"),
            category,
            self._text(item, "icon", path, "box"),
            str(colour),
            tuple(fields),
        )

    def spec(self, item: Any, path: str) -> FieldSpec | None:
        if not isinstance(item, dict):
            self._bad(path, "must be an object")
            return None
        for key in item.keys() - {"name", "type", "facet", "label", "choices"}:
            self._bad(f"{path}.{key}", "is not known")
        name = item.get("name")
        if not isinstance(name, str) or not _NAME.match(name):
            self._bad(f"{path}.name", "must be a short name of letters, digits, _ and -")
            return None
        kind, facet = item.get("type"), item.get("facet", "metadata")
        if kind not in get_args(FieldType):
            self._bad(f"{path}.type", "must be one of: " + ", ".join(get_args(FieldType)))
            return None
        if facet not in get_args(Facet):
            self._bad(f"{path}.facet", "must be visual or metadata")
            return None
        choices = item.get("choices", [])
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            self._bad(f"{path}.choices", "must be a list of texts")
            choices = []
        if kind == "choice" and not choices:
            self._bad(f"{path}.choices", "must name at least one choice")
        label = self._text(item, "label", path, name.replace("_", " ").capitalize())
        return FieldSpec(name, cast(FieldType, kind), facet, label, tuple(choices))

    def _text(self, item: dict[str, Any], key: str, path: str, default: str) -> str:
        value = item.get(key, default)
        if not isinstance(value, str) or not value.strip() or len(value) > 200:
            self._bad(f"{path}.{key}", "must be a short text")
            return default
        return value
