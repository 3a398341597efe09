"""Asking: the question that rules are asked where a change would come over a reference.

What lies between the version that is shown and the one that would be is all in the two of them:
their fields, and for each role the last version that was made in it. So a later change carries no
earlier one past its rule, and the versions in between need not be at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from server.domain.changes import diff_fields
from server.domain.entities import Entity, Reference, Version
from server.domain.rules import Decision, Question
from server.domain.transaction import Transaction

__all__ = [
    "Asked",
    "authors_between",
    "authors_of",
    "decide",
    "fields_between",
    "question_of",
]


class Asked:
    """What was asked already, for as long as one scope lasts: thousands of dependents ask the same
    of the same two versions. Not for longer: the versions of a step that is thrown away are not
    those that come later under the same numbers.
    """

    __slots__ = ("decisions", "fields")

    def __init__(self) -> None:
        self.fields: dict[tuple[str, int, int], frozenset[str]] = {}
        self.decisions: dict[Any, Decision] = {}

    def forget(self) -> None:
        """After a step that was thrown away."""
        self.fields.clear()
        self.decisions.clear()


_NOTHING: frozenset[str] = frozenset()


def decide(
    tx: Transaction,
    classes: tuple[str, ...],
    reference: Reference,
    goal: int,
    target: Entity,
    asked: Asked | None = None,
) -> Decision:
    """What rules say before a reference moves on to the version ``goal`` of its source, a change of
    these ``classes``.
    """
    if asked is None or reference.overrides:
        return tx.rules.decide(question_of(tx, classes, reference, goal, target, asked))
    source, here = reference.source, tx.pointer(reference)
    # The rules may be others before the scope is through: they are part of what was asked.
    key = (source, here, goal, classes, reference.role, target.kind, target.status, tx.rules)
    found = asked.decisions.get(key)
    if found is None:
        question = question_of(tx, classes, reference, goal, target, asked)
        found = asked.decisions[key] = tx.rules.decide(question)
    return found


def question_of(
    tx: Transaction,
    classes: tuple[str, ...],
    reference: Reference,
    goal: int,
    target: Entity,
    asked: Asked | None = None,
    *,
    whole: bool = False,
) -> Question:
    """What rules are asked before a reference moves on to the version ``goal`` of its source.

    Parts that no rule looks at are left empty, unless the question is wanted ``whole``, for people.
    """
    rules = tx.rules
    source = tx.entity(reference.source)
    fields = authors = _NOTHING
    if whole or rules.reads_fields:
        fields = _fields(tx, reference, goal, Asked() if asked is None else asked)
    if whole or rules.reads_authors:
        authors = authors_of(tx, [(reference, goal)])
    counted = whole or rules.counts(source.kind, target.kind)
    return Question(
        classes,
        source.kind,
        target.kind,
        target.status,
        reference.role,
        fields,
        tx.dependents(source.id) if counted else (),
        authors,
    )


def _fields(tx: Transaction, reference: Reference, goal: int, asked: Asked) -> frozenset[str]:
    here = tx.pointer(reference)
    if reference.overrides:
        return fields_between(tx, reference.source, here, goal, reference.overrides)
    key = reference.source, here, goal
    found = asked.fields.get(key)
    if found is None:
        found = asked.fields[key] = fields_between(tx, *key)
    return found


def fields_between(
    tx: Transaction,
    source: str,
    here: int,
    goal: int,
    overrides: Mapping[str, Any] | None = None,
) -> frozenset[str]:
    """The names of what differs between two versions of a source, as a dependent sees them that
    overrides some: also of what differs in what the source is built on, however deep.
    """
    found: set[str] = set()
    waiting = [(source, here, goal, overrides or {})]
    seen: set[tuple[str, int, int]] = set()
    while waiting:
        entity_id, one, other, hidden = waiting.pop()
        before, after = tx.version(entity_id, one), tx.version(entity_id, other)
        found.update(diff_fields(before.fields, after.fields).keys() - hidden.keys())
        if before.name != after.name:
            found.add("@name")
        if before.references == after.references:
            continue
        found.add("@references")
        then = {ref.reference_id: ref for ref in before.references}
        for now in after.references:
            old = then.get(now.reference_id)
            if old is None or old.version == now.version:
                continue
            key = now.source, old.version, now.version
            if key not in seen:
                seen.add(key)
                waiting.append((*key, now.overrides))
    return frozenset(found)


def authors_of(tx: Transaction, moves: Iterable[tuple[Reference, int]]) -> frozenset[str]:
    """The roles in which somebody made what references are about to move on to."""
    found: set[str] = set()
    for reference, number in moves:
        here = tx.version(reference.source, tx.pointer(reference))
        found |= authors_between(here, tx.version(reference.source, number))
    return frozenset(found)


def authors_between(here: Version, goal: Version) -> frozenset[str]:
    """The roles in which somebody made a version after one and up to the other, either way
    round.
    """
    later, earlier = (goal, here) if goal.number >= here.number else (here, goal)
    return frozenset(role for role, last in later.roles if last > earlier.number)
