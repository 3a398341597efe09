"""Opening: a stored project as the state that all else works on, without holding the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from server.collector import lasting, without_collector
from server.domain.entities import Entity, Version
from server.domain.project import ProjectState
from server.domain.runs import Run
from server.ports import Storage

__all__ = ["in_slices", "load_built_on", "load_state"]

_SLICE = 2000
"""So many entities, references or versions are taken in at once: a few milliseconds."""


async def load_state(storage: Storage, project_id: str) -> tuple[ProjectState, Sequence[Run]]:
    """The state of a project, and the runs that were under way. Raises NotFound."""
    with without_collector():
        async with aclosing(storage.read_project(project_id)) as parts:
            head = await anext(parts)
            state = ProjectState(head.record, head.seq, head.audit_number, head.audit_hash)
            async for part in parts:
                await in_slices(part.entities, state.load)
                await in_slices(part.references, state.load_references)
                await in_slices(part.versions, state.load_versions)
        await in_slices(head.pictures, state.load_pictures)
        await in_slices(head.approvals, state.load_approvals)
        await in_slices(head.conflicts, state.load_conflicts)
        await _count_members(state)
        lasting(len(state.entities) + len(state.references))
    return state, head.open_runs


async def load_built_on(storage: Storage, state: ProjectState, versions: Iterable[Version]) -> None:
    """Bring the versions that these were built on to hand, all the way down."""
    waiting = list(versions)
    while waiting:
        if len(waiting) % _SLICE == 0:
            await asyncio.sleep(0)
        for one in waiting.pop().references:
            if (one.source, one.version) not in state.versions:
                below = await storage.version(state.id, one.source, one.version)
                state.load_versions([below])
                waiting.append(below)


async def _count_members(state: ProjectState) -> None:
    """Sum up what scenes and sequences hold, scenes first: sequences hold them too."""
    held: dict[str, list[str]] = {category: [] for category in ("scene", "sequence")}
    lists = {kind.name: held[kind.category] for kind in state.kinds if kind.category in held}

    def sort_out(part: Sequence[Entity]) -> None:
        for one in part:
            if one.kind in lists:
                lists[one.kind].append(one.id)

    await in_slices(list(state.entities.values()), sort_out)
    since = 0
    for entity_id in (*held["scene"], *held["sequence"]):
        state.recount_members(entity_id)
        since += len(state.inputs(entity_id))
        if since > _SLICE // 2:
            await asyncio.sleep(0)
            since = 0


async def in_slices(items: Sequence[Any], take: Callable[[Sequence[Any]], None]) -> None:
    """Hand a long list over piece by piece, so that loading a large project does not hold the
    loop.
    """
    for position in range(0, len(items), _SLICE):
        take(items[position : position + _SLICE])
        await asyncio.sleep(0)
