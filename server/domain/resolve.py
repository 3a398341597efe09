"""Resolving: an entity as it looks now, every reference at its resolved version with overrides
applied.

Reads pointers and versions only; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.domain.depicting import current_picture
from server.domain.entities import BuiltOn, Entity, Reference, Version
from server.domain.kinds import Kind
from server.domain.project import MEMBERS, ProjectState
from server.domain.prompt import DEFAULT_TEMPLATE, compose
from server.domain.revisions import revisions_of
from server.domain.transaction import Transaction

__all__ = ["entity_json", "resolve", "stale_reasons"]


def stale_reasons(tx: Transaction, entity: Entity) -> list[str]:
    """Why an entity is behind what it follows; empty when it is not.

    Stale means: a reference that follows the latest (or the approved) version resolves to another
    one, and what that brings in differs. A pin is never stale: it stands where somebody put it.
    A shot is also stale while a scene that it stands in was revised after its version was made.
    """
    reasons: list[str] = []
    for reference in _sorted_inputs(tx, entity.id):
        if reference.policy == "pinned" or tx.is_member(reference):
            continue
        here, goal = tx.pointer(reference), tx.goal(reference)
        if goal == here:
            continue
        if tx.contribution(reference, goal) != tx.contribution(reference, here):
            waits, name = _waits(tx, reference, goal), tx.name_of(reference.source)
            reasons.append(f"{name} is at v{goal}; this still shows v{here}{waits}")
    reasons += [how for _, how in revisions_of(tx, entity)]
    return reasons


def _waits(tx: Transaction, reference: Reference, goal: int) -> str:
    """What somebody said, or is asked, about a version that is not shown."""
    rejected = tx.rejected(reference, goal)
    if rejected is not None:
        return f" (v{goal} was rejected by {rejected.answer()})"
    asked = tx.approval(reference.source, reference.target)
    return " (it waits for approval)" if asked is not None else ""


def _last_outcome(tx: Transaction, entity: Entity) -> dict[str, Any] | None:
    """The newest outcome; one that waited for approval and has nothing to wait for is over."""
    last = entity.last_outcome
    if last is None:
        return None
    if last.outcome == "awaiting_approval" and not tx.approvals_of(entity.id):
        reason = f"{last.reason}; by now nothing waits any more"
        return last._replace(outcome="unchanged", reason=reason).to_json()
    return last.to_json()


def entity_json(tx: Transaction, entity: Entity) -> dict[str, Any]:
    """An entity as the API shows it."""
    stale = stale_reasons(tx, entity)
    digests = tx.digests(entity.id)
    return {
        "id": entity.id,
        "project_id": tx.state.id,
        "kind": entity.kind,
        "name": entity.name,
        "fields": dict(entity.current.fields),
        "status": entity.status,
        "version": entity.current.number,
        "approved_version": entity.approved_version,
        "references": [one.to_json() for one in _sorted_inputs(tx, entity.id)],
        "stale": bool(stale),
        "stale_reasons": stale,
        "last_outcome": _last_outcome(tx, entity),
        "hash": digests.all.hex(),
        "visual_hash": digests.visual.hex(),
        "picture": current_picture(tx, entity),
        "created_at": entity.created_at,
        "updated_at": entity.updated_at,
    }


def resolve(tx: Transaction, entity: Entity) -> dict[str, Any]:
    """The entity as it looks now, whole: what a panel is drawn from."""
    out = entity_json(tx, entity)
    references = [_reference_json(tx, one) for one in _sorted_inputs(tx, entity.id)]
    assets = [one for one in references if one["kind"] not in ("shot", "scene")]
    out["references"] = references
    out["used_by"] = [
        {
            "id": one.id,
            "target": one.target,
            "kind": tx.entity(one.target).kind,
            "role": one.role,
            "order": one.order,
            "policy": one.policy,
            "version": tx.pointer(one),
        }
        for one in sorted(tx.state.outputs(entity.id), key=lambda one: (one.target, one.id))
    ]
    kind = tx.kind(entity)
    out["prompt"] = compose(
        str(tx.state.settings.get("prompt_template") or DEFAULT_TEMPLATE),
        entity.name,
        kind.label,
        _visual(kind, entity.current.fields, entity.current.visual_fields),
        [_visual_reference(tx.state, one) for one in assets],
    )
    return out


def _sorted_inputs(tx: Transaction, entity_id: str) -> list[Reference]:
    return sorted(tx.inputs(entity_id), key=lambda one: (one.order, one.id))


def _reference_json(tx: Transaction, reference: Reference) -> dict[str, Any]:
    source = tx.entity(reference.source)
    number = tx.pointer(reference)
    member = tx.kind(source).category in MEMBERS
    version = source.current if member else tx.version(reference.source, number)
    out = _version_json(source.kind, version, reference.built_on(number))
    out["latest_version"] = source.current.number
    if member:
        out["hash"] = tx.digests(source.id).all.hex()
    else:
        out["references"] = _nested(tx, version)
    return out


def _nested(tx: Transaction, version: Version) -> list[dict[str, Any]]:
    """What a version was built on, all the way down; a source that is gone by now still has its
    version.
    """
    nested: list[dict[str, Any]] = []
    for one in version.references:
        below = tx.version(one.source, one.version)
        entity = tx.state.entities.get(one.source) or tx.state.deleted.get(one.source)
        out = _version_json(entity.kind if entity else "", below, one)
        out["latest_version"] = entity.current.number if entity else one.version
        out["references"] = _nested(tx, below)
        nested.append(out)
    return nested


def _version_json(kind: str, version: Version, one: BuiltOn) -> dict[str, Any]:
    return {
        "id": one.reference_id,
        "source": one.source,
        "kind": kind,
        "name": version.name,
        "role": one.role,
        "policy": one.policy,
        "version": one.version,
        "order": one.order,
        "overrides": dict(one.overrides),
        "fields": {**version.fields, **one.overrides},
        "visual_fields": sorted(version.visual_fields),
    }


def _visual(kind: Kind, fields: Mapping[str, Any], extra: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in extra or kind.is_visual(name)}


def _visual_reference(state: ProjectState, reference: Mapping[str, Any]) -> dict[str, Any]:
    kind = state.kinds.get(reference["kind"])
    extra = frozenset(reference["visual_fields"])
    return {
        "kind": reference["kind"],
        "name": reference["name"],
        "fields": _visual(kind, reference["fields"], extra),
    }
