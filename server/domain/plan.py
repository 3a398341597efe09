"""Plans: what a change does to each dependent, in which phase, and why.

One function, ``reach``, decides the outcome of one dependent. A preview calls it for all of them on
a transaction that is thrown away; a run calls it batch by batch on transactions that commit. So a
preview is the very plan that the execution takes.

``reach`` looks at where pointers stand and not at what a run has done so far: doing it again
changes nothing, so a run that was interrupted goes on with whatever has no outcome row yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from server.domain import revisions
from server.domain.asking import authors_of, decide
from server.domain.changes import Change
from server.domain.dependency_conflicts import hold, orphaned, orphans
from server.domain.digests import canonical, checksum
from server.domain.entities import Digests, Entity, Reference
from server.domain.reasons import (
    UP_TO_DATE,
    Behind,
    Held,
    Move,
    explain,
    explain_orphans,
    explain_revision,
    roots_in_words,
)
from server.domain.rules import Decision
from server.domain.runs import Outcome, Phase
from server.domain.scopes import Scope
from server.domain.settling import ask
from server.domain.transaction import Transaction

__all__ = [
    "PINNED",
    "Plan",
    "ask_again",
    "behind_of",
    "plan",
    "reach",
]

PINNED = "reference_pinned"
"""The audit entry of a pin that a rule made, with the reference before and after."""


@dataclass(slots=True)
class Plan:
    """The outcomes to reach, in order, and the phase of each.

    Plans that do the same to the same dependents for the same reasons are one and the same, in
    whatever order they do it: who looks at what decides that, and changes all the time.
    """

    phases: tuple[tuple[Phase, tuple[str, ...]], ...]
    outcomes: list[Outcome] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    _sum: int = 0

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.counts[outcome.outcome] = self.counts.get(outcome.outcome, 0) + 1
        what = [outcome.entity_id, outcome.kind, outcome.outcome, outcome.reason]
        self._sum += int.from_bytes(sha256(canonical(what)).digest(), "big")

    def hash(self, rests_on: Any) -> str:
        """Names this plan: over its outcomes and what it rests on (the changes and the versions
        before them).
        """
        return checksum([rests_on, f"{self._sum % (1 << 256):x}"])


def plan(
    tx: Transaction, scope: Scope, phases: Sequence[tuple[Phase, tuple[str, ...]]]
) -> Iterator[Outcome]:
    """Reach every dependent, one a step, on a transaction that will be thrown away.

    The caller may pause between steps, as long as the state under the transaction stays as it is.
    """
    for _, ids in phases:
        for entity_id in ids:
            yield reach(tx, scope, entity_id)


def reach(tx: Transaction, scope: Scope, entity_id: str) -> Outcome:
    """Bring one dependent up to date as far as policy and rules allow, and say what was done and
    why.
    """
    entity = tx.entity(entity_id)
    was = now = (tx.commit.digests.get(entity_id) or entity.digests).all
    behind = behind_of(tx, scope, entity)
    is_container = entity.kind in tx.state.container_kinds
    if behind is UP_TO_DATE and not is_container and scope.cause != revisions.CAUSE:
        return _cut_off(tx, scope, entity, was.hex())
    lost = ""
    if behind.moves:
        lost = orphans(tx, scope, entity, behind.moves)
        _follow(tx, scope, entity, behind.moves)
    if behind.held and (to_pin := [one for one in behind.held if one[2].verdict == "pin"]):
        _pin(tx, scope, entity, to_pin)
    if behind.held:
        ask(tx, scope, entity, behind.held)
        hold(tx, scope, entity, behind.held)
    if is_container:
        _follow_members(tx, scope, entity_id)
    if is_container or behind.moves:
        now = tx.refresh(entity_id).all
    name, reason = explain(tx, scope, entity, behind, differs=was != now)
    if lost:
        name, reason = explain_orphans(name, reason, lost)
    source, number = _source(scope, behind)
    if scope.cause == revisions.CAUSE:
        revised = revisions.revised_root(tx, scope.roots, entity)
        if revised is not None:
            name, reason = explain_revision(name, reason, revised[1], bool(behind.moves))
            if not behind.held:
                source, number = revised[0].asset_id, revised[0].to_version
    before = was.hex()
    after = before if now is was else now.hex()
    return Outcome(entity_id, entity.kind, name, reason, source, number, before, after)


def _cut_off(tx: Transaction, scope: Scope, entity: Entity, looks: str) -> Outcome:
    """The outcome of an entity whose inputs bring in what they brought in before."""
    name, reason = explain(tx, scope, entity, UP_TO_DATE, differs=False)
    root = scope.roots[0]
    return Outcome(
        entity.id, entity.kind, name, reason, root.asset_id, root.to_version, looks, looks
    )


def behind_of(tx: Transaction, scope: Scope, entity: Entity) -> Behind:
    """What of an entity is behind, within a scope, and what policy and rules say of each.

    Rules are asked reference by reference, with the classes of what lies between the version
    that is shown and the one that would be: a later change cannot carry an earlier one past its
    rule.
    """
    moves: list[Move] = []
    held: list[Held] = []
    pins: list[Move] = []
    waiting: list[Move] = []
    sources = scope.sources
    for reference in tx.inputs(entity.id):
        if reference.source not in sources or reference.member:
            continue
        source = tx.entity(reference.source)
        here = tx.pointer(reference)
        goal = source.current.number
        if reference.policy == "approved":
            if goal != source.approved_version:
                waiting.append((reference, goal))
            goal = source.approved_version or here
        if goal == here:
            continue
        classes = _between(tx, scope, reference, here, goal)
        if not classes:
            continue
        if reference.policy == "pinned":
            pins.append((reference, goal))
            continue
        decision = decide(tx, classes, reference, goal, entity, scope.asked)
        if decision.verdict == "update":
            moves.append((reference, goal))
        else:
            held.append((reference, goal, _unless_rejected(tx, reference, goal, decision)))
    if not (moves or held or pins or waiting):
        return UP_TO_DATE
    return Behind(tuple(moves), tuple(held), tuple(pins), tuple(waiting))


def ask_again(tx: Transaction, target: str, sources: Iterable[str]) -> None:
    """Ask for what rules hold back from an entity whose references came back without a run."""
    classes = ("visual", "metadata", "relationship")
    ends = frozenset(sources)
    scope = Scope("", (), classes, "restore", (), ends, ends)
    entity = tx.entity(target)
    held = behind_of(tx, scope, entity).held
    ask(tx, scope, entity, held)
    hold(tx, scope, entity, held)


def _unless_rejected(
    tx: Transaction, reference: Reference, goal: int, decision: Decision
) -> Decision:
    """What a rule asks for is not asked again where somebody has said no to that very version."""
    if decision.verdict != "require_approval":
        return decision
    rejected = tx.rejected(reference, goal)
    return decision if rejected is None else decision._replace(rejected=rejected.answer())


def _between(
    tx: Transaction, scope: Scope, reference: Reference, here: int, goal: int
) -> tuple[str, ...]:
    """The classes of what differs between two versions of a source, as its dependent sees them;
    empty where nothing does. Without overrides it is the same for all dependents.
    """
    if reference.overrides:
        shown, then = tx.contribution(reference, here), tx.contribution(reference, goal)
        # What is overridden hides that there is nothing left to override.
        lost = reference.policy != "pinned" and bool(orphaned(tx, reference, goal))
        return _classes_between(scope, shown, then, hidden=lost)
    key = reference.source, here, goal
    known = scope.between.get(key)
    if known is None:
        known = scope.between[key] = _classes_between(
            scope, tx.contribution(reference, here), tx.contribution(reference, goal)
        )
    return known


def _classes_between(
    scope: Scope, shown: Digests, goal: Digests, *, hidden: bool = False
) -> tuple[str, ...]:
    if shown == goal and not hidden:
        return ()
    found = ("visual",) if shown.visual != goal.visual else ("metadata",)
    return (*found, "relationship") if "relationship" in scope.classes else found


def _follow(tx: Transaction, scope: Scope, entity: Entity, moves: Sequence[Move]) -> None:
    is_asset = tx.kind(entity).category == "asset"
    authors = authors_of(tx, moves) if is_asset else ()
    for reference, number in moves:
        tx.move_pointer(reference, number)
    if is_asset:
        _cut_between(tx, scope, entity, [reference.id for reference, _ in moves], authors)


def _follow_members(tx: Transaction, scope: Scope, container_id: str) -> None:
    """Move a scene's or sequence's pointers to the new versions of the shots that this run starts
    from.
    """
    for root in scope.roots:
        for reference in tx.state.graph.references_between(root.asset_id, container_id):
            number = tx.current(root.asset_id).number
            moves = reference.policy == "latest" and tx.is_member(reference)
            if moves and tx.pointer(reference) != number:
                tx.move_pointer(reference, number)


def _pin(tx: Transaction, scope: Scope, entity: Entity, held: Sequence[Held]) -> None:
    for reference, _, _ in held:
        here = tx.pointer(reference)
        pinned = replace(reference, policy="pinned", version=here, pinned_by="a rule")
        tx.put_reference(pinned)
        detail = {"before": reference.to_json(), "after": pinned.to_json()}
        tx.audit(PINNED, detail, entity.id, scope.run_id)
    if tx.kind(entity).category == "asset":
        _cut_between(tx, scope, entity, [reference.id for reference, _, _ in held], ())


def _cut_between(
    tx: Transaction, scope: Scope, entity: Entity, ids: Sequence[str], authors: Iterable[str]
) -> None:
    """An asset that others build on embeds what it is built on: a version of its own, made in the
    roles in which the change was made.
    """
    tx.cut(
        entity.id,
        Change(references={"changed": ids}),
        cause="run",
        message=f"Because of {roots_in_words(tx, scope)}",
        run_id=scope.run_id,
        roles=authors,
    )


def _source(scope: Scope, behind: Behind) -> tuple[str, int]:
    """What an outcome is about: the source of the first reference in question, else the first
    root.
    """
    if behind.held:
        return behind.held[0][0].source, behind.held[0][1]
    for reference, number in behind.moves or behind.pins or behind.waiting:
        return reference.source, number
    return scope.roots[0].asset_id, scope.roots[0].to_version
