"""What somebody looks at is updated first, in a run over 2,000 shots: by order, not by time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain, groupby
from typing import Any

import pytest

from bench.running import RunningServer, production
from tests.end_to_end.sockets import TEXT, RawSocket, open_socket
from tests.end_to_end.test_runs_killed import FaultyServer

SHOTS, PER_SEQUENCE = 2000, 50
SEQUENCES = SHOTS // PER_SEQUENCE
CHANGE = {"change_data": {"colour": "#204060"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyServer]:
    """One server for all: each test has a project of its own."""
    data = tmp_path_factory.mktemp("attention") / "data"
    data.mkdir()
    with FaultyServer(data) as running:
        yield running


def sequence(number: int) -> str:
    return f"seq-{number:04d}"


def shots_of(number: int) -> list[str]:
    first = number * PER_SEQUENCE
    return [f"shot-{shot:06d}" for shot in range(first, first + PER_SEQUENCE)]


class Viewer:
    """Somebody on the project's socket, and the published updates as they come."""

    def __init__(self, socket: RawSocket) -> None:
        self.socket = socket
        self.updates: list[dict[str, Any]] = []
        self.phases: list[str] = []

    async def say(self, **frame: Any) -> None:
        await self.socket.send(TEXT, json.dumps(frame).encode())

    async def until(self, type_: str) -> dict[str, Any]:
        """Listen until a frame of a type comes."""
        while True:
            told = await self.socket.told()
            assert isinstance(told, str), "the server hung up"
            frame: dict[str, Any] = json.loads(told)
            if frame["type"] == "asset_update" and frame["stage"] == "published":
                self.updates.append(frame)
            if frame["type"] == "propagation_progress":
                self.phases.append(frame["phase"])
            if frame["type"] == type_:
                return frame

    async def finished(self) -> None:
        """Listen until the last frame of a run, which has its final status."""
        while "status" not in await self.until("propagation_progress"):
            pass

    async def look(self, entities: Sequence[str]) -> int:
        """Look at these; answers where the stream stood when the server knew of it."""
        await self.say(type="viewing", entities=entities)
        await self.say(type="ping", id="looking")
        return int((await self.until("pong"))["seq"])

    @property
    def order(self) -> list[str]:
        return [id_ for frame in self.updates for id_ in frame["affected_entities"]]


@asynccontextmanager
async def viewer(server: RunningServer, project: str, user: str) -> AsyncIterator[Viewer]:
    token = server.token_for(user, "viewer", project)
    url = f"ws://127.0.0.1:{server.port}/ws/projects/{project}?token={token}"
    one = Viewer(await open_socket(url))
    await one.say(type="hello", subscribe="all")
    await one.until("welcome")
    yield one
    await one.socket.leave()


def propagate(server: RunningServer, project: str) -> str:
    path = f"/assets/coat/propagate?project_id={project}&wait=0"
    return str(server.post(path, CHANGE, 202)["run_id"])


async def test_two_people_each_see_their_own_shots_before_the_rest(server: RunningServer) -> None:
    server.import_project("film", production(SHOTS, PER_SEQUENCE))
    async with viewer(server, "film", "ann") as ann, viewer(server, "film", "bob") as bob:
        await ann.look(shots_of(3))
        await bob.look([sequence(30)])
        run_id = propagate(server, "film")
        await asyncio.gather(ann.finished(), bob.finished())
        for one in (ann, bob):
            assert set(one.order[:50]) == set(shots_of(3)), "the panels on a screen"
            assert set(one.order[50:100]) == set(shots_of(30)), "then what is in an open sequence"
            assert one.order[100] == sequence(30), "which closes after its last shot"
            others = {sequence(number) for number in range(SEQUENCES)} - {sequence(30)}
            assert set(one.order[1 - SEQUENCES :]) == others
            assert len(one.order) == len(set(one.order)) == SHOTS + SEQUENCES
        assert ann.phases[0] == "realtime"
        assert ann.phases[-1] == "background"
    run = server.get(f"/runs/{run_id}")
    assert run["phases"] == [
        {"phase": "realtime", "total": 101},
        {"phase": "batch", "total": SHOTS - 100},
        {"phase": "background", "total": SEQUENCES - 1},
    ]
    page = server.get(f"/runs/{run_id}/outcomes?limit=101")["items"]
    assert [one["entity_id"] for one in page] == ann.order[:101]


@pytest.mark.parametrize("by", ["shots", "sequence"])
async def test_a_view_that_is_opened_during_a_run_comes_next(server: FaultyServer, by: str) -> None:
    server.order(slow=0.3)  # a batch is under way while somebody opens a view
    project = f"later-{by}"
    server.import_project(project, production(SHOTS, PER_SEQUENCE))
    wanted = shots_of(30)
    async with viewer(server, project, "ann") as ann:
        propagate(server, project)
        await ann.until("asset_update")
        known = await ann.look(wanted if by == "shots" else [sequence(30)])
        await ann.finished()
        before = [frame for frame in ann.updates if frame["seq"] <= known]
        after = [frame for frame in ann.updates if frame["seq"] > known]
        assert before
        for frame in before:
            assert not set(frame["affected_entities"]) & set(wanted)
        batches = [list(frames) for _, frames in groupby(after, lambda one: one["timestamp"])]
        next_two = [id_ for one in chain(*batches[:2]) for id_ in one["affected_entities"]]
        assert set(wanted) <= set(next_two), "the batch under way, and the one that knew of it"
        assert len(batches) > 2, "the run was nearly over"
        assert len(ann.order) == len(set(ann.order)) == SHOTS + SEQUENCES
