"""Webhooks: addresses that are told of a project's events, and what is to be delivered to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson

from server.domain.events import Event
from server.domain.ids import new_id

__all__ = ["EVENT_TYPES", "Attempt", "Delivery", "DeliveryStatus", "Webhook", "deliveries_of"]

EVENT_TYPES = (
    "approval_decided",
    "approval_requested",
    "asset_update",
    "conflict_detected",
    "conflict_resolved",
    "entity_changed",
    "graph_changed",
    "project_changed",
    "rollback_completed",
    "rules_changed",
    "run_finished",
    "version_created",
)
"""The durable events that a webhook can ask for by name."""
DeliveryStatus = Literal["waiting", "delivered", "failed", "dropped"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """One address. ``events`` are the types that it wants, none: all. ``secret`` signs.

    ``failing_since`` is when the first of an unbroken row of failures was; a webhook that is
    ``disabled_at`` is told nothing.
    """

    id: str
    url: str
    events: tuple[str, ...]
    description: str
    secret: str
    created_at: str
    created_by: str
    failing_since: str | None = None
    disabled_at: str | None = None
    disabled_because: str | None = None

    def wants(self, type_: str) -> bool:
        return self.disabled_at is None and (not self.events or type_ in self.events)

    def to_json(self) -> dict[str, Any]:
        """As the API shows it: never with its secret."""
        return {
            "id": self.id,
            "url": self.url,
            "events": list(self.events),
            "description": self.description,
            "created_at": self.created_at,
            "created_by": self.created_by,
            "failing_since": self.failing_since,
            "disabled_at": self.disabled_at,
            "disabled_because": self.disabled_because,
        }


class Attempt(NamedTuple):
    """One try: ``status`` is the HTTP status, ``None`` where there was no answer."""

    at: str
    status: int | None
    error: str | None
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook. ``id`` is the ``webhook-id`` that is sent, the same each
    time; ``next_at`` is when it is tried again, while it is ``waiting``.
    """

    id: str
    webhook_id: str
    type: str
    payload: str
    created_at: str
    status: DeliveryStatus
    next_at: str | None
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "webhook_id": self.webhook_id,
            "type": self.type,
            "payload": orjson.loads(self.payload),
            "created_at": self.created_at,
            "status": self.status,
            "next_at": self.next_at,
            "tries": self.tries,
            "attempts": [one._asdict() for one in self.attempts],
        }


def deliveries_of(
    project_id: str, at: str, events: Sequence[Event], webhooks: Iterable[Webhook]
) -> list[Delivery]:
    """What a step's events are to be delivered as. What is one person's alone is nobody else's."""
    made: list[Delivery] = []
    active = [one for one in webhooks if one.disabled_at is None]
    for event in events if active else ():
        wanting = [one for one in active if event.person is None and one.wants(event.type)]
        if not wanting:
            continue
        payload = _payload(project_id, at, event.seq, event.body)
        made += [
            Delivery(new_id("msg"), one.id, event.type, payload, at, "waiting", at)
            for one in wanting
        ]
    return made


def _payload(project_id: str, at: str, seq: int, body: Mapping[str, Any]) -> str:
    data = {key: value for key, value in body.items() if key != "type"}
    whole = {
        "type": body["type"],
        "timestamp": at,
        "data": {"project_id": project_id, "seq": seq, **data},
    }
    return orjson.dumps(whole).decode()
