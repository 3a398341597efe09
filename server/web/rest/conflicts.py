"""Conflicts: both sides of what cannot both stand, and settling it."""

from __future__ import annotations

from typing import Any, Literal

from server.rooms.access import Role
from server.services import conflicts
from server.web.bodies import Body, Id
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply, propagated
from server.web.rest import answers
from server.web.rest.queries import PageQuery, Wait
from server.web.rest.shapes import Page, Shape

__all__ = ["OPERATIONS"]


class ConflictsQuery(PageQuery):
    """Those that wait, unless a ``status`` is given; ``any`` gives all."""

    status: Literal["open", "resolved", "closed", "any"] = "open"
    entity: Id | None = None
    type: Literal["simultaneous_edit", "version_conflict", "dependency_conflict"] | None = None
    run: Id | None = None


class Resolution(Body):
    """``value`` goes with ``merged``: what the field is to be, where that is not what was
    proposed (or nothing was).
    """

    choice: Literal["ours", "theirs", "merged"]
    value: Any = None


class Conflict(Shape):
    """Two things that people wanted of one field and that cannot both stand: ``ours`` is what the
    entity had, ``theirs`` what came to it, ``merged`` a proposal that has something of both
    (``null``: there is none), ``base`` what both grew from, ``current`` what stands there now.

    ``field`` is a field of the entity, or ``@name``, ``@status``, ``@references`` (the sides are
    one reference of it), ``@approved`` or ``@deleted``. What was settled without asking is
    ``automatic``: it is ``resolved`` from the start, and can be settled otherwise once. ``closed``
    ones became moot. ``run_id`` is the run that came upon it, or that was to be taken back.
    """

    id: str
    project_id: str
    type: Literal["simultaneous_edit", "version_conflict", "dependency_conflict"]
    severity: Literal["low", "medium", "high"]
    entity_id: str
    entity_name: str
    entity_kind: str
    field: str
    field_label: str
    field_type: str | None
    base: Any
    ours: Any
    theirs: Any
    merged: Any
    current: Any
    ours_by: str
    theirs_by: str
    affected_users: list[str]
    resolution_options: list[Literal["ours", "theirs", "merged"]]
    status: Literal["open", "resolved", "closed"]
    automatic: bool
    resolution: Literal["ours", "theirs", "merged"] | None
    reason: str
    run_id: str | None
    created_at: str
    resolved_by: str | None
    resolved_at: str | None


class ConflictPage(Page[Conflict]):
    """``open`` counts what waits in the whole project."""

    open: int


class ResolvedConflict(answers.AnswerA):
    conflict: Conflict


async def list_conflicts(call: Call[Body, ConflictsQuery]) -> Reply:
    """What waits for somebody to choose, what changed last first."""
    owner, query = await call.project(), call.query
    page = await conflicts.conflict_page(
        owner,
        status=query.status,
        entity_id=query.entity,
        type_=query.type,
        run_id=query.run,
        limit=query.limit,
        cursor=query.cursor,
    )
    return Reply(page)


async def get_conflict(call: Call[Body, NoQuery]) -> Reply:
    """One conflict, however it ended."""
    owner = await call.project()
    return Reply(await conflicts.get_conflict(owner, call.path["conflict_id"]))


async def resolve(call: Call[Resolution, Wait]) -> Reply:
    """Choose a side, or set what has something of both: a version of its own, which propagates.

    409 ``conflict`` where somebody has decided it already, or it became moot; 422 ``invalid`` for a
    choice that it does not offer, and for a value that does not fit. About what a final entity is
    built on, approvers and owners decide, unless it is to stay as it is.
    """
    owner, body = await call.project(), call.body
    done = await conflicts.resolve_conflict(
        owner,
        call.path["conflict_id"],
        body.choice,
        call.actor,
        body.value if "value" in body.model_fields_set else conflicts.NOT_GIVEN,
        wait=call.query.wait,
    )
    return propagated(done.to_json())


_ALL = "/projects/{project_id}/conflicts"
OPERATIONS: list[Operation] = [
    operation("GET", _ALL, list_conflicts, query=ConflictsQuery, answer=ConflictPage),
    operation("GET", f"{_ALL}/{{conflict_id}}", get_conflict, answer=Conflict),
    operation(
        "POST",
        f"{_ALL}/{{conflict_id}}/resolve",
        resolve,
        role=Role.EDITOR,
        body=Resolution,
        query=Wait,
        answer=ResolvedConflict,
    ),
]
