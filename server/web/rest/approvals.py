"""Approvals: what waits for a yes or a no, and deciding it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from server.rooms.access import Role
from server.services import approvals, deciding
from server.web.bodies import Body, Id, Text
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply, propagated
from server.web.rest import answers
from server.web.rest.queries import PageQuery, Wait
from server.web.rest.shapes import Page, Shape

__all__ = ["OPERATIONS"]


class ApprovalsQuery(PageQuery):
    """Those that are open, unless a ``status`` is given; ``any`` gives all."""

    status: Literal["open", "approved", "rejected", "closed", "any"] = "open"
    source: Id | None = None
    target: Id | None = None


class Decision(Body):
    """``plan_hash`` names what was shown for exactly these ``ids``.

    Each approval has one: SHA-256, in hex, of its id and, each on a line of its own,
    ``<reference> <from version> <to version>`` of what waits. Several are named by the sum of
    theirs modulo 2^256, as 64 hex digits; that of a group is the sum over all in it that are open,
    and it is taken for a part of the group too.
    """

    ids: Annotated[list[Id], Field(min_length=1, max_length=deciding.MOST_IDS)]
    decision: Literal["approve", "reject"]
    plan_hash: Annotated[str, Field(min_length=1, max_length=128)]
    comment: Text = ""


class WaitsShape(Shape):
    reference_id: str
    from_version: int
    to_version: int


class RuleNamed(Shape):
    id: str
    name: str


class Side(Shape):
    """The target before or after: which version of the source it shows, and its resolved hashes;
    these are there while the approval is open, and ``resolved`` only where one was asked for.
    """

    version: int
    hash: str | None
    visual_hash: str | None
    resolved: dict[str, Any] | None = None


class Approval(Shape):
    """A target that would show another version of a source. ``run_id`` is the change that it is
    about, by which a page groups; ``differs`` is what differs between the two versions.
    """

    id: str
    project_id: str
    source: str
    source_name: str
    source_kind: str
    target: str
    target_name: str
    target_kind: str
    target_status: str
    references: list[WaitsShape]
    classes: list[str]
    rule: RuleNamed
    run_id: str
    author: str
    since: str
    at: str
    status: Literal["open", "approved", "rejected", "closed"]
    decided_by: str | None
    comment: str
    reason: str
    plan_hash: str
    before: Side
    after: Side
    differs: dict[str, Any]


class GroupSource(Shape):
    id: str
    name: str
    version: str


class Group(Shape):
    """A change, and all that is open because of it; ``plan_hash`` names these together."""

    run_id: str
    open: int
    plan_hash: str | None
    sources: list[GroupSource]
    author: str
    message: str
    cause: str
    created_at: str | None


class ApprovalPage(Page[Approval]):
    """``open`` counts what waits in the whole project."""

    groups: list[Group]
    open: int


class DecidedOne(Shape):
    id: str
    target: str
    status: Literal["approved", "rejected"]


class Decided(answers.AnswerA):
    decision: Literal["approve", "reject"]
    decided: int
    approvals: list[DecidedOne]


async def list_approvals(call: Call[Body, ApprovalsQuery]) -> Reply:
    """What waits for a yes or a no: those of one change together, what changed last first."""
    owner, query = await call.project(), call.query
    page = await approvals.approval_page(
        owner,
        status=query.status,
        source=query.source,
        target=query.target,
        limit=query.limit,
        cursor=query.cursor,
    )
    return Reply(page)


async def get_approval(call: Call[Body, NoQuery]) -> Reply:
    """One approval; while it is open, with its target resolved as it is and as it would be."""
    owner = await call.project()
    return Reply(await approvals.get_approval(owner, call.path["approval_id"]))


async def decide(call: Call[Decision, Wait]) -> Reply:
    """Approve or reject one, some or all: in one step, all or none.

    Approving moves the references that wait, and nothing else; a run (cause ``approval``) brings
    what they stand in up to date. Rejecting keeps what is shown until a newer version of the source
    is there. 409 ``stale_plan``, and nothing is decided, where what waits is not what ``plan_hash``
    names; ``changes`` says what is different.
    """
    owner, body = await call.project(), call.body
    decided = await deciding.decide_approvals(
        owner,
        body.ids,
        body.decision,
        body.plan_hash,
        call.actor,
        body.comment,
        call.query.wait,
    )
    return propagated(decided.to_json())


_ALL = "/projects/{project_id}/approvals"
OPERATIONS: list[Operation] = [
    operation("GET", _ALL, list_approvals, query=ApprovalsQuery, answer=ApprovalPage),
    operation(
        "POST",
        f"{_ALL}/decide",
        decide,
        role=Role.APPROVER,
        body=Decision,
        query=Wait,
        answer=Decided,
    ),
    operation("GET", f"{_ALL}/{{approval_id}}", get_approval, answer=Approval),
]
