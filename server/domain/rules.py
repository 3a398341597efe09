"""RulesEngine: an ordered list of declarative rules decides what a change does to a dependent.

The first enabled rule whose conditions all hold decides. A condition that is empty holds always.
Pins are not a rule: a pinned reference does not move whatever the rules say, because policy is not
state.

A rule can also say in which phase of a run a dependent is reached. That is asked apart from the
verdict: the first enabled rule with a phase whose conditions on classes, kinds and status hold for
one of the references over which the change can arrive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from heapq import nsmallest
from typing import Any, Literal, NamedTuple

from protocol.errors import FieldError, Invalid
from server.domain.rule_reader import (
    AUTHOR_ROLES,
    VERDICTS,
    Verdict,
    check_rule,
    rule_values,
)
from server.domain.runs import Phase

__all__ = [
    "AUTHOR_ROLES",
    "MOST_RULES",
    "VERDICTS",
    "Check",
    "Decision",
    "Question",
    "Rule",
    "RulesEngine",
    "Verdict",
    "check_size",
    "default_rules",
]

MOST_RULES = 200
MOST_PATTERNS = 500
"""Of fields, in all rules together: each is held against each name that a change has."""

_MOST_KNOWN = 20_000
_MOST_NAMED = 12
"""So many names stand in one sentence; of the rest only the number."""
WIDE_STYLE = 50
"""A change of a style that reaches more shots than this asks."""


class Question(NamedTuple):
    """What rules are asked: one change on its way over one reference. Equal questions have equal
    answers.

    ``source`` and ``target`` are kinds, ``status`` is the target's. ``fields`` are the names of
    what differs between the version that is shown and the one that would be: the source's name and
    what it is built on go by ``@name`` and ``@references``. ``author_roles`` are those in which the
    versions between the two were made. ``affected`` is how many dependents the source has, by kind.
    """

    classes: tuple[str, ...]
    source: str
    target: str
    status: str
    role: str = ""
    fields: frozenset[str] = frozenset()
    affected: tuple[tuple[str, int], ...] = ()
    author_roles: frozenset[str] = frozenset()


Key = Literal[
    "change_classes",
    "source_kinds",
    "target_kinds",
    "target_statuses",
    "fields",
    "roles",
    "affected_over",
    "author_roles",
]
_WORDS: dict[Key, str] = {
    "change_classes": "the change is",
    "source_kinds": "the source is",
    "target_kinds": "the target is",
    "target_statuses": "its status is",
    "fields": "it changes",
    "roles": "it is used as",
    "affected_over": "it reaches",
    "author_roles": "it was made by",
}


_KNOWN_EARLY = frozenset({"change_classes", "source_kinds", "target_kinds", "target_statuses"})


class Check(NamedTuple):
    """One condition of a rule against one question: what it wants, and what is there."""

    key: Key
    holds: bool
    wanted: Collection[str]
    found: Collection[str]

    @property
    def text(self) -> str:
        """In words: ``the source is style``, ``its status is wip, not final``."""
        said = f"{_WORDS[self.key]} {', '.join(_named(self.found)) or 'nothing that is known'}"
        wanted = " or ".join(_named(self.wanted))
        if self.key == "affected_over" and self.holds:
            return f"{said} ({wanted})"
        return said if self.holds else f"{said}, not {wanted}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: conditions over the change, its source, the edge and the dependent, and the
    verdict.

    ``fields`` are patterns (``colour*``) of which one must fit one changed field. ``roles`` are
    those of edges. ``affected_over`` counts the dependents that are of a kind that the rule is
    about. ``author_roles`` are the rights of those who made the change.
    """

    id: str
    name: str
    verdict: Verdict
    change_classes: frozenset[str] = frozenset()
    source_kinds: frozenset[str] = frozenset()
    target_kinds: frozenset[str] = frozenset()
    target_statuses: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()
    affected_over: int | None = None
    author_roles: frozenset[str] = frozenset()
    enabled: bool = True
    phase: Phase | None = None

    def checks(self, question: Question) -> Iterator[Check]:
        """Every condition that is not empty, in the order of the keys."""
        sets: tuple[tuple[Key, frozenset[str], Collection[str]], ...] = (
            ("change_classes", self.change_classes, question.classes),
            ("source_kinds", self.source_kinds, (question.source,)),
            ("target_kinds", self.target_kinds, (question.target,)),
            ("target_statuses", self.target_statuses, (question.status,)),
            ("roles", self.roles, (question.role,)),
            ("author_roles", self.author_roles, question.author_roles),
        )
        for key, wanted, found in sets:
            if wanted:
                both = wanted.intersection(found)
                yield Check(key, bool(both), wanted, both or found)
        if self.fields:
            named = _names(self.fields)
            fits = [name for name in question.fields if named(name)]
            yield Check("fields", bool(fits), self.fields, fits or question.fields)
        if self.affected_over is not None:
            count = self.affected(question)
            over = f"more than {self.affected_over}"
            yield Check("affected_over", count > self.affected_over, (over,), (str(count),))

    def holds(self, question: Question) -> bool:
        return all(check.holds for check in self.checks(question))

    def may_hold(self, question: Question) -> bool:
        """Whether it holds as far as that is known before a dependent is reached."""
        return all(check.holds for check in self.checks(question) if check.key in _KNOWN_EARLY)

    def affected(self, question: Question) -> int:
        """How many of the dependents are of a kind that the rule is about."""
        kinds = self.target_kinds
        return sum(count for kind, count in question.affected if not kinds or kind in kinds)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "verdict": self.verdict,
            "change_classes": sorted(self.change_classes),
            "source_kinds": sorted(self.source_kinds),
            "target_kinds": sorted(self.target_kinds),
            "target_statuses": sorted(self.target_statuses),
            "fields": list(self.fields),
            "roles": sorted(self.roles),
            "affected_over": self.affected_over,
            "author_roles": sorted(self.author_roles),
            "enabled": self.enabled,
            "phase": self.phase,
        }

    @classmethod
    def from_json(cls, data: Any) -> Rule:
        """A rule as it was sent; raises Invalid naming every offending key."""
        check_rule(data)
        return cls(**rule_values(data))

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> Rule:
        """A rule as it is stored: it was checked when it came, by what held then."""
        return cls(**rule_values(data))


