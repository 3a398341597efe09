"""The answers of Ripplecut's operations: what a caller of the library or the API gets back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from server.domain.conflicts import Conflict
from server.domain.entities import version_id
from server.domain.runs import Run

__all__ = [
    "PropagationResult",
    "RollbackResult",
    "RunRollback",
    "conflicted",
    "result_of",
    "unchanged",
]

Status = Literal["success", "conflict", "pending_approval", "accepted"]
_NEEDS_SOMEBODY = ("awaiting_approval", "conflict", "blocked", "failed")


@dataclass(frozen=True, slots=True)
class PropagationResult:
    """Answer A of the contract: what a change led to.

    ``affected_entities`` counts the outcomes other than ``unchanged``. With status ``accepted`` the
    run is still on its way and the counts are those so far. ``version`` is the version that stands
    now. Where a newer run took over the one of this change, ``superseded_run_id``, ``run_id`` is
    the newer.
    """

    status: Status
    affected_entities: int
    version: str
    run_id: str | None
    counts: Mapping[str, int] = field(default_factory=dict)
    conflicts: Sequence[Mapping[str, Any]] = ()
    requires_intervention: bool = False
    superseded_run_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        more = {"superseded_run_id": self.superseded_run_id} if self.superseded_run_id else {}
        return {
            **more,
            "status": self.status,
            "affected_entities": self.affected_entities,
            "version": self.version,
            "run_id": self.run_id,
            "counts": dict(self.counts),
            "conflicts": [dict(conflict) for conflict in self.conflicts],
            "requires_intervention": self.requires_intervention,
        }


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """What a rollback led to: ``new_current_version`` is a new version that is as ``restored_from``
    was.
    """

    success: bool
    new_current_version: str
    restored_from: str
    propagation: PropagationResult

    @property
    def affected_entities(self) -> int:
        return self.propagation.affected_entities

    @property
    def status(self) -> Status:
        return self.propagation.status

    def to_json(self) -> dict[str, Any]:
        return {
            **self.propagation.to_json(),
            "success": self.success,
            "new_current_version": self.new_current_version,
            "restored_from": self.restored_from,
        }


@dataclass(frozen=True, slots=True)
class RunRollback:
    """What taking back a whole run led to: ``versions`` are the new ones, one for each asset that
    it started from, and ``run`` brings them to their dependents. With conflicts nothing was
    applied.
    """

    rolled_back: Run
    versions: tuple[str, ...]
    run: Run | None
    propagation: PropagationResult

    @property
    def success(self) -> bool:
        return self.status != "conflict"

    @property
    def status(self) -> Status:
        return self.propagation.status

    @property
    def affected_entities(self) -> int:
        return self.propagation.affected_entities

    @property
    def run_id(self) -> str | None:
        return self.propagation.run_id

    @property
    def conflicts(self) -> Sequence[Mapping[str, Any]]:
        return self.propagation.conflicts

    def to_json(self) -> dict[str, Any]:
        """The run, as the contract shows one, with what an answer A says besides. Where there is
        none its ``status`` is ``done`` (there was nothing to take back) or ``conflict``.
        """
        found = self.propagation
        return {
            **(self._none() if self.run is None else self.run.to_json()),
            "run_id": found.run_id,
            "version": found.version,
            "versions": list(self.versions),
            "affected_entities": found.affected_entities,
            "conflicts": [dict(conflict) for conflict in found.conflicts],
            "requires_intervention": found.requires_intervention,
            "success": self.success,
            "rollback_of": self.rolled_back.id,
        }

    def _none(self) -> dict[str, Any]:
        run = self.rolled_back
        none = replace(run, total=0, processed=0, counts={}, phases={}, error=None, retry_of=None)
        status = "done" if self.success else "conflict"
        never = {"id": None, "created_at": None, "started_at": None, "finished_at": None}
        return {**none.to_json(), **never, "status": status, "superseded_by": None}


def unchanged(entity_id: str, number: int) -> PropagationResult:
    """The answer to a change that makes no difference: no version, no run."""
    return PropagationResult("success", 0, version_id(entity_id, number), None)


def conflicted(result: PropagationResult, waiting: Iterable[Conflict]) -> PropagationResult:
    """The answer to a change that collides: what of it was left out waits, the rest was applied."""
    own = {one.id: one.to_json() for one in waiting}
    others = [one for one in result.conflicts if one["id"] not in own]
    return replace(
        result,
        status=result.status if result.status == "accepted" else "conflict",
        conflicts=[*own.values(), *others],
        requires_intervention=True,
    )


def result_of(
    run: Run,
    version: str,
    superseded: str | None = None,
    waiting: Iterable[Conflict] = (),
) -> PropagationResult:
    """The answer that a run gives, where it took over ``superseded`` for whoever asked for that.
    ``waiting`` are the conflicts that it came upon.

    ``pending_approval`` where all that it reached waits for approval, ``conflict`` where all waits
    for somebody in another way too, ``accepted`` while it has not ended; one that failed stays
    ``accepted`` and asks for somebody.
    """
    approvals = run.counts.get("awaiting_approval", 0)
    clashes = run.counts.get("conflict", 0)
    status: Status = "success"
    if not run.finished or run.status == "failed":
        status = "accepted"
    elif approvals and approvals == run.affected:
        status = "pending_approval"
    elif clashes and approvals + clashes == run.affected:
        status = "conflict"
    needs = run.status == "failed" or any(run.counts.get(name) for name in _NEEDS_SOMEBODY)
    counts = dict(run.counts)
    shown = [one.to_json() for one in waiting]
    return PropagationResult(
        status, run.affected, version, run.id, counts, shown, needs, superseded
    )
