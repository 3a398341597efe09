"""``python -m tests.end_to_end.faulty FILE serve …``: the program, with faults that a test orders.

FILE holds JSON that may change at any time: ``kill`` names the phase of a run at which the process
kills itself, ``broken`` the dependents that cannot be brought up to date, ``slow`` how many seconds
each batch waits before it is committed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.cli import main
from server.domain.commit import Commit
from server.storage import SqliteStorage
from tests.faults import break_dependents

Phase = Callable[[Commit], bool]


def _of_run(test: Callable[[Commit, Any], bool]) -> Phase:
    return lambda commit: commit.run is not None and test(commit, commit.run)


def _reached(commit: Commit, run: Any) -> bool:
    return bool(commit.outcomes) and run.status == "running"


_AFTER: dict[str, Phase] = {
    "queued": _of_run(lambda c, run: run.status == "queued" and not c.outcomes),
    "first batch": _of_run(lambda c, run: _reached(c, run) and run.processed == len(c.outcomes)),
    "last batch": _of_run(lambda c, run: _reached(c, run) and run.processed >= run.total),
    "finished": _of_run(lambda c, run: run.finished),
    "cancelling": _of_run(lambda c, run: run.status == "cancelling" and not c.outcomes),
    "cancelled batch": _of_run(lambda c, run: run.status == "cancelling" and bool(c.outcomes)),
}
_BEFORE: dict[str, Phase] = {
    "midst": _of_run(lambda c, run: _reached(c, run) and 2 * run.processed >= run.total),
    "finishing": _of_run(lambda c, run: run.finished),
}


def _never(_: Commit) -> bool:
    return False


class Faults:
    """What a test has ordered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = 0
        self._ordered: dict[str, Any] = {}

    def get(self, name: str, otherwise: Any) -> Any:
        written_at = self._path.stat().st_mtime_ns
        if written_at != self._read_at:
            self._read_at, self._ordered = written_at, json.loads(self._path.read_text())
        return self._ordered.get(name, otherwise)

    def kill(self, phases: dict[str, Phase], commit: Commit) -> None:
        if phases.get(self.get("kill", ""), _never)(commit):
            os.kill(os.getpid(), signal.SIGKILL)


def install(faults: Faults) -> None:
    store = SqliteStorage.commit

    async def faulty(self: SqliteStorage, commit: Commit) -> None:
        faults.kill(_BEFORE, commit)
        if commit.outcomes:
            await asyncio.sleep(faults.get("slow", 0))
        await store(self, commit)
        faults.kill(_AFTER, commit)

    SqliteStorage.commit = faulty  # type: ignore[method-assign]
    break_dependents(lambda: faults.get("broken", ()))


if __name__ == "__main__":
    install(Faults(Path(sys.argv.pop(1))))
    main()
