"""``python -m bench``: measure, print a table, write JSON.

``python -m bench propagation`` measures one part, ``--readme`` puts the table into the README.
``rooms`` is measured only when it is named: it installs the servers that it compares with, and
takes many minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from bench import documents, grid, keystroke, propagation, repaint, rooms
from bench.browser import HOW_TO_GET_IT, browser_path
from bench.figures import Figure, table, write_json

PARTS: dict[str, Callable[[], list[Figure]]] = {
    "repaint": repaint.measure,
    "keystroke": keystroke.measure,
    "grid": grid.measure,
    "propagation": propagation.measure,
    "rooms": rooms.measure,
    "documents": documents.measure,
}
USUAL = [name for name in PARTS if name != "rooms"]
WITHOUT_BROWSER = {"propagation", "rooms", "documents"}
ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results.json"
MARKS = ("<!-- bench:begin -->", "<!-- bench:end -->")


def main(arguments: list[str]) -> int:
    wanted = [one for one in arguments if not one.startswith("-")] or USUAL
    unknown = [one for one in wanted if one not in PARTS]
    if unknown:
        print(f"There is no {unknown[0]!r} to measure; there are: {', '.join(PARTS)}.")
        return 2
    figures: list[Figure] = []
    for name in wanted:
        if name not in WITHOUT_BROWSER and browser_path() is None:
            print(f"{name} is left out: {HOW_TO_GET_IT}")
            continue
        figures += PARTS[name]()
    print(table(figures))
    write_json(RESULTS, figures)
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")
    if "--readme" in arguments:
        _into_readme(table(figures))
    return 0


def _into_readme(text: str) -> None:
    readme = ROOT / "README.md"
    before, rest = readme.read_text().split(MARKS[0])
    _, after = rest.split(MARKS[1])
    readme.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
