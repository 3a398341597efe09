"""The table of reasons, as people find it, and whether a reason stands in it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import server.domain

__all__ = ["Row", "known", "rows"]

TABLE = Path(server.domain.__path__[0]) / "REASONS.md"


class Row(NamedTuple):
    """A row of the table: an outcome, and the reason with its placeholders."""

    outcome: str
    reason: str

    def pattern(self) -> str:
        """An expression for the reason; a rule without a name is not named."""
        text = re.escape(self.reason).replace(re.escape(" (rule “{rule}”)"), "( \\(rule “.+”\\))?")
        text = text.replace(re.escape(" by {person}"), "( by .+)?")
        return re.sub(r"\\\{\w+\\\}", ".+", text)


@cache
def rows() -> tuple[Row, ...]:
    found = []
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            assert len(cells) == 4, f"a row needs four cells: {line}"
            assert all(cells), f"a row needs four cells: {line}"
            found.append(Row(cells[0].strip("`"), cells[1]))
    return tuple(found)


@cache
def _expressions() -> dict[str, re.Pattern[str]]:
    """For each outcome: one of its reasons, and any others after it."""
    others = "|".join(f"(?:{row.pattern()})" for row in rows())
    return {
        outcome: re.compile(
            "(?:"
            + "|".join(row.pattern() for row in rows() if row.outcome == outcome)
            + f")(?:; (?:{others}))*",
            re.DOTALL,
        )
        for outcome in {row.outcome for row in rows()}
    }


def known(outcome: str, reason: str) -> bool:
    """Whether the table has an outcome with this reason."""
    expression = _expressions().get(outcome)
    return expression is not None and expression.fullmatch(reason) is not None
