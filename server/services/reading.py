"""Reading: entities, resolved states, the graph, versions and runs, as the API and the library show
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

import orjson

from protocol.errors import FieldError, Invalid, NotFound
from server.domain.entities import Entity, Reference
from server.domain.graph import Dependent
from server.domain.resolve import entity_json
from server.domain.transaction import Transaction
from server.domain.versions import VersionManager
from server.propagation.cache import CacheManager, Kept
from server.propagation.pacing import Pacer
from server.propagation.project import ProjectOwner
from server.services.projects import Projects

__all__ = [
    "dependencies",
    "diff",
    "entity",
    "entity_page",
    "first_look",
    "first_resolved",
    "graph",
    "propagation_status",
    "resolved",
    "resolved_json",
    "resolved_page",
    "version_json",
    "version_page",
]

S = TypeVar("S")
T = TypeVar("T")

MAX_DEPTH = 1000
_manager = VersionManager()


async def first_look(projects: Projects, project_id: str, entity_id: str) -> dict[str, Any]:
    """``entity``, that does not wait for the rest of its project to be loaded. Raises NotFound."""
    tx = await projects.look(project_id, entity_id)
    return entity_json(tx, tx.entity(entity_id))


async def first_resolved(projects: Projects, project_id: str, entity_id: str) -> Kept:
    """``resolved_json`` in the same way."""
    owner = projects.if_open(project_id)
    if owner is not None:
        return resolved_json(owner, entity_id)
    tx = await projects.look(project_id, entity_id)
    return CacheManager().resolved(tx, tx.entity(entity_id))


def entity(owner: ProjectOwner, entity_id: str) -> dict[str, Any]:
    """One entity. Raises NotFound."""
    return entity_json(owner.look(), owner.state.entity(entity_id))


def resolved(owner: ProjectOwner, entity_id: str) -> dict[str, Any]:
    """One entity as it looks now. Raises NotFound."""
    found: dict[str, Any] = orjson.loads(resolved_json(owner, entity_id).body)
    return found


def resolved_json(owner: ProjectOwner, entity_id: str) -> Kept:
    """The same as JSON, from the project's cache. Raises NotFound."""
    return owner.cache.resolved(owner.look(), owner.state.entity(entity_id))


async def entity_page(
    owner: ProjectOwner,
    *,
    kind: str | None = None,
    query: str | None = None,
    status: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of entities in id order; ``query`` is looked for in ids and names, whatever the
    case.
    """
    needle = (query or "").casefold()

    def wanted(one: Entity) -> bool:
        return (
            (kind is None or one.kind == kind)
            and (status is None or one.status == status)
            and (not needle or needle in one.id.casefold() or needle in one.name.casefold())
        )

    found, following = _page(owner, wanted, limit, cursor)
    items = await _in_slices(found, lambda one: _shown(owner, one.id, entity_json))
    return {"items": items, "next_cursor": following}


async def resolved_page(
    owner: ProjectOwner,
    *,
    kind: str | None = None,
    ids: Sequence[str] = (),
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of resolved entities in id order, as fragments of JSON; with ``ids`` just those,
    unknown ones left out.
    """
    following = None
    wanted: Sequence[str] = sorted(set(ids))
    if not ids:
        found, following = _page(owner, lambda one: kind is None or one.kind == kind, limit, cursor)
        wanted = [one.id for one in found]
    items = await _in_slices(wanted, lambda id_: _shown(owner, id_, _fragment(owner)))
    return {"items": items, "next_cursor": following}


def _fragment(owner: ProjectOwner) -> Callable[[Transaction, Entity], orjson.Fragment]:
    return lambda tx, one: orjson.Fragment(owner.cache.resolved(tx, one).body)


def _shown(
    owner: ProjectOwner, entity_id: str, show: Callable[[Transaction, Entity], S]
) -> S | None:
    """An entity as it is this moment; ``None`` where it has gone meanwhile."""
    found = owner.state.entities.get(entity_id)
    return None if found is None else show(owner.look(), found)


async def _in_slices(items: Iterable[T], show: Callable[[T], S | None]) -> list[S]:
    """Show many things, letting others have their turn in between; what is gone is left out."""
    shown: list[S] = []
    pacer = Pacer()
    for item in items:
        one = show(item)
        if one is not None:
            shown.append(one)
        await pacer.pause()
    return shown


def _page(
    owner: ProjectOwner, wanted: Callable[[Entity], bool], limit: int, cursor: str | None
) -> tuple[list[Entity], str | None]:
    ids = sorted(id_ for id_ in owner.state.entities if cursor is None or id_ > cursor)
    matching = (owner.state.entities[id_] for id_ in ids if wanted(owner.state.entities[id_]))
    found = list(islice(matching, limit + 1))
    more = len(found) > limit
    return found[:limit], found[limit - 1].id if more else None


def dependencies(
    owner: ProjectOwner, asset_id: str, depth: int | None = 2, include_shots: bool = True
) -> dict[str, Any]:
    """Everything that depends on an asset, nearest first, with the shortest way to it."""
    if depth is not None and not 1 <= depth <= MAX_DEPTH:
        raise Invalid("The depth is not valid", [FieldError("depth", f"must be 1 to {MAX_DEPTH}")])
    found = owner.state.graph.dependents(asset_id, depth, include_shots)
    return {
        "asset_id": asset_id,
        "depth": depth,
        "dependencies": [_dependent_json(owner, one) for one in found],
        "total": len(found),
    }


def _dependent_json(owner: ProjectOwner, one: Dependent) -> dict[str, Any]:
    kind = owner.state.entities[one.id].kind
    return {"id": one.id, "kind": kind, "depth": one.depth, "path": list(one.path)}


async def graph(
    owner: ProjectOwner, root: str | None, depth: int | None, direction: str
) -> dict[str, Any]:
    """Nodes and edges: all, or what a root reaches (``down``: what uses it, ``up``, ``both``)."""
    if direction not in ("down", "up", "both"):
        raise Invalid(
            "The direction is not valid", [FieldError("direction", "must be down, up or both")]
        )
    if depth is not None and not 0 <= depth <= MAX_DEPTH:
        raise Invalid("The depth is not valid", [FieldError("depth", f"must be 0 to {MAX_DEPTH}")])
    state = owner.state
    ids = set(state.entities)
    if root is not None:
        state.entity(root)
        ids = {root}
        if direction in ("down", "both"):
            ids |= _reach(root, depth, state.graph.graph.successors)
        if direction in ("up", "both"):
            ids |= _reach(root, depth, state.graph.graph.predecessors)
    found = [one for one in state.entities.values() if one.id in ids]
    used = [one for one in state.references.values() if one.source in ids and one.target in ids]
    nodes = await _in_slices(found, _node_json)
    return {"nodes": nodes, "edges": await _in_slices(used, Reference.to_json)}


def _node_json(one: Entity) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "name": one.name,
        "status": one.status,
        "version": one.current.number,
    }


