"""Entities: create, read, change, delete, restore; and as they look now."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from protocol.errors import Conflict, FieldError, Invalid
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.services import entities, reading
from server.web.bodies import Body, Id, Number, Text
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Rendered, Reply, propagated
from server.web.rest import answers
from server.web.rest.queries import PageQuery, Wait
from server.web.rest.shapes import Page

__all__ = ["OPERATIONS", "ReferenceOfNew"]


class ReferenceOfNew(Body):
    """What a new entity is built on. A ``version`` without a ``policy`` is a pin."""

    source: Id
    role: str | None = None
    policy: Literal["latest", "approved", "pinned"] | None = None
    version: Number | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)

    def made(self) -> NewReference:
        return NewReference(self.source, self.role, self.policy, self.version, self.overrides)


class NewEntityBody(Body):
    """``fields`` are those of the kind, and any others, as metadata. With ``critical`` true, which
    any kind may have, runs reach it first.
    """

    kind: str
    name: str
    id: str | None = None
    fields: dict[str, Any] = Field(default_factory=dict)
    status: str = "wip"
    references: list[ReferenceOfNew] = Field(default_factory=list, max_length=10_000)


class EntityChange(Body):
    """``null`` takes a field away; ``critical`` (true or false) makes runs reach it first. A change
    of ``base_version`` is merged onto what came since.
    """

    name: str | None = None
    status: str | None = None
    fields: dict[str, Any] = Field(default_factory=dict)
    base_version: Number | None = None
    message: Text = ""


class Statuses(Body):
    ids: list[Id] = Field(min_length=1, max_length=5_000)
    status: str


class EntityQuery(PageQuery):
    kind: str | None = None
    q: str | None = None
    status: str | None = None


class DeleteQuery(Wait):
    force: bool = False


class ResolvedQuery(PageQuery):
    kind: str | None = None
    id: list[Id] = Field(default_factory=list, max_length=200)


async def create_entity(call: Call[NewEntityBody, NoQuery]) -> Reply:
    """Create an entity; without an ``id`` one is made of its kind and name."""
    owner = await call.project()
    body = call.body
    references = [one.made() for one in body.references]
    new = NewEntity(body.kind, body.name, body.fields, body.id, body.status, references)
    return Reply(await entities.create_entity(owner, new, call.actor), 201)


async def list_entities(call: Call[Body, EntityQuery]) -> Reply:
    """A page of entities in id order; ``q`` is looked for in ids and names."""
    owner, query = await call.project(), call.query
    if query.kind is not None:
        owner.state.kinds.get(query.kind)
    page = await reading.entity_page(
        owner,
        kind=query.kind,
        query=query.q,
        status=query.status,
        limit=query.limit,
        cursor=query.cursor,
    )
    return Reply(page)


async def read_entity(call: Call[Body, NoQuery]) -> Reply:
    """One entity."""
    return Reply(await reading.first_look(*call.named()))


async def change_entity(call: Call[EntityChange, Wait]) -> Reply:
    """Change name, status or fields: a version, propagated. Answers entity and what followed.

    What others changed since ``base_version`` waits in the conflicts, and the rest is applied; 409
    ``conflict`` where nothing is left of it.
    """
    owner, change, entity_id = await call.project(), call.body, call.path["entity_id"]
    if change.name is None and change.status is None and not change.fields:
        owner.state.entity(entity_id)
        problem = FieldError("body", "must name at least one of: name, status, fields")
        raise Invalid("The change is empty", [problem])
    result = await entities.patch_entity(
        owner,
        entity_id,
        call.actor,
        name=change.name,
        status=change.status,
        fields=change.fields,
        base_version=change.base_version,
        message=change.message,
        wait=call.query.wait,
    )
    if result.status == "conflict" and result.run_id is None:
        conflicts = [dict(one) for one in result.conflicts]
        fields = ", ".join(sorted({str(one.get("field")) for one in conflicts}))
        detail = f"Somebody changed {fields} since version {change.base_version}"
        raise Conflict(detail, conflicts)
    content = reading.entity(owner, entity_id)
    content |= {"run_id": result.run_id, "propagation": result.to_json()}
    return propagated(content, how=result.status)


async def set_statuses(call: Call[Statuses, Wait]) -> Reply:
    """Give many entities a status: one step and one run, all or none."""
    owner, body = await call.project(), call.body
    result = await entities.set_statuses(owner, body.ids, body.status, call.actor, call.query.wait)
    return propagated(result.to_json())


async def delete_entity(call: Call[Body, DeleteQuery]) -> Reply:
    """Delete an entity. What is in use is refused with its users, unless ``force`` is set."""
    owner, query = await call.project(), call.query
    result = await entities.delete_entity(
        owner, call.path["entity_id"], call.actor, force=query.force, wait=query.wait
    )
    return propagated(result.to_json())


async def restore_entity(call: Call[Body, Wait]) -> Reply:
    """Bring a deleted entity back, with every reference whose other end still lives."""
    owner, entity_id = await call.project(), call.path["entity_id"]
    result = await entities.restore_entity(owner, entity_id, call.actor, call.query.wait)
    content = reading.entity(owner, entity_id)
    content |= {"run_id": result.run_id, "propagation": result.to_json()}
    return propagated(content, how=result.status)


async def read_resolved(call: Call[Body, NoQuery]) -> Rendered:
    """The entity as it looks now: every reference at its resolved version, overrides applied."""
    kept = await reading.first_resolved(*call.named())
    return Rendered(200, kept.body, tag=kept.tag)


async def list_resolved(call: Call[Body, ResolvedQuery]) -> Reply:
    """Many entities as they look now: a kind, page by page, or up to 200 ids, less unknown ones."""
    owner, query = await call.project(), call.query
    if query.kind is not None:
        owner.state.kinds.get(query.kind)
    page = await reading.resolved_page(
        owner, kind=query.kind, ids=query.id, limit=query.limit, cursor=query.cursor
    )
    return Reply(page)


_ALL = "/projects/{project_id}/entities"
_ONE = _ALL + "/{entity_id}"
OPERATIONS: list[Operation] = [
    operation("POST", _ALL, create_entity, body=NewEntityBody, answer=answers.Entity, status=201),
    operation("GET", _ALL, list_entities, query=EntityQuery, answer=Page[answers.Entity]),
    operation("GET", _ONE, read_entity, answer=answers.Entity),
    operation(
        "PATCH", _ONE, change_entity, body=EntityChange, query=Wait, answer=answers.ChangedEntity
    ),
    operation(
        "POST",
        "/projects/{project_id}/statuses",
        set_statuses,
        body=Statuses,
        query=Wait,
        answer=answers.AnswerA,
    ),
    operation("DELETE", _ONE, delete_entity, query=DeleteQuery, answer=answers.AnswerA),
    operation("POST", f"{_ONE}/restore", restore_entity, query=Wait, answer=answers.ChangedEntity),
    operation("GET", f"{_ONE}/resolved", read_resolved, answer=answers.Resolved),
    operation(
        "GET",
        "/projects/{project_id}/resolved",
        list_resolved,
        query=ResolvedQuery,
        answer=Page[answers.Resolved],
    ),
]
