"""Analytics: the counts of a project that somebody who coordinates it wants to see."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from server.propagation.project import ProjectOwner

__all__ = ["analytics"]

_MOST_USED = 20
_AT_ONCE = 2000
_WAITING = ("awaiting_approval", "conflict", "blocked", "failed")


async def analytics(owner: ProjectOwner, now: str, days: int) -> dict[str, Any]:
    """Runs and outcomes of the last ``days`` days, what is used most, and what waits for somebody.

    Raises Unavailable where counting takes too long.
    """
    day = datetime.fromisoformat(now).date() - timedelta(days=days - 1)
    found = await owner.storage.analytics(owner.project_id, day.isoformat(), _MOST_USED)
    outcomes: Counter[str] = Counter()
    for one in found["days"]:
        outcomes.update(one["outcomes"])
    entities = owner.state.entities
    return {
        "since": day.isoformat(),
        "runs": {"total": sum(found["statuses"].values()), "by_status": found["statuses"]},
        "outcomes": dict(outcomes),
        "days": found["days"],
        "most_used": [
            {
                "id": id_,
                "kind": entities[id_].kind,
                "name": entities[id_].name,
                "references": references,
                "dependents": dependents,
            }
            for id_, references, dependents in found["used"]
            if id_ in entities
        ],
        "shots": await _shots(owner),
        "storage": found["stored"],
    }


async def _shots(owner: ProjectOwner) -> dict[str, Any]:
    """How the shots stand: by status, and by what the last run that reached them left to do."""
    state = owner.state
    kinds = {one.name for one in state.kinds if one.category == "shot"}
    statuses: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for number, entity in enumerate(list(state.entities.values()), 1):
        if entity.kind in kinds:
            statuses[entity.status] += 1
            if entity.last_outcome is not None:
                left[entity.last_outcome.outcome] += 1
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return {
        "total": statuses.total(),
        "by_status": dict(statuses),
        "stale": left["stale"],
        "waiting": {name: left[name] for name in _WAITING},
    }
