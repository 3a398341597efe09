"""Figures: quantiles, rows of a table, and the JSON file that the README's table is made from."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["Figure", "quantile", "table", "write_json"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside its target. ``detail`` says how it was made."""

    name: str
    value: float
    unit: str
    target: float | None = None
    detail: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.value <= self.target


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table."""
    rows = ["| what | measured | target | |", "| --- | ---: | ---: | --- |"]
    for one in figures:
        target = "" if one.target is None else f"{one.target:g} {one.unit}"
        met = {True: "met", False: "**missed**", None: ""}[one.met]
        detail = f" ({one.detail})" if one.detail else ""
        rows.append(f"| {one.name}{detail} | {one.value:.3g} {one.unit} | {target} | {met} |")
    return "\n".join(rows)


def write_json(path: Path, figures: Sequence[Figure]) -> None:
    """The figures with when and on what they were measured."""
    document: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "figures": [{**asdict(one), "met": one.met} for one in figures],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
