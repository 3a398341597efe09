"""server/rooms/subscriptions.py"""

from __future__ import annotations

import pytest

from protocol.errors import TooLarge
from server.rooms.subscriptions import Subscription


def wants(subscription: Subscription, *ids: str) -> bool:
    return subscription.wants(frozenset(ids))


def test_R31_project_wide_events_always() -> None:
    assert Subscription(10).wants(None)
    assert not wants(Subscription(10), "a")


def test_R31_any_of_the_entities_is_enough() -> None:
    some = Subscription(10)
    some.add(("a", "b"))
    assert wants(some, "b", "c")
    some.remove(("b",))
    assert not wants(some, "b", "c")


def test_all_but_some() -> None:
    most = Subscription(10)
    most.add("all")
    assert wants(most, "x")
    most.remove(("x",))
    assert not wants(most, "x")
    assert wants(most, "x", "y")
    most.add(("x",))
    assert wants(most, "x")
    most.remove("all")
    assert not wants(most, "x")


def test_more_than_the_bound_changes_nothing() -> None:
    some = Subscription(2)
    some.add(("a", "b"))
    with pytest.raises(TooLarge):
        some.add(("c",))
    assert wants(some, "a")
    assert not wants(some, "c")
