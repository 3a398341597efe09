"""The benchmark: measures what it says it measures. Figures are for people, not for tests."""

from __future__ import annotations

from typing import Any

from server import AssetPropagationSystem
from server.services.benchmark import Scenario, _recommend, benchmark_performance


async def test_each_scenario_is_built_and_measured() -> None:
    scenarios = [Scenario("small", 10, 53), Scenario("large", 20, 100)]
    report = await benchmark_performance(AssetPropagationSystem, scenarios)
    assert [one["shots"] for one in report["scenarios"]] == [11, 20]
    for one in report["scenarios"]:
        most, middle = one["changes"]
        assert most["dependents"] >= middle["dependents"]
        assert most["seconds"] > 0
        assert most["loop_lag_ms"] >= 0
    assert report["recommendations"]
    assert all(isinstance(text, str) for text in report["recommendations"])


def change(dependents: int, seconds: float, lag: float = 1.0) -> dict[str, Any]:
    each = 1e6 * seconds / dependents
    return {
        "dependents": dependents,
        "seconds": seconds,
        "microseconds_per_dependent": each,
        "loop_lag_ms": lag,
    }


def test_recommendations_follow_from_what_was_measured() -> None:
    quick = [
        {"changes": [change(100, 0.015), change(10, 0.0105)], "batch_size": 250},
        {"changes": [change(1000, 0.060), change(50, 0.0125)], "batch_size": 400},
    ]
    said = list(_recommend(quick))
    assert "About 20000 dependents a second" in said[0]
    assert "10,000 shots takes around 0.5 s" in said[0]
    assert "250 to 400 dependents" in said[1]
    assert "does not grow" in said[2]
    assert "never waited longer than 1 ms" in said[3]
    slow = [
        {"changes": [change(100, 0.2), change(10, 0.02)], "batch_size": 64},
        {"changes": [change(100, 0.5, 80.0), change(10, 0.05)], "batch_size": 64},
    ]
    said = list(_recommend(slow))
    assert any("more than a millisecond" in text for text in said)
    assert any("grew 2.5 times" in text for text in said)
    assert any("up to 80 ms" in text for text in said)
