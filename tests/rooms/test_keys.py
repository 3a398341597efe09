"""server/rooms/keys.py: what two people set at once is noticed, and nothing else is."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Unavailable
from server.domain.conflicts import Clash
from server.rooms.crdt import scan_at_once
from server.rooms.document import DraftDocument
from tests.rooms.drafts import STATE, loaded, loader
from tests.rooms.fakes import Client, FakeStore
from tests.rooms.live import Stage


async def apply(document: DraftDocument, update: bytes, by: str) -> list[Clash]:
    """As a channel does it."""
    scan = scan_at_once(update)
    if scan.settings:
        await document.charted()
    document.apply(update, scan, by)
    clashes, document.clashes = document.clashes, []
    return clashes


async def set_apart(
    name: str, one: Any, other: Any, state: bytes = STATE
) -> tuple[DraftDocument, list[Clash]]:
    document = await loaded(state)
    ann, ben = Client(state), Client(state)
    found = await apply(document, ann.set(name, one), "ann")
    found += await apply(document, ben.set(name, other), "ben")
    return document, found


@pytest.mark.parametrize("name", ["eye_colour", "age"])
async def test_two_values_set_apart_are_kept_with_both_people(name: str) -> None:
    """Of a field that was there, and of one that nobody had set."""
    document, (clash,) = await set_apart(name, "green", "blue")
    assert clash.field == name
    assert {clash.kept, clash.lost} == {"green", "blue"}
    assert clash.kept == document.values()[name]
    who = {"green": "ann", "blue": "ben"}
    assert (clash.kept_by, clash.lost_by) == (who[clash.kept], who[clash.lost])


async def test_what_has_seen_the_other_value_replaces_it_and_says_so() -> None:
    document = await loaded()
    ann, ben = Client(STATE), Client(STATE)
    first = ann.set("age", 31)
    assert await apply(document, first, "ann") == []
    ben.doc.apply_update(first)
    assert await apply(document, ben.set("age", 32), "ben") == [
        Clash("age", 32, "ben", 31, "ann", seen=True)
    ]
    assert await apply(document, ben.set("age", 33), "ben") == []
    assert document.values()["age"] == 33


async def test_the_same_value_twice_is_no_clash() -> None:
    document, found = await set_apart("age", 31, 31)
    assert found == []
    late = Client(STATE)
    (clash,) = await apply(document, late.set("age", 40), "cleo")
    assert {clash.kept, clash.lost} == {31, 40}


async def test_text_and_other_fields_are_no_clash() -> None:
    document = await loaded()
    ann, ben = Client(STATE), Client(STATE)
    found = await apply(document, ann.type("one "), "ann")
    found += await apply(document, ben.type("two "), "ben")
    found += await apply(document, ann.set("mood", "grim"), "ann")
    found += await apply(document, ben.set("age", 7), "ben")
    assert found == []


async def test_one_person_at_two_screens_is_no_clash() -> None:
    document = await loaded()
    desk, phone = Client(STATE), Client(STATE)
    assert await apply(document, desk.set("age", 31), "ann") == []
    assert await apply(document, phone.set("age", 32), "ann") == []


async def test_of_a_row_of_values_the_last_counts() -> None:
    """Somebody dragged a slider without a line, and it arrives as one update."""
    document = await loaded()
    ann, ben = Client(STATE), Client(STATE)
    await apply(document, ann.set("age", 31), "ann")
    before = ben.doc.get_state()
    for age in range(40, 60):
        ben.set("age", age)
    (clash,) = await apply(document, ben.doc.get_update(before), "ben")
    assert {clash.kept, clash.lost} == {31, 59}


async def test_what_was_set_while_the_server_was_away_is_noticed_too() -> None:
    """Ann's value is in the store by then; who set it is not known any more."""
    ann, ben = Client(STATE), Client(STATE)
    ann.set("age", 31)
    stored = ann.doc.get_update()
    document = await loaded(stored)
    (clash,) = await apply(document, ben.set("age", 32), "ben")
    assert {(clash.kept, clash.kept_by), (clash.lost, clash.lost_by)} == {(31, ""), (32, "ben")}


async def test_a_value_that_was_set_over_and_over_keeps_its_history() -> None:
    """Overwritten operations are emptied by the library; what builds on them is still known."""
    ann, ben = Client(STATE), Client(STATE)
    for age in range(31, 50):
        ann.set("age", age)
        ann.type("x")
    document = await loaded(ann.doc.get_update())
    (clash,) = await apply(document, ben.set("age", 7), "ben")
    assert {clash.kept, clash.lost} == {49, 7}


async def test_an_update_that_waits_is_looked_at_once_it_is_in() -> None:
    document = await loaded()
    ann, ben = Client(STATE), Client(STATE)
    assert await apply(document, ann.set("age", 31), "ann") == []
    first, second = ben.type("b"), ben.set("age", 32)
    assert await apply(document, second, "ben") == []
    (clash,) = await apply(document, first, "ben")
    assert {clash.kept, clash.lost} == {31, 32}


