"""Plans: what a change does to each dependent, in which phase, and why.

One function, ``reach``, decides the outcome of one dependent. A preview calls it for all of them on
a transaction that is thrown away; a run calls it batch by batch on transactions that commit. So a
preview is the very plan that the execution takes.

``reach`` looks at where pointers stand and not at what a run has done so far: doing it again
changes nothing, so a run that was interrupted goes on with whatever has no outcome row yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from server.domain.changes import Change
from server.domain.digests import checksum
from server.domain.entities import Entity, Reference
from server.domain.graph import Follows
from server.domain.project import ProjectState
from server.domain.reasons import Behind, Move, Scope, explain, roots_in_words
from server.domain.rules import Decision
from server.domain.runs import Outcome, Phase, Root
from server.domain.transaction import Transaction

__all__ = ["PHASES", "Plan", "Scope", "follows_latest", "phases_of", "plan", "reach", "scope_of"]

PHASES: tuple[Phase, ...] = ("realtime", "batch", "background")


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcomes to reach, in order, and the phase of each. Equal plans have equal hashes."""

    outcomes: tuple[Outcome, ...]
    phases: tuple[tuple[Phase, tuple[str, ...]], ...]

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for outcome in self.outcomes:
            counts[outcome.outcome] = counts.get(outcome.outcome, 0) + 1
        return counts

    def hash(self, rests_on: Any) -> str:
        """Names this plan: over its outcomes and what it rests on (the change and the versions
        before it).
        """
        return checksum([rests_on, [list(outcome) for outcome in self.outcomes]])


def scope_of(
    state: ProjectState, run_id: str, roots: Sequence[Root], classes: tuple[str, ...], cause: str
) -> Scope:
    """Everything that a change of these roots can reach."""
    order = tuple(state.graph.affected([root.asset_id for root in roots]))
    reachable = frozenset(order) | {root.asset_id for root in roots}
    return Scope(run_id, tuple(roots), classes, cause, order, reachable)


def follows_latest(state: ProjectState) -> Follows:
    """Which references a draft previews through: those that would follow, into what is not
    locked.
    """

    def follows(reference: Reference) -> bool:
        target = state.entities.get(reference.target)
        return reference.policy == "latest" and target is not None and target.status != "final"

    return follows


def phases_of(
    state: ProjectState, scope: Scope, viewed: AbstractSet[str], mode: Phase
) -> tuple[tuple[Phase, tuple[str, ...]], ...]:
    """Split the dependents in phases, each in dependency order.

    ``realtime``: what somebody looks at, with everything between it and the roots. ``batch``: the
    other assets and shots, ``background``: scenes and sequences, which close after their last shot.
    With mode ``background`` nothing but what is viewed comes before the rest.
    """

    def is_container(entity_id: str) -> bool:
        return state.entities[entity_id].kind in state.container_kinds

    urgent: set[str] = set()
    watched = any(id_ in scope.reachable for id_ in viewed)
    for entity_id in reversed(scope.order) if watched else ():
        if entity_id in viewed or any(
            one.target in urgent and not is_container(entity_id) for one in state.outputs(entity_id)
        ):
            urgent.add(entity_id)
    first: list[str] = []
    second: list[str] = []
    third: list[str] = []
    for entity_id in scope.order:
        if is_container(entity_id):
            third.append(entity_id)
        elif entity_id in urgent:
            first.append(entity_id)
        elif mode == "background":
            third.append(entity_id)
        else:
            second.append(entity_id)
    third.sort(key=is_container)
    named = zip(PHASES, (first, second, third), strict=True)
    return tuple((phase, tuple(ids)) for phase, ids in named if ids)


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
    before = tx.digests(entity_id).all.hex()
    moves, pins, waiting = _behind(tx, scope, entity)
    is_container = entity.kind in tx.state.container_kinds
    decision = Decision("update", None)
    if moves:
        first = moves[0][0]
        source_kind = tx.entity(first.source).kind
        decision = tx.state.rules.decide(scope.classes, source_kind, entity.kind, entity.status)
        if decision.verdict == "update":
            _follow(tx, scope, entity, moves)
        elif decision.verdict == "pin":
            _pin(tx, scope, entity, moves)
    if is_container:
        _follow_members(tx, scope, entity_id)
    after = before
    if is_container or moves:
        tx.refresh(entity_id)
        after = tx.digests(entity_id).all.hex()
    behind = Behind(tuple(moves), tuple(pins), tuple(waiting))
    name, reason = explain(tx, scope, entity, decision, behind, differs=before != after)
    about = next(iter(moves or pins or waiting), None)
    source, number = _source(tx, scope, about)
    return Outcome(entity_id, entity.kind, name, reason, source, number, before, after)


def _behind(
    tx: Transaction, scope: Scope, entity: Entity
) -> tuple[list[Move], list[Move], list[Move]]:
    """What of an entity is behind: see ``Behind``."""
    moves: list[Move] = []
    pins: list[Move] = []
    waiting: list[Move] = []
    for reference in tx.inputs(entity.id):
        if reference.source not in scope.reachable or tx.is_member(reference):
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
        if tx.contribution(reference, goal) == tx.contribution(reference, here):
            continue
        (pins if reference.policy == "pinned" else moves).append((reference, goal))
    return moves, pins, waiting


def _follow(tx: Transaction, scope: Scope, entity: Entity, moves: Sequence[Move]) -> None:
    for reference, number in moves:
        tx.move_pointer(reference, number)
    if tx.kind(entity).category == "asset":
        _cut_between(tx, scope, entity, moves)


def _follow_members(tx: Transaction, scope: Scope, container_id: str) -> None:
    """Move a scene's or sequence's pointers to the new versions of the shots that this run starts
    from.
    """
    for root in scope.roots:
        for reference in tx.state.outputs(root.asset_id):
            if reference.target == container_id and reference.policy == "latest":
                number = tx.current(root.asset_id).number
                if tx.is_member(reference) and tx.pointer(reference) != number:
                    tx.move_pointer(reference, number)


def _pin(tx: Transaction, scope: Scope, entity: Entity, moves: Sequence[Move]) -> None:
    for reference, _ in moves:
        here = tx.pointer(reference)
        tx.put_reference(replace(reference, policy="pinned", version=here, pinned_by="a rule"))
    if tx.kind(entity).category == "asset":
        _cut_between(tx, scope, entity, moves)


def _cut_between(tx: Transaction, scope: Scope, entity: Entity, moves: Sequence[Move]) -> None:
    """An asset that others build on embeds what it is built on: a version of its own."""
    tx.cut(
        entity.id,
        Change(references={"changed": [reference.id for reference, _ in moves]}),
        cause="run",
        message=f"Because of {roots_in_words(tx, scope)}",
        run_id=scope.run_id,
    )


def _source(tx: Transaction, scope: Scope, about: Move | None) -> tuple[str, int]:
    if about is not None:
        return about[0].source, about[1]
    root = scope.roots[0]
    return root.asset_id, root.to_version
