"""server/rooms/document.py"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlFragment

from protocol.codec import var_string, var_uint
from protocol.errors import Invalid, Malformed, NotFound, TooLarge, Unavailable
from protocol.update_scan import UpdateScan, scan_update
from protocol.ysync import EMPTY_UPDATE, MAX_CLIENTS
from server.domain.drafts import merge_states, read_values
from server.ports import StoredDocument
from server.rooms.crdt import merge_in_chunks, scan_at_once
from server.rooms.document import DraftDocument, Draining, Gone, Loading, Ready, Spoilt
from server.rooms.stored import encode_stored, open_stored
from server.rooms.tally import MAX_CROWD, MAX_TYPES
from tests.protocol.test_update_scan import arrays, holding, nested_types
from tests.rooms.fakes import Client, FakeStore, seed

STATE = seed(description="", age=30)
POISON = holding(arrays(30_000))


class PanicException(BaseException):
    """What a Rust panic looks like from Python."""


def loader(store: FakeStore) -> Callable[[], Awaitable[StoredDocument]]:
    return lambda: store.load_document("film", "hero")


async def loaded(state: bytes = STATE, limit: int = 2**21) -> DraftDocument:
    document = DraftDocument(loader(FakeStore(hero=state)), limit=limit)
    await document.ready()
    return document


async def test_R44_concurrent_joins_load_once() -> None:
    store = FakeStore(hero=STATE)
    document = DraftDocument(loader(store), limit=2**21)
    joins = [asyncio.ensure_future(document.ready()) for _ in range(50)]
    await asyncio.sleep(0)
    loading = isinstance(document.state, Loading)
    assert loading
    joins[0].cancel()
    await asyncio.gather(*joins[1:])
    assert isinstance(document.state, Ready)
    assert store.loads == 1


async def test_a_document_that_is_not_there_is_gone() -> None:
    document = DraftDocument(loader(FakeStore()), limit=2**21)
    with pytest.raises(NotFound):
        await document.ready()
    assert isinstance(document.state, Gone)
    with pytest.raises(Unavailable):
        await document.ready()


async def test_a_document_that_cannot_be_read_is_unavailable() -> None:
    document = DraftDocument(loader(FakeStore(hero=b"\xff\xff")), limit=2**21)
    with pytest.raises(Unavailable):
        await document.ready()


async def test_R44_before_it_is_ready_nothing_can_be_asked_or_written() -> None:
    document = DraftDocument(loader(FakeStore(hero=STATE)), limit=2**21)
    with pytest.raises(Unavailable):
        document.encoded()
    with pytest.raises(Unavailable):
        document.apply(Client(STATE).type("x"))


async def test_R44_what_drains_takes_nothing_more() -> None:
    document = await loaded()
    document.drain()
    draining = isinstance(document.state, Draining)
    assert draining
    with pytest.raises(Unavailable):
        document.apply(Client(STATE).type("x"))
    with pytest.raises(Unavailable):
        await document.ready()
    document.unload()
    assert isinstance(document.state, Gone)


async def test_R44_who_waits_for_a_load_that_is_drained_is_told() -> None:
    document = DraftDocument(loader(FakeStore(hero=STATE)), limit=2**21)
    waiting = asyncio.ensure_future(document.ready())
    await asyncio.sleep(0)
    document.drain()
    with pytest.raises(Unavailable):
        await waiting
    assert isinstance(document.state, Gone)


async def test_updates_after_the_base_state_are_loaded() -> None:
    client = Client(STATE)
    update = client.type("hi")
    assert Client(await encode_stored(StoredDocument(STATE, [update]))).text() == "hi"


async def test_apply_says_whether_it_was_new() -> None:
    document, client = await loaded(), Client(STATE)
    update = client.type("hi")
    assert document.apply(update)
    assert document.values()["description"] == "hi"
    assert not document.apply(update)
    assert not document.apply(EMPTY_UPDATE)
    assert not document.apply(client.doc.get_update())


async def test_an_update_that_waits_for_another_is_new() -> None:
    document, client = await loaded(), Client(STATE)
    first, second = client.type("b"), client.type("a")
    assert document.would_change(second)
    assert document.apply(second) == second
    joined = Client(document.encoded())
    told = document.apply(first)
    assert document.values()["description"] == "ab"
    assert told is not None
    joined.doc.apply_update(told)
    assert joined.text() == "ab"


async def test_a_deletion_that_waits_for_what_it_deletes_is_new() -> None:
    document, client = await loaded(), Client(STATE)
    typed = client.type("ab")
    del client.fields["description"][0:1]
    deleted = client.updates[-1]
    assert document.apply(deleted) == deleted
    assert document.apply(typed)
    assert document.values()["description"] == "b"
    assert document.apply(deleted) is None


async def test_a_deletion_that_waits_beside_what_is_new_is_told_once_it_is_done() -> None:
    document = await loaded()
    late = Client(STATE)
    late.set("colour", "#204060")
    other = Client(late.doc.get_update())
    before = other.doc.get_state()
    with other.doc.transaction():
        other.fields["age"] = 31
        del other.fields["colour"]
    assert document.apply(other.doc.get_update(before))
    joined = Client(document.encoded())
    told = document.apply(late.updates[-1])
    assert told is not None
    joined.doc.apply_update(told)
    assert joined.fields.to_py() == document.values()
    assert "colour" not in document.values()


async def test_what_waited_at_rest_still_waits() -> None:
    client = Client(STATE)
    first, second = client.type("b"), client.type("a")
    store = FakeStore(hero=STATE)
    store.documents["hero"].append(second)
    document = DraftDocument(loader(store), limit=2**21)
    await document.ready()
    joined = Client(document.encoded())
    joined.doc.apply_update(document.apply(first) or b"")
    assert joined.text() == "ab"


async def test_a_deletion_is_new_once() -> None:
    document, client = await loaded(seed(description="hello")), Client(STATE)
    client = Client(document.encoded())
    del client.fields["description"][0:2]
    assert document.apply(client.updates[-1])
    assert not document.apply(client.updates[-1])


async def test_looking_changes_nothing() -> None:
    document, client = await loaded(), Client(STATE)
    update = client.type("hi")
    assert document.would_change(update)
    assert document.values()["description"] == ""
    document.apply(update)
    assert not document.would_change(update)
    assert not document.would_change(client.doc.get_update())
    assert not document.would_change(EMPTY_UPDATE)


@pytest.mark.parametrize("update", [b"", b"\x01", b"\xff" * 12])
async def test_an_update_that_cannot_be_read_is_invalid(update: bytes) -> None:
    document = await loaded()
    with pytest.raises(Invalid):
        document.apply(update)
    with pytest.raises(Invalid):
        document.would_change(update)
    assert document.values() == {"description": "", "age": 30}


async def test_a_state_vector_that_cannot_be_read_is_malformed() -> None:
    with pytest.raises(Malformed):
        (await loaded()).diff(b"\xff")


@pytest.mark.parametrize(
    ("announced", "error"), [(3, Malformed), (MAX_CLIENTS, Malformed), (MAX_CLIENTS + 1, TooLarge)]
)
async def test_R58_a_state_vector_that_promises_too_much_is_not_believed(
    announced: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await loaded()
    monkeypatch.setattr(Doc, "get_update", lambda *_: pytest.fail("the library was asked"))
    with pytest.raises(error):
        document.diff(var_uint(announced) + b"\x01\x01" * 2 + b"\x01")


async def test_diff_is_what_the_other_lacks() -> None:
    document, client = await loaded(), Client(STATE)
    document.apply(Client(STATE).type("hi"))
    client.doc.apply_update(document.diff(client.doc.get_state()))
    assert client.text() == "hi"
    assert document.diff(b"\x00") is document.encoded()


async def test_the_encoded_state_is_shared_within_a_generation() -> None:
    document = await loaded()
    first = document.encoded()
    assert document.encoded() is first
    document.apply(Client(STATE).type("hi"))
    assert document.encoded() is not first
    assert document.generation == 1


async def test_values_are_json_and_know_one_kind_of_number() -> None:
    client = Client(STATE)
    client.set("list", [1.0, 2.5, {"a": 3.0}])
    client.set("map", Map({"x": Text("y")}))
    client.set("array", Array([1.0]))
    client.set("flag", True)
    client.set("nothing", None)
    document = await loaded(client.doc.get_update())
    values = document.values()
    assert values == {
        "description": "",
        "age": 30,
        "list": [1, 2.5, {"a": 3}],
        "map": {"x": "y"},
        "array": [1],
        "flag": True,
        "nothing": None,
    }
    assert isinstance(values["age"], int)


async def test_R20_other_root_types_stay() -> None:
    client = Client(STATE)
    client.doc.get("prosemirror", type=Text).insert(0, "kept")
    document = await loaded()
    document.apply(client.doc.get_update())
    assert str(Client(document.encoded()).doc.get("prosemirror", type=Text)) == "kept"
    assert document.values() == {"description": "", "age": 30}


async def test_an_update_over_the_bound_is_too_large_and_a_deletion_is_not() -> None:
    document, client = await loaded(limit=1000), Client(STATE)
    document.apply(client.type("x" * 800))
    with pytest.raises(TooLarge):
        document.apply(Client(document.encoded()).type("y" * 300))
    assert document.values()["description"] == "x" * 800
    del client.fields["description"][0:700]
    assert document.apply(client.updates[-1])
    assert document.apply(client.type("z" * 300))


async def test_a_panic_drops_the_instance_and_loads_it_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, client = FakeStore(hero=STATE), Client(STATE)
    document = DraftDocument(loader(store), limit=2**21)
    await document.ready()

    def panic(_: Doc[Any], __: bytes) -> None:
        raise PanicException("called `Option::unwrap()` on a `None` value")

    with monkeypatch.context() as patched:
        patched.setattr(Doc, "apply_update", panic)
        with pytest.raises(Invalid):
            document.apply(client.type("poison"))
    assert isinstance(document.state, Loading)
    document.merge_committed(client.type("late "))
    await document.ready()
    assert store.loads == 2
    assert document.apply(client.doc.get_update())


@pytest.mark.parametrize("way", ["unloaded", "loaded anew", "looked at by a reader"])
async def test_a_document_that_is_let_go_of_is_freed(way: str) -> None:
    document, client = await loaded(seed(description="hello")), Client()
    client = Client(document.encoded())
    del client.fields["description"][0:1]
    if way == "looked at by a reader":
        assert document.would_change(client.updates[-1])
        assert not document.would_change(Client(document.encoded()).doc.get_update())
    assert isinstance(document.state, Ready)
    left: list[weakref.ref[Any]] = [weakref.ref(document.state.doc)]
    if way == "loaded anew":
        document._reload()
        await document.ready()
    else:
        document.unload()
        left.append(weakref.ref(document))
        del document
    gc.collect()
    assert [ref() for ref in left] == [None for _ in left]


async def test_what_is_no_panic_is_not_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    document = await loaded()

    def interrupted(_: Doc[Any], __: bytes) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Doc, "apply_update", interrupted)
        with pytest.raises(KeyboardInterrupt):
            document.apply(Client(STATE).type("x"))
    assert isinstance(document.state, Ready)


async def test_R17_a_value_that_nests_too_deeply_is_refused_before_the_library_sees_it() -> None:
    document = await loaded()
    with pytest.raises(Invalid, match="nested too deeply"):
        document.apply(POISON)
    with pytest.raises(Invalid, match="nested too deeply"):
        document.would_change(POISON)
    assert document.values() == {"description": "", "age": 30}


async def test_a_stored_update_that_nests_too_deeply_is_left_out() -> None:
    client = Client(STATE)
    stored = StoredDocument(STATE, [POISON, client.type("hi")])
    opened = await open_stored(stored)
    assert (opened.skipped, opened.waiting) == (1, False)
    assert read_values(await encode_stored(stored))["description"] == "hi"
    assert read_values(merge_states([STATE, *stored.updates]))["description"] == "hi"


async def test_a_base_is_not_read_through_when_it_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned: list[int] = []

    def scan(update: bytes, *, max_depth: int) -> UpdateScan:
        scanned.append(len(update))
        return scan_update(update, max_depth=max_depth)

    monkeypatch.setattr("server.rooms.crdt.scan_update", scan)
    document = await loaded(nested_types(MAX_TYPES))
    assert document.apply(Client(document.encoded()).set("colour", "#204060"))
    base = len(document.encoded())
    assert max(scanned) < base
    # Only what brings more shared types needs to know how many there are.
    more = Client(STATE).set("more", Map())
    await document.counted(scan_at_once(more))
    with pytest.raises(TooLarge, match="shared types"):
        document.apply(more)
    assert base in scanned


async def test_what_is_over_the_bound_of_types_again_and_again_is_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = await loaded()
    assert document.apply(nested_types(MAX_TYPES - 1))
    scanned: list[int] = []

    async def scan(update: bytes) -> UpdateScan:
        scanned.append(len(update))
        return scan_at_once(update)

    def never(update: bytes) -> UpdateScan:
        raise AssertionError("the whole document was read through on the loop")

    monkeypatch.setattr("server.rooms.document.scan_foreign", scan)
    monkeypatch.setattr("server.rooms.document.scan_at_once", never)
    more = Client(STATE).set("more", Map())
    found = scan_at_once(more)
    for _ in range(5):
        await document.counted(found)
        with pytest.raises(TooLarge, match="shared types"):
            document.apply(more, found)
    assert len(scanned) == 1
    small = Client(document.encoded()).set("colour", "#204060")
    assert document.apply(small, scan_update(small, max_depth=32))
    await document.counted(found)
    assert len(scanned) == 2


async def test_what_comes_while_it_is_counted_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    document = await loaded(nested_types(MAX_TYPES - 10))
    first = Client(STATE).set("first", Array([Map() for _ in range(4)]))
    await document.counted(scan_at_once(first))
    assert document.apply(first)
    large = scan_at_once(Client(STATE).set("large", Array([Map() for _ in range(8)])))
    late = Client(STATE).set("late", Array([Map(), Map(), Map()]))

    async def scan(update: bytes) -> UpdateScan:
        found = scan_at_once(update)
        assert document.apply(late)
        return found

    monkeypatch.setattr("server.rooms.document.scan_foreign", scan)
    await document.counted(large)
    with pytest.raises(TooLarge, match="shared types"):
        document.apply(Client(STATE).set("more", Array([Map(), Map()])))


async def test_too_many_shared_types_are_refused_also_in_pieces() -> None:
    document = await loaded()
    assert document.apply(nested_types(MAX_TYPES - 2))
    with pytest.raises(TooLarge, match="shared types"):
        document.apply(Client(STATE).set("more", Array([Map(), Map(), Map()])))
    stored = StoredDocument(nested_types(MAX_TYPES), [Client(STATE).set("more", Map())])
    assert (await open_stored(stored)).skipped == 1
    # What was counted but is not there any more does not count.
    clearing = Client(document.encoded())
    del clearing.fields["m"]
    assert document.apply(clearing.updates[-1])
    more = Client(STATE).set("more", Array([Map(), Map(), Map()]))
    await document.counted(scan_at_once(more))
    assert document.apply(more)


@pytest.mark.parametrize(
    "value", [XmlFragment(), Doc(), b"bytes", Map({"in": XmlFragment()}), 2.0**70]
)
async def test_a_field_that_json_cannot_hold_is_left_out_and_the_others_stay(value: Any) -> None:
    client = Client(STATE)
    client.set("odd", value)
    document = await loaded(client.doc.get_update())
    kept = {name: one for name, one in document.values().items() if name != "odd"}
    assert kept == {"description": "", "age": 30}
    assert document.values() == read_values(document.encoded())


async def test_a_field_of_types_nested_too_deeply_is_left_out() -> None:
    document = await loaded()
    document.apply(nested_types(3000))
    assert document.values() == read_values(document.encoded()) == {"description": "", "age": 30}
    document.apply(Client(STATE).set("list", Array([Map({"text": Text("deep")}), 1])))
    assert document.values()["list"] == [{"text": "deep"}, 1]


async def test_whether_a_reader_says_something_new_is_found_out_without_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client(STATE)
    typed = client.type("ab")
    del client.fields["description"][0:1]
    deleted = client.updates[-1]
    document = await loaded()
    document.apply(typed)
    copies: list[bytes] = []
    copy = DraftDocument._copy

    def counted(self: DraftDocument) -> Doc[Any]:
        copies.append(b"")
        return copy(self)

    monkeypatch.setattr(DraftDocument, "_copy", counted)
    assert document.would_change(Client(STATE).type("x"))
    assert not document.would_change(typed)
    assert document.would_change(deleted, exact=False)
    assert copies == []
    assert document.would_change(deleted)
    document.apply(deleted)
    copies.clear()
    for _ in range(50):
        assert not document.would_change(client.doc.get_update())
    assert len(copies) == 1


async def test_a_long_log_is_loaded_in_slices() -> None:
    client = Client(STATE)
    updates = [client.type("x") for _ in range(500)]
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    opened = await open_stored(StoredDocument(STATE, updates))
    counting.cancel()
    assert turns >= 8
    assert not opened.waiting
    assert (await open_stored(StoredDocument(STATE, updates[1:]))).waiting


async def test_R22_every_load_takes_a_new_client_id() -> None:
    ids = set()
    for _ in range(3):
        state = (await loaded()).state
        assert isinstance(state, Ready)
        ids.add(state.doc.client_id)
    assert len(ids) == 3


async def test_after_unloading_it_is_gone() -> None:
    document = await loaded()
    document.unload()
    with pytest.raises(Unavailable):
        await document.ready()
    document.merge_committed(b"\x00\x00")


def test_merging_is_bounded_and_loses_nothing() -> None:
    client = Client(STATE)
    updates = [client.type(str(number % 10)) for number in range(450)]
    merged = merge_in_chunks(updates)
    assert len(merged) == 3
    other = Client(STATE)
    for update in merged:
        other.doc.apply_update(update)
    assert other.text() == client.text()
    assert merge_in_chunks([b"\xff", b"\xff"]) == [b"\xff", b"\xff"]
    assert merge_in_chunks([]) == []


def orphan() -> bytes:
    """A text inside what is no type: the library fails when it has begun to merge."""
    head = b"\x01\x02" + var_uint(77) + b"\x00"
    value = b"\x28\x01" + var_string("fields") + var_string("x") + b"\x01\x7e"
    return head + value + b"\x04\x00" + var_uint(77) + b"\x00" + var_string("a") + b"\x00"


async def test_R56_an_update_that_fails_half_way_leaves_the_document_as_it_was() -> None:
    store, client = FakeStore(hero=STATE), Client(STATE)
    document = DraftDocument(loader(store), limit=2**21)
    await document.ready()
    with pytest.raises(Invalid, match="merged"):
        document.apply(orphan())
    await document.ready()
    assert document.values() == {"description": "", "age": 30}
    assert document.apply(client.type("hi"))
    assert document.values()["description"] == "hi"


def crowd(count: int, client: int = 78) -> bytes:
    item = b"\x28\x01" + var_string("fields") + var_string("x") + b"\x01\x7e"
    return b"\x01" + var_uint(count) + var_uint(client) + b"\x00" + item * count + b"\x00"


async def test_R56_one_key_is_not_set_anew_without_end() -> None:
    document = await loaded()
    assert document.apply(crowd(MAX_CROWD - 2))
    for number in (1, 2, 3):
        assert document.apply(crowd(1, 100 + number))
    with pytest.raises(Invalid, match="anew"):
        document.apply(crowd(3, 79))
    again = StoredDocument(document.encoded(), [crowd(3, 79)])
    assert (await open_stored(again)).skipped == 1


def trap(client: int, clock: int) -> bytes:
    """A text inside of what somebody else will write next, as if that were a type."""
    inside = b"\x04\x00" + var_uint(client) + var_uint(clock) + var_string("a")
    return b"\x01\x01" + var_uint(90) + b"\x00" + inside + b"\x00"


async def test_R56_what_waits_for_somebody_elses_next_update_does_not_spoil_it() -> None:
    store, client = FakeStore(hero=STATE), Client(STATE)
    document = DraftDocument(loader(store), limit=2**21)
    await document.ready()
    typed = client.type("hi")
    poison = trap(client.doc.client_id, 0)
    assert document.apply(poison)
    await store.append_update("film", "hero", poison)
    with pytest.raises(Spoilt):
        document.apply(typed)
    await document.ready()
    assert document.apply(typed)
    assert document.values()["description"] == "hi"
    # The same when both are read from the store, in either order.
    more = client.type("!")
    for updates in ([poison, typed, more], [typed, poison, more]):
        stored = StoredDocument(STATE, updates)
        assert (await open_stored(stored)).skipped == 1
        assert read_values(await encode_stored(stored))["description"] == "!hi"
