"""Benchmark: the mission's three scenarios, measured on this machine, and what follows from them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from server.propagation.edits import NewEntity, NewReference
from server.propagation.project import ProjectOwner
from server.services.answers import PropagationResult
from server.services.entities import create_entities

__all__ = ["SCENARIOS", "Scenario", "System", "benchmark_performance"]

_TICK = 0.002
_SLICE = 200
_LAG_LIMIT = 0.05
_SLOW_DEPENDENT = 0.001


class System(Protocol):
    """What is measured: ``AssetPropagationSystem``, which this module must not import."""

    async def owner(self) -> ProjectOwner: ...

    async def propagate_asset_change(
        self, asset_id: str, change_data: Mapping[str, Any]
    ) -> PropagationResult: ...


MakeSystem = Callable[[str], AbstractAsyncContextManager[System]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A project with so many assets, and so many references from them to shots."""

    name: str
    assets: int
    dependencies: int


SCENARIOS = (
    Scenario("small", 100, 1_000),
    Scenario("medium", 500, 5_000),
    Scenario("large", 1_000, 10_000),
)


async def benchmark_performance(
    make: MakeSystem, scenarios: Sequence[Scenario] = SCENARIOS
) -> dict[str, Any]:
    """Measure every scenario on a fresh system in memory.

    Answers ``{"scenarios": [{name, assets, dependencies, shots, build_seconds, changes: [{asset,
    dependents, seconds, microseconds_per_dependent, loop_lag_ms}]}], "recommendations": [text]}``.
    """
    measured = [await _measure(make, scenario) for scenario in scenarios]
    return {"scenarios": measured, "recommendations": list(_recommend(measured))}


async def _measure(make: MakeSystem, scenario: Scenario) -> dict[str, Any]:
    news, uses = _project(scenario)
    by_use = sorted(uses, key=lambda asset: (-uses[asset], asset))
    async with make(f"benchmark-{scenario.name}") as system:
        owner = await system.owner()
        begun = time.perf_counter()
        for position in range(0, len(news), _SLICE):
            part = news[position : position + _SLICE]
            await create_entities(owner, part, owner_actor(owner))
        built = time.perf_counter() - begun
        changes = [await _change(system, asset) for asset in (by_use[0], by_use[len(by_use) // 2])]
    return {
        "name": scenario.name,
        "assets": scenario.assets,
        "dependencies": scenario.dependencies,
        "shots": len(news) - scenario.assets,
        "build_seconds": round(built, 4),
        "changes": changes,
    }
