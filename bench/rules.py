"""How long rules take that are asked at ten thousand targets, as a run asks them."""

from __future__ import annotations

import time

from bench.figures import Figure
from server.domain.rules import Question, Rule, RulesEngine, default_rules

__all__ = ["measure"]

TARGETS = 10_000
_ROUNDS = 5
_STATUSES = ("wip", "review", "approved", "final")
_KINDS = ("shot", "scene", "prop")


def measure() -> list[Figure]:
    """The best of a few rounds, each with an engine that remembers nothing yet."""
    best = min(_round() for _ in range(_ROUNDS))
    detail = f"{len(_rules())} rules with every condition, a question made for each"
    return [Figure("Rules asked at 10,000 targets", best * 1000, "ms", 20, detail)]


def _rules() -> list[Rule]:
    asks = [
        Rule(
            f"r{number}",
            f"Rule {number}",
            "require_approval",
            fields=(f"colour_{number}*", "@name"),
            roles=frozenset({f"role {number}"}),
            author_roles=frozenset({"viewer"}),
            affected_over=number,
        )
        for number in range(20)
    ]
    return [*asks, *default_rules()]


def _round() -> float:
    engine = RulesEngine(_rules())
    fields, authors = frozenset({"description", "colour"}), frozenset({"editor"})
    affected = (("shot", TARGETS),)
    begun = time.perf_counter()
    for number in range(TARGETS):
        engine.decide(
            Question(
                ("visual",),
                "wardrobe",
                _KINDS[number % 3],
                _STATUSES[number % 4],
                "wardrobe",
                fields,
                affected,
                authors,
            )
        )
    return time.perf_counter() - begun
