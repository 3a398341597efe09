"""Ripplecut: keeps thousands of shots consistent by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.system import AssetPropagationSystem

__all__ = ["AssetPropagationSystem"]


def __getattr__(name: str) -> Any:
    """The facade is imported when it is asked for: whoever needs a part does not load the whole."""
    if name == "AssetPropagationSystem":
        from server.system import AssetPropagationSystem

        return AssetPropagationSystem
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
