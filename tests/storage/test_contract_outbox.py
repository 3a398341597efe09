"""The contract of the storage ports, continued: webhooks and the outbox of their deliveries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.errors import NotFound
from server.domain.webhooks import Attempt, Delivery, Webhook
from server.storage import SqliteStorage
from server.storage.sqlite import outbox
from tests.storage.factories import LATER, NOW, PROJECT, creation, outcome, run, step

HOOK = Webhook(
    "hook-1", "https://ex.org/ü?a=b", ("run_finished",), "d\u2028", "whsec_x", NOW, "mara"
)


def delivery(id_: str, webhook: str = "hook-1", **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "type": "run_finished",
        "payload": '{"type":"run_finished"}',
        "created_at": NOW,
        "status": "waiting",
        "next_at": NOW,
    }
    return Delivery(id_, webhook, **{**values, **changes})


async def test_a_webhook_is_kept_whole_changed_and_removed(storage: SqliteStorage) -> None:
    await storage.commit(creation(webhooks=[HOOK]))
    assert (await storage.people(PROJECT)).webhooks == [HOOK]
    assert await storage.projects_with_webhooks() == [PROJECT]
    off = replace(HOOK, failing_since=NOW, disabled_at=LATER, disabled_because="it failed")
    await storage.commit(step(webhooks=[off], deliveries=[delivery("m1")]))
    assert (await storage.people(PROJECT)).webhooks == [off]
    await storage.commit(step(webhooks_removed=[HOOK.id]))
    assert (await storage.people(PROJECT)).webhooks == []
    with pytest.raises(NotFound):
        await storage.delivery(PROJECT, HOOK.id, "m1")


async def test_deliveries_stand_with_their_step_or_not_at_all(storage: SqliteStorage) -> None:
    await storage.commit(creation(webhooks=[HOOK]))
    with pytest.raises(Exception, match="constraint failed"):
        await storage.commit(step(deliveries=[delivery("m1"), delivery("m2", "nobody")]))
    assert await storage.due(LATER, 10, []) == []
    await storage.commit(step(deliveries=[delivery("m1")]))
    assert await storage.due(LATER, 10, []) == [(PROJECT, delivery("m1"))]


async def test_what_is_due_comes_once_for_each_webhook_the_oldest_first(
    storage: SqliteStorage,
) -> None:
    hooks = [replace(HOOK, id=f"hook-{number}") for number in (1, 2, 3)]
    later = [delivery("m3", "hook-2", next_at=LATER)]
    now = [delivery("m1"), delivery("m2"), delivery("m4", "hook-3", next_at="2026-01-01")]
    await storage.commit(creation(webhooks=hooks, deliveries=[*later, *now]))
    assert [one.id for _, one in await storage.due(NOW, 10, [])] == ["m4", "m1"]
    assert [one.id for _, one in await storage.due(NOW, 1, [])] == ["m4"]
    assert [one.id for _, one in await storage.due(LATER, 10, ["hook-1", "hook-3"])] == ["m3"]
    assert await storage.next_due() == "2026-01-01"


async def test_what_became_of_a_delivery_is_kept_and_paged(storage: SqliteStorage) -> None:
    made = [delivery(f"m{number}") for number in range(3)]
    await storage.commit(creation(webhooks=[HOOK], deliveries=made))
    tried = (Attempt(NOW, 500, None, 12), Attempt(LATER, None, "refused ü", 3))
    done = replace(made[1], status="delivered", next_at=None, tries=2, attempts=tried)
    await storage.save_delivery(PROJECT, done)
    assert await storage.delivery(PROJECT, HOOK.id, "m1") == done
    page, cursor = await storage.deliveries(PROJECT, HOOK.id, 2, None)
    assert page == [made[2], done]
    assert await storage.deliveries(PROJECT, HOOK.id, 2, cursor) == ([made[0]], None)
    await storage.commit(step(deliveries=[replace(done, status="waiting", next_at=NOW, tries=0)]))
    again = await storage.delivery(PROJECT, HOOK.id, "m1")
    assert (again.status, again.tries, again.attempts) == ("waiting", 0, tried)
    await storage.save_delivery(PROJECT, delivery("never made"))
    with pytest.raises(NotFound):
        await storage.delivery(PROJECT, HOOK.id, "never made")


async def test_the_log_and_what_waits_are_bounded(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "DELIVERIES_KEPT", 2)
    monkeypatch.setattr(outbox, "MOST_WAITING", 3)
    made = [delivery(f"m{number}") for number in range(8)]
    await storage.commit(creation(webhooks=[HOOK], deliveries=made))
    for one in made[:4]:
        await storage.save_delivery(PROJECT, replace(one, status="delivered", next_at=None))
    page, _ = await storage.deliveries(PROJECT, HOOK.id, 100, None)
    assert [(one.id, one.status) for one in page] == [
        ("m7", "waiting"),
        ("m6", "waiting"),
        ("m5", "waiting"),
        ("m4", "dropped"),
        ("m3", "delivered"),
    ]


async def test_analytics_counts_runs_by_day(storage: SqliteStorage) -> None:
    first = run("run-1", status="done", counts={"updated": 2, "pinned": 1})
    await storage.commit(creation(["mara", "sh010"], run=first, outcomes=[outcome("sh010")]))
    later = run("run-2", status="failed", created_at="2026-03-02T00:00:00.000Z", counts={})
    await storage.commit(step(run=later))
    found = await storage.analytics(PROJECT, "2026-03-01", 5)
    assert found["statuses"] == {"done": 1, "failed": 1}
    assert found["days"] == [
        {"day": "2026-03-01", "runs": 1, "outcomes": {"updated": 2, "pinned": 1}},
        {"day": "2026-03-02", "runs": 1, "outcomes": {}},
    ]
    assert found["stored"]["entities"] == 2
    assert (await storage.analytics(PROJECT, "2026-03-02", 5))["statuses"] == {"failed": 1}
