"""The asset routes: propagate, preview, publish, roll back, approve, dependencies, versions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from protocol.errors import FieldError, Invalid, NotFound
from server.propagation.project import ProjectOwner
from server.rooms.access import Role
from server.services import changes, reading
from server.web.bodies import Body, Id, Number, PlanHash, Text
from server.web.operations import Call, Operation, operation
from server.web.replies import Reply, propagated
from server.web.rest import answers
from server.web.rest.queries import AssetQuery, AssetWait, Limit
from server.web.rest.shapes import Page

__all__ = ["OPERATIONS", "number_of"]


FieldName = Annotated[str, Field(min_length=1, max_length=500)]


class Change(Body):
    """``change_data`` holds fields (``null`` takes one away); ``visual_changes`` are visual.

    ``propagation_mode`` is a hint: what people look at, what is marked ``critical`` and what rules
    put first comes first in any mode; ``background`` puts off all the rest.
    """

    change_data: dict[str, Any]
    propagation_mode: Literal["realtime", "batch", "background"] = "realtime"
    notify_users: bool = True
    base_version: Number | None = None
    message: Text = ""
    dry_run: bool = False
    plan_hash: PlanHash | None = None


class ImpactBody(Body):
    change_data: dict[str, Any]
    propagation_mode: Literal["realtime", "batch", "background"] = "realtime"
    base_version: Number | None = None


class PublishBody(Body):
    message: Text = ""
    dry_run: bool = False
    plan_hash: PlanHash | None = None


class RollbackBody(Body):
    """Without ``fields`` all of it; names are those under which a version's ``changes`` stand:
    ``@name``, ``@status`` and ``@references`` too.
    """

    version_number: Number
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=500)] | None = None
    reason: Text = ""
    dry_run: bool = False
    plan_hash: PlanHash | None = None


class ApprovedBody(Body):
    version_number: Number


class AssetChange(Body):
    asset_id: Id
    changes: dict[str, Any]


class Batch(Body):
    asset_changes: Annotated[list[AssetChange], Field(min_length=1, max_length=1000)]
    project_id: Id | None = None
    dry_run: bool = False
    plan_hash: PlanHash | None = None


class DependencyQuery(AssetQuery):
    depth: Annotated[int, Field(ge=1, le=1000)] = 2
    include_shots: bool = True
    limit: Limit | None = None
    cursor: str | None = None


class VersionQuery(AssetQuery):
    limit: Limit = 100
    cursor: str | None = None


class DiffQuery(AssetQuery):
    from_: Annotated[Number, Field(alias="from")]
    to: Number


async def _asset(call: Call[Any, Any]) -> tuple[ProjectOwner, str]:
    asset_id = call.path["asset_id"]
    return await call.holding(asset_id, call.query.project_id), asset_id


def number_of(text: str, what: str) -> int:
    """A number out of a path; raises NotFound, for nothing else can have that name."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise NotFound(f"There is no {what} {text!r}")
    return int(text)


async def propagate(call: Call[Change, AssetWait]) -> Reply:
    """Change an asset and bring everything that depends on it up to date.

    Answers when the run is done, or 202 ``accepted`` when that takes longer than ``wait``. A change
    of an old ``base_version`` is merged; what of it collides waits in the conflicts, the rest is
    applied, and the status is ``conflict``. With ``dry_run``: the impact. With the ``plan_hash`` of
    an impact: 409 ``stale_plan``, and nothing is applied, where it would not do what was shown;
    ``changes`` says what is different.
    """
    owner, asset_id = await _asset(call)
    body = call.body
    if body.dry_run:
        found = await changes.calculate_change_impact(
            owner,
            asset_id,
            body.change_data,
            call.actor,
            mode=body.propagation_mode,
            base_version=body.base_version,
        )
        return Reply(found)
    result = await changes.propagate_asset_change(
        owner,
        asset_id,
        body.change_data,
        call.actor,
        mode=body.propagation_mode,
        notify=body.notify_users,
        base_version=body.base_version,
        message=body.message,
        plan_hash=body.plan_hash,
        wait=call.query.wait,
    )
    return propagated(result.to_json())


async def impact(call: Call[ImpactBody, AssetQuery]) -> Reply:
    """What a change would do, with an outcome and a reason for each dependent; nothing is done."""
    owner, asset_id = await _asset(call)
    body = call.body
    found = await changes.calculate_change_impact(
        owner,
        asset_id,
        body.change_data,
        call.actor,
        mode=body.propagation_mode,
        base_version=body.base_version,
    )
    return Reply(found)


async def publish(call: Call[PublishBody, AssetWait]) -> Reply:
    """Make a version of all that the draft is ahead, and propagate it.

    ``dry_run`` and ``plan_hash`` as in propagate.
    """
    owner, asset_id = await _asset(call)
    body = call.body
    if body.dry_run:
        return Reply(await changes.publish_impact(owner, asset_id, call.actor))
    result = await changes.publish(
        owner, asset_id, call.actor, body.message, body.plan_hash, call.query.wait
    )
    return propagated(result.to_json())


