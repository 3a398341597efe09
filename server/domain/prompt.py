"""The prompt: the text that describes the picture of a resolved entity."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from protocol.errors import FieldError, Invalid

__all__ = ["DEFAULT_TEMPLATE", "PLACEHOLDERS", "check_template", "compose"]

DEFAULT_TEMPLATE = (
    "{framing} shot, {time_of_day}. {description} "
    "{locations} {characters} {wardrobe} {props} {styles}"
)
_BRACES = re.compile(r"\{([^{}]*)\}")
_GROUPS = {
    "location": "locations",
    "character": "characters",
    "wardrobe": "wardrobe",
    "prop": "props",
    "style": "styles",
}
PLACEHOLDERS = frozenset(
    {"name", "kind", "description", "framing", "time_of_day", "others", *_GROUPS.values()}
)


def check_template(template: str) -> str:
    """The template; raises Invalid naming a placeholder that does not exist."""
    for name in _BRACES.findall(template):
        if name not in PLACEHOLDERS:
            known = ", ".join(sorted(PLACEHOLDERS))
            raise Invalid(
                "The prompt template is not valid",
                [FieldError("prompt_template", f"{{{name}}} is not known; there are: {known}")],
            )
    if len(template) > 4000:
        raise Invalid(
            "The prompt template is too long",
            [FieldError("prompt_template", "must have at most 4000 characters")],
        )
    return template


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?…" else text + "."


def _looks(fields: Mapping[str, Any], skip: frozenset[str]) -> str:
    """The short visual fields of an asset, in words: ``colour #d8a31a, pattern stripes``."""
    parts = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in fields.items()
        if name not in skip and isinstance(value, str | int | float) and value not in ("", None)
    ]
    return ", ".join(parts)


def compose(
    template: str,
    name: str,
    kind: str,
    fields: Mapping[str, Any],
    references: Sequence[Mapping[str, Any]],
) -> str:
    """Fill a template from an entity's visual fields and its resolved asset references, in their
    order.

    Each reference is ``{"kind", "name", "fields"}`` with visual fields only, overrides applied.
    What is missing leaves no trace; white space is folded.
    """
    groups: dict[str, list[str]] = {}
    skip = frozenset({"description"})
    for reference in references:
        values = reference["fields"]
        details = _looks(values, skip)
        about = _sentence(str(values.get("description") or ""))
        text = f"{reference['name']}: {about} {details}".strip().rstrip(":")
        groups.setdefault(_GROUPS.get(reference["kind"], "others"), []).append(_sentence(text))
    values = {
        "name": name,
        "kind": kind,
        "description": _sentence(str(fields.get("description") or "")),
        "framing": str(fields.get("framing") or "").capitalize(),
        "time_of_day": str(fields.get("time_of_day") or ""),
        **{key: " ".join(texts) for key, texts in groups.items()},
    }
    text = _BRACES.sub(lambda found: values.get(found[1], ""), template)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"^ ?shot,? ?|, ?(?=\.)", "", text)
    return re.sub(r"(^|(?<=\s))[.,] ?", "", text).strip()
