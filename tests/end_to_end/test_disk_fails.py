"""A server that can write nothing any more, and then can again (R16)."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from bench.running import RunningServer
from protocol.client import connect
from tests.end_to_end.test_trace import stored_text
from tests.web.test_disk_full import told_of_an_error


def limit_writes(server: RunningServer, size: int | None) -> None:
    """How far the server may write its files: with 0 every write fails, as on a dead disk."""
    if sys.platform != "linux":
        pytest.skip("the limits of another process can be set on Linux only; run it there")
    import resource

    hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


async def test_R16_what_is_typed_while_nothing_can_be_written_is_kept_and_saved(
    server: RunningServer,
) -> None:
    server.import_project("film", {"characters": [{"id": "mara", "name": "Mara"}]})
    async with (
        connect(server.url, "film", token=server.token) as ann,
        connect(server.url, "film", token=server.token) as bob,
        asyncio.timeout(60),
    ):
        hers, his = await ann.open("mara"), await bob.open("mara")
        hers["description"] = "Before. "
        await hers.saved()
        limit_writes(server, 0)
        hers["description"] = "Before. And meanwhile."
        his["age"] = 31
        for client in (ann, bob):
            assert (await told_of_an_error(client))["code"] == "unavailable"
        assert (hers.unsaved, his.unsaved) == (1, 1)
        assert hers["age"] == 31
        refused = await asyncio.to_thread(
            server.http.post,
            "/api/v1/projects/film/entities",
            json={"id": "new", "kind": "prop", "name": "New"},
        )
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        async with connect(server.url, "film", token=server.token) as late:
            assert (await late.open("mara"))["description"] == "Before. And meanwhile."
            assert (await told_of_an_error(late))["code"] == "unavailable"
        limit_writes(server, None)
        await hers.saved()
        await his.saved()
        new = {"id": "new", "kind": "prop", "name": "New"}
        await asyncio.to_thread(server.post, "/projects/film/entities", new, 201)
    await asyncio.to_thread(server.kill)
    assert await stored_text(server, "mara") == "Before. And meanwhile."
    command = [sys.executable, "-m", "server", "verify", "--data", str(server.data)]
    assert (await asyncio.to_thread(subprocess.run, command, check=False)).returncode == 0
