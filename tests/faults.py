"""Faults for tests: dependents that cannot be brought up to date while they are named here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from server.domain import plan, reasons

__all__ = ["break_dependents"]


def break_dependents(names: Callable[[], Collection[str]]) -> Callable[[], None]:
    """Make whatever ``names`` answers fail in every run; answers how to mend it for good."""
    explain = reasons.explain

    def failing(tx: Any, scope: Any, entity: Any, behind: Any, *, differs: bool) -> Any:
        if entity.id in names():
            raise RuntimeError(f"{entity.id} is broken for a test")
        return explain(tx, scope, entity, behind, differs=differs)

    def use(one: Callable[..., Any]) -> None:
        setattr(plan, "explain", one)  # noqa: B010 - what a module imports it does not export

    use(failing)
    return lambda: use(explain)
