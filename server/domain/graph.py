"""DependencyGraph: who uses what, on networkx.

An edge runs from what is used to what uses it, so the dependents of an asset are its descendants.
Nodes carry their ``kind`` and ``category``. What an edge carries is the tuple of the references
that make it: a dictionary of attributes around it would take more memory than those themselves.
Edges come and go one at a time; nothing here ever rebuilds the graph.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar, cast

import networkx as nx

from protocol.errors import Cycle, NotFound
from server.domain.entities import Reference

__all__ = ["DependencyGraph", "Dependent", "Follows", "Found", "Reached"]

Follows = Callable[[Reference], bool]
T = TypeVar("T")

_NOBODY: Mapping[str, tuple[Reference, ...]] = {}
_EDGES_AT_ONCE = 2000
"""A millisecond of walking, about."""


def _exhausted(steps: Generator[None, None, T]) -> T:
    """What a generator answers when nobody takes a break."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            answer: T = end.value
            return answer


@dataclass(frozen=True, slots=True)
class Dependent:
    """An entity that depends on another: how many edges away, and over which shortest way."""

    id: str
    depth: int
    path: tuple[str, ...]


class Found(NamedTuple):
    """What depends on ``roots``, in no order, as of one generation of the graph. So many of them
    (``containers``) are scenes and sequences.
    """

    generation: int
    roots: tuple[str, ...]
    ids: AbstractSet[str]
    containers: int


class Reached(NamedTuple):
    """What a change of ``roots`` reaches, in dependency order, and the same as a set with the roots
    in it; as of one generation of the graph. ``sources`` are the roots, and the assets among them.
    """

    generation: int
    roots: tuple[str, ...]
    order: tuple[str, ...]
    reachable: AbstractSet[str]
    sources: AbstractSet[str]


