"""A whole project, brought back to how it was at a moment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from server.rooms.access import Role
from server.services import restoring
from server.web.bodies import Body, PlanHash, Text
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply, propagated
from server.web.rest import answers
from server.web.rest.shapes import Shape

__all__ = ["OPERATIONS"]


class RestoreBody(Body):
    """``to`` is an ISO time (without an offset: UTC), or the id of a run: before it."""

    to: Annotated[str, Field(min_length=1, max_length=100)]
    reason: Text = ""
    dry_run: bool = False
    plan_hash: PlanHash | None = None


class Kept(Shape):
    """What could not be as it was, and why."""

    entity_id: str
    field: str
    reason: str


class RestoreImpact(answers.Impact):
    """What a restoration would do: as many new ``versions``, and what would go and come back."""

    to: str
    versions: int
    deleted: list[str]
    restored: list[str]
    kept: list[Kept]


class ProjectRestored(answers.AnswerA):
    """``versions`` are the new ones; ``deleted`` was made since, ``restored`` was deleted since."""

    success: bool
    to: str
    versions: list[str]
    deleted: list[str]
    restored: list[str]
    kept: list[Kept]


async def restore_project(call: Call[RestoreBody, NoQuery]) -> Reply:
    """Bring a whole project back to how it was at a time, or before a run.

    One step and one run: what differs gets a new version, what was made since is deleted, what was
    deleted since comes back, and every reference is as it was. Rules are not asked about that, and
    rules, kinds, settings and pictures stay as they are. 422 for a moment before the project's
    history begins. ``dry_run`` answers the impact, with what would be ``deleted`` and ``restored``;
    ``plan_hash`` as in propagate.
    """
    owner, body = await call.project(), call.body
    if body.dry_run:
        return Reply(await restoring.restore_project_impact(owner, body.to, call.actor))
    done = await restoring.restore_project(
        owner, body.to, call.actor, body.reason, plan_hash=body.plan_hash
    )
    return propagated(done.to_json())


OPERATIONS: list[Operation] = [
    operation(
        "POST",
        "/projects/{project_id}/restore",
        restore_project,
        role=Role.OWNER,
        body=RestoreBody,
        answer=ProjectRestored,
        impact=RestoreImpact,
        long=True,
    ),
]
