"""Benchmark: the mission's three scenarios, measured on this machine, and what follows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from statistics import linear_regression
from typing import Any, Protocol

from server.domain.actors import Actor
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.services.answers import PropagationResult
from server.services.entities import create_entities

__all__ = ["SCENARIOS", "Scenario", "System", "benchmark_performance"]

_ACTOR = Actor("benchmark", "library", "owner")
_USES_PER_SHOT = 5
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
    dependents, seconds, microseconds_per_dependent, loop_lag_ms}], batch_size}], "recommendations":
    [text]}``; ``batch_size`` is what the optimizer arrived at.
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
            await create_entities(owner, part, _ACTOR)
        built = time.perf_counter() - begun
        changes = [await _change(system, asset) for asset in (by_use[0], by_use[len(by_use) // 2])]
    return {
        "name": scenario.name,
        "assets": scenario.assets,
        "dependencies": scenario.dependencies,
        "shots": len(news) - scenario.assets,
        "build_seconds": round(built, 4),
        "changes": changes,
        "batch_size": owner.engine.cost.batch_size,
    }


def _project(scenario: Scenario) -> tuple[list[NewEntity], dict[str, int]]:
    """Assets, and shots that use a few of them each: a few assets very often, most of them rarely.

    The same scenario is the same project every time. Answers how often each asset is used, too.
    """
    names = [f"asset-{number:04d}" for number in range(scenario.assets)]
    kinds = ("character", "wardrobe", "prop", "location", "style")
    news = [
        NewEntity(kinds[number % len(kinds)], name, {"description": f"{name}, as described"}, name)
        for number, name in enumerate(names)
    ]
    uses = dict.fromkeys(names, 0)
    left = scenario.dependencies
    for number in range(-(-left // _USES_PER_SHOT)):
        chosen: dict[str, None] = {}
        position = 0
        while len(chosen) < min(_USES_PER_SHOT, left):
            share = (number * 0.618034 + position * 0.381966) % 1
            chosen[names[(int(scenario.assets * share**3) + position) % scenario.assets]] = None
            position += 1
        left -= len(chosen)
        for name in chosen:
            uses[name] += 1
        fields = {"description": f"Shot {number}", "framing": "wide"}
        references = [NewReference(name) for name in chosen]
        news.append(
            NewEntity("shot", f"Shot {number}", fields, f"shot-{number:05d}", references=references)
        )
    return news, uses


async def _change(system: System, asset: str) -> dict[str, Any]:
    """Change one asset and wait for the end of the run, with an eye on the loop."""
    async with _watched_loop() as lags:
        begun = time.perf_counter()
        result = await system.propagate_asset_change(asset, {"description": "Changed, all of it"})
        spent = time.perf_counter() - begun
    reached = sum(result.counts.values())
    return {
        "asset": asset,
        "dependents": reached,
        "seconds": round(spent, 4),
        "microseconds_per_dependent": round(1e6 * spent / reached, 1) if reached else None,
        "loop_lag_ms": round(1000 * max(lags, default=0.0), 2),
    }


@asynccontextmanager
async def _watched_loop() -> AsyncIterator[list[float]]:
    """How much later than asked for the loop came round, in seconds, as long as this is open."""
    lags: list[float] = []

    async def watch() -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(_TICK)
            lags.append(time.perf_counter() - asked - _TICK)

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield lags
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


def _cost(changes: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Seconds that a change takes whatever it reaches, and for each dependent: the line through
    what was measured, else the mean.
    """
    reached = [one["dependents"] for one in changes]
    seconds = [one["seconds"] for one in changes]
    if len(set(reached)) > 1:
        slope, intercept = linear_regression(reached, seconds)
        if slope > 0:
            return max(0.0, intercept), slope
    return 0.0, sum(seconds) / sum(reached)


def _recommend(measured: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the figures mean for whoever plans with them."""
    changes = [change for one in measured for change in one["changes"]]
    # Few dependents say more about a run's fixed cost than about theirs.
    wide = [max(one["changes"], key=lambda change: int(change["dependents"])) for one in measured]
    costs = [one["microseconds_per_dependent"] for one in wide if one["dependents"]]
    if not costs:
        yield "Nothing depended on what was changed, so there is nothing to go by."
        return
    fixed, typical = _cost(changes)
    per_second = round(1 / typical)
    yield (
        f"About {per_second} dependents a second on this machine: a change that reaches 10,000 "
        f"shots takes around {fixed + 10_000 * typical:.1f} s."
    )
    sizes = sorted({one["batch_size"] for one in measured})
    settled = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    yield f"Batches settled at {settled} dependents: other edits of a project wait for one at most."
    if typical > _SLOW_DEPENDENT:
        yield "A dependent takes more than a millisecond: a faster machine or disk would pay."
    growth = costs[-1] / costs[0]
    if growth > 2:
        yield (
            f"Cost per dependent grew {growth:.1f} times from the smallest to the largest project: "
            "change heavily used assets in batch or background mode."
        )
    else:
        yield "Cost per dependent does not grow with the project: large projects need no splitting."
    lag = max(change["loop_lag_ms"] for change in changes)
    if lag > 1000 * _LAG_LIMIT:
        yield (
            f"Other people waited up to {lag:.0f} ms while a run was on its way: "
            "the machine was busy, or needs another core."
        )
    else:
        yield f"Others never waited longer than {lag:.0f} ms, so real-time mode is fine throughout."
