"""Runs: one execution of a plan, and what it did to each dependent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

__all__ = ["OUTCOMES", "Outcome", "OutcomeName", "Phase", "Root", "Run", "RunStatus"]

OutcomeName = Literal[
    "updated",
    "unchanged",
    "notified",
    "stale",
    "pinned",
    "awaiting_approval",
    "blocked",
    "conflict",
    "failed",
    "cancelled",
    "superseded",
]
OUTCOMES: tuple[OutcomeName, ...] = get_args(OutcomeName)
RunStatus = Literal["queued", "running", "cancelling", "done", "failed", "cancelled", "superseded"]
Phase = Literal["realtime", "batch", "background"]


class Outcome(NamedTuple):
    """What a run did (or would do) to one dependent, and why, in words."""

    entity_id: str
    kind: str
    outcome: OutcomeName
    reason: str
    source: str
    source_version: int
    from_hash: str
    to_hash: str

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


class Root(NamedTuple):
    """One asset that a run starts from: the version it had, and the one it has now."""

    asset_id: str
    from_version: int
    to_version: int


@dataclass(slots=True)
class Run:
    """One execution of a plan. ``counts`` is by outcome; times are ISO 8601 UTC.

    ``processed`` of ``total`` dependents have an outcome row; those of one that was superseded are
    in the run that took it over, ``superseded_by``. A retry names the run ``retry_of`` whose
    failures it goes over again: ``only`` they, and what hangs on them, are its dependents; they are
    looked up when it begins. ``rollback_of`` names the run that this one takes back.
    """

    id: str
    project_id: str
    roots: tuple[Root, ...]
    classes: tuple[str, ...]
    cause: str
    author: str
    message: str
    mode: Phase
    notify: bool
    status: RunStatus
    total: int
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    processed: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    phases: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    retry_of: str | None = None
    rollback_of: str | None = None
    superseded_by: str | None = None
    only: frozenset[str] | None = field(default=None, compare=False)

    @classmethod
    def at_once(
        cls,
        id_: str,
        project_id: str,
        roots: Iterable[Root],
        classes: Iterable[str],
        cause: str,
        author: str,
        message: str,
        total: int,
        at: str,
    ) -> Run:
        """A run that has ended when it begins: all that it did is in the step that makes it."""
        return cls(
            id_,
            project_id,
            tuple(roots),
            tuple(classes),
            cause,
            author,
            message,
            mode="realtime",
            notify=True,
            status="done",
            total=total,
            created_at=at,
            started_at=at,
            finished_at=at,
            phases={"realtime": total},
        )

    def follow_up(self, id_: str, total: int, at: str) -> Run:
        """A run of its own, yet to begin, that starts where this one did."""
        return Run(
            id_,
            self.project_id,
            self.roots,
            self.classes,
            "follow-up",
            self.author,
            self.message,
            self.mode,
            self.notify,
            status="queued",
            total=total,
            created_at=at,
            phases=self.phases,
        )

    @property
    def finished(self) -> bool:
        return self.status in {"done", "failed", "cancelled", "superseded"}

    @property
    def affected(self) -> int:
        """How many dependents have an outcome other than ``unchanged``."""
        return sum(count for name, count in self.counts.items() if name != "unchanged")

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "project_id": self.project_id,
            "asset_ids": [root.asset_id for root in self.roots],
            "status": self.status,
            "phases": [{"phase": name, "total": total} for name, total in self.phases.items()],
            "total": self.total,
            "processed": self.processed,
            "counts": dict(self.counts),
            "created_at": self.created_at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "cause": self.cause,
            "author": self.author,
            "message": self.message,
            "error": self.error,
            "retry_of": self.retry_of,
            "rollback_of": self.rollback_of,
            "superseded_by": self.superseded_by,
        }
