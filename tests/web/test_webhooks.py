"""Webhooks: signed, at least once, tried again, replayed, switched off; and never in the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook as Signer

from server.rooms.access import Role
from server.services.delivering import AT_ONCE, PAUSES
from server.services.webhooks import MOST_WEBHOOKS
from server.web.rest.shapes import Page
from server.web.rest.webhooks import DeliveryShape, NewWebhookShape, WebhookShape
from tests.web.conftest import Web, running
from tests.web.receiver import Receiver, receiving
from tests.web.test_auth import code_of
from tests.web.test_entities import fits
from tests.web.test_members import FILM

HOOKS = f"{FILM}/webhooks"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Web]:
    """A server whose webhooks may have an address of this machine."""
    async with running(tmp_path, webhooks_private=True) as web:
        await web.make("film", {"id": "mara", "kind": "character"})
        yield web


async def hook(web: Web, url: str, *events: str) -> dict[str, Any]:
    made = await web.client.post(HOOKS, json={"url": url, "events": list(events)})
    assert made.status_code == 201, made.text
    fits(NewWebhookShape, made.json())
    found: dict[str, Any] = made.json()
    return found


async def add(web: Web, id_: str) -> None:
    body = {"id": id_, "kind": "prop", "name": id_}
    assert (await web.client.post(f"{FILM}/entities", json=body)).status_code == 201


async def deliveries(web: Web, id_: str) -> list[dict[str, Any]]:
    page = (await web.client.get(f"{HOOKS}/{id_}/deliveries")).json()
    fits(Page[DeliveryShape], page)
    items: list[dict[str, Any]] = page["items"]
    return items


async def until(ask: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so; each question is a request, and the test's timeout bounds them."""
    so = await ask()
    while not so:
        await asyncio.sleep(0)  # an answer from memory lets nobody else have a turn
        so = await ask()


async def settled(web: Web, id_: str, status: str = "delivered", tries: int | None = None) -> None:
    async def so() -> bool:
        found = await deliveries(web, id_)
        return bool(found) and all(
            one["status"] == status and tries in (None, one["tries"]) for one in found
        )

    await until(so)


async def test_an_event_is_delivered_signed(studio: Web, receiver: Receiver) -> None:
    studio.clock.at = datetime.now(UTC)  # the library takes no signature that is five minutes old
    made = await hook(studio, receiver.url, "entity_changed")
    await add(studio, "lamp")
    got = await receiver.next()
    said = Signer(made["secret"]).verify(got.body, got.headers)
    assert said["type"] == "entity_changed"
    assert said["data"]["entity_id"] == "lamp"
    assert said["data"]["project_id"] == "film"
    assert said["data"]["seq"] > 0
    assert said["timestamp"] == said["data"]["timestamp"]
    assert got.headers["content-type"] == "application/json"
    await settled(studio, made["id"])
    (one,) = await deliveries(studio, made["id"])
    assert one["id"] == got.headers["webhook-id"]
    assert one["payload"] == said
    assert [(a["status"], a["error"]) for a in one["attempts"]] == [(204, None)]
    # Of other types it is told nothing.
    await studio.client.patch(FILM, json={"name": "Film"})
    await add(studio, "rope")
    assert orjson.loads((await receiver.next()).body)["data"]["entity_id"] == "rope"


async def test_the_secret_is_shown_once(studio: Web, receiver: Receiver) -> None:
    made = await hook(studio, receiver.url)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    listed = await studio.client.get(HOOKS)
    fits(Page[WebhookShape], listed.json())
    assert listed.json()["items"] == [made]
    assert (await studio.client.get(f"{HOOKS}/{made['id']}")).json() == made
    audit = (await studio.client.get(f"{FILM}/audit?format=jsonl")).text
    assert "webhook_created" in audit
    assert secret not in listed.text + audit


async def test_what_is_not_taken_is_tried_again_under_the_same_id(
    studio: Web, receiver: Receiver
) -> None:
    receiver.answers = [500, 302]
    receiver.extra = "location: http://127.0.0.1:1/elsewhere\r\n"
    made = await hook(studio, receiver.url, "entity_changed")
    await add(studio, "lamp")
    ids = {(await receiver.next()).headers["webhook-id"]}
    for number, pause in enumerate(PAUSES[:2], 1):
        await settled(studio, made["id"], "waiting", number)
        assert (await studio.client.get(f"{HOOKS}/{made['id']}")).json()["failing_since"]
        assert receiver.empty
        studio.clock.pass_(seconds=pause + 1)
        studio.state.sender.poke("film")
        ids.add((await receiver.next()).headers["webhook-id"])
    await settled(studio, made["id"], "delivered", 3)
    (one,) = await deliveries(studio, made["id"])
    assert ids == {one["id"]}
    assert [a["status"] for a in one["attempts"]] == [500, 302, 204]
    assert (await studio.client.get(f"{HOOKS}/{made['id']}")).json()["failing_since"] is None


