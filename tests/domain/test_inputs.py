"""What is remembered of inputs is what would be computed of them."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain import inputs
from server.domain.digests import add_members, inputs_digest, member_share, sum_members
from server.domain.entities import Digests
from server.domain.inputs import InputDigests
from server.propagation.pipeline import Edit
from tests.domain.world import World


def look(seed: str) -> Digests:
    return Digests(sha256(f"v{seed}".encode()).digest(), sha256(f"a{seed}".encode()).digest())


NAMES = st.sampled_from(["a", "b", "ab", "", "ü"])
PARTS = st.lists(st.tuples(NAMES, NAMES, NAMES.map(look)), max_size=6)


@given(st.lists(PARTS, max_size=6))
def test_parts_digest_to_the_same_whatever_was_asked_before(
    questions: list[list[tuple[str, str, Digests]]],
) -> None:
    known = InputDigests()
    for parts in questions + questions[::-1]:
        found = known.of(tuple(known.part(*one) for one in parts))
        assert found == inputs_digest(parts)
        assert found == known.of(tuple(known.part(*one) for one in parts[::-1]))


def test_what_is_let_go_of_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_MOST_PARTS", 3)
    monkeypatch.setattr(inputs, "_MOST_SUMS", 2)
    known = InputDigests()
    for number in [*range(8), *range(8)]:
        part = ("role", f"source {number}", look(str(number)))
        assert known.of((known.part(*part),)) == inputs_digest([part])


@given(st.lists(st.tuples(NAMES, NAMES, NAMES.map(look)), max_size=8))
def test_a_sum_of_members_is_that_of_their_shares(members: list[tuple[str, str, Digests]]) -> None:
    total = (0, 0)
    for one in members:
        total = add_members(total, member_share(*one))
    assert sum_members(members) == total


@pytest.mark.parametrize("batch", [1, 3, 7, 40])
def test_a_sequence_sums_up_what_it_holds_however_its_shots_are_reached(batch: int) -> None:
    world = World()
    world.create("style", "noir", {"description": "a"})
    shots = [world.create("shot", f"sh{n:02d}", references=["noir"]) for n in range(20)]
    world.create("sequence", "seq", references=shots)
    world.create("sequence", "other", references=shots[::3])
    proposal = world.propose(edits_of("noir"))
    assert proposal.root is not None
    world.run([proposal.root], ("visual",), batch=batch)
    for container in ("seq", "other"):
        kept = world.state.entity(container).members
        assert kept == world.state.recount_members(container)
        tx = world.begin()
        assert tx.resolved_digests(container) == world.state.entity(container).digests


def edits_of(entity_id: str) -> Edit:
    return Edit(entity_id, {"description": "b"})
