"""Exporting: a project in the mission's JSON shape, with what it takes to make the same one again.

Where the mission has a place for a relation (``worn_by``, ``visual_prompt`` …) it stands there as a
bare id; all that there is to say about it stands in ``references``. Pictures are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from server.domain.default_kinds import default_kinds
from server.domain.entities import BuiltOn, Entity, Reference, Version
from server.domain.project import MEMBERS, ProjectState
from server.domain.project_json import list_name
from server.domain.rules import default_rules

__all__ = ["export_slices"]

_STRUCTURAL = frozenset(
    {"id", "asset_id", "type", "kind", "name", "status", "fields", "references", "versions"}
    | {"visual_fields", "visual_prompt", "deleted", "worn_by", "used_in"}
)
_ID_KEYS = {"shot": "shot_id", "scene": "scene_id", "sequence": "sequence_id"}


def export_slices(state: ProjectState) -> Iterator[dict[str, Any]]:
    """Build the export; each step gives the same object, more of it filled, the last one whole."""
    out: dict[str, Any] = {"project": _header(state)}
    for kind in state.kinds:
        out[list_name(kind.name) or "assets"] = []
    exporting = _Exporting(state)
    order = {kind.name: number for number, kind in enumerate(state.kinds)}
    alive = sorted(state.entities.values(), key=lambda one: (order[one.kind], one.id))
    gone = sorted(exporting.gone(), key=lambda one: (order[one.kind], one.id))
    for entity in [*alive, *gone]:
        out[list_name(entity.kind) or "assets"].append(exporting.entry(entity))
        yield out
    yield out


def _header(state: ProjectState) -> dict[str, Any]:
    record = state.record
    header: dict[str, Any] = {"name": record.name, "settings": dict(record.settings)}
    kinds = state.kinds.to_json()
    if kinds != default_kinds().to_json():
        header["kinds"] = kinds["kinds"]
    rules = [rule.to_json() for rule in state.rules.rules]
    if rules != [rule.to_json() for rule in default_rules()]:
        header["rules"] = rules
    return header


class _Exporting:
    def __init__(self, state: ProjectState) -> None:
        self.state = state
        self.older = _older_versions(state)

    def gone(self) -> list[Entity]:
        """Deleted entities that an older version still in use was built on."""
        return [one for one in self.state.deleted.values() if one.id in self.older]

    def entry(self, entity: Entity) -> dict[str, Any]:
        state, current = self.state, entity.current
        out: dict[str, Any] = {_ID_KEYS.get(entity.kind, "id"): entity.id}
        if list_name(entity.kind) is None:
            out["type"] = entity.kind
        out["name"], out["status"] = entity.name, entity.status
        hidden = {name: value for name, value in current.fields.items() if _is_taken(name)}
        out.update((name, value) for name, value in current.fields.items() if name not in hidden)
        if hidden:
            out["fields"] = hidden
        if current.visual_fields:
            out["visual_fields"] = sorted(current.visual_fields)
        if entity.deleted_at is not None:
            out["deleted"] = True
        references = sorted(state.inputs(entity.id).values(), key=lambda one: (one.order, one.id))
        out.update(self.places(entity, references))
        if references:
            out["references"] = [_reference(one) for one in references]
        versions = self.versions(entity)
        if versions:
            out["versions"] = versions
        return out

    def places(self, entity: Entity, references: Iterable[Reference]) -> dict[str, Any]:
        """The mission's own places for relations: bare ids."""
        state = self.state
        out: dict[str, Any] = {}
        prompt: dict[str, list[dict[str, str]]] = {}
        mentions: dict[str, list[str]] = {}
        for one in references:
            source = state.entities[one.source].kind
            if state.kinds.get(source).category in MEMBERS:
                continue
            if state.category(entity.id) != "asset":
                prompt.setdefault(f"{source}_references", []).append({"asset_id": one.source})
            elif one.role in ("worn_by", "used_in"):
                mentions.setdefault(one.role, []).append(one.source)
        for role, ids in mentions.items():
            out[role] = ids[0] if len(ids) == 1 else ids
        for holder in sorted(one.target for one in state.outputs(entity.id)):
            kind = state.entities[holder].kind
            if state.category(entity.id) in MEMBERS and kind in ("scene", "sequence"):
                out.setdefault(f"{kind}_id", holder)
        if prompt:
            out["visual_prompt"] = prompt
        return out

    def versions(self, entity: Entity) -> list[dict[str, Any]]:
        """The older versions in use, and what has to be said of the newest; empty where nothing."""
        older = self.older.get(entity.id, {})
        out = [_version(older[number]) for number in sorted(older)]
        newest: dict[str, Any] = {"number": entity.current.number}
        kind = self.state.kinds.get(entity.kind)
        if entity.deleted_at is not None:
            newest = _version(entity.current)
        for one in (*out, newest):
            if one["number"] == entity.approved_version:
                one["approved"] = True
        lacks_prose = any(name not in entity.current.fields for name in kind.prose)
        if out or lacks_prose or newest != {"number": 1}:
            out.append(newest)
        return out


def _older_versions(state: ProjectState) -> dict[str, dict[int, Version]]:
    """Every version in use that is not current, all the way down, by entity and number."""
    older: dict[str, dict[int, Version]] = {}
    waiting = [(one.source, one.version) for one in state.references.values()]
    waiting += [
        (one.id, one.approved_version)
        for one in state.entities.values()
        if one.approved_version is not None
    ]
    seen: set[tuple[str, int]] = set()
    while waiting:
        key = waiting.pop()
        version = state.versions.get(key)
        if key in seen or version is None:
            continue
        seen.add(key)
        entity = state.entities.get(version.entity_id)
        if entity is None or entity.current.number != version.number:
            older.setdefault(version.entity_id, {})[version.number] = version
            waiting += [(one.source, one.version) for one in version.references]
    for entity_id, found in older.items():
        buried = state.deleted.get(entity_id)
        if buried is not None:
            found.pop(buried.current.number, None)
    return older


def _is_taken(name: str) -> bool:
    return name in _STRUCTURAL or name.endswith(("_references", "_id"))


def _reference(one: Reference) -> dict[str, Any]:
    out = _built_on(one.built_on())
    if one.pinned_by is not None:
        out["pinned_by"] = one.pinned_by
    return out


def _built_on(one: BuiltOn) -> dict[str, Any]:
    out = one.to_json()
    if not out["overrides"]:
        del out["overrides"]
    return out


def _version(version: Version) -> dict[str, Any]:
    out: dict[str, Any] = {
        "number": version.number,
        "name": version.name,
        "status": version.status,
        "fields": dict(version.fields),
    }
    if version.message:
        out["message"] = version.message
    if version.visual_fields:
        out["visual_fields"] = sorted(version.visual_fields)
    if version.references:
        out["references"] = [_built_on(one) for one in version.references]
    return out
