"""Delivering: the outbox of webhooks is emptied in the background, never in the way of a step.

Every delivery is signed as Standard Webhooks say, and tried again under the same ``webhook-id``
until it is taken: at least once, also across a crash.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from protocol.errors import RipplecutError
from server.domain.actors import Actor
from server.domain.events import Event
from server.domain.webhooks import Attempt, Delivery, Webhook
from server.ports import Clock, DeliveryStore, LiveProject
from server.propagation.project import ProjectOwner

__all__ = [
    "DISABLE_AFTER",
    "PAUSES",
    "Announced",
    "NotSent",
    "Post",
    "PostOnDemand",
    "WebhookSender",
]

log = logging.getLogger("ripplecut.webhooks")

PAUSES = (5, 30, 120, 600, 1800, 7200, 21600, 43200, 86400)
"""Seconds before each further try; a delivery whose last try fails is given up."""
DISABLE_AFTER = timedelta(days=3)
"""A webhook that has taken nothing for so long is switched off."""
AT_ONCE = 4
"""How many deliveries are on their way at once; of one webhook, one."""

_GONE = 410
_LOGGED = 20
_SHORTEST, _LONGEST = 0.2, 60.0
_SENDER = Actor("ripplecut", "webhooks")


class NotSent(Exception):
    """A request that got no answer; the text says why."""


class Post(Protocol):
    """Sends one request."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Answers the HTTP status, redirects included; raises NotSent."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class PostOnDemand:
    """Makes what sends when something is first to be sent: its libraries are megabytes, and most
    servers have no webhooks.
    """

    def __init__(self, make: Callable[[], Post]) -> None:
        self._make = make
        self._made: Post | None = None

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if self._made is None:
            self._made = self._make()
        return await self._made(url, headers, body)

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()


