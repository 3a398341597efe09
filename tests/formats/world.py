"""What the tests of the formats share: a small film in the mission's shape, and ways to look."""

from __future__ import annotations

from typing import Any

from server.domain.actors import Actor
from server.propagation.project import ProjectOwner
from server.services import reading

ME = Actor("mara", "api")


def film() -> dict[str, Any]:
    """The mission's own shape, with each of its ways to name an edge."""
    return {
        "characters": [{"id": "mara", "name": "Mara", "description": "Tall and quiet", "age": 40}],
        "props": [{"id": "lamp", "used_in": ["dock"]}],
        "wardrobes": [{"id": "coat", "worn_by": "mara", "colour": "#D8A31A"}],
        "locations": [{"id": "dock", "fields": {"setting": "exterior"}}],
        "styles": [{"id": "ink"}],
        "assets": [
            {"id": "coat", "type": "wardrobe", "state": "wet"},
            {"id": "boots", "type": "wardrobe", "worn_by": ["mara"]},
        ],
        "sequences": [{"sequence_id": "sq1", "name": "Opening"}],
        "scenes": [{"scene_id": "sc1", "sequence_id": "sq1", "references": ["dock"]}],
        "shots": [
            {
                "shot_id": "sh1",
                "sequence_id": "sq1",
                "scene_id": "sc1",
                "status": "review",
                "visual_prompt": {
                    "description": "She waits",
                    "lens": "35 mm",
                    "character_references": [{"asset_id": "mara"}],
                    "prop_references": ["lamp"],
                    "wardrobe_references": [
                        {"asset_id": "coat", "overrides": {"state": "torn"}},
                        "boots",
                    ],
                    "location_references": "dock",
                },
            },
            {"id": "sh2", "scene_id": "sc1", "visual_prompt": {"character_references": ["mara"]}},
        ],
    }


def edges(owner: ProjectOwner) -> set[tuple[str, str, str]]:
    return {(one.source, one.target, one.role) for one in owner.state.references.values()}


def looks(owner: ProjectOwner) -> dict[str, Any]:
    """What must be the same elsewhere: each entity's fields, status, numbers and hashes."""
    return {id_: _look(reading.resolved(owner, id_)) for id_ in owner.state.entities}


def _look(resolved: dict[str, Any]) -> dict[str, Any]:
    """All but when, by whom and after which run."""
    passing = {"project_id", "created_at", "updated_at", "last_outcome"}
    return {key: value for key, value in resolved.items() if key not in passing}


def standing(owner: ProjectOwner) -> tuple[int, int, int]:
    """Changes when anything at all was committed."""
    return owner.state.seq, owner.state.audit_number, owner.state.generation
