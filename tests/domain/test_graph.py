"""DependencyGraph: order, cycles, depths, against networkx' own algorithms."""

from __future__ import annotations

import itertools

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Cycle, NotFound
from server.domain.entities import Reference
from server.domain.graph import DependencyGraph

SIZE = 12
Edges = list[tuple[int, int]]
edge_lists = st.lists(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), max_size=40, unique=True
)


def reference(number: int, source: int, target: int) -> Reference:
    return Reference(f"r{number}", f"n{source}", f"n{target}", "role", "latest", 1, "a0", {})


def build(edges: Edges) -> tuple[DependencyGraph, nx.DiGraph[str], dict[str, Reference]]:
    """The graph of what it accepts, and the same made by networkx alone."""
    graph, kept = DependencyGraph(), dict[str, Reference]()
    peer: nx.DiGraph[str] = nx.DiGraph()
    for number in range(SIZE):
        graph.add_node(f"n{number}", "shot" if number % 3 == 0 else "prop", "shot")
        peer.add_node(f"n{number}")
    for number, (source, target) in enumerate(edges):
        one = reference(number, source, target)
        peer.add_edge(one.source, one.target)
        cyclic = not nx.is_directed_acyclic_graph(peer)
        if cyclic:
            with pytest.raises(Cycle) as caught:
                graph.add_edge(one)
            path = caught.value.path
            assert path[0] == path[-1] == one.source
            steps = itertools.pairwise(path)
            assert all(following in peer[here] for here, following in steps)
            peer.remove_edge(one.source, one.target)
        else:
            graph.add_edge(one)
            kept[one.id] = one
    return graph, peer, kept


@given(edge_lists)
def test_accepts_exactly_what_keeps_it_acyclic(edges: Edges) -> None:
    graph, peer, _ = build(edges)
    assert set(graph.graph.edges) == set(peer.edges)


@given(edge_lists, st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=3, unique=True))
def test_affected_is_every_descendant_after_all_it_depends_on(
    edges: Edges, roots: list[int]
) -> None:
    graph, peer, _ = build(edges)
    names = [f"n{root}" for root in roots]
    order = graph.affected(names)
    assert set(order) == set().union(*(nx.descendants(peer, name) for name in names))
    assert len(order) == len(set(order))
    position = {name: index for index, name in enumerate(order)}
    for source, target in peer.edges:
        if source in position and target in position:
            assert position[source] < position[target]


@given(edge_lists, st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=3, unique=True))
def test_found_is_what_is_affected(edges: Edges, roots: list[int]) -> None:
    graph, _, _ = build(edges)
    names = [f"n{root}" for root in roots]
    order = graph.affected(names)
    found = graph.found(names)
    assert (found.ids, found.containers) == (set(order), 0)
    assert sum(graph.kinds_of(found.ids).values()) == len(order)


@given(
    edge_lists,
    st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(0, SIZE - 1), max_size=3, unique=True),
)
def test_between_is_the_affected_upstream_of_some_in_dependency_order(
    edges: Edges, roots: list[int], some: list[int]
) -> None:
    graph, peer, _ = build(edges)
    names, ids = [f"n{root}" for root in roots], [f"n{one}" for one in some]
    order = graph.between(names, ids)
    upstream = set(ids).union(*(nx.ancestors(peer, one) for one in ids))
    assert set(order) == upstream & set(graph.affected(names))
    position = {name: index for index, name in enumerate(order)}
    assert len(position) == len(order)
    for source, target in peer.edges:
        if source in position and target in position:
            assert position[source] < position[target]


@given(edge_lists, st.integers(1, 4))
def test_dependents_have_shortest_ways(edges: Edges, depth: int) -> None:
    graph, peer, _ = build(edges)
    lengths = nx.single_source_shortest_path_length(peer, "n0", cutoff=depth)
    found = graph.dependents("n0", depth)
    assert {one.id: one.depth for one in found} == {k: v for k, v in lengths.items() if v}
    for one in found:
        assert len(one.path) == one.depth + 1
        assert all(b in peer[a] for a, b in zip(one.path[:-1], one.path[1:], strict=True))


@given(edge_lists, st.data())
def test_removing_edges_is_the_inverse_of_adding_them(edges: Edges, data: st.DataObject) -> None:
    graph, _, kept = build(edges)
    gone = data.draw(st.sets(st.sampled_from(sorted(kept))) if kept else st.just(set()))
    for id_ in gone:
        graph.remove_edge(kept[id_])
    left = {(one.source, one.target) for id_, one in kept.items() if id_ not in gone}
    assert set(graph.graph.edges) == left


def test_leaving_shots_out_leaves_out_what_only_they_reach() -> None:
    graph = DependencyGraph()
    graph.add_node("hero", "character", "asset")
    graph.add_node("coat", "wardrobe", "asset")
    graph.add_node("sh", "shot", "shot")
    graph.add_node("sc", "scene", "scene")
    graph.add_node("seq", "sequence", "sequence")
    ways = [("hero", "coat"), ("hero", "sh"), ("coat", "sc"), ("sh", "seq")]
    for number, (source, target) in enumerate(ways):
        graph.add_edge(Reference(f"r{number}", source, target, "x", "latest", 1, "a0", {}))
    assert [one.id for one in graph.dependents("hero", None, include_shots=False)] == ["coat", "sc"]
    assert graph.get_affected_shots("hero") == ["sh"]
    assert graph.get_affected_sequences("hero") == ["seq"]


def test_unknown_ids_are_not_found() -> None:
    graph = DependencyGraph()
    with pytest.raises(NotFound):
        graph.get_dependencies("nobody")
    with pytest.raises(NotFound):
        graph.affected(["nobody"])


def test_a_mission_project_builds_its_edges() -> None:
    graph = DependencyGraph()
    graph.build_dependency_graph(
        {
            "characters": [{"id": "char-1"}],
            "locations": [{"id": "loc-1"}],
            "assets": [
                {"id": "ward-1", "type": "wardrobe", "worn_by": "char-1"},
                {"id": "prop-1", "type": "prop", "used_in": ["loc-1"]},
            ],
            "sequences": [{"sequence_id": "seq-1", "name": "One"}],
            "shots": [
                {
                    "shot_id": "shot-1",
                    "sequence_id": "seq-1",
                    "visual_prompt": {
                        "character_references": [{"asset_id": "char-1"}],
                        "prop_references": ["prop-1"],
                        "wardrobe_references": [{"asset_id": "ward-1"}],
                    },
                }
            ],
        }
    )
    assert set(graph.graph.edges) == {
        ("char-1", "ward-1"),
        ("loc-1", "prop-1"),
        ("char-1", "shot-1"),
        ("prop-1", "shot-1"),
        ("ward-1", "shot-1"),
        ("shot-1", "seq-1"),
    }
