"""Runs with ``kill -9`` at each phase: resumed, cancelled, retried and rolled back, they end as one
that nothing interrupted, and each dependent has one outcome. Over 5,000 shots where it may be long.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from bench.running import RunningServer, production
from tests.end_to_end.conftest import until
from tests.end_to_end.test_crash import CHANGE, outcomes_of

PHASES = ("queued", "first batch", "midst", "last batch", "finishing", "finished")
Snapshot = dict[str, Any]


class FaultyServer(RunningServer):
    """A server with the faults that a test orders."""

    def __init__(self, data: Path) -> None:
        self._faults = data / "faults.json"
        super().__init__(data, program=("tests.end_to_end.faulty", str(self._faults)))
        self.order()

    def order(self, **faults: Any) -> None:
        """From now on these faults, and no others."""
        part = self._faults.with_suffix(".part")
        part.write_text(json.dumps(faults))
        part.replace(self._faults)

    def killed_by(self, request: Callable[[], Any]) -> None:
        """Send a request that kills the server; whether it is answered is not certain."""
        with suppress(httpx.TransportError):
            request()
        assert self.die() == -signal.SIGKILL

    def killed_at(self, *phases: str) -> None:
        """Start it again and again; each time it goes on with what it was about, up to a phase."""
        for phase in phases:
            self.order(kill=phase)
            assert self.die() == -signal.SIGKILL, phase
        self.order()
        self.start()

    def newest(self) -> dict[str, Any]:
        status = self.get("/projects/film/propagation-status")
        found: dict[str, Any] = max(
            [*status["active"], *status["recent"]], key=lambda run: str(run["created_at"])
        )
        return found

    def ended(self, run_id: str) -> dict[str, Any]:
        def ask() -> dict[str, Any] | None:
            run: dict[str, Any] = self.get(f"/runs/{run_id}")
            return run if run["finished_at"] else None

        return until(ask, 60)

    def snapshot(self) -> Snapshot:
        """What everything resolves to, by entity."""
        found: Snapshot = {}
        cursor: str | None = ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = self.get(f"/projects/film/entities?limit=500{more}")
            for one in page["items"]:
                uses = {used["source"]: used["version"] for used in one["references"]}
                found[one["id"]] = one["hash"], one["visual_hash"], one["stale"], uses
            cursor = page["next_cursor"]
        return found

    def verify(self) -> None:
        command = [sys.executable, "-m", "server", "verify", "--data", str(self.data)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


class Twin(NamedTuple):
    """A project at rest, and what it is like when nothing interrupts its runs."""

    dependents: int
    data: Path
    before: Snapshot
    changed: Snapshot
    rolled_back: Snapshot


_LONG = [pytest.mark.soak, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=[1000, pytest.param(5000, marks=_LONG)])
def twin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Twin:
    shots = int(request.param)
    dependents = shots + shots // 50
    folder = tmp_path_factory.mktemp("twin")
    with RunningServer(folder / "whole") as server:
        server.import_project("film", production(shots))
        server.stop()
        shutil.copytree(folder / "whole", folder / "rest")
    with FaultyServer(folder / "whole") as server:
        before = server.snapshot()
        run = server.post("/assets/coat/propagate?wait=60", CHANGE, 200)
        changed = server.snapshot()
        back = server.post(f"/runs/{run['run_id']}/rollback?wait=60", {}, 200)
        assert back["counts"] == run["counts"] == {"updated": dependents}
        rolled_back = server.snapshot()
    looks = [{id_: one[:3] for id_, one in some.items()} for some in (before, rolled_back)]
    assert looks[0] == looks[1] != {id_: one[:3] for id_, one in changed.items()}
    return Twin(dependents, folder / "rest", before, changed, rolled_back)


@pytest.fixture
def server(twin: Twin, tmp_path: Path) -> Iterator[FaultyServer]:
    data = tmp_path / "data"
    shutil.copytree(twin.data, data)
    with FaultyServer(data) as running:
        yield running


def propagate(server: FaultyServer, wait: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = server.post(f"/assets/coat/propagate?wait={wait}", CHANGE)
    return found


def once_each(server: FaultyServer, run: dict[str, Any]) -> list[dict[str, Any]]:
    """A run's outcomes, one for each dependent, as many as it says."""
    outcomes = outcomes_of(server, run["id"])
    times = Counter(one["entity_id"] for one in outcomes)
    assert set(times.values()) == {1}
    assert len(times) == run["total"] == run["processed"]
    assert Counter(one["outcome"] for one in outcomes) == run["counts"]
    assert all(one["reason"] for one in outcomes)
    return outcomes


