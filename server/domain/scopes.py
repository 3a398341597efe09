"""Scopes: what a change can reach, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from server.domain import revisions
from server.domain.asking import Asked
from server.domain.entities import Reference
from server.domain.graph import Follows
from server.domain.project import ProjectState
from server.domain.runs import OutcomeName, Root

__all__ = ["Scope", "follows_latest", "scope_of", "scope_of_viewed", "sizes_of"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run is about: where it starts, what can be reached, and what sort of change travels.

    ``order`` is all dependents in dependency order; ``reachable`` the roots and all of them,
    ``sources`` those of these that anything is built on: the roots and the assets.
    """

    run_id: str
    roots: tuple[Root, ...]
    classes: tuple[str, ...]
    cause: str
    order: tuple[str, ...]
    reachable: AbstractSet[str]
    sources: AbstractSet[str]
    reasons: dict[Any, tuple[OutcomeName, str]] = field(default_factory=dict, compare=False)
    between: dict[tuple[str, int, int], tuple[str, ...]] = field(
        default_factory=dict, compare=False
    )
    asked: Asked = field(default_factory=Asked, compare=False)

    def forget(self) -> None:
        """Let go of what was remembered from a step that did not commit."""
        self.reasons.clear()
        self.between.clear()
        self.asked.forget()


def scope_of(
    state: ProjectState,
    run_id: str,
    roots: Sequence[Root],
    classes: tuple[str, ...],
    cause: str,
    only: AbstractSet[str] | None = None,
) -> Scope:
    """Everything that a change of these roots can reach; with ``only``, no more of it than these
    and what hangs on them.

    A new draft of the script also reaches the shots that hang on the scenes that it changed,
    although no edge leads to them: a scene is made of its shots.
    """
    reached = state.graph.reached(root.asset_id for root in roots)
    order, reachable = reached.order, reached.reachable
    if cause == revisions.CAUSE:
        order = _with_shots(state, roots, order)
        reachable = reachable | set(order)
    if only is not None:
        order = _only(state, order, only)
    return Scope(run_id, tuple(roots), classes, cause, order, reachable, reached.sources)


def sizes_of(
    state: ProjectState,
    run_id: str,
    roots: Sequence[Root],
    cause: str,
    only: AbstractSet[str] | None = None,
) -> tuple[int, int]:
    """How many such a scope has, and how many of them are scenes and sequences; of a whole one
    without its order.
    """
    if only is None and cause != revisions.CAUSE:
        found = state.graph.found(root.asset_id for root in roots)
        return len(found.ids), found.containers
    order = scope_of(state, run_id, roots, (), cause, only).order
    return len(order), sum(state.entities[id_].kind in state.container_kinds for id_ in order)


def scope_of_viewed(
    state: ProjectState,
    run_id: str,
    roots: Sequence[Root],
    classes: tuple[str, ...],
    cause: str,
    viewed: Iterable[str],
) -> Scope:
    """The same for no more than what somebody looks at, and what stands between that and the
    roots. Scenes and sequences are left out, with what hangs on them: they come last.
    """
    ids = [root.asset_id for root in roots]
    entities, containers = state.entities, state.container_kinds
    seen = (id_ for id_ in viewed if id_ in entities and entities[id_].kind not in containers)
    order: list[str] = []
    late: set[str] = set()
    for entity_id in state.graph.between(ids, seen):
        rests_on_late = any(one.source in late for one in state.inputs(entity_id).values())
        if rests_on_late or entities[entity_id].kind in containers:
            late.add(entity_id)
        else:
            order.append(entity_id)
    reachable = frozenset(order).union(ids)
    return Scope(run_id, tuple(roots), classes, cause, tuple(order), reachable, reachable)


def _only(state: ProjectState, order: tuple[str, ...], only: AbstractSet[str]) -> tuple[str, ...]:
    """Those of a dependency order that are among ``only``, or depend on one that is."""
    taken = set(only)
    waiting = list(only)
    while waiting:
        for reference in state.outputs(waiting.pop()):
            if reference.target not in taken:
                taken.add(reference.target)
                waiting.append(reference.target)
    return tuple(entity_id for entity_id in order if entity_id in taken)


def _with_shots(
    state: ProjectState, roots: Sequence[Root], order: tuple[str, ...]
) -> tuple[str, ...]:
    """The order with the shots on root scenes in it, each once, before scenes and sequences."""
    known = set(order)
    more = dict.fromkeys(
        shot
        for root in roots
        if state.category(root.asset_id) == "scene"
        for shot in revisions.shots_on(state, root.asset_id)
        if shot not in known
    )
    kinds = state.container_kinds
    containers = (at for at, id_ in enumerate(order) if state.entities[id_].kind in kinds)
    end = next(containers, len(order))
    return (*order[:end], *more, *order[end:])


def follows_latest(state: ProjectState) -> Follows:
    """Which references a draft previews through: those that would follow, into what is not
    locked.
    """

    def follows(reference: Reference) -> bool:
        target = state.entities.get(reference.target)
        return reference.policy == "latest" and target is not None and target.status != "final"

    return follows
