"""Taking back a change under later ones, whatever they were: every field is settled by one rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.domain.entities import Version
from server.propagation.pipeline import Proposal
from server.propagation.reversal import Reversal, reverse
from tests.domain.world import World

VALUES = st.sampled_from([None, "a", "b", "c"])
FIELDS = ("description", "notes", "first", "second")
CHANGES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4)


def edited(world: World, fields: Mapping[str, Any]) -> Version:
    world.edit("mara", fields)
    return world.state.entity("mara").current


def taken_back(world: World, before: Version, after: Version) -> Proposal:
    documents = world.docs("mara")
    tx = world.begin()
    found = reverse(tx, Reversal(before, after), documents, "")
    if not found.conflicts:
        done = world.step(lambda tx: reverse(tx, Reversal(before, after), documents, ""))
        assert done.change == found.change
    return found


def plain(version: Version) -> dict[str, Any]:
    """The fields; a text that is empty and one that is not there are the same."""
    return {name: version.fields.get(name) or None for name in FIELDS}


@settings(max_examples=150, deadline=None)
@given(start=CHANGES, change=CHANGES, later=st.lists(CHANGES, max_size=3))
def test_each_field_goes_back_or_stays_or_collides(
    start: Mapping[str, Any], change: Mapping[str, Any], later: list[Mapping[str, Any]]
) -> None:
    world = World()
    world.create("character", "mara", {"description": "a"})
    before = edited(world, start)
    after = edited(world, change)
    for fields in later:
        edited(world, fields)
    now = world.state.entity("mara").current
    was, made, stands = plain(before), plain(after), plain(now)
    changed = {name for name in FIELDS if was[name] != made[name]}
    colliding = {name for name in changed if stands[name] not in (made[name], was[name])}

    proposal = taken_back(world, before, after)

    assert {one.field for one in proposal.conflicts} == colliding
    for one in proposal.conflicts:
        assert (one.ours or None, one.theirs or None) == (stands[one.field], was[one.field])
    result = world.state.entity("mara").current
    if colliding:
        assert result is now
        return
    for name in FIELDS:
        assert plain(result)[name] == (was[name] if name in changed else stands[name])
    # Taking it back once more changes nothing.
    assert not taken_back(world, before, after).change
