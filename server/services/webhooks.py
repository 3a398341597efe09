"""Webhooks: making, changing and removing them; their log, and sending something again."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from protocol.errors import Conflict, FieldError, Invalid, NotFound
from server.domain.actors import Actor
from server.domain.ids import new_id
from server.domain.webhooks import EVENT_TYPES, Webhook
from server.propagation.project import ProjectOwner

__all__ = [
    "MOST_WEBHOOKS",
    "change_webhook",
    "create_webhook",
    "delivery_page",
    "remove_webhook",
    "replay",
    "webhook_of",
]

MOST_WEBHOOKS = 20
"""How many a project can have."""


def webhook_of(owner: ProjectOwner, webhook_id: str) -> Webhook:
    """A webhook; raises NotFound."""
    found = owner.people.webhooks.get(webhook_id)
    if found is None:
        raise NotFound(f"There is no webhook {webhook_id!r} in this project")
    return found


async def create_webhook(
    owner: ProjectOwner, url: str, events: Sequence[str], description: str, actor: Actor
) -> dict[str, Any]:
    """Make a webhook; its ``secret`` is in this answer only. Raises Invalid, Conflict."""
    _check(url, events)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    async with owner.step(actor) as tx:
        if len(owner.people.webhooks) >= MOST_WEBHOOKS:
            raise Conflict(f"A project can have {MOST_WEBHOOKS} webhooks; remove one first")
        id_, wanted = new_id("hook"), tuple(sorted(set(events)))
        made = Webhook(id_, url, wanted, description, secret, tx.at, actor.user)
        tx.commit.webhooks.append(made)
        tx.audit("webhook_created", {"webhook": id_, "url": url, "events": list(wanted)})
    return {**made.to_json(), "secret": secret}


async def change_webhook(
    owner: ProjectOwner,
    webhook_id: str,
    actor: Actor,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> dict[str, Any]:
    """Change a webhook, or switch it off or on again. Raises NotFound, Invalid."""
    async with owner.step(actor) as tx:
        before = webhook_of(owner, webhook_id)
        after = replace(
            before,
            url=before.url if url is None else url,
            events=before.events if events is None else tuple(sorted(set(events))),
            description=before.description if description is None else description,
        )
        _check(after.url, after.events)
        if enabled is True:
            after = replace(after, disabled_at=None, disabled_because=None, failing_since=None)
        elif enabled is False and before.disabled_at is None:
            after = replace(
                after, disabled_at=tx.at, disabled_because=f"switched off by {actor.user}"
            )
        if after != before:
            tx.commit.webhooks.append(after)
            shown = {"url": after.url, "events": list(after.events)}
            on = after.disabled_at is None
            tx.audit("webhook_changed", {"webhook": webhook_id, **shown, "enabled": on})
    return after.to_json()


async def remove_webhook(owner: ProjectOwner, webhook_id: str, actor: Actor) -> None:
    """Remove a webhook, and what waits for it. Raises NotFound."""
    async with owner.step(actor) as tx:
        gone = webhook_of(owner, webhook_id)
        tx.commit.webhooks_removed.append(webhook_id)
        tx.audit("webhook_removed", {"webhook": webhook_id, "url": gone.url})


async def delivery_page(
    owner: ProjectOwner, webhook_id: str, limit: int, cursor: str | None
) -> dict[str, Any]:
    """A page of what was and is to be sent to a webhook, newest first. Raises NotFound."""
    webhook_of(owner, webhook_id)
    found, following = await owner.storage.deliveries(owner.project_id, webhook_id, limit, cursor)
    return {"items": [one.to_json() for one in found], "next_cursor": following}


async def replay(
    owner: ProjectOwner, webhook_id: str, delivery_id: str, actor: Actor
) -> dict[str, Any]:
    """Send something again, under the same ``webhook-id``. Raises NotFound, Conflict."""
    if webhook_of(owner, webhook_id).disabled_at is not None:
        raise Conflict("This webhook is switched off; switch it on first")
    async with owner.step(actor) as tx:
        found = await owner.storage.delivery(owner.project_id, webhook_id, delivery_id)
        again = replace(found, status="waiting", next_at=tx.at, tries=0)
        tx.audit("webhook_replayed", {"webhook": webhook_id, "delivery": delivery_id})
        tx.commit.deliveries.append(again)
    return again.to_json()


def _check(url: str, events: Sequence[str]) -> None:
    errors = [
        FieldError(f"events.{number}", "must be one of: " + ", ".join(EVENT_TYPES))
        for number, name in enumerate(events)
        if name not in EVENT_TYPES
    ]
    problem = _url_problem(url)
    if problem is not None:
        errors.insert(0, FieldError("url", problem))
    if errors:
        raise Invalid("The webhook is not valid", errors)


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "must be an address such as https://example.org/hook"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "must be an address such as https://example.org/hook"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or a password"
    if not url.isascii() or any(one.isspace() or not one.isprintable() for one in url):
        return "must be ASCII without spaces; write other characters with % or as xn--"
    return None
