"""The mission's own tests, as they are written there."""

from __future__ import annotations

import time

from server import AssetPropagationSystem


async def test_basic_propagation() -> None:
    system = AssetPropagationSystem("test-project")

    # Create test asset
    asset = await system.create_test_asset("character", "Test Character")

    # Create dependent shots
    await system.create_test_shots(10, asset["id"])

    # Change asset
    change_data = {"description": "Updated description"}
    result = await system.propagate_asset_change(asset["id"], change_data)

    assert result.status == "success"
    assert result.affected_entities == 10


async def test_rollback_functionality() -> None:
    system = AssetPropagationSystem("test-project")

    # Create asset and shots
    asset = await system.create_test_asset("prop", "Test Prop")
    await system.create_test_shots(5, asset["id"])

    # Make changes
    original_desc = asset["description"]
    await system.propagate_asset_change(asset["id"], {"description": "Changed"})

    # Rollback
    rollback_result = await system.rollback_to_version(asset["id"], original_version=1)

    assert rollback_result.success is True
    assert rollback_result.affected_entities == 5
    assert (await system.get_entity(asset["id"]))["description"] == original_desc


async def test_performance_under_load() -> None:
    system = AssetPropagationSystem("test-project")

    # Create large dependency graph
    asset = await system.create_test_asset("character", "Load Test Character")
    await system.create_test_shots(1000, asset["id"])

    # Measure propagation time
    start_time = time.time()
    result = await system.propagate_asset_change(asset["id"], {"description": "Performance test"})
    end_time = time.time()

    assert result.status == "success"
    assert result.affected_entities == 1000
    assert (end_time - start_time) < 60  # Under 1 minute for 1000 dependencies
