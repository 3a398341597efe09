"""Texts, drafts and three-way merges: what Ripplecut itself does to documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.update_scan import scan_update
from server.domain import drafts
from server.domain.changes import unpublished
from server.domain.default_kinds import default_kinds
from server.domain.kinds import FieldSpec, Kind
from server.domain.text import edits, word_diff
from server.propagation.pipeline import Edit
from tests.domain.world import World

KIND = default_kinds().get("character")
texts = st.text(alphabet="ab é😀\n.", max_size=40)


@given(texts, texts)
def test_word_diff_holds_both_texts(old: str, new: str) -> None:
    spans = word_diff(old, new)
    assert "".join(span.text for span in spans if span.op != "insert") == old
    assert "".join(span.text for span in spans if span.op != "delete") == new


@given(texts, texts)
def test_edits_turn_one_text_into_the_other(old: str, new: str) -> None:
    text = old
    for edit in edits(old, new):
        text = text[: edit.position] + edit.inserted + text[edit.position + edit.deleted :]
    assert text == new


@given(texts, texts, st.sampled_from(["#000000", None]))
def test_an_edit_of_a_draft_reads_back(old: str, new: str, hair: str | None) -> None:
    state = drafts.seed(KIND, {"description": old})
    fields = {"description": new, "hair": hair}
    edited = drafts.edit_draft(state, state, KIND, fields)
    draft = drafts.read_values(drafts.merge_states([state, edited.update]))
    assert draft["description"] == new
    assert draft["hair"] == hair
    assert drafts.read_values(edited.state)["description"] == new


@given(texts, texts)
def test_merging_with_an_unchanged_side_gives_the_other(base: str, ours: str) -> None:
    assert drafts.merge_text(base, ours, base) == ours
    assert drafts.merge_text(base, base, ours) == ours


def test_R22_what_the_server_writes_has_client_ids_that_every_library_reads() -> None:
    state = drafts.seed(KIND, {"description": "Tall"})
    for words in ("Taller", "Tall again", "Small"):
        edited = drafts.edit_at_head(state, KIND, {"description": words, "age": 3})
        state = drafts.merge_states([state, edited.update])
        state = drafts.edit_draft(state, state, KIND, {"description": f"{words}!"}).state
    clients = scan_update(state, max_depth=32).ends
    assert len(clients) == 7
    assert max(clients) < 2**32


def test_R22_an_id_that_somebody_has_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter([7, 7, 8])
    monkeypatch.setattr(drafts, "fresh_client_id", lambda: next(ids))
    state = drafts.seed(KIND, {"description": "Tall"})
    update = drafts.edit_at_head(state, KIND, {"description": "Taller"}).update
    assert set(scan_update(update, max_depth=32).ends) == {8}


def test_every_prose_field_is_a_text_from_the_start() -> None:
    assert drafts.read_values(drafts.seed(KIND, {})) == {"description": "", "notes": ""}


def test_a_later_declared_prose_field_is_seeded_once() -> None:
    state = drafts.seed(KIND, {"credo": "plain"})
    update = drafts.declare_prose(state, ["credo", "voice"])
    assert update is not None
    state = drafts.merge_states([state, update])
    assert drafts.read_values(state)["credo"] == "plain"
    assert drafts.declare_prose(state, ["credo", "voice"]) is None


LATER = Kind(
    KIND.name,
    KIND.label,
    KIND.plural,
    KIND.category,
    KIND.icon,
    KIND.colour,
    (*KIND.fields, FieldSpec("voice", "prose", "visual", "Voice")),
)


@given(texts, texts)
def test_a_later_declared_field_keeps_what_is_written_there(first: str, second: str) -> None:
    """The version knows nothing of the field when the draft is seeded with it."""
    version = drafts.seed(KIND, {"description": "Tall."})
    seeded = drafts.declare_prose(version, ["voice"])
    assert seeded is not None
    for draft in ([version], [version, seeded]):  # written before the declaration, and after
        made = drafts.edit_draft(version, drafts.merge_states(draft), LATER, {"voice": first})
        together = drafts.merge_states([*draft, made.update, seeded])
        assert drafts.read_values(together)["voice"] == first
        assert drafts.read_values(made.state)["voice"] == first
        again = drafts.edit_draft(made.state, together, LATER, {"voice": second})
        assert drafts.read_values(again.state)["voice"] == second
        merged = drafts.merge_states([together, again.update])
        assert drafts.read_values(merged)["voice"] == second


def test_what_others_type_into_a_later_declared_field_stays() -> None:
    version = drafts.seed(KIND, {"description": "Tall."})
    seeded = drafts.declare_prose(version, ["voice"])
    assert seeded is not None
    draft = drafts.merge_states([version, seeded])
    typed = drafts.edit_at_head(draft, LATER, {"voice": "She hums."})
    draft = drafts.merge_states([draft, typed.update])
    made = drafts.edit_draft(version, draft, LATER, {"voice": "Soft. "})
    assert drafts.read_values(made.state)["voice"] == "Soft. "
    merged = drafts.read_values(drafts.merge_states([draft, made.update]))
    assert sorted(merged["voice"]) == sorted("Soft. She hums.")


@given(texts, texts)
def test_a_field_that_was_plain_before_it_was_declared_is_set_as_wanted(
    plain: str, wanted: str
) -> None:
    version = drafts.seed(KIND, {"voice": plain})
    seeded = drafts.declare_prose(version, ["voice"])
    assert seeded is not None
    draft = drafts.merge_states([version, seeded])
    made = drafts.edit_draft(version, draft, LATER, {"voice": wanted, "notes": "n"})
    values = drafts.read_values(drafts.merge_states([draft, made.update]))
    assert (values["voice"], values["notes"]) == (wanted, "n")


def test_an_api_change_keeps_what_others_are_typing() -> None:
    world = World()
    world.create("character", "mara", {"description": "Tall. Quiet."})
    typed = drafts.edit_at_head(
        world.draft("mara"), KIND, {"description": "Tall. Quiet. She limps."}
    )
    world.documents["mara"].append(typed.update)
    world.edit("mara", {"description": "Very tall. Quiet.", "hair": "#000000"})
    assert world.state.entity("mara").current.fields["description"] == "Very tall. Quiet."
    draft = drafts.read_values(world.draft("mara"))
    assert draft["description"] == "Very tall. Quiet. She limps."
    assert draft["hair"] == "#000000"


def test_a_rollback_parks_what_was_typed_and_cleans_the_draft() -> None:
    world = World()
    world.create("character", "mara", {"description": "One."})
    world.edit("mara", {"description": "Two."})
    typed = drafts.edit_at_head(world.draft("mara"), KIND, {"description": "Two. Unfinished"})
    world.documents["mara"].append(typed.update)
    world.rollback("mara", 1)
    versions = [version for commit in world.commits for version in commit.versions]
    parked = next(version for version in versions if version.cause == "parked")
    assert parked.fields["description"] == "Two. Unfinished"
    current = world.state.entity("mara").current
    assert (current.number, current.fields["description"]) == (4, "One.")
    assert drafts.read_values(world.draft("mara"))["description"] == "One."


def test_a_stale_base_is_merged_three_ways() -> None:
    world = World()
    world.create("character", "mara", {"description": "Tall. Quiet.", "hair": "#000000"})
    base = world.state.entity("mara").current
    world.edit("mara", {"description": "Tall. Quiet. Limps.", "hair": "#111111"})
    wanted = {"description": "Very tall. Quiet.", "age": 40}
    proposal = world.propose(Edit("mara", wanted, base=base))
    assert not proposal.conflicts
    fields = world.state.entity("mara").current.fields
    assert fields["description"] == "Very tall. Quiet. Limps."
    assert (fields["age"], fields["hair"]) == (40, "#111111")
    proposal = world.propose(Edit("mara", {"hair": "#222222"}, base=base))
    assert [(one.field, one.ours, one.theirs) for one in proposal.conflicts] == [
        ("hair", "#111111", "#222222")
    ]
    assert world.state.entity("mara").current.fields["hair"] == "#111111"


def test_a_prose_field_that_is_seeded_but_empty_is_nothing_unpublished() -> None:
    assert unpublished({"hair": "#000000"}, {"hair": "#000000", "voice": ""}) == {}
    assert unpublished({"voice": "low"}, {"voice": ""}) == {"voice": ""}
