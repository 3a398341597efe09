"""Rule trials: which rules would decide, where a change would come from, and what other rules would
say. Nothing is changed by it, and it does not matter where pointers stand by now: a change that was
made long ago is tried as if it came today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Any, NamedTuple

from server.domain.asking import authors_between, fields_between
from server.domain.entities import Entity, Reference
from server.domain.rules import Decision, Question, RulesEngine
from server.domain.runs import Root
from server.domain.transaction import Transaction

__all__ = ["Travels", "Tried", "decision_json", "question_json", "travels", "trials"]

_MOST_FIELDS = 100
"""So many names are told of one question."""


class Travels(NamedTuple):
    """What comes from an entity that has changed, to everything that uses it."""

    classes: frozenset[str]
    fields: frozenset[str]
    authors: frozenset[str]


class Tried(NamedTuple):
    """What would happen at one reference. Without a question the reference's policy decides."""

    target: Entity
    reference: Reference
    question: Question | None
    decision: Decision | None


def travels(tx: Transaction, root: Root) -> Travels:
    """What a root of a run brings on its way; both of its versions must be at hand."""
    before = tx.version(root.asset_id, root.from_version or root.to_version)
    after = tx.version(root.asset_id, root.to_version)
    classes: set[str] = set()
    if before.digests != after.digests:
        classes.add("visual" if before.digests.visual != after.digests.visual else "metadata")
    if before.references != after.references:
        classes.add("relationship")
    fields = fields_between(tx, root.asset_id, before.number, after.number)
    return Travels(frozenset(classes), fields, authors_between(before, after))


def trials(
    tx: Transaction, roots: Mapping[str, Travels], order: Iterable[str], rules: RulesEngine
) -> Iterator[Tried]:
    """Ask rules at every reference that the change of some roots comes to, in dependency order; an
    asset that would follow carries it on.
    """
    carried = dict(roots)
    for entity_id in order:
        target = tx.entity(entity_id)
        brought: list[Travels] = []
        for reference in tx.inputs(entity_id):
            comes = carried.get(reference.source)
            if comes is None or tx.is_member(reference):
                continue
            if reference.policy != "latest":
                yield Tried(target, reference, None, None)
                continue
            question = _question(tx, comes, reference, target)
            if question is None:
                continue
            decision = rules.decide(question)
            yield Tried(target, reference, question, decision)
            if decision.verdict == "update":
                brought.append(comes)
        if brought and entity_id not in carried and tx.kind(target).category == "asset":
            classes, fields, authors = (
                frozenset[str]().union(*parts) for parts in zip(*brought, strict=True)
            )
            carried[entity_id] = Travels(classes, fields | {"@references"}, authors)


def _question(
    tx: Transaction, comes: Travels, reference: Reference, target: Entity
) -> Question | None:
    """What would be asked; ``None`` where overrides hide all of the change."""
    fields = comes.fields.difference(reference.overrides)
    if comes.fields and not fields:
        return None
    source = tx.entity(reference.source)
    return Question(
        tuple(sorted(comes.classes)),
        source.kind,
        target.kind,
        target.status,
        reference.role,
        fields,
        tx.state.dependents(source.id),
        comes.authors,
    )


# -- as the API shows it ---------------------------------------------------------------------------


def question_json(question: Question) -> dict[str, Any]:
    return {
        "change_classes": list(question.classes),
        "source_kind": question.source,
        "target_kind": question.target,
        "target_status": question.status,
        "role": question.role,
        "fields": nsmallest(_MOST_FIELDS, question.fields),
        "more_fields": max(0, len(question.fields) - _MOST_FIELDS),
        "affected": dict(question.affected),
        "author_roles": sorted(question.author_roles),
    }


def decision_json(rules: RulesEngine, question: Question) -> dict[str, Any]:
    """The verdict, the rule that gave it, and why: also why those before it did not."""
    decision = rules.decide(question)
    rule = decision.rule
    return {
        "verdict": decision.verdict,
        "rule": None if rule is None else {"id": rule.id, "name": rule.name},
        "why": rules.explain(question),
        "passed_over": [
            {"id": one.id, "name": one.name, "why": why} for one, why in rules.passed_over(question)
        ],
    }
