"""Webhooks: addresses that are told of a project's events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from protocol.errors import FieldError, Invalid
from server.rooms.access import Role
from server.services import webhooks
from server.web.bodies import Body, Query
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply
from server.web.rest.queries import PageQuery
from server.web.rest.shapes import Page, Shape

__all__ = ["OPERATIONS"]

Url = Annotated[str, Field(min_length=1, max_length=2000)]
Events = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)]
Words = Annotated[str, Field(max_length=500)]


class WebhookShape(Shape):
    """``events``: the types that it is told of, none means all."""

    id: str
    url: str
    events: list[str]
    description: str
    created_at: str
    created_by: str
    failing_since: str | None
    disabled_at: str | None
    disabled_because: str | None


class NewWebhookShape(WebhookShape):
    """With the ``secret`` that signs, this once."""

    secret: str


class AttemptShape(Shape):
    at: str
    status: int | None
    error: str | None
    milliseconds: int


class DeliveryShape(Shape):
    id: str
    webhook_id: str
    type: str
    payload: dict[str, Any]
    created_at: str
    status: Literal["waiting", "delivered", "failed", "dropped"]
    next_at: str | None
    tries: int
    attempts: list[AttemptShape]


class WebhookRemoved(Shape):
    removed: str


class NewWebhook(Body):
    url: Url
    events: Events = Field(default_factory=list)
    description: Words = ""


class WebhookChange(Body):
    url: Url | None = None
    events: Events | None = None
    description: Words | None = None
    enabled: bool | None = None


class WebhookQuery(Query):
    id: Annotated[str, Field(min_length=1, max_length=100)]


async def list_webhooks(call: Call[Body, NoQuery]) -> Reply:
    """The project's webhooks, whole, without their secrets."""
    owner = await call.project()
    items = [one.to_json() for one in owner.people.webhooks.values()]
    return Reply({"items": items, "next_cursor": None})


async def create_webhook(call: Call[NewWebhook, NoQuery]) -> Reply:
    """Make a webhook. The answer holds its secret, this once.

    Each event is posted as JSON, signed as Standard Webhooks say (`webhook-id`,
    `webhook-timestamp`, `webhook-signature`), at least once, and tried again for two days where it
    is not answered with 2xx. Redirects are not followed. Addresses of the server's own network are
    refused unless its setting `RIPPLECUT_WEBHOOKS_PRIVATE` allows them.
    """
    owner, body = await call.project(), call.body
    made = await webhooks.create_webhook(owner, body.url, body.events, body.description, call.actor)
    call.web.sender.knows(owner.project_id)
    return Reply(made, 201)


async def read_webhook(call: Call[Body, NoQuery]) -> Reply:
    """One webhook."""
    return Reply(webhooks.webhook_of(await call.project(), call.path["webhook_id"]).to_json())


async def change_webhook(call: Call[WebhookChange, NoQuery]) -> Reply:
    """Change a webhook, switch it off, or on again after it failed for too long."""
    owner, change = await call.project(), call.body
    if not change.model_fields_set:
        names = ", ".join(WebhookChange.model_fields)
        problem = FieldError("body", f"must name at least one of: {names}")
        raise Invalid("The change is empty", [problem])
    changed = await webhooks.change_webhook(
        owner,
        call.path["webhook_id"],
        call.actor,
        url=change.url,
        events=change.events,
        description=change.description,
        enabled=change.enabled,
    )
    return Reply(changed)


async def delete_webhook(call: Call[Body, NoQuery]) -> Reply:
    """Remove a webhook, and what still waits for it."""
    return await _remove(call, call.path["webhook_id"])


async def delete_named_webhook(call: Call[Body, WebhookQuery]) -> Reply:
    """As above, with the id in the query."""
    return await _remove(call, call.query.id)


async def _remove(call: Call[Any, Any], webhook_id: str) -> Reply:
    await webhooks.remove_webhook(await call.project(), webhook_id, call.actor)
    return Reply({"removed": webhook_id})


async def list_deliveries(call: Call[Body, PageQuery]) -> Reply:
    """What was and is to be sent to a webhook, newest first, with every try."""
    owner, query = await call.project(), call.query
    id_ = call.path["webhook_id"]
    return Reply(await webhooks.delivery_page(owner, id_, query.limit, query.cursor))


async def replay_delivery(call: Call[Body, NoQuery]) -> Reply:
    """Send something again, under the same `webhook-id`."""
    owner, path = await call.project(), call.path
    again = await webhooks.replay(owner, path["webhook_id"], path["delivery_id"], call.actor)
    call.web.sender.knows(owner.project_id)
    return Reply(again)


_ALL = "/projects/{project_id}/webhooks"
_ONE = f"{_ALL}/{{webhook_id}}"
OPERATIONS: list[Operation] = [
    operation("GET", _ALL, list_webhooks, role=Role.OWNER, answer=Page[WebhookShape]),
    operation(
        "POST",
        _ALL,
        create_webhook,
        role=Role.OWNER,
        body=NewWebhook,
        answer=NewWebhookShape,
        status=201,
        secret=True,
    ),
    operation(
        "DELETE",
        _ALL,
        delete_named_webhook,
        role=Role.OWNER,
        query=WebhookQuery,
        answer=WebhookRemoved,
    ),
    operation("GET", _ONE, read_webhook, role=Role.OWNER, answer=WebhookShape),
    operation(
        "PATCH", _ONE, change_webhook, role=Role.OWNER, body=WebhookChange, answer=WebhookShape
    ),
    operation("DELETE", _ONE, delete_webhook, role=Role.OWNER, answer=WebhookRemoved),
    operation(
        "GET",
        f"{_ONE}/deliveries",
        list_deliveries,
        role=Role.OWNER,
        query=PageQuery,
        answer=Page[DeliveryShape],
    ),
    operation(
        "POST",
        f"{_ONE}/deliveries/{{delivery_id}}/replay",
        replay_delivery,
        role=Role.OWNER,
        answer=DeliveryShape,
    ),
]
