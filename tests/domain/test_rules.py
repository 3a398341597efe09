"""server/domain/rules.py: the rule table, what is remembered, and what is said about it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Invalid
from server.domain.rules import Question, Rule, RulesEngine, default_rules

WHOLE = Question(
    ("visual",),
    "style",
    "shot",
    "wip",
    "style",
    frozenset({"colour_day", "@name"}),
    (("sequence", 5), ("shot", 51)),
    frozenset({"editor"}),
)


def rule(id_: str = "r", verdict: str = "block", **conditions: Any) -> Rule:
    return Rule.from_json({"id": id_, "verdict": verdict, **conditions})


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({}, True),
        ({"change_classes": ["visual", "metadata"]}, True),
        ({"change_classes": ["metadata"]}, False),
        ({"source_kinds": ["style"]}, True),
        ({"source_kinds": ["prop"]}, False),
        ({"target_kinds": ["shot"]}, True),
        ({"target_kinds": ["scene"]}, False),
        ({"target_statuses": ["wip"]}, True),
        ({"target_statuses": ["final"]}, False),
        ({"fields": ["colour*"]}, True),
        ({"fields": ["@name"]}, True),
        ({"fields": ["Colour*"]}, False),
        ({"fields": ["colour"]}, False),
        ({"roles": ["style"]}, True),
        ({"roles": ["worn_by"]}, False),
        ({"affected_over": 55}, True),
        ({"affected_over": 56}, False),
        ({"affected_over": 50, "target_kinds": ["shot"]}, True),
        ({"affected_over": 51, "target_kinds": ["shot"]}, False),
        ({"author_roles": ["editor", "viewer"]}, True),
        ({"author_roles": ["owner"]}, False),
        ({"fields": ["colour*"], "roles": ["worn_by"]}, False),
    ],
)
def test_every_condition_must_hold(conditions: dict[str, Any], holds: bool) -> None:
    assert rule(**conditions).holds(WHOLE) is holds


def test_the_first_enabled_rule_that_holds_decides() -> None:
    rules = [
        rule("off", "block", enabled=False),
        rule("other", "pin", source_kinds=["prop"]),
        rule("this", "notify", target_kinds=["shot"]),
        rule("late", "update"),
    ]
    engine = RulesEngine(rules)
    assert engine.decide(WHOLE).rule == rules[2]
    assert engine.decide(WHOLE).verdict == "notify"
    assert engine.explain(WHOLE) == "the target is shot"
    assert [(one.id, why) for one, why in engine.passed_over(WHOLE)] == [
        ("off", "it is not enabled"),
        ("other", "the source is style, not prop"),
    ]
    assert RulesEngine([]).decide(WHOLE).verdict == "update"


def test_why_is_said_in_words() -> None:
    engine = RulesEngine(default_rules())
    assert engine.decide(WHOLE).rule == default_rules()[1]
    why = "the change is visual; the source is style; the target is shot"
    assert engine.explain(WHOLE) == f"{why}; it reaches 51 (more than 50)"
    narrow = WHOLE._replace(affected=(("shot", 50),))
    assert [why for _, why in engine.passed_over(narrow)] == [
        "its status is wip, not final",
        "it reaches 50, not more than 50",
    ]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "require_approval"),
        ({"classes": ("metadata",)}, "update"),
        ({"source": "wardrobe"}, "update"),
        ({"target": "scene"}, "update"),
        ({"affected": (("shot", 50),)}, "update"),
        ({"source": "wardrobe", "status": "final"}, "require_approval"),
        ({"classes": ("relationship",), "source": "prop"}, "update"),
    ],
)
def test_the_defaults(changes: dict[str, Any], verdict: str) -> None:
    assert RulesEngine(default_rules()).decide(WHOLE._replace(**changes)).verdict == verdict


def test_ten_thousand_targets_cost_as_many_evaluations_as_there_are_questions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluated = 0
    checks = Rule.checks

    def counted(self: Rule, question: Question) -> Any:
        nonlocal evaluated
        evaluated += 1
        return checks(self, question)

    monkeypatch.setattr(Rule, "checks", counted)
    engine = RulesEngine(default_rules())
    statuses = ("wip", "review", "approved", "final")
    for number in range(10_000):
        engine.decide(WHOLE._replace(status=statuses[number % 4]))
    assert evaluated <= len(statuses) * len(default_rules())


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.domain.rules._MOST_KNOWN", 10)
    engine = RulesEngine(default_rules())
    for number in range(100):
        engine.decide(WHOLE._replace(affected=(("shot", number),)))
        assert len(engine._known) <= 10


def test_parts_that_no_enabled_rule_reads_can_be_left_out() -> None:
    plain = RulesEngine(
        [rule(fields=["a"], author_roles=["owner"], affected_over=1, enabled=False)]
    )
    assert not plain.reads_fields
    assert not plain.reads_authors
    assert not plain.counts("style", "shot")
    engine = RulesEngine(default_rules())
    assert engine.counts("style", "shot")
    assert not engine.counts("style", "scene")
    assert not engine.counts("prop", "shot")


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({"verdict": "explode"}, ["verdict"]),
        ({"id": "", "verdict": "block"}, ["id"]),
        ({"verdict": "block", "when": 1, "colour": 2}, ["when", "colour"]),
        ({"verdict": "block", "enabled": "yes"}, ["enabled"]),
        ({"verdict": "block", "phase": "soon"}, ["phase"]),
        ({"verdict": "block", "affected_over": True}, ["affected_over"]),
        ({"verdict": "block", "affected_over": -1}, ["affected_over"]),
        ({"verdict": "block", "affected_over": 1.5}, ["affected_over"]),
        ({"verdict": "block", "roles": "worn_by"}, ["roles"]),
        ({"verdict": "block", "roles": [7]}, ["roles"]),
        ({"verdict": "block", "change_classes": ["loud"]}, ["change_classes"]),
        ({"verdict": "block", "author_roles": ["king"]}, ["author_roles"]),
        ({"verdict": "block", "fields": ["*a*b*c*d*e*"]}, ["fields"]),
        ({"verdict": "block", "fields": ["a"] * 101}, ["fields"]),
        ({"verdict": "no", "fields": [""], "name": "a\nb"}, ["name", "verdict", "fields"]),
    ],
)
def test_every_offending_key_is_named(data: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        Rule.from_json({"id": "r", **data})
    assert [error.field for error in caught.value.errors] == fields


def test_a_phase_is_found_by_what_is_known_before_a_dependent_is_reached() -> None:
    late = rule("late", "update", phase="background", target_kinds=["shot"], fields=["never"])
    first = rule("first", "update", phase="realtime", source_kinds=["prop"], target_kinds=["shot"])
    engine = RulesEngine([rule("off", phase="batch", enabled=False), first, late])
    assert engine.sets_phases
    assert engine.asks_where_from
    assert engine.phase_of(("visual",), {"prop", "style"}, "shot", "wip") == "realtime"
    assert engine.phase_of(("visual",), {"style"}, "shot", "wip") == "background"
    assert engine.phase_of(("visual",), {"style"}, "scene", "wip") is None
    assert not RulesEngine(default_rules()).sets_phases


words = st.sampled_from(["a", "b", "style", "shot", "wip", "visual", "editor", "c*"])
sets = st.frozensets(words, max_size=2)
rules = st.builds(
    Rule,
    id=st.just("r"),
    name=st.just("r"),
    verdict=st.just("block"),
    change_classes=sets,
    source_kinds=sets,
    target_kinds=sets,
    target_statuses=sets,
    fields=st.lists(words, max_size=2, unique=True).map(tuple),
    roles=sets,
    affected_over=st.none() | st.integers(0, 3),
    author_roles=sets,
    enabled=st.booleans(),
    phase=st.sampled_from([None, "realtime", "batch"]),
)
questions = st.builds(
    Question,
    classes=sets.map(lambda found: tuple(sorted(found))),
    source=words,
    target=words,
    status=words,
    role=words,
    fields=sets,
    affected=st.lists(st.tuples(words, st.integers(0, 3)), max_size=2).map(tuple),
    author_roles=sets,
)


@given(st.lists(rules, max_size=4), questions)
def test_what_is_explained_is_what_decides(some: list[Rule], question: Question) -> None:
    engine = RulesEngine(some)
    decision = engine.decide(question)
    passed = [one for one, _ in engine.passed_over(question)]
    if decision.rule is None:
        assert passed == some
    else:
        assert decision.rule.enabled
        assert [*passed, decision.rule] == some[: len(passed) + 1]
        assert engine.explain(question)


@given(rules)
def test_a_rule_survives_its_json(one: Rule) -> None:
    assert Rule.stored(one.to_json()) == one


@given(
    st.lists(st.text("ab*?[]!.|()", min_size=1, max_size=5), min_size=1, max_size=4),
    st.text("ab*?[]!.|()\n", max_size=6),
)
def test_patterns_fit_as_those_of_file_names(patterns: list[str], name: str) -> None:
    question = WHOLE._replace(fields=frozenset({name}))
    known = Rule("r", "r", "block", fields=tuple(patterns))
    assert known.holds(question) is any(fnmatchcase(name, one) for one in patterns)


def test_of_very_many_names_only_some_are_told() -> None:
    names = frozenset(f"field {number:06}" for number in range(100_000))
    engine = RulesEngine([rule("r", fields=["colour*"]), rule("s", fields=["field*"])])
    question = WHOLE._replace(fields=names)
    said = engine.explain(question)
    assert said.startswith("it changes field 000000, field 000001, ")
    assert said.endswith(", 99,988 more")
    ((_, why),) = engine.passed_over(question)
    assert why == said + ", not colour*"
