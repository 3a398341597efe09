"""server/rooms/document.py: updates that come, and what of them is new"""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc

from protocol.errors import Invalid, Malformed
from protocol.ysync import EMPTY_UPDATE
from server.domain.drafts import read_values
from server.ports import StoredDocument
from server.rooms.crdt import merge_in_chunks
from server.rooms.document import DraftDocument, Spoilt
from server.rooms.stored import encode_stored, open_stored
from tests.rooms.drafts import STATE, loaded, loader, orphan, trap
from tests.rooms.fakes import Client, FakeStore, seed


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


async def test_diff_is_what_the_other_lacks() -> None:
    document, client = await loaded(), Client(STATE)
    document.apply(Client(STATE).type("hi"))
    client.doc.apply_update(document.diff(client.doc.get_state()))
    assert client.text() == "hi"
    assert document.diff(b"\x00") is document.encoded()


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
