"""protocol/update_scan.py"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText, merge_updates

from protocol.codec import Reader, var_string, var_uint
from protocol.errors import Invalid
from protocol.update_scan import UpdateScan, scan_update
from protocol.ysync import EMPTY_UPDATE, decode_state_vector

DEPTH = 32
CLIENT = 12345


def scan(update: bytes) -> UpdateScan:
    return scan_update(update, max_depth=DEPTH)


def holding(content: bytes, kind: int = 8) -> bytes:
    """An update of one struct in the root map ``fields`` under ``x``."""
    head = bytes((1, 1)) + var_uint(CLIENT) + b"\x00" + bytes((kind | 0x20, 1))
    return head + var_string("fields") + var_string("x") + content + b"\x00"


def arrays(depth: int) -> bytes:
    return b"\x01" + b"\x75\x01" * depth + b"\x7e"


def nested_types(depth: int) -> bytes:
    """One map in another, so many deep."""
    parts = [bytes((1,)), var_uint(depth), var_uint(CLIENT), b"\x00"]
    for number in range(depth):
        parts.append(b"\x27")
        inside = b"\x00" + var_uint(CLIENT) + var_uint(max(number - 1, 0))
        parts.append(inside if number else b"\x01" + var_string("fields"))
        parts.append(var_string("m") + b"\x01")
    return b"".join([*parts, b"\x00"])


def test_the_update_that_overflows_the_librarys_stack_is_refused() -> None:
    with pytest.raises(Invalid, match="nested too deeply"):
        scan(holding(arrays(30_000)))


@pytest.mark.parametrize(
    "level",
    [
        b"\x75\x01",
        b"\x76\x01\x01k",
        b"\x75\x02\x7e",
        b"\x76\x02\x01a\x7e\x01b",
        b"\x75\x02\x76\x00",
    ],
    ids=["array", "object", "after a sibling", "object after a sibling", "after an empty one"],
)
def test_every_way_to_nest_is_counted(level: bytes) -> None:
    scan(holding(b"\x01" + level * DEPTH + b"\x7e"))
    with pytest.raises(Invalid, match="nested too deeply"):
        scan(holding(b"\x01" + level * (DEPTH + 2) + b"\x7e"))


def test_a_value_that_is_wide_is_not_deep() -> None:
    scan(holding(b"\x01\x75" + var_uint(1000) + b"\x75\x00" * 1000))
    scan(holding(var_uint(1000) + b"\x76\x01\x01k\x7e" * 1000))


@pytest.mark.parametrize(("kind", "before"), [(2, b"\x01"), (5, b""), (6, b"\x04bold")])
def test_json_text_is_bounded_too(kind: int, before: bytes) -> None:
    deep = var_string("[" * 100 + "]" * 100)
    with pytest.raises(Invalid, match="nested too deeply"):
        scan(holding(before + deep, kind))
    scan(holding(before + var_string('"' + '[\\"{' * 100 + '"'), kind))
    scan(holding(before + var_string("[" + "[],{}," * 100 + "0]"), kind))


@pytest.mark.parametrize(
    "announced",
    [
        holding(b"\x01\x75" + var_uint(2**40)),
        holding(b"\x01\x76" + var_uint(2**31)),
        holding(b"\x01\x74" + var_uint(2**40)),
        holding(b"\x01\x77" + var_uint(2**50)),
        holding(var_uint(2**30)),
        holding(var_uint(2**31), 3),
        holding(var_uint(2**40), 1),
        b"\x01" + var_uint(2**31) + b"\x01\x00",
        var_uint(2**31),
        b"\x00\x01\x01" + var_uint(2**31),
        b"\x00\x01\x01\x01" + var_uint(2**32) + b"\x01",
        b"\xff" * 100,
        b"\x01\x01\x01\x00\x2b",
        holding(b"\x09", 7),
        holding(b"\x01\x01"),
        holding(b"\x01\xff\xff"[:2] + b"", 4),
        b"",
    ],
)
def test_lengths_are_compared_with_what_is_there(announced: bytes) -> None:
    with pytest.raises(Invalid):
        scan(announced)


def test_types_are_counted() -> None:
    assert scan(nested_types(3000)).types == 3000
    assert scan(holding(b"\x01\x7e")).types == 0


def test_ends_say_what_is_new_and_what_waits() -> None:
    doc: Doc[Any] = Doc()
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    text = doc.get("t", type=Text)
    text.insert(0, "é😀")
    text.insert(0, "b")
    del text[0:1]
    known = decode_state_vector(Reader(doc.get_state()))
    (client,) = known
    assert scan(updates[0]).ends == {client: 3}
    assert scan(updates[1]).ends == {client: 4}
    assert scan(updates[2]) == UpdateScan({}, {client: 4}, 0)
    assert scan(updates[1]).beyond({client: 3})
    assert not scan(updates[1]).beyond(known)
    assert scan(updates[2]).waits({client: 3})
    assert not scan(updates[2]).waits(known)
    assert scan(EMPTY_UPDATE) == UpdateScan({}, {}, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _set(value: Any) -> Callable[[Doc[Any]], None]:
    def edit(doc: Doc[Any]) -> None:
        doc.get("fields", type=Map)["x"] = value

    return edit


def _type(place: float, text: str) -> Callable[[Doc[Any]], None]:
    def edit(doc: Doc[Any]) -> None:
        fields = doc.get("fields", type=Map)
        current = fields.get("prose")
        if not isinstance(current, Text):
            current = fields["prose"] = Text("")
        # Positions count bytes: only ends of characters are places.
        written = str(current)
        current.insert(len(written[: int(place * len(written))].encode()), text)

    return edit


def _remove(doc: Doc[Any]) -> None:
    fields = doc.get("fields", type=Map)
    for name in list(fields):
        del fields[name]


def _nest(doc: Doc[Any]) -> None:
    fields = doc.get("fields", type=Map)
    fields["n"] = Map({"list": Array([1, Map({"deep": Text("é")})])})


def _format(doc: Doc[Any]) -> None:
    text = doc.get("rich", type=Text)
    text.insert(0, "word", {"bold": True, "link": {"href": "[{["}})
    text.insert_embed(0, {"image": ["a"]})


def _markup(doc: Doc[Any]) -> None:
    fragment = doc.get("page", type=XmlFragment)
    fragment.children.append(XmlElement("p", {"class": "a"}, [XmlText("text")]))


def _bytes(doc: Doc[Any]) -> None:
    doc.get("list", type=Array).append(b"\x75" * 50)


def _subdocument(doc: Doc[Any]) -> None:
    doc.get("fields", type=Map)["sub"] = Doc()


EDITS = st.lists(
    JSON.map(_set)
    | st.builds(_type, st.floats(0, 1), st.text())
    | st.sampled_from([_remove, _nest, _format, _markup, _bytes, _subdocument]),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(EDITS, EDITS)
@example([_subdocument, _markup, _format, _bytes, _nest, _remove], [_nest])
def test_no_real_update_is_refused_and_every_one_is_understood(
    edits: list[Callable[[Doc[Any]], None]], others: list[Callable[[Doc[Any]], None]]
) -> None:
    docs: list[Doc[Any]] = [Doc(), Doc()]
    updates: list[bytes] = []
    for doc in docs:
        doc.observe(lambda event: updates.append(event.update))
    for doc, changes in zip(docs, (edits, others), strict=True):
        for change in changes:
            change(doc)
    for source, sink in (docs, docs[::-1]):
        sink.apply_update(source.get_update())
    known = decode_state_vector(Reader(docs[0].get_state()))
    whole = scan(docs[0].get_update())
    assert {client: end for client, end in whole.ends.items() if end} == known
    for update in updates:
        assert not scan(update).waits(known)
    for start in range(1, len(updates)):
        scan(merge_updates(*updates[start:]))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 100), st.integers(0, 255))
def test_any_bytes_are_read_or_refused(data: bytes, place: int, byte: int) -> None:
    whole = bytearray(holding(b"\x02\x76\x01\x01k\x75\x02\x7e\x7d\x05\x77\x02hi"))
    whole[place % len(whole)] = byte
    for update in (data, bytes(whole)):
        try:
            scan(update)
        except Invalid:
            continue


@pytest.mark.parametrize(
    "update",
    [
        # The library takes it in, and cannot encode the document ever after.
        holding(b"\x00"),
        holding(b"\x00", kind=4),
        b"\x01\x01\x05\x00\x00\x00\x00",
        # It panics.
        b"\x01\x00\x05\x00\x00",
        b"\x00\x00\x00",
        holding(b"\x01\x7e") + b"\x01",
    ],
)
def test_R56_nothing_of_no_length_and_nothing_after_the_end(update: bytes) -> None:
    with pytest.raises(Invalid):
        scan(update)


def test_keys_that_were_set_unseen_are_counted_by_place() -> None:
    def item(key: str) -> bytes:
        return b"\x28\x01" + var_string("fields") + var_string(key) + b"\x01\x7e"

    def of(*keys: str) -> bytes:
        return b"\x01" + var_uint(len(keys)) + b"\x05\x00" + b"".join(map(item, keys)) + b"\x00"

    place = {key: (b"fields", key.encode()) for key in "abc"}
    assert scan(of("a", "b", "a")).unseen == {place["a"]: 2, place["b"]: 1}
    joined = scan(of("a", "a")).joined(scan(of("b", "a")))
    assert joined.unseen == {place["a"]: 3, place["b"]: 1}
    assert not scan(EMPTY_UPDATE).unseen
