"""Settings: every one of them is also an environment variable ``RIPPLECUT_<NAME>``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

__all__ = ["PREFIX", "Settings", "SettingsError"]

PREFIX = "RIPPLECUT_"
_MB = 1024 * 1024
_YES, _NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")


class SettingsError(ValueError):
    """A setting that cannot be read; the text names it and says what it must be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is told. Sizes are bytes, times are seconds."""

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path | None = Path("data")
    """The folder that everything rests in; ``None`` (in tests) keeps it in memory."""
    demo: bool = False
    log_level: str = "warning"
    admin_token: str | None = None
    """A fixed administrator token; without it one is made and kept in the data folder."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of pages from elsewhere that may use this server, as ``https://example.org``."""
    body_limit: int = 4 * _MB
    import_limit: int = 64 * _MB
    picture_limit: int = 20 * _MB
    picture_pixels: int = 40_000_000
    """The most pixels that a picture can have: what they take in memory is not what it weighs."""
    document_limit: int = 2 * _MB
    frame_limit: int = 4 * _MB
    login_valid: float = 7 * 86400.0
    """How long the login in the printed URL is good for."""
    shutdown_timeout: int = 5
    consistency_interval: float = 5.0
    """How often a few entities are checked against what they should be; 0: never."""
    webhooks_private: bool = False
    """Whether webhooks may have an address of this machine or its network."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingsError("port must be 0 to 65535")
        if not 0 <= self.consistency_interval < math.inf:
            raise SettingsError("consistency_interval must be 0 or more")
        if self.log_level not in LOG_LEVELS:
            raise SettingsError("log_level must be one of: " + ", ".join(LOG_LEVELS))

    @classmethod
    def read(cls, environment: Mapping[str, str], **given: Any) -> Settings:
        """Settings of the environment; what is ``given`` and not ``None`` goes before it.

        Raises SettingsError.
        """
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if given.get(field.name) is not None:
                values[field.name] = given[field.name]
            elif environment.get(name, "").strip():
                values[field.name] = _read(name, str(field.type), environment[name].strip())
        return cls(**values)


def _read(name: str, type_: str, text: str) -> Any:
    try:
        if type_ == "bool":
            return _switch(text)
        if type_ == "int":
            return int(text)
        if type_ == "float":
            return float(text)
    except ValueError:
        wanted = "true or false" if type_ == "bool" else "a number"
        raise SettingsError(f"{name} must be {wanted}, not {text!r}") from None
    if type_.startswith("Path"):
        return Path(text)
    if type_.startswith("tuple"):
        return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    return text


def _switch(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError(text)
