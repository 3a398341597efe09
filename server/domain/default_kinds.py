"""The kinds that every project starts with."""

from __future__ import annotations

from server.domain.kinds import Category, Facet, FieldSpec, FieldType, Kind, KindRegistry

__all__ = ["default_kinds"]


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
    "telephone",
    "glove",
    "lever",
    "train",
    "paper",
    "signal",
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
                _spec("heading", "text", "metadata"),
                _spec("script", "prose", "metadata"),
                _spec("script_order", "text", "metadata"),
                _spec("revised_at", "text", "metadata"),
                _spec("revision", "text", "metadata"),
            ),
            _kind("sequence", "Sequences", "sequence", "film", "#63656a"),
        ]
    )