async def rollback(call: Call[RollbackBody, AssetWait]) -> Reply:
    """Bring an asset, or some fields of it, back to how a version had it, as a new version, and
    propagate that.

    ``dry_run`` and ``plan_hash`` as in propagate.
    """
    owner, asset_id = await _asset(call)
    body = call.body
    if body.dry_run:
        found = await changes.rollback_impact(
            owner, asset_id, body.version_number, call.actor, body.fields
        )
        return Reply(found)
    result = await changes.rollback_to_version(
        owner,
        asset_id,
        body.version_number,
        call.actor,
        body.reason,
        fields=body.fields,
        plan_hash=body.plan_hash,
        wait=call.query.wait,
    )
    return propagated(result.to_json())


async def approve(call: Call[ApprovedBody, AssetWait]) -> Reply:
    """Move the pointer that ``approved`` references follow."""
    owner, asset_id = await _asset(call)
    owner.state.entity(asset_id)
    result = await changes.approve(
        owner, asset_id, call.body.version_number, call.actor, call.query.wait
    )
    return propagated(result.to_json())


async def batch(call: Call[Batch, AssetWait]) -> Reply:
    """Several changes as one run over the union of their dependents: all versions or none.

    ``dry_run`` and ``plan_hash`` as in propagate.
    """
    body = call.body
    named = body.project_id or call.query.project_id
    owner = await call.holding(body.asset_changes[0].asset_id, named)
    wanted = [(one.asset_id, one.changes) for one in body.asset_changes]
    if body.dry_run:
        return Reply(await changes.batch_impact(owner, wanted, call.actor))
    result = await changes.propagate_batch(
        owner, wanted, call.actor, plan_hash=body.plan_hash, wait=call.query.wait
    )
    return propagated(result.to_json())


async def dependencies(call: Call[Body, DependencyQuery]) -> Reply:
    """Everything that depends on an asset, nearest first; whole unless ``limit`` is given."""
    owner, asset_id = await _asset(call)
    query = call.query
    found = reading.dependencies(owner, asset_id, query.depth, query.include_shots)
    if query.limit is not None:
        start = _position(query.cursor)
        items = found["dependencies"]
        found["dependencies"] = items[start : start + query.limit]
        more = len(items) > start + query.limit
        found["next_cursor"] = str(start + query.limit) if more else None
    return Reply(found)


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 9):
        raise Invalid("The cursor is not valid", [FieldError("cursor", "must be one of ours")])
    return int(cursor)


async def list_versions(call: Call[Body, VersionQuery]) -> Reply:
    """A page of an asset's versions, newest first."""
    owner, asset_id = await _asset(call)
    query = call.query
    return Reply(await reading.version_page(owner, asset_id, query.limit, query.cursor))


async def read_version(call: Call[Body, AssetQuery]) -> Reply:
    """One version."""
    owner, asset_id = await _asset(call)
    number = number_of(call.path["number"], "version")
    return Reply(await reading.version_json(owner, asset_id, number))


async def diff(call: Call[Body, DiffQuery]) -> Reply:
    """What differs between two versions; prose with its words."""
    owner, asset_id = await _asset(call)
    return Reply(await reading.diff(owner, asset_id, call.query.from_, call.query.to))


_ONE = "/assets/{asset_id}"
_A, _PLAN = answers.AnswerA, answers.Impact
OPERATIONS: list[Operation] = [
    operation(
        "POST",
        f"{_ONE}/propagate",
        propagate,
        body=Change,
        query=AssetWait,
        answer=_A,
        impact=_PLAN,
    ),
    operation(
        "POST",
        f"{_ONE}/impact",
        impact,
        role=Role.VIEWER,
        body=ImpactBody,
        query=AssetQuery,
        answer=answers.Impact,
        long=True,
    ),
    operation(
        "POST",
        f"{_ONE}/publish",
        publish,
        body=PublishBody,
        query=AssetWait,
        answer=_A,
        impact=_PLAN,
    ),
    operation(
        "POST",
        f"{_ONE}/rollback",
        rollback,
        body=RollbackBody,
        query=AssetWait,
        answer=answers.RolledBack,
        impact=_PLAN,
    ),
    operation(
        "POST",
        f"{_ONE}/approved",
        approve,
        role=Role.APPROVER,
        body=ApprovedBody,
        query=AssetWait,
        answer=_A,
    ),
    operation(
        "GET",
        f"{_ONE}/dependencies",
        dependencies,
        query=DependencyQuery,
        answer=answers.Dependencies,
    ),
    operation(
        "GET",
        f"{_ONE}/versions",
        list_versions,
        query=VersionQuery,
        answer=Page[answers.Version],
    ),
    operation(
        "GET", _ONE + "/versions/{number}", read_version, query=AssetQuery, answer=answers.Version
    ),
    operation("GET", f"{_ONE}/diff", diff, query=DiffQuery, answer=answers.Diff),
    operation(
        "POST", "/propagation/batch", batch, body=Batch, query=AssetWait, answer=_A, impact=_PLAN
    ),
]
