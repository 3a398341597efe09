"""RulesEngine: an ordered list of declarative rules decides what a change does to a dependent.

The first enabled rule whose conditions all hold decides. A condition that is empty holds always.
Pins are not a rule: a pinned reference does not move whatever the rules say, because policy is not
state.

A rule can also say in which phase of a run a dependent is reached. That is asked apart from the
verdict: the first enabled rule with a phase whose conditions all hold for one of the references
over which the change can arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from protocol.errors import FieldError, Invalid
from server.domain.changes import ChangeClass
from server.domain.runs import Phase

__all__ = ["Decision", "Rule", "RulesEngine", "Verdict", "default_rules"]

Verdict = Literal["update", "notify", "require_approval", "mark_stale", "pin", "block"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: conditions over the change, its source and the dependent, the verdict, and the
    phase of the dependent where the rule says one.
    """

    id: str
    name: str
    verdict: Verdict
    change_classes: frozenset[str] = frozenset()
    source_kinds: frozenset[str] = frozenset()
    target_kinds: frozenset[str] = frozenset()
    target_statuses: frozenset[str] = frozenset()
    enabled: bool = True
    phase: Phase | None = None

    def holds(self, classes: Iterable[str], source: str, target: str, status: str) -> bool:
        return (
            (not self.change_classes or not self.change_classes.isdisjoint(classes))
            and (not self.source_kinds or source in self.source_kinds)
            and (not self.target_kinds or target in self.target_kinds)
            and (not self.target_statuses or status in self.target_statuses)
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "verdict": self.verdict,
            "change_classes": sorted(self.change_classes),
            "source_kinds": sorted(self.source_kinds),
            "target_kinds": sorted(self.target_kinds),
            "target_statuses": sorted(self.target_statuses),
            "enabled": self.enabled,
            "phase": self.phase,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Rule:
        """A stored rule; raises Invalid naming the offending key."""
        sets = ("change_classes", "source_kinds", "target_kinds", "target_statuses")
        errors = [
            FieldError(key, "is not known")
            for key in data.keys() - {"id", "name", "verdict", "enabled", "phase", *sets}
        ]
        if data.get("verdict") not in get_args(Verdict):
            errors.append(FieldError("verdict", "must be one of: " + ", ".join(get_args(Verdict))))
        if data.get("phase") not in (None, *get_args(Phase)):
            errors.append(FieldError("phase", "must be one of: " + ", ".join(get_args(Phase))))
        for key in sets:
            value = data.get(key, [])
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                errors.append(FieldError(key, "must be a list of texts"))
        errors.extend(
            FieldError("change_classes", f"{item!r} is not a class of change")
            for item in data.get("change_classes", [])
            if item not in get_args(ChangeClass)
        )
        if errors:
            raise Invalid("The rule is not valid", errors)
        return cls(
            str(data["id"]),
            str(data.get("name", data["id"])),
            data["verdict"],
            change_classes=frozenset(data.get("change_classes", [])),
            source_kinds=frozenset(data.get("source_kinds", [])),
            target_kinds=frozenset(data.get("target_kinds", [])),
            target_statuses=frozenset(data.get("target_statuses", [])),
            enabled=bool(data.get("enabled", True)),
            phase=data.get("phase"),
        )


def default_rules() -> tuple[Rule, ...]:
    """What a project starts with: a final shot awaits approval, everything else follows."""
    return (
        Rule(
            "final-asks",
            "Final shots and assets wait for approval",
            "require_approval",
            target_statuses=frozenset({"final"}),
        ),
        Rule("everything-follows", "Everything else follows", "update"),
    )


class Decision(NamedTuple):
    """The verdict on one dependent, and the rule that gave it. ``rejected`` says who refused what
    the rule asked for; empty where nobody did.
    """

    verdict: Verdict
    rule: Rule | None
    rejected: str = ""

    @property
    def name(self) -> str:
        """The rule's name; empty where no rule decided."""
        return self.rule.name if self.rule else ""


_FOLLOW = Decision("update", None)


class RulesEngine:
    """Evaluates a project's rules; remembers answers, for a run asks the same few questions very
    often.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._known: dict[tuple[tuple[str, ...], str, str, str], Decision] = {}
        self._phased = tuple(rule for rule in self.rules if rule.enabled and rule.phase)
        self._phases: dict[tuple[tuple[str, ...], frozenset[str], str, str], Phase | None] = {}

    def decide(self, classes: tuple[str, ...], source: str, target: str, status: str) -> Decision:
        """What a change of ``classes`` to a ``source`` kind does to a ``target`` kind of that
        status.
        """
        key = (classes, source, target, status)
        decision = self._known.get(key)
        if decision is None:
            decision = next(
                (
                    Decision(rule.verdict, rule)
                    for rule in self.rules
                    if rule.enabled and rule.holds(classes, source, target, status)
                ),
                _FOLLOW,
            )
            self._known[key] = decision
        return decision

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
            self._phases[key] = next(
                (
                    rule.phase
                    for rule in self._phased
                    if any(rule.holds(classes, one, target, status) for one in sources or ("",))
                ),
                None,
            )
        return self._phases[key]
