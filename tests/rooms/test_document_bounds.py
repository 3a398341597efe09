"""server/rooms/document.py and tally.py: how much a document may hold"""

from __future__ import annotations

import pytest
from pycrdt import Array, Doc, Map

from protocol.codec import var_uint
from protocol.errors import Invalid, Malformed, TooLarge
from protocol.update_scan import UpdateScan, scan_update
from protocol.ysync import MAX_CLIENTS
from server.ports import StoredDocument
from server.rooms.crdt import scan_at_once
from server.rooms.stored import open_stored
from server.rooms.tally import MAX_CROWD, MAX_TYPES
from tests.protocol.test_update_scan import nested_types
from tests.rooms.drafts import POISON, STATE, crowd, loaded
from tests.rooms.fakes import Client


async def test_an_update_over_the_bound_is_too_large_and_a_deletion_is_not() -> None:
    document, client = await loaded(limit=1000), Client(STATE)
    document.apply(client.type("x" * 800))
    with pytest.raises(TooLarge):
        document.apply(Client(document.encoded()).type("y" * 300))
    assert document.values()["description"] == "x" * 800
    del client.fields["description"][0:700]
    assert document.apply(client.updates[-1])
    assert document.apply(client.type("z" * 300))


@pytest.mark.parametrize(
    ("announced", "error"), [(3, Malformed), (MAX_CLIENTS, Malformed), (MAX_CLIENTS + 1, TooLarge)]
)
async def test_R62_a_state_vector_that_promises_too_much_is_not_believed(
    announced: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await loaded()
    monkeypatch.setattr(Doc, "get_update", lambda *_: pytest.fail("the library was asked"))
    with pytest.raises(error):
        document.diff(var_uint(announced) + b"\x01\x01" * 2 + b"\x01")


async def test_R17_a_value_that_nests_too_deeply_is_refused_before_the_library_sees_it() -> None:
    document = await loaded()
    with pytest.raises(Invalid, match="nested too deeply"):
        document.apply(POISON)
    with pytest.raises(Invalid, match="nested too deeply"):
        document.would_change(POISON)
    assert document.values() == {"description": "", "age": 30}


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


async def test_R56_one_key_is_not_set_anew_without_end() -> None:
    document = await loaded()
    assert document.apply(crowd(MAX_CROWD - 2))
    for number in (1, 2):
        assert document.apply(crowd(1, 100 + number))
    with pytest.raises(Invalid, match="anew"):
        document.apply(crowd(3, 79))
    again = StoredDocument(document.encoded(), [crowd(3, 79)])
    assert (await open_stored(again)).skipped == 1


async def test_R58_one_key_is_not_set_anew_without_end_by_ever_new_clients() -> None:
    document = await loaded()
    for number in range(MAX_CROWD):
        assert document.apply(crowd(1, 1_000 + number))
    with pytest.raises(Invalid, match="anew"):
        document.apply(crowd(1, 5_000))
    # Neither those who are the first to set another key, nor those who have seen this one.
    assert document.apply(crowd(1, 5_001, "y"))
    assert document.apply(Client(document.encoded()).set("x", "seen"))
    # Nor is it forgotten when the document is opened anew.
    again = await loaded(document.encoded())
    for number in range(100):
        again.apply(crowd(1, 6_000 + number))
    with pytest.raises(Invalid, match="anew"):
        again.apply(crowd(1, 7_000))


async def test_R58_who_is_the_first_to_set_keys_waits_for_no_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = await loaded()

    async def never(update: bytes) -> UpdateScan:
        raise AssertionError("the whole document was read through")

    monkeypatch.setattr("server.rooms.document.scan_foreign", never)
    client = Client(document.encoded())
    for number in range(5_000):
        update = client.set(f"shape-{number}", number)
        scan = scan_at_once(update)
        await document.counted(scan)
        assert document.apply(update, scan)
