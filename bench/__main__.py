"""``python -m bench``: measure, print a table, write JSON.

``python -m bench propagation`` measures one part, ``--readme`` puts the table into the README.
``rooms``, ``documents`` and ``large`` are measured only when they are named: they take many
minutes, and ``rooms`` installs the servers that it compares with.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import conflicts, documents, grid, keystroke, large, propagation, repaint, rooms, rules
from bench.browser import HOW_TO_GET_IT, browser_path
from bench.figures import Figure, comparison, table, write_json

PARTS: dict[str, Callable[[], list[Figure]]] = {
    "repaint": repaint.measure,
    "keystroke": keystroke.measure,
    "grid": grid.measure,
    "propagation": propagation.measure,
    "rules": rules.measure,
    "conflicts": conflicts.measure,
    "rooms": rooms.measure,
    "documents": documents.measure,
    "large": large.measure,
}
LONG = {"rooms", "documents", "large"}
USUAL = [name for name in PARTS if name not in LONG]
WITHOUT_BROWSER = {"propagation", "rules", "conflicts", "rooms", "documents", "large"}
ROOT = Path(__file__).parent.parent
MARKS = {
    "bench": "results",
    "conflicts": "conflicts",
    "rooms": "rooms",
    "large": "large",
    "documents": "documents",
}
"""The README's marks, and the files that the figures go to: what is measured only when it is named
has one of its own, and so have the conflicts.
"""


def main(arguments: list[str]) -> int:
    wanted = [one for one in arguments if not one.startswith("-")] or USUAL
    unknown = [one for one in wanted if one not in PARTS]
    if unknown:
        print(f"There is no {unknown[0]!r} to measure; there are: {', '.join(PARTS)}.")
        return 2
    figures: dict[str, list[Figure]] = {}
    paces: dict[str, list[float]] = {}
    for name in wanted:
        if name not in WITHOUT_BROWSER and browser_path() is None:
            print(f"{name} is left out: {HOW_TO_GET_IT}")
            continue
        mark = name if name in MARKS else "bench"
        paces.setdefault(mark, []).append(_pace())
        figures.setdefault(mark, []).extend(PARTS[name]())
        paces[mark].append(_pace())
    for mark, some in figures.items():
        if mark != "rooms":  # there the peers say how fast the machine was
            some.append(_machine(paces[mark]))
        text = comparison(some) if mark == "rooms" else table(some)
        results = ROOT / "bench" / f"{MARKS[mark]}.json"
        write_json(results, some)
        print(f"{text}\n\nWritten to {results.relative_to(ROOT)}.\n")
        if "--readme" in arguments:
            _into_readme(mark, text)
    return 0


def _pace() -> float:
    """Milliseconds that a million additions take, one after the other: by it runs on a machine that
    is shared with others can be compared.
    """
    took: list[float] = []
    for _ in range(5):
        begun, total = time.perf_counter(), 0
        for number in range(1_000_000):
            total += number
        took.append(1000 * (time.perf_counter() - begun))
    return statistics.median(took)


def _machine(paces: list[float]) -> Figure:
    return Figure(
        "the machine meanwhile: a million additions in Python",
        statistics.median(paces),
        "ms",
        detail=f"{min(paces):.0f} to {max(paces):.0f} ms",
    )


def _into_readme(mark: str, text: str) -> None:
    """Between the README's two marks of that name."""
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    readme = ROOT / "README.md"
    before, rest = readme.read_text().split(begin)
    _, after = rest.split(end)
    readme.write_text(f"{before}{begin}\n{text}\n{end}{after}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