async def test_what_was_delivered_can_be_sent_again(studio: Web, receiver: Receiver) -> None:
    made = await hook(studio, receiver.url, "entity_changed")
    await add(studio, "lamp")
    first = await receiver.next()
    await settled(studio, made["id"])
    id_ = first.headers["webhook-id"]
    again = await studio.client.post(f"{HOOKS}/{made['id']}/deliveries/{id_}/replay")
    fits(DeliveryShape, again.json())
    second = await receiver.next()
    assert second.headers["webhook-id"] == id_
    assert second.body == first.body
    await settled(studio, made["id"], tries=1)
    assert len((await deliveries(studio, made["id"]))[0]["attempts"]) == 2
    nothing = await studio.client.post(f"{HOOKS}/{made['id']}/deliveries/nothing/replay")
    assert code_of(nothing) == "not_found"


async def test_a_webhook_that_fails_for_long_is_switched_off_and_can_be_switched_on(
    studio: Web, receiver: Receiver
) -> None:
    receiver.answers = [500, 503]
    made = await hook(studio, receiver.url, "entity_changed")
    path = f"{HOOKS}/{made['id']}"
    await add(studio, "lamp")
    await receiver.next()
    await settled(studio, made["id"], "waiting", 1)
    studio.clock.at += timedelta(days=3, seconds=1)
    studio.state.sender.poke("film")
    await receiver.next()

    async def off() -> bool:
        return (await studio.client.get(path)).json()["disabled_at"] is not None

    await until(off)
    entries = (await studio.client.get(f"{FILM}/audit")).json()["items"]
    (entry,) = [one for one in entries if one["action"] == "webhook_disabled"]
    assert (entry["actor"], entry["via"]) == ("ripplecut", "webhooks")
    assert entry["detail"]["webhook"] == made["id"]
    await add(studio, "rope")  # nobody is told
    assert len(await deliveries(studio, made["id"])) == 1
    id_ = (await deliveries(studio, made["id"]))[0]["id"]
    assert code_of(await studio.client.post(f"{path}/deliveries/{id_}/replay")) == "conflict"
    on = (await studio.client.patch(path, json={"enabled": True})).json()
    assert (on["disabled_at"], on["failing_since"]) == (None, None)
    await add(studio, "boat")
    assert orjson.loads((await receiver.next()).body)["data"]["entity_id"] == "boat"


async def test_an_address_that_is_gone_is_not_asked_again(studio: Web, receiver: Receiver) -> None:
    receiver.answers = [410]
    made = await hook(studio, receiver.url, "entity_changed")
    await add(studio, "lamp")
    await receiver.next()
    await settled(studio, made["id"], "failed", 1)
    assert (await studio.client.get(f"{HOOKS}/{made['id']}")).json()["disabled_at"] is not None


async def test_a_slow_receiver_holds_up_neither_edits_nor_other_webhooks(
    studio: Web, receiver: Receiver
) -> None:
    receiver.hold = asyncio.Event()
    for _ in range(AT_ONCE + 2):
        await hook(studio, receiver.url, "entity_changed")
    for number in range(5):
        await add(studio, f"lamp-{number}")
    for _ in range(AT_ONCE):
        await receiver.next()
    assert receiver.most == AT_ONCE
    receiver.hold.set()
    for _ in range((AT_ONCE + 2) * 5 - AT_ONCE):
        await receiver.next()
    assert receiver.most <= AT_ONCE


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "http://[::ffff:7f00:1]:9/"],
)
async def test_addresses_of_this_machine_are_refused_unless_a_setting_allows_them(
    film: Web, url: str
) -> None:
    made = await hook(film, url, "entity_changed")
    await add(film, "lamp")
    await settled(film, made["id"], "waiting", 1)
    (one,) = await deliveries(film, made["id"])
    assert "not an address of the internet" in one["attempts"][0]["error"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "ftp://example.org/"}, "url"),
        ({"url": "example.org/hook"}, "url"),
        ({"url": "https://user:secret@example.org/"}, "url"),
        ({"url": "https://example.org:99999/"}, "url"),
        ({"url": "https://example.org/a b"}, "url"),
        ({"url": "https://exämple.org/"}, "url"),
        ({"url": "https://[::1/"}, "url"),
        ({"url": "https://example.org/", "events": ["run_finished", "notification"]}, "events.1"),
        ({"url": "https://example.org/", "secret": "mine"}, "secret"),
    ],
)
async def test_a_bad_webhook_is_named(film: Web, body: dict[str, Any], field: str) -> None:
    refused = await film.client.post(HOOKS, json=body)
    assert code_of(refused) == "invalid"
    assert field in [one["field"] for one in refused.json()["errors"]]


async def test_webhooks_are_the_owners_bounded_and_removed_with_what_waits(film: Web) -> None:
    approver = await film.as_(Role.APPROVER, "film")
    assert code_of(await approver.get(HOOKS)) == "forbidden"
    made = [await hook(film, "https://127.0.0.1:9/") for _ in range(MOST_WEBHOOKS)]
    full = await film.client.post(HOOKS, json={"url": "https://example.org/"})
    assert code_of(full) == "conflict"
    await add(film, "lamp")
    for one in made[:-1]:
        gone = await film.client.delete(f"{HOOKS}/{one['id']}")
        assert gone.json() == {"removed": one["id"]}
    assert (await film.client.delete(HOOKS, params={"id": made[-1]["id"]})).status_code == 200
    assert (await film.client.get(HOOKS)).json()["items"] == []
    assert code_of(await film.client.get(f"{HOOKS}/{made[0]['id']}/deliveries")) == "not_found"
    assert (
        code_of(await film.client.patch(f"{HOOKS}/nobody", json={"enabled": True})) == "not_found"
    )
