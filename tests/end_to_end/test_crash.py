"""``kill -9`` in the middle of a run of 5,000: it ends by itself, each dependent exactly once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bench.running import RunningServer, production
from tests.end_to_end.conftest import until

SHOTS = 5000
CHANGE = {"change_data": {"colour": "#204060"}}


def outcomes_of(server: RunningServer, run_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = server.get(f"/runs/{run_id}/outcomes?limit=500{more}")
        items += page["items"]
        cursor = page["next_cursor"]
    return items


def test_a_killed_run_of_5000_ends_by_itself_each_dependent_once(server: RunningServer) -> None:
    server.import_project("film", production(SHOTS))
    answer = server.post("/assets/coat/propagate?wait=0", CHANGE, expect=202)
    assert answer["status"] == "accepted"
    run_id = answer["run_id"]

    def under_way() -> bool:
        run = server.get(f"/runs/{run_id}")
        assert run["status"] != "done", "the run was over before it could be killed"
        return bool(run["processed"] >= 300)

    until(under_way)
    server.kill()
    server.start()

    def ended() -> dict[str, Any] | None:
        run: dict[str, Any] = server.get(f"/runs/{run_id}")
        return run if run["status"] == "done" else None

    run = until(ended, 60)
    sequences = SHOTS // 50
    assert run["processed"] == run["total"] == SHOTS + sequences
    assert run["counts"] == {"updated": SHOTS + sequences}
    outcomes = outcomes_of(server, run_id)
    times = Counter(one["entity_id"] for one in outcomes)
    assert len(times) == SHOTS + sequences
    assert set(times.values()) == {1}
    assert {one["outcome"] for one in outcomes} == {"updated"}
    assert all(one["reason"] for one in outcomes)
    last = server.get(f"/projects/film/entities/shot-{SHOTS - 1:06d}/resolved")
    coat = next(one for one in last["references"] if one["source"] == "coat")
    assert (coat["version"], coat["fields"]["colour"]) == (2, "#204060")
    audit = server.get(f"/projects/film/audit?run={run_id}&limit=500")["items"]
    assert audit[0]["action"] == "run_finished"