class DependencyGraph:
    """The directed acyclic graph of a project. Unknown ids raise NotFound."""

    def __init__(self) -> None:
        self.graph: nx.DiGraph[str] = nx.DiGraph()
        # The plain dicts under networkx' views: a walk over the views costs three times as much.
        plain = cast("Any", self.graph)
        self._nodes: dict[str, Mapping[str, str]] = plain._node
        self._following: dict[str, dict[str, tuple[Reference, ...]]] = plain._succ
        self._used: dict[str, dict[str, tuple[Reference, ...]]] = plain._pred
        self._alike: dict[tuple[str, str], Mapping[str, str]] = {}
        self._containers: set[str] = set()
        self._assets: set[str] = set()
        self.generation = 0
        self._last_found = Found(-1, (), frozenset(), 0)
        self._last_walk = Reached(-1, (), (), frozenset(), frozenset())

    # -- building ----------------------------------------------------------------------------------

    def add_node(self, entity_id: str, kind: str, category: str) -> None:
        if entity_id not in self._nodes:
            self._following[entity_id] = {}
            self._used[entity_id] = {}
        alike = self._alike.setdefault((kind, category), {"kind": kind, "category": category})
        self._nodes[entity_id] = alike  # one for all of a kind
        self._containers.discard(entity_id)
        self._assets.discard(entity_id)
        if category in ("scene", "sequence"):
            self._containers.add(entity_id)
        elif category != "shot":
            self._assets.add(entity_id)
        self.generation += 1

    def remove_node(self, entity_id: str) -> None:
        """Take an entity out, with every edge from and to it."""
        self._known(entity_id)
        self.graph.remove_node(entity_id)
        self._containers.discard(entity_id)
        self._assets.discard(entity_id)
        self.generation += 1

    def add_edge(self, reference: Reference) -> None:
        """Add a reference; raises Cycle naming the way round, and then nothing was added."""
        self._known(reference.source)
        self._known(reference.target)
        path = self.path_between(reference.target, reference.source)
        if path is not None:
            raise Cycle([reference.source, *path])
        self.add_checked_edge(reference)

    def add_checked_edge(self, reference: Reference) -> None:
        """Add a reference that is known to make no cycle (it was accepted before)."""
        self.add_checked_edges([reference])

    def add_checked_edges(self, references: Iterable[Reference]) -> None:
        """Add many of them."""
        following = self._following
        target, used = "", dict[str, tuple[Reference, ...]]()
        for one in references:
            source = one.source
            if one.target != target:
                target = one.target
                used = self._used[target]
            edge: tuple[Reference, ...] = (one,)
            if source in used:
                edge = (*[other for other in used[source] if other.id != one.id], one)
            # As ``DiGraph.add_edge`` does between nodes that are there, at a fraction of its cost.
            following[source][target] = used[source] = edge
        self.generation += 1

    def remove_edge(self, reference: Reference) -> None:
        """Take a reference out; what else joins the same two entities stays."""
        source, target = reference.source, reference.target
        left = tuple(one for one in self._following[source][target] if one.id != reference.id)
        if left:
            self._following[source][target] = self._used[target][source] = left
        else:
            self.graph.remove_edge(source, target)
        self.generation += 1

    def build_dependency_graph(self, project_data: Mapping[str, Any]) -> None:
        """Add all of a project in the mission's JSON shape (see ``project_json``)."""
        from server.domain.project_json import read_edges, read_nodes

        for node in read_nodes(project_data):
            self.add_node(*node)
        for number, (source, target, role) in enumerate(read_edges(project_data)):
            self.add_edge(
                Reference(f"ref-{number}", source, target, role, "latest", 1, f"a{number}", {})
            )

    def references_from(self, entity_id: str) -> Iterator[Reference]:
        """The references by which others use an entity."""
        return chain.from_iterable(self._following.get(entity_id, {}).values())

    def references_between(self, source: str, target: str) -> Iterable[Reference]:
        """The references by which one entity uses another."""
        return self._following.get(source, {}).get(target, ())

    # -- asking ------------------------------------------------------------------------------------

    def __contains__(self, entity_id: str) -> bool:
        return entity_id in self.graph

    def category(self, entity_id: str) -> str:
        self._known(entity_id)
        return str(self.graph.nodes[entity_id]["category"])

    def path_between(self, start: str, goal: str) -> list[str] | None:
        """Some way along the edges from one entity to another, both included; ``None`` where there
        is none.
        """
        came_from: dict[str, str | None] = {start: None}
        queue = deque([start])
        adjacency = self._following
        while queue:
            here = queue.popleft()
            if here == goal:
                path: list[str] = []
                step: str | None = here
                while step is not None:
                    path.append(step)
                    step = came_from[step]
                return path[::-1]
            for following in adjacency[here]:
                if following not in came_from:
                    came_from[following] = here
                    queue.append(following)
        return None

    def dependents(
        self,
        entity_id: str,
        depth: int | None = None,
        include_shots: bool = True,
    ) -> list[Dependent]:
        """Everything that depends on an entity, nearest first, with the shortest way to it.

        ``include_shots=False`` leaves shots out, and what only they reach.
        """
        self._known(entity_id)
        found: dict[str, Dependent] = {}
        queue = deque([Dependent(entity_id, 0, (entity_id,))])
        nodes, adjacency = self.graph.nodes, self._following
        while queue:
            here = queue.popleft()
            if depth is not None and here.depth >= depth:
                continue
            for following in adjacency[here.id]:
                if following in found or following == entity_id:
                    continue
                if not include_shots and nodes[following]["category"] == "shot":
                    continue
                found[following] = Dependent(following, here.depth + 1, (*here.path, following))
                queue.append(found[following])
        return list(found.values())

    def get_dependencies(self, entity_id: str, depth: int | None = None) -> list[str]:
        """The ids of all dependents, at most ``depth`` edges away."""
        return [dependent.id for dependent in self.dependents(entity_id, depth)]

    def affected(self, sources: Iterable[str], follows: Follows | None = None) -> list[str]:
        """All dependents of several entities in dependency order: each after everything it depends
        on.

        The sources are not in it, unless one depends on another. With ``follows``, only edges of
        which a reference satisfies it are walked. Costs one look at each edge of the affected part.
        """
        roots = self._roots(sources)
        if follows is None:
            return list(self.reached(roots).order)
        return _exhausted(self._walk(roots, follows))[0]

    def found(self, sources: Iterable[str]) -> Found:
        """All that depends on several entities: what it takes to say how many a change reaches, at
        a fraction of the cost of their order. The last answer is remembered.
        """
        return _exhausted(self.finding(sources))

    def finding(self, sources: Iterable[str]) -> Generator[None, None, Found]:
        """As ``found``, in pieces of about a millisecond, as ``reaching``."""
        roots = tuple(dict.fromkeys(sources))
        while self._last_found[:2] != (self.generation, self._roots(roots)):
            begun = self.generation
            try:
                ids: set[str] = set()
                waiting = list(roots)
                while waiting:
                    edges = chain.from_iterable(map(self._following.__getitem__, waiting))
                    waiting = []
                    while some := set(islice(edges, _EDGES_AT_ONCE)):
                        some -= ids
                        ids |= some
                        waiting += some.difference(roots)
                        yield
            except (KeyError, RuntimeError):
                if self.generation == begun:
                    raise
                continue  # it changed under the walk
            if self.generation == begun:
                containers = len(self._containers & ids)
                self._last_found = Found(begun, roots, ids, containers)
        return self._last_found

    def kinds_of(self, ids: Iterable[str]) -> Counter[str]:
        """How many of them there are of each kind."""
        return Counter([self._nodes[one]["kind"] for one in ids])

    def between(self, roots: Collection[str], ids: Iterable[str]) -> list[str]:
        """Those of several entities that depend on one of the roots, each behind whatever stands
        between it and them: found upstream, at a cost that does not know how many others depend on
        the roots.
        """
        on_way: dict[str, bool] = {}
        order: list[str] = []
        for entity_id in ids:
            stack = [] if entity_id in on_way else [entity_id]
            while stack:
                here = stack[-1]
                sources = self._used.get(here, _NOBODY)
                unknown = [one for one in sources if one not in on_way]
                if unknown:
                    stack += unknown
                    continue
                stack.pop()
                if here not in on_way:
                    depends = any(map(on_way.__getitem__, sources))
                    on_way[here] = depends or here in roots
                    if depends:
                        order.append(here)
        return order

    def reached(self, sources: Iterable[str]) -> Reached:
        """All that a change of several entities reaches. A change, its run and every rescan of that
        ask the same question of the same graph, so the last answer is remembered.
        """
        return _exhausted(self.reaching(sources))

    def reaching(self, sources: Iterable[str]) -> Generator[None, None, Reached]:
        """As ``reached``, in pieces of about a millisecond: who takes a break between two of them
        finds the answer ready afterwards. Where the graph changed meanwhile, it starts over.
        """
        roots = tuple(dict.fromkeys(sources))
        while self._last_walk[:2] != (self.generation, self._roots(roots)):
            begun = self.generation
            try:
                order, seen = yield from self._walk(roots, None)
            except (KeyError, RuntimeError):
                if self.generation == begun:
                    raise
                continue  # it changed under the walk
            if self.generation == begun:
                sources_too = (self._assets & seen).union(roots)
                self._last_walk = Reached(begun, roots, tuple(order), seen, sources_too)
        return self._last_walk

    def _roots(self, sources: Iterable[str]) -> tuple[str, ...]:
        roots = tuple(dict.fromkeys(sources))
        for root in roots:
            self._known(root)
        return roots

    def _walk(
        self, roots: Sequence[str], follows: Follows | None
    ) -> Generator[None, None, tuple[list[str], set[str]]]:
        """The order, and all that was seen on the way, roots included."""
        adjacency = self._following
        waiting: dict[str, int] = {}
        seen = set(roots)
        stack = list(roots)
        steps = 0
        while stack:
            for following, edge in adjacency[stack.pop()].items():
                steps += 1
                if steps % _EDGES_AT_ONCE == 0:
                    yield
                if follows and not any(map(follows, edge)):
                    continue
                waiting[following] = waiting.get(following, 0) + 1
                if following not in seen:
                    seen.add(following)
                    stack.append(following)
        ready = deque(root for root in roots if root not in waiting)
        order: list[str] = []
        while ready:
            here = ready.popleft()
            for following, edge in adjacency[here].items():
                steps += 1
                if steps % _EDGES_AT_ONCE == 0:
                    yield
                if follows and not any(map(follows, edge)):
                    continue
                waiting[following] -= 1
                if not waiting[following]:
                    order.append(following)
                    ready.append(following)
        return order, seen

    def get_affected_shots(self, entity_id: str) -> list[str]:
        """The shots among the dependents, in dependency order."""
        return self._affected_of("shot", entity_id)

    def get_affected_sequences(self, entity_id: str) -> list[str]:
        """The sequences among the dependents, in dependency order."""
        return self._affected_of("sequence", entity_id)

    def _affected_of(self, category: str, entity_id: str) -> list[str]:
        nodes = self.graph.nodes
        return [id_ for id_ in self.affected([entity_id]) if nodes[id_]["category"] == category]

    def _known(self, entity_id: str) -> None:
        if entity_id not in self.graph:
            raise NotFound(f"There is no {entity_id!r} in this project")
