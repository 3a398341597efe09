"""The registry of kinds: what sorts of entity a project has, and which fields each declares."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from protocol.errors import FieldError, Invalid

__all__ = [
    "Category",
    "Facet",
    "FieldSpec",
    "FieldType",
    "Kind",
    "KindRegistry",
    "normalise",
]

FieldType = Literal["prose", "text", "number", "choice", "colour", "picture", "list"]
Facet = Literal["visual", "metadata"]
Category = Literal["asset", "shot", "scene", "sequence"]

FLAGS = frozenset({"critical"})
"""What an entity of any kind may say without declaring it: true, false, or nothing."""
MAX_JSON_DEPTH = 32
MAX_PROSE = 200_000
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")
_MAX_EXACT = 2**53


def normalise(value: Any, depth: int = 0) -> Any:
    """The one form in which a JSON value is kept: integral floats as integers, keys as text.

    JavaScript knows one number type, so ``5`` comes back from a browser as ``5.0``; without this,
    the same value would count as a change. Raises ValueError for what JSON cannot hold or what
    nests too deeply.
    """
    if depth > MAX_JSON_DEPTH:
        raise ValueError("is nested too deeply")
    match value:
        case None | bool():
            return value
        case str():
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError("is not valid Unicode")
            return value
        case int():
            if abs(value) > _MAX_EXACT:
                raise ValueError("is larger than a JSON number can hold exactly")
            return value
        case float():
            if not math.isfinite(value):
                raise ValueError("must be a finite number")
            return int(value) if value.is_integer() and abs(value) < _MAX_EXACT else value
        case list() | tuple():
            return [normalise(item, depth + 1) for item in value]
        case dict():
            return {str(key): normalise(item, depth + 1) for key, item in value.items()}
        case _:
            raise ValueError("is not a JSON value")


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One declared field: its stable name, its type, the facet that it belongs to, and its
    label.
    """

    name: str
    type: FieldType
    facet: Facet
    label: str
    choices: tuple[str, ...] = ()

    def problem(self, value: Any) -> str | None:
        """Why a (normalised) value does not fit; ``None`` when it does. ``None`` always fits: not
        set.
        """
        if value is None:
            return None
        match self.type:
            case "prose" | "text" | "picture":
                if not isinstance(value, str):
                    return "must be text"
                return "is too long" if len(value) > MAX_PROSE else None
            case "number":
                if isinstance(value, bool) or not isinstance(value, int | float):
                    return "must be a number"
                return None
            case "choice":
                if value not in self.choices:
                    return "must be one of: " + ", ".join(self.choices)
                return None
            case "colour":
                if not isinstance(value, str) or not COLOUR.match(value):
                    return "must be a colour such as #d8a31a"
                return None
            case "list":
                return None if isinstance(value, list) else "must be a list"

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "facet": self.facet,
        }
        if self.choices:
            out["choices"] = list(self.choices)
        return out


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of entity. ``category`` says how it takes part in the graph; everything else is for
    people.
    """

    name: str
    label: str
    plural: str
    category: Category
    icon: str
    colour: str
    fields: tuple[FieldSpec, ...]
    _by_name: Mapping[str, FieldSpec] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {spec.name: spec for spec in self.fields})

    def field(self, name: str) -> FieldSpec | None:
        return self._by_name.get(name)

    def is_prose(self, name: str) -> bool:
        spec = self._by_name.get(name)
        return spec is not None and spec.type == "prose"

    @property
    def prose(self) -> list[str]:
        return [spec.name for spec in self.fields if spec.type == "prose"]

    def is_visual(self, name: str) -> bool:
        spec = self._by_name.get(name)
        return spec is not None and spec.facet == "visual"

    def check(self, fields: Mapping[str, Any], where: str = "fields") -> dict[str, Any]:
        """The fields in their normal form; raises Invalid naming every field that does not fit."""
        checked: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name, value in fields.items():
            path = f"{where}.{name}"
            if not name or len(name) > 128 or name.startswith("@"):
                errors.append(FieldError(path, "is not a usable field name"))
                continue
            try:
                normal = normalise(value)
            except ValueError as error:
                errors.append(FieldError(path, str(error)))
                continue
            spec = self._by_name.get(name)
            problem = spec.problem(normal) if spec else None
            if spec is None and name in FLAGS and not isinstance(normal, bool | None):
                problem = "must be true or false"
            if problem:
                errors.append(FieldError(path, problem))
                continue
            if spec and spec.type == "colour" and normal is not None:
                normal = normal.lower()
            if spec and spec.type == "prose" and normal is None:
                normal = ""
            checked[name] = normal
        if errors:
            raise Invalid("Some fields are not valid", errors)
        return checked

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.label,
            "plural": self.plural,
            "category": self.category,
            "icon": self.icon,
            "colour": self.colour,
            "fields": [spec.to_json() for spec in self.fields],
        }


class KindRegistry:
    """The kinds of one project, by name, in their order."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = {kind.name: kind for kind in kinds}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def __contains__(self, name: str) -> bool:
        return name in self._kinds

    def get(self, name: str) -> Kind:
        """The kind; raises Invalid naming the kinds that exist."""
        kind = self._kinds.get(name)
        if kind is None:
            known = ", ".join(self._kinds)
            raise Invalid(
                f"There is no kind {name!r} in this project",
                [FieldError("kind", f"must be one of: {known}")],
            )
        return kind

    def to_json(self) -> dict[str, Any]:
        return {"kinds": [kind.to_json() for kind in self]}
