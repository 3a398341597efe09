"""The shapes of what the API answers about runs, and about how a project is kept in order."""

from __future__ import annotations

from typing import Any, Literal

from server.web.rest.shapes import Shape


class RunPhase(Shape):
    """How many dependents are in a phase: those that somebody begins to look at during the run move
    to ``realtime``.
    """

    phase: str
    total: int


class Run(Shape):
    """One execution of a plan. One that a newer run took over before it began is ``superseded``,
    and names it in ``superseded_by``.
    """

    id: str
    project_id: str
    asset_ids: list[str]
    status: Literal["queued", "running", "cancelling", "done", "failed", "cancelled", "superseded"]
    phases: list[RunPhase]
    total: int
    processed: int
    counts: dict[str, int]
    created_at: str
    started_at: str | None
    finished_at: str | None
    cause: str
    author: str
    message: str
    error: str | None
    retry_of: str | None
    rollback_of: str | None
    superseded_by: str | None


class RunRolledBack(Shape):
    """The run that takes back another, ``rollback_of``. Where there is none its ``id`` is null, and
    the ``status`` is ``done`` (nothing was to be taken back) or ``conflict`` (nothing was applied).
    """

    id: str | None
    run_id: str | None
    project_id: str
    asset_ids: list[str]
    status: Literal[
        "queued", "running", "cancelling", "done", "failed", "cancelled", "superseded", "conflict"
    ]
    phases: list[RunPhase]
    total: int
    processed: int
    counts: dict[str, int]
    created_at: str | None
    started_at: str | None
    finished_at: str | None
    cause: str
    author: str
    message: str
    error: str | None
    retry_of: str | None
    rollback_of: str
    superseded_by: str | None
    success: bool
    version: str
    versions: list[str]
    affected_entities: int
    conflicts: list[dict[str, Any]]
    requires_intervention: bool


class Outcome(Shape):
    entity_id: str
    kind: str
    outcome: str
    reason: str
    source: str
    source_version: int
    from_hash: str
    to_hash: str
    at: str


class Difference(Shape):
    """What is not as it should be, or what was done about it, in words."""

    entity_id: str
    problem: str


class Alarm(Difference):
    at: str


class Consistency(Shape):
    """How many entities the check in the background has looked at, and what it found.

    ``repair`` is the way to put that right, where there is anything.
    """

    checked: int
    alarms: list[Alarm]
    repair: str | None


class Repaired(Shape):
    repaired: list[Difference]


class Cache(Shape):
    """Resolved states that are kept in memory; ``forgotten`` counts those that a commit made
    stale.
    """

    entries: int
    bytes: int
    hits: int
    misses: int
    forgotten: int


class Status(Shape):
    active: list[Run]
    queued: int
    recent: list[Run]
    totals: dict[str, Any]
    cache: Cache
    consistency: Consistency