async def test_what_the_server_wrote_is_built_upon() -> None:
    document = await loaded()
    server, ann, ben = Client(STATE), Client(STATE), Client(STATE)
    assert await apply(document, ann.set("mood", "grim"), "ann") == []
    written = server.set("age", 40)
    document.merge_committed(written)
    ben.doc.apply_update(written)
    assert await apply(document, ben.set("age", 41), "ben") == []
    (clash,) = await apply(document, ann.set("age", 42), "ann")
    assert {clash.kept, clash.lost} == {41, 42}


@pytest.mark.parametrize("value", [None, b"bytes", {"deep": [1, {"a": "ä"}]}, -70, 2.5, True, "🎬"])
async def test_values_of_every_sort(value: Any) -> None:
    _, found = await set_apart("thing", value, "plain")
    if value is None or isinstance(value, bytes):
        assert all(one.lost == "plain" for one in found), "there is nothing to be had back"
        return
    (clash,) = found
    assert value in (clash.kept, clash.lost)
    assert "plain" in (clash.kept, clash.lost)


async def test_other_maps_and_nested_ones_are_not_fields() -> None:
    document = await loaded()
    ann, ben = Client(STATE), Client(STATE)
    found: list[Clash] = []
    for who, client in (("ann", ann), ("ben", ben)):
        other: Any = client.doc.get("other", type=type(client.fields))
        other["age"] = who
        found += await apply(document, client.updates[-1], who)
    assert found == []


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc")), max_size=25), st.randoms())
async def test_every_value_that_does_not_stand_is_kept_unless_its_author_replaced_it(
    steps: list[tuple[int, str]], chance: random.Random
) -> None:
    """Three people set fields, and see each other's work now and then. A value is gone without a
    record only where who had set it had it on the screen and set another.
    """
    document = await loaded()
    clients = [Client(STATE) for _ in range(3)]
    seen: set[str] = set()
    kept: set[str] = set()
    for number, (who, name) in enumerate(steps):
        value = f"{name}-{number}"
        shown = clients[who].fields.get(name)
        if shown is not None and steps[int(str(shown)[2:])][0] == who:
            seen.add(str(shown))
        for clash in await apply(document, clients[who].set(name, value), f"user-{who}"):
            kept |= {clash.lost, clash.kept}
        if chance.random() < 0.4:
            reader = clients[chance.randrange(3)]
            reader.doc.apply_update(document.encoded())
    stands = set(map(str, document.values().values()))
    set_ = {f"{name}-{number}" for number, (_, name) in enumerate(steps)}
    assert set_ <= stands | seen | kept


async def test_a_clash_is_kept_once_the_field_rests() -> None:
    stage = Stage()
    ann, ben = await stage.opened_by("ann"), await stage.opened_by("ben")
    await ann.send(ann.yjs.set("age", 31))
    await ben.send(ben.yjs.set("age", 32))
    await stage.timers.advance(0.2)
    assert stage.core.kept == []
    await stage.timers.advance(0.1)
    ((entity, clash),) = stage.core.kept
    assert entity == "hero"
    assert {(clash.kept, clash.kept_by), (clash.lost, clash.lost_by)} == {(31, "ann"), (32, "ben")}


async def test_a_clash_that_the_store_does_not_take_is_tried_again_and_kept_at_the_end() -> None:
    stage = Stage(drain_pause=0)
    ann, ben = await stage.opened_by("ann"), await stage.opened_by("ben")
    stage.core.refusal = Unavailable("The disk is full")
    await ann.send(ann.yjs.set("age", 31))
    await ben.send(ben.yjs.set("age", 32))
    await stage.timers.advance(1)
    assert stage.core.kept == []
    stage.core.refusal = None
    await stage.manager.aclose()
    assert len(stage.core.kept) == 1


async def test_text_costs_no_look_at_the_keys() -> None:
    store = FakeStore(hero=STATE)
    document = DraftDocument(loader(store), limit=2**21)
    await document.ready()
    ann = Client(STATE)
    for _ in range(50):
        await apply(document, ann.type("x"), "ann")
    assert not document._chart.drawn


async def test_very_many_settings_are_looked_through_at_once() -> None:
    """Nobody types so; it must not hold the others up."""
    document = await loaded()
    ann = Client(STATE)
    before = ann.doc.get_state()
    for number in range(3_000):
        ann.set("age", number)
        ann.set(f"field-{number % 40}", number)
    scan = scan_at_once(ann.doc.get_update(before))
    await document.charted()
    began = time.process_time()
    document.apply(ann.doc.get_update(before), scan, "ann")
    assert time.process_time() - began < 1
    assert document.clashes == []
