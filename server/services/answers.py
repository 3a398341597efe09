"""The answers of Ripplecut's operations: what a caller of the library or the API gets back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from server.domain.conflicts import Conflict
from server.domain.entities import version_id
from server.domain.runs import Run
from server.propagation.pipeline import Proposal

__all__ = ["PropagationResult", "RollbackResult", "conflicted", "result_of", "unchanged"]

Status = Literal["success", "conflict", "pending_approval", "accepted"]
_NEEDS_SOMEBODY = ("awaiting_approval", "conflict", "blocked", "failed")


@dataclass(frozen=True, slots=True)
class PropagationResult:
    """Answer A of the contract: what a change led to.

    ``affected_entities`` counts the outcomes other than ``unchanged``. With status ``accepted`` the
    run is still on its way and the counts are those so far. ``version`` is the version that stands
    now.
    """

    status: Status
    affected_entities: int
    version: str
    run_id: str | None
    counts: Mapping[str, int] = field(default_factory=dict)
    conflicts: Sequence[Mapping[str, Any]] = ()
    requires_intervention: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
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


def unchanged(entity_id: str, number: int) -> PropagationResult:
    """The answer to a change that makes no difference: no version, no run."""
    return PropagationResult("success", 0, version_id(entity_id, number), None)


def conflicted(proposals: Sequence[Proposal], entity_id: str, number: int) -> PropagationResult:
    """The answer to a change that collides: nothing was applied."""
    conflicts: list[Conflict] = [conflict for one in proposals for conflict in one.conflicts]
    return PropagationResult(
        "conflict",
        0,
        version_id(entity_id, number),
        None,
        {},
        [conflict.to_json() for conflict in conflicts],
        True,
    )


def result_of(run: Run, version: str) -> PropagationResult:
    """The answer that a run gives.

    ``pending_approval`` where all that it reached waits for somebody, ``accepted`` while it has not
    ended; one that failed stays ``accepted`` and asks for somebody.
    """
    waiting = run.counts.get("awaiting_approval", 0)
    status: Status = "success"
    if not run.finished or run.status == "failed":
        status = "accepted"
    elif waiting and waiting == run.affected:
        status = "pending_approval"
    needs = run.status == "failed" or any(run.counts.get(name) for name in _NEEDS_SOMEBODY)
    return PropagationResult(status, run.affected, version, run.id, dict(run.counts), (), needs)
