"""The benchmark: measures what it says it measures. Figures are for people, not for tests."""

from __future__ import annotations

from server import AssetPropagationSystem
from server.services.benchmark import Scenario, benchmark_performance


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
