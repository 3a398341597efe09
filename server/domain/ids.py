"""Ids: what people may call a project or an entity, and the ids that Ripplecut makes itself."""

from __future__ import annotations

import re
import secrets
import unicodedata

from fractional_indexing import FIError, validate_order_key

from protocol.errors import FieldError, Invalid

__all__ = ["MAX_ID", "check_id", "id_problem", "is_order", "new_id", "slug"]

MAX_ID = 128
_FORBIDDEN = frozenset("/\\?#%\"'")


def id_problem(value: object) -> str | None:
    """Why a value cannot be an id, in words; ``None`` when it can (after NFC normalisation)."""
    if not isinstance(value, str):
        return "must be text"
    text = unicodedata.normalize("NFC", value)
    if not 1 <= len(text) <= MAX_ID:
        return f"must have 1 to {MAX_ID} characters"
    if text in {".", ".."}:
        return "must not be . or .."
    for character in text:
        if character in _FORBIDDEN:
            return f"must not contain {character}"
        if unicodedata.category(character) in {"Cc", "Cs"}:
            return "must not contain control characters"
    return None


def check_id(value: str, field: str = "id") -> str:
    """The id in its normal form (NFC); raises Invalid naming ``field``."""
    problem = id_problem(value)
    if problem is not None:
        raise Invalid(f"The {field} {problem}", [FieldError(field, problem)])
    return unicodedata.normalize("NFC", value)


def new_id(prefix: str) -> str:
    """A fresh random id such as ``run-3f9c…``: 96 bits, unique for all practical purposes."""
    return f"{prefix}-{secrets.token_hex(12)}"


def slug(name: str) -> str:
    """A readable id made of a name: lower case, words joined by hyphens; ``item`` where nothing is
    left.
    """
    text = unicodedata.normalize("NFC", name).lower()
    return re.sub(r"[^\w]+", "-", text).strip("-_")[:64] or "item"


def is_order(value: object) -> bool:
    """Whether a value is a fractional index, so that another can be made before and after it."""
    if not isinstance(value, str) or not 1 <= len(value) <= 256:
        return False
    if not value.isascii() or not value.isalnum():
        return False
    try:
        validate_order_key(value)
    except FIError:
        return False
    return True
