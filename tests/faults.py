"""Faults for tests: dependents that cannot be brought up to date while they are named here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from server.domain import plan

__all__ = ["break_dependents"]


def break_dependents(names: Callable[[], Collection[str]]) -> Callable[[], None]:
    """Make whatever ``names`` answers fail in every run; answers how to mend it for good."""
    explain = plan.explain

    def failing(tx: Any, scope: Any, entity: Any, behind: Any, *, differs: bool) -> Any:
        if entity.id in names():
            raise RuntimeError(f"{entity.id} is broken for a test")
        return explain(tx, scope, entity, behind, differs=differs)

    def mend() -> None:
        plan.explain = explain

    plan.explain = failing
    return mend
