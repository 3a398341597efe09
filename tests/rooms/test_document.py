"""server/rooms/document.py: what a document goes through"""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlFragment

from protocol.errors import Invalid, NotFound, Unavailable
from server.domain.drafts import read_values
from server.ports import StoredDocument
from server.rooms.document import DraftDocument
from server.rooms.draft_state import Draining, Gone, Loading, Ready
from server.rooms.stored import encode_stored
from tests.protocol.test_update_scan import nested_types
from tests.rooms.drafts import STATE, PanicException, loaded, loader
from tests.rooms.fakes import Client, FakeStore, seed


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
