"""What is long: a run that is killed again and again, and histories by the thousand."""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from bench.running import RunningServer, production
from tests.domain.test_histories import Histories
from tests.end_to_end.conftest import until
from tests.end_to_end.test_crash import outcomes_of

pytestmark = pytest.mark.soak
SHOTS = 3000


def _far_enough(server: RunningServer, run_id: str, processed: int | None) -> bool:
    run = server.get(f"/runs/{run_id}")
    reached = processed is not None and run["processed"] >= processed
    return bool(reached or run["status"] == "done")


def test_runs_that_are_killed_at_random_end_with_each_dependent_once(
    server: RunningServer, soak_seconds: float
) -> None:
    seed = random.randrange(2**32)  # stands in every assertion: a failure says how to repeat it
    chance = random.Random(seed)
    server.import_project("film", production(SHOTS))
    deadline = time.monotonic() + soak_seconds
    rounds = 0
    while time.monotonic() < deadline or not rounds:
        rounds += 1
        colour = f"#{chance.randrange(2**24):06x}"
        change = {"change_data": {"colour": colour}}
        run_id = server.post("/assets/coat/propagate?wait=0", change)["run_id"]
        for _ in range(chance.randint(1, 3)):
            stop_at = chance.randint(0, SHOTS)

            until(partial(_far_enough, server, run_id, stop_at), 60)
            server.kill()
            server.start()
        until(partial(_far_enough, server, run_id, None), 120)
        outcomes = outcomes_of(server, run_id)
        assert set(Counter(one["entity_id"] for one in outcomes).values()) == {1}, seed
        assert len(outcomes) == SHOTS + SHOTS // 50, seed
        shown = server.get(f"/projects/film/entities/shot-{chance.randrange(SHOTS):06d}/resolved")
        coat = next(one for one in shown["references"] if one["source"] == "coat")
        assert coat["fields"]["colour"] == colour, seed


def test_long_histories(soak_seconds: float) -> None:
    """As many examples as the budget allows, at about 50 a second."""
    longer = settings(
        max_examples=max(50, int(25 * soak_seconds)),
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Histories, settings=longer)
