"""RunTracker: who waits for which run, and how far along each is."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from server.domain.runs import Run

__all__ = ["Progress", "RunTracker"]

_KEPT = 500
_FRAME_INTERVAL = 0.12
"""Seconds: with the last frame, which does not wait, there are ten in any second at most."""


class RunTracker:
    """The runs of one process that are on their way, and those that ended lately."""

    def __init__(self) -> None:
        self._ended: dict[str, asyncio.Event] = {}
        self._known: OrderedDict[str, Run] = OrderedDict()

    def add(self, run: Run) -> None:
        self._known[run.id] = run
        self._ended[run.id] = asyncio.Event()
        while len(self._known) > _KEPT:
            oldest = next(iter(self._known))
            if not self._known[oldest].finished:
                break
            del self._known[oldest]
            self._ended.pop(oldest, None)

    def get(self, run_id: str) -> Run | None:
        return self._known.get(run_id)

    def end(self, run: Run) -> None:
        event = self._ended.get(run.id)
        if event is not None:
            event.set()

    async def wait(self, run_id: str, seconds: float | None) -> bool:
        """Wait until a run has ended; False when it has not within ``seconds``."""
        event = self._ended.get(run_id)
        if event is None:
            return True
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        return True


class Progress:
    """The ``propagation_progress`` frames of one run: at most ten a second, never backwards, the
    last always sent.

    The estimate is the time that is left at the rate so far; ``None`` at first, for what one batch
    took says little.
    """

    def __init__(
        self, run: Run, now: Callable[[], float], tell: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._run = run
        self._now = now
        self._tell = tell
        self._started = now()
        self._told_at: float | None = None
        self._share = 0
        self._begun_with = run.processed

    def step(self, phase: str) -> None:
        """Something was processed: tell it unless a frame went out just now."""
        if self._told_at is None or self._now() - self._told_at >= _FRAME_INTERVAL:
            self._send(phase, None)

    def finish(self, phase: str) -> None:
        self._send(phase, self._run.status)

    def _send(self, phase: str, status: str | None) -> None:
        run = self._run
        first, self._told_at = self._told_at is None, self._now()
        done = self._run.processed - self._begun_with
        elapsed = self._told_at - self._started
        left = max(0, run.total - run.processed)
        eta = round(left * elapsed / done, 2) if done > 0 and elapsed > 0 and not first else None
        share = 100 * run.processed // run.total if run.total else 0
        self._share = 100 if status == "done" else max(self._share, min(99, share))
        frame: dict[str, Any] = {
            "type": "propagation_progress",
            "asset_id": run.roots[0].asset_id,
            "run_id": run.id,
            "progress": self._share,
            "processed": run.processed,
            "total": run.total,
            "eta": 0 if status else eta,
            "phase": phase,
            "counts": dict(run.counts),
        }
        if status:
            frame["status"] = status
        self._tell(frame)
