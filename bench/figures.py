"""Figures: quantiles, rows of a table, and the JSON file that the README's table is made from."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["Figure", "comparison", "quantile", "table", "write_json"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside its target. ``detail`` says how it was made; ``by`` whose it is,
    where several are compared; ``at_least`` that more is better.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    detail: str = ""
    by: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table."""
    rows = ["| what | measured | target | |", "| --- | ---: | ---: | --- |"]
    for one in figures:
        target = "" if one.target is None else f"{_shown(one.target)} {one.unit}"
        met = {True: "met", False: "**missed**", None: ""}[one.met]
        detail = f" ({one.detail})" if one.detail else ""
        rows.append(f"| {one.name}{detail} | {_shown(one.value)} {one.unit} | {target} | {met} |")
    return "\n".join(rows)


def comparison(figures: Sequence[Figure]) -> str:
    """A Markdown table with a column for each ``by``; what missed its target is bold."""
    columns = list(dict.fromkeys(one.by for one in figures))
    rows = [
        f"| what | target | {' | '.join(columns)} |",
        "| --- |" + " ---: |" * (1 + len(columns)),
    ]
    for name in dict.fromkeys(one.name for one in figures):
        here = {one.by: one for one in figures if one.name == name}
        target = next((one for one in here.values() if one.target is not None), None)
        bound = ""
        if target is not None and target.target is not None:
            bound = f"{'≥' if target.at_least else '≤'} {_shown(target.target)}"
        unit = next(iter(here.values())).unit
        cells = [_cell(here.get(by)) for by in columns]
        rows.append(f"| {name}, {unit} | {bound} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    text = _shown(figure.value)
    return f"**{text}**" if figure.met is False else text


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def write_json(path: Path, figures: Sequence[Figure]) -> None:
    """The figures with when and on what they were measured."""
    document: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "figures": [{**asdict(one), "met": one.met} for one in figures],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
