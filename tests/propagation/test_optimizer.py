"""PerformanceOptimizer: batches follow the measured cost, estimates follow the batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.actors import Actor
from server.domain.commit import Commit
from server.domain.entities import Digests
from server.domain.runs import Outcome
from server.propagation.optimizer import LEAST, MOST, REACHING, PerformanceOptimizer
from server.services.changes import calculate_change_impact
from server.system import AssetPropagationSystem


def after(batches: int, fixed: float, each: float) -> PerformanceOptimizer:
    """What is learned where a batch costs a fixed time and one for each dependent."""
    optimizer = PerformanceOptimizer()
    for _ in range(batches):
        size = optimizer.batch_size
        optimizer.measured(size, size * each / 2, fixed + size * each)
    return optimizer


@pytest.mark.parametrize(("fixed", "each"), [(0.001, 30e-6), (0.002, 200e-6), (0.5, 20e-6)])
def test_a_batch_comes_to_take_the_wanted_time_whatever_a_sync_costs(
    fixed: float, each: float
) -> None:
    size = after(30, fixed, each).batch_size
    assert size * each / 2 == pytest.approx(REACHING, rel=0.1)


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 60), st.floats(0, 60)), max_size=30),
)
def test_whatever_is_measured_a_batch_stays_within_its_bounds(
    batches: list[tuple[int, float, float]],
) -> None:
    optimizer = PerformanceOptimizer()
    for dependents, reaching, more in batches:
        before = optimizer.batch_size
        optimizer.measured(dependents, reaching, reaching + more)
        assert LEAST <= optimizer.batch_size <= MOST
        assert before / 2 - 1 <= optimizer.batch_size <= before * 2 + 1
        assert 1 <= optimizer.reached_at_once <= 64


def test_dear_dependents_make_batches_small_and_cheap_ones_large_again() -> None:
    optimizer = after(30, 0.001, 30e-6)
    quick = optimizer.batch_size
    for _ in range(10):
        optimizer.measured(optimizer.batch_size, 1.0, 1.0)
    assert optimizer.batch_size == LEAST
    for _ in range(20):
        size = optimizer.batch_size
        optimizer.measured(size, size * 15e-6, 0.001 + size * 30e-6)
    assert optimizer.batch_size == pytest.approx(quick, rel=0.1)


def test_the_estimate_is_what_was_measured() -> None:
    optimizer = after(100, 0.0, 50e-6)
    assert optimizer.seconds_for(10_000) == pytest.approx(0.5, rel=0.05)


def test_memory_is_weighed_by_what_a_batch_holds() -> None:
    lean, rich = PerformanceOptimizer(), PerformanceOptimizer()
    outcomes = [
        Outcome(f"sh{n}", "shot", "updated", "why", "mara", 2, "a" * 64, "b" * 64)
        for n in range(500)
    ]
    for _ in range(50):
        lean.weighed(Commit("film", "now", outcomes=outcomes))
        digests = {one.entity_id: Digests(b"v" * 32, b"a" * 32) for one in outcomes}
        pointers = {f"ref-{n}": 2 for n in range(500)}
        rich.weighed(Commit("film", "now", outcomes=outcomes, digests=digests, pointers=pointers))
    assert 200 < lean.bytes_for(1) < rich.bytes_for(1) < 2000


async def test_a_preview_estimates_from_what_runs_of_the_project_took() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        await system.create_test_shots(40, hero["id"])
        for _ in range(40):
            owner.engine.cost.measured(1000, 1.0, 2.0)
        actor = Actor("mara", "test")
        impact = await calculate_change_impact(owner, hero["id"], {"description": "b"}, actor)
        assert impact["estimated_processing_time"] == pytest.approx(40 * 2e-3, rel=0.05)
        assert impact["memory_impact"] == owner.engine.cost.bytes_for(40)