@lru_cache(maxsize=1024)
def _names(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Whether a field's name fits one of some patterns: all of them in one expression."""
    return re.compile("|".join(map(translate, patterns))).match


def _named(names: Collection[str]) -> list[str]:
    """Names as a sentence can hold them: a change can have a hundred thousand."""
    shown = nsmallest(_MOST_NAMED, names)
    more = len(names) - len(shown)
    return [*shown, f"{more:,} more"] if more else shown


def check_size(rules: Collection[Rule]) -> None:
    """Raises Invalid for a list that would take too long to go through."""
    if len(rules) > MOST_RULES:
        problem = FieldError("rules", f"must be at most {MOST_RULES}")
        raise Invalid("There are too many rules", [problem])
    if sum(len(rule.fields) for rule in rules) > MOST_PATTERNS:
        problem = FieldError("fields", f"must be at most {MOST_PATTERNS} in all rules together")
        raise Invalid("The rules name too many fields", [problem])


def default_rules() -> tuple[Rule, ...]:
    """What a project starts with: what is locked and what is wide asks, everything else follows.

    A picture is stale exactly when what it shows looks different (``server.domain.depicting``), so
    following a visual change marks it by itself, and metadata marks nothing.
    """
    return (
        Rule(
            "final-asks",
            "Final shots and assets wait for approval",
            "require_approval",
            target_statuses=frozenset({"final"}),
        ),
        Rule(
            "wide-style-asks",
            f"A new look of a style asks where it reaches more than {WIDE_STYLE} shots",
            "require_approval",
            change_classes=frozenset({"visual"}),
            source_kinds=frozenset({"style"}),
            target_kinds=frozenset({"shot"}),
            affected_over=WIDE_STYLE,
        ),
        Rule(
            "looks-follow",
            "A new look is followed, and pictures that were made before are stale",
            "update",
            change_classes=frozenset({"visual"}),
        ),
        Rule(
            "metadata-follows",
            "Metadata is followed without marking anything",
            "update",
            change_classes=frozenset({"metadata"}),
        ),
        Rule("everything-follows", "Everything else follows", "update"),
    )


class Decision(NamedTuple):
    """The verdict on one dependent, and the rule that gave it. ``rejected`` says who refused what
    the rule asked for; empty where nobody did. ``undecided`` is about what is locked and has no
    rule: that is a conflict.
    """

    verdict: Verdict | Literal["undecided"]
    rule: Rule | None
    rejected: str = ""

    @property
    def name(self) -> str:
        """The rule's name; empty where no rule decided."""
        return self.rule.name if self.rule else ""


_FOLLOW = Decision("update", None)
_UNDECIDED = Decision("undecided", None)
_LOCKED = "final"
"""Of this status nothing moves that no rule lets move."""


class RulesEngine:
    """Evaluates a project's rules; remembers answers, for a run asks the same few questions very
    often.

    ``reads_fields`` and ``reads_authors`` say whether any rule looks at these parts of a question:
    else they can be left out.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._enabled = tuple(rule for rule in self.rules if rule.enabled)
        self.reads_fields = any(rule.fields for rule in self._enabled)
        self.reads_authors = any(rule.author_roles for rule in self._enabled)
        self._counting = tuple(one for one in self._enabled if one.affected_over is not None)
        self._phased = tuple(rule for rule in self._enabled if rule.phase)
        self._known: dict[Question, Decision] = {}
        self._phases: dict[tuple[tuple[str, ...], frozenset[str], str, str], Phase | None] = {}

    def counts(self, source: str, target: str) -> bool:
        """Whether any rule looks at how many dependents a source of this kind has, where it comes
        to a target of that kind.
        """
        return any(
            (not rule.source_kinds or source in rule.source_kinds)
            and (not rule.target_kinds or target in rule.target_kinds)
            for rule in self._counting
        )

    def decide(self, question: Question) -> Decision:
        """What the first rule that holds says. What no rule is about follows, unless locked."""
        decision = self._known.get(question)
        if decision is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            decision = self._known[question] = next(
                (Decision(one.verdict, one) for one in self._enabled if one.holds(question)),
                _UNDECIDED if question.status == _LOCKED else _FOLLOW,
            )
        return decision

    def explain(self, question: Question) -> str:
        """Why the decision is what it is, in words: what the rule goes by."""
        rule = self.decide(question).rule
        if rule is None and question.status == _LOCKED:
            return f"no rule is about this, and what is {_LOCKED} does not move by itself"
        if rule is None:
            return "no rule is about this, so it follows"
        said = "; ".join(check.text for check in rule.checks(question))
        return said or "the rule is about every change"

    def passed_over(self, question: Question) -> Iterator[tuple[Rule, str]]:
        """The rules before the one that decides, each with why it does not."""
        decides = self.decide(question).rule
        for rule in self.rules:
            if rule is decides:
                return
            if not rule.enabled:
                yield rule, "it is not enabled"
            else:
                yield rule, next(one.text for one in rule.checks(question) if not one.holds)

    # -- phases ------------------------------------------------------------------------------------

    @property
    def sets_phases(self) -> bool:
        """Whether any rule says when something is reached."""
        return bool(self._phased)

    @property
    def asks_where_from(self) -> bool:
        """Whether the kinds of sources matter to that."""
        return any(rule.source_kinds for rule in self._phased)

    def phase_of(
        self, classes: tuple[str, ...], sources: AbstractSet[str], target: str, status: str
    ) -> Phase | None:
        """The phase that the rules give to a dependent that a change of ``classes`` can reach from
        these kinds; ``None`` where they leave it open.
        """
        key = (classes, frozenset(sources), target, status)
        if key not in self._phases:
            asked = [Question(classes, one, target, status) for one in sources or ("",)]
            self._phases[key] = next(
                (rule.phase for rule in self._phased if any(map(rule.may_hold, asked))), None
            )
        return self._phases[key]