def test_a_run_killed_at_each_phase_ends_like_one_that_was_not(
    server: FaultyServer, twin: Twin
) -> None:
    server.order(kill=PHASES[0])
    server.killed_by(lambda: propagate(server))
    server.killed_at(*PHASES[1:])
    run = server.ended(server.newest()["id"])
    assert (run["status"], run["counts"]) == ("done", {"updated": twin.dependents})
    once_each(server, run)
    assert server.snapshot() == twin.changed
    server.verify()


def test_a_cancelled_run_killed_on_its_way_is_cancelled_and_can_be_retried(
    server: FaultyServer, twin: Twin
) -> None:
    server.order(slow=0.5)
    run_id = propagate(server)["run_id"]

    def under_way() -> bool:
        run = server.get(f"/runs/{run_id}")
        assert not run["finished_at"], "it was over before it could be cancelled"
        return bool(run["processed"])

    until(under_way)
    server.order(slow=0.5, kill="cancelling")
    server.killed_by(lambda: server.post(f"/runs/{run_id}/cancel?wait=0"))
    server.killed_at("cancelled batch", "finishing", "finished")
    run = server.ended(run_id)
    assert run["status"] == "cancelled"
    assert run["total"] == twin.dependents
    outcomes = once_each(server, run)
    assert set(run["counts"]) == {"updated", "cancelled"}
    server.verify()
    left = {one["entity_id"] for one in outcomes if one["outcome"] == "cancelled"}
    again = server.post(f"/runs/{run_id}/retry?wait=60", None, 200)
    assert again["status"] == "done"
    assert left <= {one["entity_id"] for one in once_each(server, again)}
    assert server.snapshot() == twin.changed
    server.verify()


def test_a_retry_killed_at_each_phase_brings_up_what_failed_and_nothing_besides(
    server: FaultyServer, twin: Twin
) -> None:
    broken = [f"shot-{number:06d}" for number in range(100, 200)]
    server.order(broken=broken)
    run_id = propagate(server, 60)["run_id"]
    run = server.ended(run_id)
    # The shots of two sequences, all of them: nothing in these has changed.
    assert run["counts"] == {"updated": twin.dependents - 102, "failed": 100, "unchanged": 2}
    failed = {one["entity_id"] for one in once_each(server, run) if one["outcome"] == "failed"}
    assert failed == set(broken)
    server.order(kill=PHASES[0])
    server.killed_by(lambda: server.post(f"/runs/{run_id}/retry?wait=0"))
    server.killed_at(*PHASES[1:])
    again = server.ended(server.newest()["id"])
    assert (again["status"], again["retry_of"]) == ("done", run_id)
    held = {f"seq-{number:04d}" for number in range(2, 4)}
    assert {one["entity_id"] for one in once_each(server, again)} == failed | held
    assert again["counts"] == {"updated": 102}
    assert server.snapshot() == twin.changed
    refused = server.http.post(f"/api/v1/runs/{again['id']}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    server.verify()


def test_a_rollback_killed_at_each_phase_brings_everything_back(
    server: FaultyServer, twin: Twin
) -> None:
    run_id = propagate(server, 60)["run_id"]
    plan = server.post(f"/runs/{run_id}/rollback", {"dry_run": True}, 200)
    assert plan["counts"] == {"updated": twin.dependents}
    server.order(kill=PHASES[0])
    body = {"plan_hash": plan["plan_hash"]}
    server.killed_by(lambda: server.post(f"/runs/{run_id}/rollback?wait=0", body))
    server.killed_at(*PHASES[1:])
    back = server.ended(server.newest()["id"])
    assert (back["status"], back["rollback_of"]) == ("done", run_id)
    assert back["counts"] == plan["counts"]
    once_each(server, back)
    assert server.snapshot() == twin.rolled_back
    assert server.get("/projects/film/entities/coat")["version"] == 3
    server.verify()


def test_a_change_that_takes_over_a_waiting_run_does_so_for_good(
    server: FaultyServer, twin: Twin
) -> None:
    server.order(slow=1)
    first = propagate(server)["run_id"]
    waiting = {"change_data": {"colour": "#111111"}}
    older = server.post("/assets/coat/propagate?wait=0", waiting, 202)["run_id"]
    server.order(slow=1, kill="queued")
    last = {"change_data": CHANGE["change_data"]}
    server.killed_by(lambda: server.post("/assets/coat/propagate?wait=0", last))
    server.order()
    server.start()
    superseded = server.get(f"/runs/{older}")
    assert superseded["status"] == "superseded"
    run = server.ended(superseded["superseded_by"])
    assert [server.ended(first)["status"], run["status"]] == ["done", "done"]
    once_each(server, run)
    assert [one["number"] for one in server.get("/assets/coat/versions")["items"]] == [4, 3, 2, 1]
    looks = {id_: one[:3] for id_, one in server.snapshot().items()}
    assert looks == {id_: one[:3] for id_, one in twin.changed.items()}
    server.verify()
