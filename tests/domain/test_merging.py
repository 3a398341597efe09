"""Merging: it does not matter who was first, and nothing that anybody wrote is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.domain import drafts
from server.domain.default_kinds import default_kinds
from server.domain.entities import Version
from server.domain.merging import ConflictResolver, Merge, proposal_of, value_of
from tests.domain.world import World

KIND = default_kinds().get("character")
WORDS = ("tall", "wet", "grey", "coat", "limping", "ä🎬")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
VALUES = st.sampled_from([None, 1, 2, "#111111", ["a"], ["a", "b"], {"a": 1}, {"a": 1, "b": 2}])
CHANGES = st.fixed_dictionaries(
    {}, optional={"description": TEXTS, "notes": TEXTS, "mood": VALUES, "hat": VALUES}
)


def versions(*changes: Mapping[str, Any]) -> list[Version]:
    """Each change made on the one before."""
    world = World()
    world.create("character", "mara", {"description": "tall grey coat", "mood": 0})
    found = [world.state.entity("mara").current]
    for one in changes:
        world.edit("mara", one)
        found.append(world.state.entity("mara").current)
    return found


def merged(first: Mapping[str, Any], later: Mapping[str, Any]) -> tuple[Merge, Version, Version]:
    """What is made of ``later``, which was made on the version before ``first``."""
    base, current = versions(first)[0], versions(first)[-1]
    found = ConflictResolver().settle(KIND, base, current, KIND.check(later), "ben")
    return found, base, current


def outcome(merge: Merge, current: Version) -> dict[str, Any]:
    return {**current.fields, **merge.fields}


@settings(max_examples=150)
@given(CHANGES, CHANGES)
def test_what_merges_by_itself_is_the_same_whoever_was_first(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> None:
    there, _, current = merged(one, other)
    back, _, theirs = merged(other, one)
    assert {c.field for c in there.conflicts} == {c.field for c in back.conflicts}
    clashing = {c.field for c in there.conflicts}
    first, second = outcome(there, current), outcome(back, theirs)
    for name in (first.keys() | second.keys()) - clashing:
        assert (first.get(name) or None) == (second.get(name) or None), name
    for ours, mirrored in zip(
        sorted(there.conflicts, key=lambda c: c.field),
        sorted(back.conflicts, key=lambda c: c.field),
        strict=True,
    ):
        assert (ours.ours, ours.theirs) == (mirrored.theirs, mirrored.ours)


@settings(max_examples=150)
@given(CHANGES, CHANGES)
def test_every_value_is_in_the_result_or_in_a_record(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> None:
    merge, base, current = merged(one, other)
    result = outcome(merge, current)
    kept = {c.field: c for c in (*merge.conflicts, *merge.settled)}
    for name, value in KIND.check(other).items():
        if value == value_of(base, name):
            continue  # it was there before: nobody wrote it
        recorded = name in kept and kept[name].theirs == value
        assert recorded or result.get(name) == value, name
    for name in merge.fields if current.number > base.number else ():
        was = value_of(current, name)
        assert result[name] == was or kept[name].ours == was, "what was there is recorded"


@given(TEXTS, TEXTS, TEXTS)
def test_merged_texts_do_not_depend_on_the_order(base: str, one: str, other: str) -> None:
    assert drafts.merge_text(base, one, other) == drafts.merge_text(base, other, one)
    assert drafts.merge_text(base, one, one) == one
    assert drafts.merge_text(base, one, base) == one


def test_what_both_wrote_alike_is_there_once() -> None:
    base = "Teh coat is wet."
    one, other = "The coat is wet.", "The coat is wet and grey."
    assert drafts.merge_text(base, one, other) == other


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "wanted"),
    [
        (["a", "b"], ["a", "b", "c"], ["b", "d"], ["b", "c", "d"]),
        (None, ["a"], ["b"], ["a", "b"]),
        ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 3}, {"a": 2, "b": 3}),
        ({"a": 1}, {"a": 2}, {"a": 3}, None),
        ({"a": 1}, {}, {"a": 1, "b": 2}, {"b": 2}),
        (1, 2, 3, None),
        ("#111111", "#222222", "#333333", None),
        ({"a": 1}, ["a"], {"a": 2}, None),
    ],
)
def test_what_is_proposed_for_both_sides(base: Any, ours: Any, theirs: Any, wanted: Any) -> None:
    assert proposal_of(base, ours, theirs, prose=False) == wanted


def test_only_of_prose_a_merge_is_proposed() -> None:
    sides = "a b", "a b c", "z a b"
    assert proposal_of(*sides, prose=True) == "z a b c"
    assert proposal_of(*sides, prose=False) is None