class WebhookSender:
    """One task that looks for what is due, and a few that deliver it."""

    def __init__(
        self,
        store: DeliveryStore,
        open_project: Callable[[str], Awaitable[ProjectOwner]],
        post: Post,
        clock: Clock,
    ) -> None:
        self._store = store
        self._open = open_project
        self._post = post
        self._clock = clock
        self._wake = asyncio.Event()
        self._projects: set[str] = set()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._projects.update(await self._store.projects_with_webhooks())
        self._task = asyncio.create_task(self._run(), name="webhooks")

    async def close(self) -> None:
        """Stop; what was under way is tried again at the next start."""
        tasks = [*self._under_way.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._post.aclose()

    def knows(self, project_id: str) -> None:
        """A project has webhooks from now on."""
        self._projects.add(project_id)
        self._wake.set()

    def poke(self, project_id: str) -> None:
        """Something was committed in a project: there may be something to deliver."""
        if project_id in self._projects:
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            pause = _LONGEST
            try:
                await self._begin_due()
                pause = await self._pause()
            except RipplecutError as error:
                log.warning("webhooks wait for the store: %s", error.detail)
                pause = 5.0
            except Exception:
                log.exception("looking for webhooks that are due failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _begin_due(self) -> None:
        free = AT_ONCE - len(self._under_way)
        if free <= 0:
            return
        for project_id, delivery in await self._store.due(
            self._clock(), free, list(self._under_way)
        ):
            task = asyncio.create_task(self._deliver(project_id, delivery))
            self._under_way[delivery.webhook_id] = task
            task.add_done_callback(partial(self._ended, delivery.webhook_id))

    def _ended(self, webhook_id: str, _: asyncio.Task[None]) -> None:
        del self._under_way[webhook_id]
        self._wake.set()

    async def _pause(self) -> float:
        at = await self._store.next_due()
        if at is None:
            return _LONGEST
        left = datetime.fromisoformat(at) - datetime.fromisoformat(self._clock())
        return min(max(left.total_seconds(), _SHORTEST), _LONGEST)

    async def _deliver(self, project_id: str, delivery: Delivery) -> None:
        try:
            owner = await self._open(project_id)
            webhook = owner.people.webhooks.get(delivery.webhook_id)
            if webhook is None:
                return None
            if webhook.disabled_at is not None:
                given_up = replace(delivery, status="failed", next_at=None)
                return await self._store.save_delivery(project_id, given_up)
            await self._try(owner, webhook, delivery)
        except RipplecutError as error:
            log.warning("what became of a delivery could not be kept: %s", error.detail)
        except Exception:
            log.exception("delivery %s failed in a way that nobody foresaw", delivery.id)

    async def _try(self, owner: ProjectOwner, webhook: Webhook, delivery: Delivery) -> None:
        at, begun = self._clock(), time.monotonic()
        status, error = None, None
        try:
            status = await self._post(
                webhook.url, signed(webhook.secret, delivery, at), delivery.payload.encode()
            )
        except NotSent as refused:
            error = str(refused)
        attempt = Attempt(at, status, error, round((time.monotonic() - begun) * 1000))
        taken = status is not None and 200 <= status < 300
        await self._note(owner, webhook, taken, gone=status == _GONE)
        await self._store.save_delivery(owner.project_id, self._after(delivery, attempt, taken))

    def _after(self, delivery: Delivery, attempt: Attempt, taken: bool) -> Delivery:
        tried = replace(
            delivery,
            tries=delivery.tries + 1,
            attempts=(*delivery.attempts, attempt)[-_LOGGED:],
        )
        if taken:
            return replace(tried, status="delivered", next_at=None)
        if delivery.tries >= len(PAUSES) or attempt.status == _GONE:
            return replace(tried, status="failed", next_at=None)
        return replace(tried, next_at=_later(self._clock(), PAUSES[delivery.tries]))

    async def _note(self, owner: ProjectOwner, webhook: Webhook, taken: bool, gone: bool) -> None:
        """Note where a row of failures begins and ends; switch off what has failed for too long."""
        since, now = webhook.failing_since, self._clock()
        if taken and since is None:
            return
        because = None
        if gone:
            because = "its address answered that it is gone"
        elif not taken and since is not None and _between(since, now) >= DISABLE_AFTER:
            because = f"it has taken nothing since {since}"
        if not taken and because is None and since is not None:
            return
        async with owner.step(_SENDER) as tx:
            current = owner.people.webhooks.get(webhook.id)
            if current is None or current.failing_since != since or current.disabled_at:
                return
            after = replace(current, failing_since=None if taken else since or now)
            if because is not None:
                after = replace(after, disabled_at=tx.at, disabled_because=because)
                detail = {"webhook": webhook.id, "url": webhook.url, "because": because}
                tx.audit("webhook_disabled", detail)
            tx.commit.webhooks.append(after)


class Announced:
    """The live side, with somebody who hears that a step was committed. A ``LiveProject``."""

    def __init__(self, live: LiveProject, committed: Callable[[str], None]) -> None:
        self._live = live
        self._committed = committed

    def publish(self, project_id: str, events: Sequence[Event]) -> None:
        self._live.publish(project_id, events)
        self._committed(project_id)

    def tell(
        self, project_id: str, frame: Mapping[str, Any], concerns: frozenset[str] | None
    ) -> None:
        self._live.tell(project_id, frame, concerns)


def signed(secret: str, delivery: Delivery, at: str) -> dict[str, str]:
    """The headers of a delivery that is sent ``at`` a time."""
    moment = datetime.fromisoformat(at)
    from standardwebhooks import Webhook as Signer  # as PostOnDemand

    return {
        "content-type": "application/json",
        "user-agent": "Ripplecut",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Signer(secret).sign(delivery.id, moment, delivery.payload),
    }


def _later(now: str, seconds: float) -> str:
    then = datetime.fromisoformat(now) + timedelta(seconds=seconds)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _between(since: str, now: str) -> timedelta:
    return datetime.fromisoformat(now) - datetime.fromisoformat(since)
