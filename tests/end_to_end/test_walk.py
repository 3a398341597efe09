"""Dependents over REST, against a walk of our own over the same random production."""

from __future__ import annotations

import random
from typing import Any

import networkx as nx

from bench.running import RunningServer

SEED = 20260


def random_production(shots: int, chance: random.Random) -> dict[str, Any]:
    """The mission's JSON shape, filled at random."""
    characters = [{"id": f"char-{n}"} for n in range(12)]
    locations = [{"id": f"loc-{n}"} for n in range(8)]
    wardrobes = [{"id": f"ward-{n}", "worn_by": chance.choice(characters)["id"]} for n in range(20)]
    props: list[dict[str, Any]] = []
    for n in range(15):
        places = chance.sample(locations, chance.randint(0, 3))
        props.append({"id": f"prop-{n}", "type": "prop", "used_in": [one["id"] for one in places]})
    styles = [{"id": f"style-{n}"} for n in range(3)]
    sequences = [{"sequence_id": f"seq-{n}", "name": f"Sequence {n}"} for n in range(15)]
    scenes = [
        {"scene_id": f"sc-{n}", "sequence_id": chance.choice(sequences)["sequence_id"]}
        for n in range(40)
    ]

    def some(items: list[dict[str, Any]], most: int) -> list[dict[str, str]]:
        picked = chance.sample(items, chance.randint(0, most))
        return [{"asset_id": one["id"]} for one in picked]

    rows = []
    for n in range(shots):
        row: dict[str, Any] = {
            "shot_id": f"shot-{n}",
            "visual_prompt": {
                "character_references": some(characters, 3),
                "wardrobe_references": some(wardrobes, 3),
                "prop_references": [one["asset_id"] for one in some(props, 2)],
                "location_references": some(locations, 1),
                "style_references": some(styles, 1),
            },
        }
        if chance.random() < 0.9:
            row["sequence_id"] = chance.choice(sequences)["sequence_id"]
        if chance.random() < 0.7:
            row["scene_id"] = chance.choice(scenes)["scene_id"]
        rows.append(row)
    return {
        "characters": characters,
        "locations": locations,
        "wardrobes": wardrobes,
        "styles": styles,
        "assets": props,
        "sequences": sequences,
        "scenes": scenes,
        "shots": rows,
    }


def edges_of(production: dict[str, Any]) -> nx.DiGraph[str]:
    """Read off the JSON by hand: nothing of Ripplecut takes part."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for one in production["wardrobes"]:
        graph.add_edge(one["worn_by"], one["id"])
    for one in production["assets"]:
        graph.add_edges_from((location, one["id"]) for location in one["used_in"])
    for one in production["scenes"]:
        graph.add_edge(one["scene_id"], one["sequence_id"])
    for shot in production["shots"]:
        prompt = shot["visual_prompt"]
        used = [
            one["asset_id"] for key in prompt if key != "prop_references" for one in prompt[key]
        ]
        for source in [*used, *prompt["prop_references"]]:
            graph.add_edge(source, shot["shot_id"])
        for group in ("sequence_id", "scene_id"):
            if group in shot:
                graph.add_edge(shot["shot_id"], shot[group])
    return graph


def test_dependencies_and_affected_entities_equal_an_independent_walk(
    server: RunningServer,
) -> None:
    chance = random.Random(SEED)
    production = random_production(600, chance)
    graph = edges_of(production)
    server.import_project("film", production)
    # A style that reaches this many shots would ask.
    server.call("PUT", "/projects/film/rules", [])
    for asset in ["char-0", "char-5", "loc-1", "ward-3", "prop-2", "style-1"]:
        walk = nx.descendants(graph, asset) if asset in graph else set()
        answer = server.get(f"/assets/{asset}/dependencies?depth=50")
        assert {one["id"] for one in answer["dependencies"]} == walk
        assert answer["total"] == len(walk)
        for depth in (1, 2):
            near = nx.single_source_shortest_path_length(graph, asset, cutoff=depth)
            answer = server.get(f"/assets/{asset}/dependencies?depth={depth}")
            assert {one["id"]: one["depth"] for one in answer["dependencies"]} == {
                id_: far for id_, far in near.items() if far
            }
        without = graph.subgraph([id_ for id_ in graph if not id_.startswith("shot-")])
        answer = server.get(f"/assets/{asset}/dependencies?depth=50&include_shots=false")
        assert {one["id"] for one in answer["dependencies"]} == (
            nx.descendants(without, asset) if asset in without else set()
        )
        change = {"change_data": {"description": f"Changed by {SEED}."}}
        impact = server.post(f"/assets/{asset}/impact", change)
        result = server.post(f"/assets/{asset}/propagate", change)
        assert result["status"] == "success"
        assert result["affected_entities"] == len(walk) == sum(impact["counts"].values())
        shots = {id_ for id_ in walk if id_.startswith("shot-")}
        assert impact["affected_shots"] == len(shots)