def _reach(root: str, depth: int | None, neighbours: Callable[[str], Iterable[str]]) -> set[str]:
    seen = {root}
    frontier = [root]
    level = 0
    while frontier and (depth is None or level < depth):
        frontier = list({id_ for here in frontier for id_ in neighbours(here)} - seen)
        seen.update(frontier)
        level += 1
    return seen


async def version_page(
    owner: ProjectOwner, asset_id: str, limit: int, cursor: str | None
) -> dict[str, Any]:
    """A page of an entity's versions, newest first. Raises NotFound."""
    _exists(owner, asset_id)
    found, following = await owner.storage.versions(owner.project_id, asset_id, limit, cursor)
    return {"items": [_manager.to_json(one) for one in found], "next_cursor": following}


async def version_json(owner: ProjectOwner, asset_id: str, number: int) -> dict[str, Any]:
    """One version. Raises NotFound."""
    return _manager.to_json(await owner.version(asset_id, number))


async def diff(owner: ProjectOwner, asset_id: str, before: int, after: int) -> dict[str, Any]:
    """What differs between two versions of an entity. Raises NotFound."""
    found = owner.state.entities.get(asset_id) or owner.state.deleted.get(asset_id)
    if found is None:
        raise NotFound(f"There is no {asset_id!r} in this project")
    kind = owner.state.kinds.get(found.kind)
    return _manager.diff(
        kind, await owner.version(asset_id, before), await owner.version(asset_id, after)
    )


def _exists(owner: ProjectOwner, entity_id: str) -> None:
    if entity_id not in owner.state.deleted:
        owner.state.entity(entity_id)


async def propagation_status(owner: ProjectOwner) -> dict[str, Any]:
    """What is under way, what waits, what ended lately, and the counts over all that ever ended."""
    recent = await owner.storage.runs(owner.project_id, 50)
    active = owner.engine.active
    ended = [run for run in recent if run.finished and (active is None or run.id != active.id)]
    totals = await owner.storage.run_totals(owner.project_id)
    return {
        "active": [active.to_json()] if active else [],
        "queued": owner.engine.queued,
        "recent": [run.to_json() for run in ended[:20]],
        "totals": {
            "runs": totals.runs,
            "processed": totals.processed,
            "counts": dict(totals.counts),
        },
        "cache": owner.cache.to_json(),
    }
