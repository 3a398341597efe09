"""The order of a run: everything once, nothing before what it is built on, attention first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Invalid
from server.domain.commit import ProjectRecord
from server.domain.default_kinds import default_kinds
from server.domain.entities import Digests, Entity, Reference, Version
from server.domain.phases import PHASES, Agenda, phases_of
from server.domain.project import ProjectState
from server.domain.rules import Rule, RulesEngine, default_rules
from server.domain.runs import Phase, Root
from server.domain.scopes import Scope, scope_of

NOTHING = Digests(b"", b"")
RANK = {"character": 0, "prop": 0, "shot": 1, "scene": 2, "sequence": 3}


class Film:
    """A project of which only the shape matters; an id begins with its kind."""

    def __init__(
        self,
        edges: Mapping[str, Sequence[str]],
        critical: Sequence[str] = (),
        rules: Sequence[Rule] = default_rules(),
    ) -> None:
        """``edges``: what each entity uses."""
        kinds = default_kinds().to_json()
        record = ProjectRecord("f", "F", "", {}, kinds, [rule.to_json() for rule in rules])
        self.state = ProjectState(record, 0, 0, "")
        ids = dict.fromkeys([*(one for used in edges.values() for one in used), *edges])
        self.state.load([self._entity(one, one in critical) for one in ids])
        self.state.load_references(
            Reference(f"{source}>{target}", source, target, "", "latest", 1, "a0", {})
            for target, used in edges.items()
            for source in used
        )

    def _entity(self, entity_id: str, critical: bool) -> Entity:
        fields = {"critical": True} if critical else {}
        digests = (NOTHING, NOTHING, NOTHING)
        version = Version(
            *(entity_id, 1, entity_id, "wip", fields, frozenset(), (), {}, None, "", "", ""),
            *("created", None, "", 1, *digests),
        )
        return Entity(entity_id, entity_id.split("-", maxsplit=1)[0], version, "", "", 1)

    def scope(self, *roots: str) -> Scope:
        return scope_of(self.state, "r", [Root(one, 1, 2) for one in roots], ("visual",), "api")

    def agenda(self, *roots: str, mode: Phase = "batch") -> Agenda:
        scope = self.scope(*roots)
        agenda = Agenda(self.state, scope, mode)
        agenda.add(scope.order)
        return agenda

    def phases(self, *viewed: str, mode: Phase = "batch") -> dict[Phase, tuple[str, ...]]:
        return dict(phases_of(self.state, self.scope("character-m"), viewed, mode))

    def upstream(self, entity_id: str) -> set[str]:
        """An entity and everything that it is built on."""
        found: set[str] = set()
        waiting = [entity_id]
        while waiting:
            here = waiting.pop()
            found.add(here)
            waiting += [one.source for one in self.state.inputs(here).values()]
        return found


def all_of(agenda: Agenda) -> list[str]:
    ids: list[str] = []
    _, taken = agenda.take(7)
    while taken:
        ids += taken
        _, taken = agenda.take(7)
    return ids


def film(**options: Any) -> Film:
    """Mara in a coat in four shots, of which two each stand in a sequence, and a shot in none."""
    edges = {
        "prop-coat": ["character-m"],
        "prop-lamp": ["character-m"],
        "shot-1": ["character-m", "prop-coat"],
        "shot-2": ["character-m"],
        "shot-3": ["prop-coat"],
        "shot-4": ["prop-lamp"],
        "shot-5": ["character-m"],
        "sequence-a": ["shot-1", "shot-2"],
        "sequence-b": ["shot-3", "shot-4"],
    }
    return Film(edges, **options)


ASSETS_AND_SHOTS = {*(f"shot-{n}" for n in range(1, 6)), "prop-coat", "prop-lamp"}
SEQUENCES = {"sequence-a", "sequence-b"}


def test_without_anybody_sequences_close_after_the_last_shot() -> None:
    phases = film().phases()
    assert set(phases) == {"batch", "background"}
    assert set(phases["batch"]) == ASSETS_AND_SHOTS
    assert set(phases["background"]) == SEQUENCES


def test_what_is_viewed_comes_first_behind_what_it_is_built_on() -> None:
    phases = film().phases("shot-4", "shot-5")
    assert phases["realtime"] == ("prop-lamp", "shot-4", "shot-5")
    assert set(phases["background"]) == SEQUENCES


def test_a_viewed_sequence_moves_its_members_forward_and_closes_after_the_last() -> None:
    phases = film().phases("sequence-b")
    assert phases["realtime"] == ("prop-coat", "shot-3", "prop-lamp", "shot-4", "sequence-b")
    assert phases["background"] == ("sequence-a",)


def test_a_panel_on_screen_goes_before_the_members_of_a_sequence() -> None:
    assert film().phases("sequence-a", "shot-4")["realtime"][:2] == ("prop-lamp", "shot-4")


def test_what_is_marked_critical_comes_first_behind_what_is_viewed() -> None:
    marked = film(critical=["shot-3"])
    assert marked.phases()["realtime"] == ("prop-coat", "shot-3")
    assert marked.phases("shot-5")["realtime"] == ("shot-5", "prop-coat", "shot-3")


def test_what_a_root_scene_holds_is_moved_forward_with_it() -> None:
    """A new draft of the script starts from a scene, and reaches the shots that hang on it."""
    shown = Film({"scene-1": ["shot-1"], "sequence-a": ["scene-1"], "sequence-b": ["scene-1"]})
    root = Root("scene-1", 1, 2)
    scope = scope_of(shown.state, "r", [root], ("metadata",), "screenplay")
    for viewed in ("scene-1", "sequence-a"):
        phases = dict(phases_of(shown.state, scope, [viewed], "batch"))
        expected = ("shot-1", "sequence-a") if viewed == "sequence-a" else ("shot-1",)
        assert phases["realtime"] == expected


def test_in_the_background_only_attention_comes_before_the_rest() -> None:
    phases = film(critical=["shot-5"]).phases("shot-4", mode="background")
    assert phases["realtime"] == ("prop-lamp", "shot-4", "shot-5")
    assert set(phases) == {"realtime", "background"}
    assert set(phases["background"][-2:]) == SEQUENCES


def rule(name: str, phase: Phase, **conditions: Any) -> Rule:
    sets: dict[str, Any] = {key: frozenset(value) for key, value in conditions.items()}
    return Rule(name, name, "update", phase=phase, **sets)


def test_the_first_rule_with_a_phase_decides_whatever_the_caller_hinted() -> None:
    rules = [
        Rule("no phase", "no phase", "update", target_kinds=frozenset({"shot"})),
        rule("lamps", "realtime", source_kinds=["prop"], target_kinds=["shot"]),
        rule("shots", "background", target_kinds=["shot"]),
        rule("never asked", "realtime", target_kinds=["shot"]),
    ]
    ruled = film(rules=rules)
    for mode in PHASES:
        phases = ruled.phases(mode=mode)
        assert set(phases["realtime"]) == {"prop-coat", "prop-lamp", "shot-1", "shot-3", "shot-4"}
        assert set(phases["background"]) == {"shot-2", "shot-5", *SEQUENCES}
    assert ruled.phases("shot-5")["realtime"][0] == "shot-5", "what is viewed still goes first"


def test_a_rule_puts_off_no_more_than_others_can_wait() -> None:
    """The coat is put off, and the shots that are built on it are not."""
    phases = film(rules=[rule("props wait", "background", target_kinds=["prop"])]).phases()
    assert set(phases["batch"]) == ASSETS_AND_SHOTS
    assert phases["batch"].index("prop-coat") < phases["batch"].index("shot-1")


def test_a_ruled_sequence_brings_its_members() -> None:
    rules = [rule("sequences", "realtime", target_kinds=["sequence"])]
    phases = film(rules=rules).phases()
    assert set(phases["realtime"]) == {*ASSETS_AND_SHOTS - {"shot-5"}, *SEQUENCES}


def test_a_rule_keeps_its_phase_and_a_wrong_one_is_named() -> None:
    kept = rule("first", "realtime", target_kinds=["shot"])
    assert Rule.from_json(kept.to_json()) == kept
    for default in default_rules():
        assert Rule.from_json(default.to_json()) == default
    with pytest.raises(Invalid) as caught:
        Rule.from_json({"id": "x", "verdict": "update", "phase": "now"})
    assert [one.field for one in caught.value.errors] == ["phase"]


def test_a_disabled_rule_has_no_phase() -> None:
    engine = RulesEngine([Rule("x", "x", "update", phase="realtime", enabled=False)])
    assert not engine.sets_phases
    assert engine.phase_of(("visual",), frozenset(), "shot", "wip") is None


def test_sizes_follow_what_is_taken_where() -> None:
    agenda = film().agenda("character-m")
    assert agenda.sizes() == {"batch": 7, "background": 2}
    agenda.look(["sequence-b"])
    phase, ids = agenda.take(5)
    assert (phase, len(ids)) == ("realtime", 5)
    assert agenda.sizes({"realtime": 5}) == {"realtime": 5, "batch": 3, "background": 1}


def test_looking_elsewhere_costs_what_is_looked_at_and_not_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shots = [f"shot-{n}" for n in range(5000)]
    edges: dict[str, list[str]] = {one: ["character-m"] for one in shots}
    edges["sequence-a"] = shots
    large = Film(edges)
    agenda = large.agenda("character-m")
    asked: list[str] = []
    inputs = large.state.inputs

    def counted(target: str) -> Mapping[str, Reference]:
        asked.append(target)
        return inputs(target)

    monkeypatch.setattr(large.state, "inputs", counted)
    agenda.take(32)
    agenda.look(["shot-4000", "shot-4001"])
    assert agenda.take(100) == ("realtime", ["shot-4000", "shot-4001"])
    agenda.look(["sequence-a"])
    phase, ids = agenda.take(100)
    assert (phase, len(ids)) == ("realtime", 100)
    assert len(asked) < 110


# -- whatever happens ------------------------------------------------------------------------------


@st.composite
def films(draw: st.DrawFn) -> Film:
    kinds = draw(st.lists(st.sampled_from(sorted(RANK)), min_size=2, max_size=14))
    ids = [f"{kind}-{n}" for n, kind in enumerate(sorted(kinds, key=lambda one: RANK[one]))]
    edges: dict[str, list[str]] = {}
    for at, target in enumerate(ids):
        rank = RANK[target.split("-")[0]]
        fits = [one for one in ids[:at] if rank == 0 or RANK[one.split("-")[0]] < rank]
        edges[target] = draw(st.lists(st.sampled_from(fits), unique=True)) if fits else []
    phased = [
        rule(f"rule-{n}", phase, target_kinds=[kind], source_kinds=sources)
        for n, (phase, kind, sources) in enumerate(
            draw(
                st.lists(
                    st.tuples(
                        st.sampled_from(PHASES),
                        st.sampled_from(sorted(RANK)),
                        st.lists(st.sampled_from(sorted(RANK)), max_size=1),
                    ),
                    max_size=2,
                )
            )
        )
    ]
    critical = draw(st.lists(st.sampled_from(ids), max_size=2))
    return Film(edges, critical, [*phased, *default_rules()])


@given(films(), st.data())
def test_everything_comes_once_after_what_it_is_built_on_and_attention_first(
    shown: Film, data: st.DataObject
) -> None:
    ids = sorted(shown.state.entities)
    some = st.lists(st.sampled_from(ids), max_size=3, unique=True)
    roots = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True))
    scope = shown.scope(*roots)
    agenda = shown.agenda(*roots, mode=data.draw(st.sampled_from(PHASES)))
    taken: list[str] = []
    while True:
        viewed = data.draw(some)
        agenda.look(viewed)
        left = set(scope.order) - set(taken)
        seen = {one for one in viewed if not one.startswith(("scene", "sequence"))} & left
        first = {up for one in seen for up in shown.upstream(one)} & left
        within = {up for one in viewed for up in shown.upstream(one)} & left
        size = data.draw(st.integers(1, 5))
        phase, batch = agenda.take(size)
        if not batch:
            break
        assert len(batch) <= size
        assert set(batch[: len(first)]) <= first, "what was on screen had to wait"
        if seen or within:
            assert phase == "realtime"
        taken += batch
        assert agenda.counts.total() == len(scope.order) - len(taken)
    assert sorted(taken) == sorted(scope.order), "each exactly once"
    place = {one: at for at, one in enumerate(taken)}
    for target in taken:
        for reference in shown.state.inputs(target).values():
            if reference.source in place:
                assert place[reference.source] < place[target]


@given(films(), st.data())
def test_a_viewed_sequence_comes_next_where_nobody_looks_at_anything_else(
    shown: Film, data: st.DataObject
) -> None:
    ids = sorted(shown.state.entities)
    root = data.draw(st.sampled_from(ids))
    agenda = shown.agenda(root)
    taken = set(agenda.take(data.draw(st.integers(1, 4)))[1])
    viewed = data.draw(st.sampled_from(ids))
    expected = (shown.upstream(viewed) & set(shown.scope(root).order)) - taken
    agenda.look([viewed])
    assert set(agenda.take(len(expected))[1] if expected else []) == expected


@given(films(), st.data())
def test_a_preview_has_the_order_of_the_run(shown: Film, data: st.DataObject) -> None:
    ids = sorted(shown.state.entities)
    root = data.draw(st.sampled_from(ids))
    viewed = data.draw(st.lists(st.sampled_from(ids), max_size=3, unique=True))
    mode = data.draw(st.sampled_from(PHASES))
    agenda = shown.agenda(root, mode=mode)
    agenda.look(sorted(viewed))
    phases = phases_of(shown.state, shown.scope(root), viewed, mode)
    assert all_of(agenda) == [one for _, ids in phases for one in ids]
