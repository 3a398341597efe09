"""References: link, change how something is used, unlink."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from protocol.errors import FieldError, Invalid
from server.propagation.links import NewReference
from server.services import entities
from server.services.answers import PropagationResult
from server.web.bodies import Body, Id, Number
from server.web.operations import Call, Operation, operation
from server.web.replies import Reply, propagated
from server.web.rest import answers
from server.web.rest.entities import ReferenceOfNew
from server.web.rest.queries import Wait

__all__ = ["OPERATIONS"]


class NewReferenceBody(ReferenceOfNew):
    """``source`` is what is used, ``target`` what uses it."""

    target: Id
    order: str | None = None

    def made(self) -> NewReference:
        return NewReference(
            self.source, self.role, self.policy, self.version, self.overrides, self.order
        )


class ReferenceChange(Body):
    """What is not named stays; ``overrides`` are replaced whole."""

    role: str | None = None
    policy: Literal["latest", "approved", "pinned"] | None = None
    version: Number | None = None
    overrides: dict[str, Any] | None = None
    order: str | None = None


MAX_ENTRIES = 5_000


class ManyReferences(Body):
    """What goes is taken away before what comes is made; together at most 5,000 entries."""

    add: list[NewReferenceBody] = Field(default_factory=list, max_length=MAX_ENTRIES)
    remove: list[Id] = Field(default_factory=list, max_length=MAX_ENTRIES)


def _answer(reference: dict[str, Any], result: PropagationResult, status: int) -> Reply:
    content = {**reference, "run_id": result.run_id, "propagation": result.to_json()}
    return propagated(content, status, how=result.status)


async def create_reference(call: Call[NewReferenceBody, Wait]) -> Reply:
    """Make ``target`` use ``source``: a relationship change of the target. A cycle is refused."""
    owner = await call.project()
    reference, result = await entities.link(
        owner, call.body.target, call.body.made(), call.actor, call.query.wait
    )
    return _answer(reference, result, 201)


async def change_references(call: Call[ManyReferences, Wait]) -> Reply:
    """Make many references and take others away: one step and one run, all or nothing.

    A reference that is there already (the same source, target and role) is answered in
    ``unchanged``. Every entry that is not valid is named, and a cycle refuses all with its path.
    """
    owner, body = await call.project(), call.body
    if len(body.add) + len(body.remove) > MAX_ENTRIES:
        problem = FieldError("body", f"can have {MAX_ENTRIES} entries at most")
        raise Invalid("The change is too long", [problem])
    linked, result = await entities.link_many(
        owner,
        [(one.target, one.made()) for one in body.add],
        body.remove,
        call.actor,
        call.query.wait,
    )
    content = {**result.to_json(), "references": linked.made, "unchanged": linked.unchanged}
    return propagated(content)


async def change_reference(call: Call[ReferenceChange, Wait]) -> Reply:
    """Change a reference's policy, pinned version, overrides, role or order."""
    owner, change = await call.project(), call.body
    if not change.model_dump(exclude_none=True):
        owner.look().reference(call.path["reference_id"])
        wanted = "must name at least one of: policy, version, overrides, role, order"
        raise Invalid("The change is empty", [FieldError("body", wanted)])
    reference, result = await entities.relink(
        owner,
        call.path["reference_id"],
        call.actor,
        policy=change.policy,
        version=change.version,
        overrides=change.overrides,
        role=change.role,
        order=change.order,
        wait=call.query.wait,
    )
    return _answer(reference, result, 200)


async def delete_reference(call: Call[Body, Wait]) -> Reply:
    """Take a reference away: a relationship change of its target."""
    owner = await call.project()
    result = await entities.unlink(owner, call.path["reference_id"], call.actor, call.query.wait)
    return propagated(result.to_json())


_ALL = "/projects/{project_id}/references"
_ONE = _ALL + "/{reference_id}"
OPERATIONS: list[Operation] = [
    operation(
        "POST",
        _ALL,
        create_reference,
        body=NewReferenceBody,
        query=Wait,
        answer=answers.ChangedReference,
        status=201,
    ),
    operation(
        "POST",
        f"{_ALL}/bulk",
        change_references,
        body=ManyReferences,
        query=Wait,
        answer=answers.ChangedReferences,
    ),
    operation(
        "PATCH",
        _ONE,
        change_reference,
        body=ReferenceChange,
        query=Wait,
        answer=answers.ChangedReference,
    ),
    operation("DELETE", _ONE, delete_reference, query=Wait, answer=answers.AnswerA),
]
