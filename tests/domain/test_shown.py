"""What is said of a plan that is no longer what was shown, and how many plans are kept."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from server.domain.plan import Plan
from server.domain.runs import Outcome, OutcomeName
from server.domain.shown import Seen, ShownPlan, ShownPlans, Subject, differences


def shown(hash_: str = "h", version: int = 4, **outcomes: str) -> ShownPlan:
    """A plan of Mara's colour; ``outcomes`` by dependent, each with the reason “because”."""
    return shown_as(outcomes, hash_, version)


def shown_as(outcomes: Mapping[str, str], hash_: str = "h", version: int = 4) -> ShownPlan:
    subject = Subject("mara", version, {"colour": "#000000"})
    seen = {id_: Seen("shot", outcome, "because") for id_, outcome in outcomes.items()}
    return ShownPlan(hash_, (subject,), seen)


def said(then: ShownPlan, now: ShownPlan) -> list[str]:
    found = differences(then, now, str.capitalize, lambda kind, count: f"{count} {kind}s")
    return [one.text for one in found]


def test_what_a_plan_starts_from_is_said_first() -> None:
    then = shown(a="updated", b="updated")
    assert said(then, then) == []
    assert said(then, shown(version=5, a="updated", b="pinned")) == [
        "Mara is at v5, the plan was made on v4",
        "B is pinned now",
    ]


def test_what_happens_to_each_now_is_said_in_words() -> None:
    then = shown(a="updated", b="pinned", c="updated", d="updated")
    now = shown(a="awaiting_approval", b="updated", c="unchanged", d="blocked")
    assert said(then, now) == [
        "A asks for approval now",
        "B would be updated now",
        "C would not change any more",
        "D is held back by a rule now",
    ]


def test_another_reason_is_a_difference_unless_it_only_names_another_version() -> None:
    then, now = shown(a="pinned"), shown(a="pinned")
    now = ShownPlan("x", now.subjects, {"a": Seen("shot", "pinned", "pinned to v3 by tom")})
    assert said(then, now) == ["A pinned: pinned to v3 by tom"]
    moved = ShownPlan("x", shown(version=5).subjects, now.outcomes)
    assert said(then, moved) == ["Mara is at v5, the plan was made on v4"]


def test_a_few_are_named_and_many_are_counted() -> None:
    few, many = {"a": "updated", "b": "updated"}, dict.fromkeys("abc", "updated")
    assert said(shown(), shown_as(few)) == ["A was added", "B was added"]
    assert said(shown(), shown_as(many)) == ["3 shots were added"]
    assert said(shown(a="updated"), shown()) == ["A is not reached any more"]
    assert said(shown_as(many), shown()) == ["3 shots are not reached any more"]


def test_a_plan_of_something_else_is_said_to_be_that() -> None:
    then = shown(a="updated")
    coat = ShownPlan("x", (Subject("coat", 1, {}),), {})
    assert said(then, coat) == ["the plan was made for another change, of Mara"]
    other = ShownPlan("x", (Subject("mara", 4, {"colour": "#111111", "@name": "M"}),), {})
    assert said(then, other) == ["the plan was made for another change of Mara: colour, name"]


def test_of_a_plan_that_was_too_large_to_keep_something_is_said_all_the_same() -> None:
    then = ShownPlan("x", shown().subjects, None)
    assert said(then, shown(a="updated")) == ["something that depends on it is not as it was"]
    assert said(then, shown(version=5)) == ["Mara is at v5, the plan was made on v4"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 60)), max_size=60))
def test_the_memory_of_plans_is_bounded_and_keeps_the_newest(made: list[tuple[str, int]]) -> None:
    plans = ShownPlans(most=3, most_bytes=10_000)
    for hash_, size in made:
        plan = shown_as({f"s{number}": "updated" for number in range(size)}, hash_)
        plans.remember(plan)
        kept = list(plans._plans.values())
        assert len(kept) <= 3
        assert sum(one.size for one in kept) == plans._bytes <= 10_000
        assert plans.get(hash_) is not None
    assert plans.get("nothing") is None


def test_a_plan_that_alone_is_too_large_is_kept_without_its_outcomes() -> None:
    plans = ShownPlans(most=3, most_bytes=10_000)
    plans.remember(shown_as({f"s{number}": "updated" for number in range(1000)}, "large"))
    kept = plans.get("large")
    assert kept is not None
    assert kept.outcomes is None


NAMES: tuple[OutcomeName, ...] = ("updated", "pinned", "unchanged", "updated")
OUTCOMES = [
    Outcome(f"s{n}", "shot", name, "because", "mara", 2, f"{n}", f"{n + 1}")
    for n, name in enumerate(NAMES)
]


@given(st.permutations(OUTCOMES))
def test_a_plan_is_the_same_in_whatever_order_it_is_carried_out(order: list[Outcome]) -> None:
    assert plan_of(order).hash([]) == plan_of(OUTCOMES).hash([])
    assert plan_of(order).counts == {"updated": 2, "pinned": 1, "unchanged": 1}


def test_a_plan_is_another_with_another_outcome_reason_or_start() -> None:
    whole = plan_of(OUTCOMES).hash([])
    first, *rest = OUTCOMES
    hashes = {
        plan_of(rest).hash([]),
        plan_of([first._replace(outcome="pinned"), *rest]).hash([]),
        plan_of([first._replace(reason="else"), *rest]).hash([]),
        plan_of(OUTCOMES).hash(["mara", 2]),
    }
    assert len(hashes | {whole}) == 5
    # What a dependent looks like by itself is its own affair: somebody may be typing in it.
    assert plan_of([first._replace(from_hash="x"), *rest]).hash([]) == whole


def plan_of(outcomes: list[Outcome]) -> Plan:
    plan = Plan(())
    for outcome in outcomes:
        plan.add(outcome)
    return plan
