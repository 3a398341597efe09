"""The shapes of what the API answers about rules."""

from __future__ import annotations

from typing import Any

from server.web.rest.shapes import Shape

__all__ = ["Rule", "RuleTest"]


class Rule(Shape):
    """``fields`` are patterns; ``position`` 0 is asked first."""

    id: str
    name: str
    verdict: str
    change_classes: list[str]
    source_kinds: list[str]
    target_kinds: list[str]
    target_statuses: list[str]
    fields: list[str]
    roles: list[str]
    affected_over: int | None
    author_roles: list[str]
    enabled: bool
    phase: str | None
    position: int


class RuleName(Shape):
    id: str
    name: str


class PassedOver(Shape):
    id: str
    name: str
    why: str


class RuleDecision(Shape):
    """``verdict`` is also ``pinned`` or ``approved`` where the policy leaves no question, and
    ``not_reached`` where what a change would come through does not follow.
    """

    verdict: str
    rule: RuleName | None
    why: str
    passed_over: list[PassedOver]


class RuleQuestion(Shape):
    """``fields`` are the first hundred names; ``more_fields`` says how many others there are."""

    change_classes: list[str]
    source_kind: str
    target_kind: str
    target_status: str
    role: str
    fields: list[str]
    more_fields: int
    affected: dict[str, int]
    author_roles: list[str]


class TriedRule(Shape):
    """One reference that a change comes to. ``outcome`` is what the run that is tried did there."""

    target: dict[str, Any] | None
    source: dict[str, Any] | None
    reference: str | None
    question: RuleQuestion | None
    now: RuleDecision
    candidate: RuleDecision | None
    differs: bool
    outcome: str | None


class RuleTest(Shape):
    """``verdict``, ``rule`` and ``why`` are those of the only item, where there is one only: the
    candidate's, if there is a candidate. ``items`` are at most ``limit`` of ``total``, those first
    in which the two differ; ``changed`` counts those. ``counts`` is by verdict, ``decided`` by the
    id of the rule that gave it.
    """

    verdict: str | None
    rule: RuleName | None
    why: str
    items: list[TriedRule]
    total: int
    changed: int
    counts: dict[str, dict[str, int] | None]
    decided: dict[str, dict[str, int] | None]
