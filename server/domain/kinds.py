"""The registry of kinds: what sorts of entity a project has, and which fields each declares."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from protocol.errors import FieldError, Invalid

__all__ = [
    "Category",
    "Facet",
    "FieldSpec",
    "FieldType",
    "Kind",
    "KindRegistry",
    "default_kinds",
    "normalise",
]

FieldType = Literal["prose", "text", "number", "choice", "colour", "picture", "list"]
Facet = Literal["visual", "metadata"]
Category = Literal["asset", "shot", "scene", "sequence"]

MAX_JSON_DEPTH = 32
MAX_PROSE = 200_000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
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
                if not isinstance(value, str) or not _COLOUR.match(value):
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

    @classmethod
    def from_json(cls, data: Any) -> KindRegistry:
        """A registry of outside data; raises Invalid naming every bad member.

        The default kinds must stay, with their categories and their fields' types: documents and
        versions that exist already rest on them. Labels, icons, colours, more fields and more asset
        kinds are free.
        """
        reader = _Reader()
        kinds = reader.kinds(data)
        if reader.errors:
            raise Invalid("The kinds are not valid", reader.errors)
        return cls(kinds)


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
        if not isinstance(colour, str) or not _COLOUR.match(colour):
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


def _spec(name: str, type_: FieldType, facet: Facet, *choices: str) -> FieldSpec:
    return FieldSpec(name, type_, facet, name.replace("_", " ").capitalize(), choices)


_TIMES = ("dawn", "day", "dusk", "night")
_GLYPHS = (
    "letter",
    "lamp",
    "boat",
    "knife",
    "cup",
    "book",
    "key",
    "phone",
    "bag",
    "radio",
    "bottle",
    "clock",
    "chair",
    "other",
)


def _kind(
    name: str, plural: str, category: Category, icon: str, colour: str, *own: FieldSpec
) -> Kind:
    fields = (_spec("description", "prose", "visual"), *own, _spec("notes", "prose", "metadata"))
    return Kind(name, name.capitalize(), plural, category, icon, colour, fields)


def default_kinds() -> KindRegistry:
    """The kinds that every project starts with; colours are those of printed breakdown sheets."""
    visual: Facet = "visual"
    return KindRegistry(
        [
            _kind(
                "character",
                "Characters",
                "asset",
                "user-round",
                "#c02a37",
                _spec("age", "number", visual),
                _spec("build", "choice", visual, "slight", "average", "broad"),
                _spec("height", "choice", visual, "short", "average", "tall"),
                _spec("hair", "colour", visual),
                _spec("skin", "colour", visual),
            ),
            _kind(
                "prop",
                "Props",
                "asset",
                "package",
                "#7a3fc0",
                _spec("colour", "colour", visual),
                _spec("glyph", "choice", visual, *_GLYPHS),
            ),
            _kind(
                "wardrobe",
                "Wardrobe",
                "asset",
                "shirt",
                "#1667b7",
                _spec("colour", "colour", visual),
                _spec("pattern", "choice", visual, "plain", "stripes", "checks"),
                _spec("state", "text", visual),
            ),
            _kind(
                "location",
                "Locations",
                "asset",
                "map-pin",
                "#217a3c",
                _spec("setting", "choice", visual, "interior", "exterior"),
                _spec("colour", "colour", visual),
            ),
            _kind(
                "style",
                "Styles",
                "asset",
                "palette",
                "#956400",
                _spec("tint", "colour", visual),
                _spec("grain", "number", visual),
                _spec("line_weight", "number", visual),
            ),
            _kind(
                "shot",
                "Shots",
                "shot",
                "clapperboard",
                "#63656a",
                _spec(
                    "framing",
                    "choice",
                    visual,
                    "wide",
                    "medium",
                    "close",
                    "over the shoulder",
                    "insert",
                ),
                _spec("time_of_day", "choice", visual, *_TIMES),
                _spec("duration", "number", "metadata"),
            ),
            _kind(
                "scene",
                "Scenes",
                "scene",
                "scroll-text",
                "#63656a",
                _spec("number", "text", "metadata"),
                _spec("setting", "choice", visual, "interior", "exterior"),
                _spec("time_of_day", "choice", visual, *_TIMES),
                _spec("length_eighths", "number", "metadata"),
            ),
            _kind("sequence", "Sequences", "sequence", "film", "#63656a"),
        ]
    )
