"""The graph, and what runs through it: status, runs, their outcomes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from protocol.errors import FieldError, Invalid, NotFound
from server.domain.runs import Run
from server.propagation.project import ProjectOwner
from server.rooms.access import Role
from server.services import reading, runs
from server.web.bodies import Body, Id, PlanHash, Query, Text
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply
from server.web.rest import answers, run_answers
from server.web.rest.queries import Limit, PageQuery, Wait
from server.web.rest.shapes import Page

__all__ = ["OPERATIONS", "run_of"]


class GraphQuery(Query):
    """Whole, unless a ``root`` or a ``limit`` (of nodes) is given."""

    root: Id | None = None
    depth: Annotated[int, Field(ge=0, le=1000)] | None = None
    direction: Literal["down", "up", "both"] = "down"
    limit: Limit | None = None
    cursor: Id | None = None


async def graph(call: Call[Body, GraphQuery]) -> Reply:
    """Nodes and edges: all, or what a root reaches (``down``: what uses it, ``up``, ``both``).

    With ``limit`` the nodes come in pages, in id order, each page with the edges into its nodes.
    """
    query = call.query
    owner = await call.project()
    found = await reading.graph(owner, query.root, query.depth, query.direction)
    return Reply(found if query.limit is None else _page(found, query.limit, query.cursor))


def _page(found: dict[str, Any], limit: int, cursor: str | None) -> dict[str, Any]:
    nodes = sorted(
        (one for one in found["nodes"] if cursor is None or one["id"] > cursor),
        key=lambda one: str(one["id"]),
    )
    page = nodes[:limit]
    here = {one["id"] for one in page}
    edges = [one for one in found["edges"] if one["target"] in here]
    following = page[-1]["id"] if len(nodes) > limit else None
    return {"nodes": page, "edges": edges, "next_cursor": following}


async def status(call: Call[Body, NoQuery]) -> Reply:
    """What is under way, what waits, what ended lately, and whether all is consistent."""
    owner = await call.project()
    found = await reading.propagation_status(owner)
    return Reply(found | {"consistency": call.web.watch.told(owner.project_id)})


async def repair(call: Call[Body, NoQuery]) -> Reply:
    """Work hashes out anew, and put back what else is not as it should be; audited."""
    done = await call.web.watch.repair(await call.project(), call.actor)
    return Reply({"repaired": [one._asdict() for one in done]})


async def _run(call: Call[Any, Any]) -> tuple[Run, ProjectOwner]:
    """The run in the path. Raises NotFound."""
    return await run_of(call, call.path["run_id"])


async def run_of(call: Call[Any, Any], run_id: str) -> tuple[Run, ProjectOwner]:
    """A run as it is now. Raises NotFound, and the same for a run of a project that the caller may
    not see: whether it is there, and where, is not theirs to know.
    """
    run = call.web.projects.tracker.get(run_id) or await call.web.store.run(run_id)
    if not call.caller.sees(run.project_id):
        raise NotFound(f"There is no run {run_id!r}")
    owner = await call.open(run.project_id)
    # Where that has loaded the project only now, the run that goes on is another object.
    return call.web.projects.tracker.get(run_id) or run, owner


async def read_run(call: Call[Body, NoQuery]) -> Reply:
    """One run."""
    run, _ = await _run(call)
    return Reply(run.to_json())


async def list_outcomes(call: Call[Body, PageQuery]) -> Reply:
    """A page of what a run did, in the order in which it did it, each with its reason."""
    run, owner = await _run(call)
    cursor = call.query.cursor
    if cursor is not None and not (cursor.isascii() and len(cursor) < 200):
        raise Invalid("The cursor is not valid", [FieldError("cursor", "must be one of ours")])
    return Reply(await runs.outcome_page(owner, run, call.query.limit, cursor))


def _shown(content: dict[str, Any], ended: bool) -> Reply:
    """A run, 202 while it is on its way."""
    return Reply(content, 200 if ended else 202)


async def cancel(call: Call[Body, Wait]) -> Reply:
    """Stop a run after the batch that it is in; one that has ended stays as it is."""
    run, owner = await _run(call)
    run = await runs.cancel_run(owner, run, call.actor, call.query.wait)
    return _shown(run.to_json(), run.finished)


async def retry(call: Call[Body, Wait]) -> Reply:
    """Go over what failed in a run again, and what hangs on it, in a run of its own (``retry_of``).

    What a cancelled run did not come to counts as failed. 409 where the run has not ended, and
    where nothing failed.
    """
    run, owner = await _run(call)
    again = await runs.retry_run(owner, run, call.actor, call.query.wait)
    return _shown(again.to_json(), again.finished)


class RunRollbackBody(Body):
    reason: Text = ""
    dry_run: bool = False
    plan_hash: PlanHash | None = None


async def rollback_run(call: Call[RunRollbackBody, Wait]) -> Reply:
    """Take back what a run changed: all it started from, in one step, with one run over the rest.

    What was changed since then stays. Where that is the same field, the status is ``conflict``,
    with both sides in ``conflicts``, where they wait, and nothing is applied; what is kept there
    stays when the run is rolled back again. 409 while the run is on its way: cancel it first.
    ``dry_run`` and ``plan_hash`` as in propagate.
    """
    run, owner = await _run(call)
    body = call.body
    if body.dry_run:
        return Reply(await runs.rollback_run_impact(owner, run, call.actor, body.reason))
    done = await runs.rollback_run(
        owner, run, call.actor, body.reason, plan_hash=body.plan_hash, wait=call.query.wait
    )
    return _shown(done.to_json(), done.run is None or done.run.finished)


_ONE = "/runs/{run_id}"
OPERATIONS: list[Operation] = [
    operation("GET", "/projects/{project_id}/graph", graph, query=GraphQuery, answer=answers.Graph),
    operation(
        "GET", "/projects/{project_id}/propagation-status", status, answer=run_answers.Status
    ),
    operation(
        "POST",
        "/projects/{project_id}/repair",
        repair,
        role=Role.OWNER,
        answer=run_answers.Repaired,
    ),
    operation("GET", _ONE, read_run, answer=run_answers.Run),
    operation(
        "GET",
        f"{_ONE}/outcomes",
        list_outcomes,
        query=PageQuery,
        answer=Page[run_answers.Outcome],
    ),
    operation("POST", f"{_ONE}/cancel", cancel, query=Wait, answer=run_answers.Run),
    operation("POST", f"{_ONE}/retry", retry, query=Wait, answer=run_answers.Run),
    operation(
        "POST",
        f"{_ONE}/rollback",
        rollback_run,
        body=RunRollbackBody,
        query=Wait,
        answer=run_answers.RunRolledBack,
        impact=answers.Impact,
    ),
]
