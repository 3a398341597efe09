"""Phases: the order in which the dependents of a change are reached. What people look at comes
first.

- ``realtime``: what somebody looks at right now, with everything that it is built on; then what is
  in the scenes and sequences that somebody looks at; then what is marked critical, or said to be
  first by a rule.
- ``batch``: the other assets and shots.
- ``background``: scenes and sequences, which close after their last shot, and what a rule or the
  caller has put off.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from operator import attrgetter
from types import MappingProxyType

from server.domain.project import ProjectState
from server.domain.runs import Phase
from server.domain.scopes import Scope

__all__ = ["PHASES", "Agenda", "phases_of"]

PHASES: tuple[Phase, ...] = ("realtime", "batch", "background")

_AT_ONCE = 1000
_source = attrgetter("source")


class Agenda:
    """What is left of a run, in the order in which it is to be reached.

    Everything is taken once, after all that it is built on and that is left too. ``counts`` is how
    many are left by the phase that each has unless somebody looks at it. Between two calls the
    project may change: what is added to the graph by then is not in it.
    """

    def __init__(self, state: ProjectState, scope: Scope, mode: Phase) -> None:
        """``mode`` is a hint: with ``background`` nothing but what is looked at, marked or ruled
        comes before the rest.
        """
        self.counts: Counter[Phase] = Counter()
        self._state = state
        self._scope = scope
        self._usual: Phase = "background" if mode == "background" else "batch"
        self._left: dict[str, Phase] = {}
        self._through = {
            root.asset_id
            for root in scope.roots
            if root.asset_id in state.entities and self._is_container(root.asset_id)
        }
        self._marked: list[str] = []
        self._batch: list[str] = []
        self._late: list[str] = []
        self._containers: list[str] = []
        ruled = state.rules.sets_phases
        batch = self._each_with_upstream(self._batch) if ruled else iter(self._batch)
        self._seen: deque[Iterator[str]] = deque()
        self._within: deque[Iterator[str]] = deque()
        self._queues: tuple[tuple[Phase, deque[Iterator[str]]], ...] = (
            ("realtime", self._seen),
            ("realtime", self._within),
            ("realtime", deque([self._each_with_upstream(self._marked)])),
            ("batch", deque([batch])),
            ("background", deque([chain(iter(self._late), iter(self._containers))])),
        )

    def add(self, ids: Iterable[str]) -> None:
        """Add dependents, all of them in dependency order and before anything is taken: piece by
        piece, where they are many.
        """
        entities, kinds = self._state.entities, self._state.container_kinds
        own: dict[str, Phase] = dict.fromkeys(ids, self._usual)
        containers = {id_ for id_ in own if id_ in entities and entities[id_].kind in kinds}
        own.update(dict.fromkeys(containers, "background"))
        if self._state.rules.sets_phases:
            own.update(self._ruled(own))
        own.update(dict.fromkeys(self._state.critical.intersection(own), "realtime"))
        lists = {"realtime": self._marked, "batch": self._batch, "background": self._late}
        for entity_id, phase in own.items():
            put_off = phase == "background" and entity_id in containers
            (self._containers if put_off else lists[phase]).append(entity_id)
        self._left.update(own)
        self.counts.update(own.values())

    def look(self, viewed: Iterable[str]) -> None:
        """Put what somebody has just begun to look at first, and members of scenes and sequences
        behind that. Costs what is put first, and not what is left.
        """
        seen: list[Iterator[str]] = []
        within: list[Iterator[str]] = []
        for entity_id in viewed:
            if entity_id in self._state.entities and self._is_container(entity_id):
                within.append(self._with_upstream(entity_id))
            elif entity_id in self._left:
                seen.append(self._with_upstream(entity_id))
        self._seen.extendleft(reversed(seen))
        self._within.extendleft(reversed(within))

    def take(self, size: int) -> tuple[Phase, list[str]]:
        """The next dependents to reach, all of one phase; none where nothing is left."""
        ids: list[str] = []
        now: Phase = "background"
        for phase, queue in self._queues:
            if ids and phase != now:
                break
            now = phase
            while queue and len(ids) < size:
                for entity_id in queue[0]:
                    if entity_id not in self._left:
                        continue
                    self.counts[self._left.pop(entity_id)] -= 1
                    ids.append(entity_id)
                    if len(ids) == size:
                        break
                else:
                    queue.popleft()
        return now, ids

    def sizes(self, reached: Mapping[Phase, int] = MappingProxyType({})) -> dict[str, int]:
        """How many are in each phase, with those that were ``reached`` in it before."""
        sizes = {phase: reached.get(phase, 0) + self.counts[phase] for phase in PHASES}
        return {phase: size for phase, size in sizes.items() if size}

    def _ruled(self, ids: Iterable[str]) -> dict[str, Phase]:
        """The phases that rules give, to those to which they give one."""
        state, scope = self._state, self._scope
        found: dict[str, Phase] = {}
        for entity in (state.entities[id_] for id_ in ids if id_ in state.entities):
            sources: set[str] = set()
            if state.rules.asks_where_from:
                inputs = state.inputs(entity.id).values()
                arriving = (one.source for one in inputs if one.source in scope.reachable)
                sources.update(state.entities[id_].kind for id_ in arriving)
            phase = state.rules.phase_of(scope.classes, sources, entity.kind, entity.status)
            if phase is not None:
                found[entity.id] = phase
        return found

    def _is_container(self, entity_id: str) -> bool:
        return self._state.entities[entity_id].kind in self._state.container_kinds

    def _each_with_upstream(self, ids: Iterable[str]) -> Iterator[str]:
        left = (id_ for id_ in ids if id_ in self._left)
        return chain.from_iterable(map(self._with_upstream, left))

    def _with_upstream(self, entity_id: str) -> Iterator[str]:
        """An entity behind what it is built on, as far as that is left: found as it is asked for,
        so that somebody who looks at a sequence of thousands costs no more than one shot at a time.
        """
        stack = [(entity_id, self._sources(entity_id))]
        while stack:
            here, sources = stack[-1]
            for source in sources:
                if source in self._left or source in self._through:
                    stack.append((source, self._sources(source)))
                    break
            else:
                stack.pop()
                if here in self._left:
                    yield here

    def _sources(self, entity_id: str) -> Iterator[str]:
        return map(_source, tuple(self._state.inputs(entity_id).values()))


def phases_of(
    state: ProjectState, scope: Scope, viewed: Iterable[str], mode: Phase
) -> tuple[tuple[Phase, tuple[str, ...]], ...]:
    """All dependents in the order of an agenda, by phase."""
    agenda = Agenda(state, scope, mode)
    agenda.add(scope.order)
    agenda.look(sorted(viewed))
    found: dict[Phase, list[str]] = {phase: [] for phase in PHASES}
    phase, ids = agenda.take(_AT_ONCE)
    while ids:
        found[phase] += ids
        phase, ids = agenda.take(_AT_ONCE)
    return tuple((phase, tuple(ids)) for phase, ids in found.items() if ids)
