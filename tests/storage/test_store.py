"""What is SQLite's own: several processes, sudden death, windows, and a read beside a long load."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import textwrap
from pathlib import Path

import pytest

from protocol.errors import NotFound, Unavailable
from server.domain.commit import Commit
from server.ports import StoredProject
from server.storage import SqliteStorage
from server.storage.sqlite import connection as connections
from server.storage.sqlite.load import read_project, whole
from tests.storage.factories import NOW, PROJECT, creation, digests, event, reference, token

ROOT = Path(__file__).parents[2]


async def start(script: str, *arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(script),
        *map(str, arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


WRITER = """
    import asyncio, sys
    from pathlib import Path
    from server.domain.commit import Commit, DocumentUpdate
    from server.storage import SqliteStorage
    from tests.storage.factories import NOW, PROJECT, creation, digests, event

    async def main():
        storage = await SqliteStorage.open(Path(sys.argv[1]))
        await storage.commit(creation())
        for n in range(1, 1_000_000):
            update = storage.append_update(PROJECT, "mara", b"u%d" % n)
            await storage.commit(Commit(
                PROJECT, NOW, digests={"mara": digests(str(n))}, events=[event(n)],
                documents=[DocumentUpdate("mara", b"d%d" % n)]))
            await update
            print(n, flush=True)

    asyncio.run(main())
"""


@pytest.mark.parametrize("enough", [1, 7, 60])
async def test_a_killed_process_loses_nothing_acknowledged_and_leaves_nothing_half(
    path: Path, enough: int
) -> None:
    child = await start(WRITER, path)
    assert child.stdout is not None
    acknowledged = 0
    while acknowledged < enough:
        acknowledged = int(await child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    rest = (await child.stdout.read()).split(b"\n")[:-1]
    acknowledged = int(rest[-1]) if rest else acknowledged
    await child.wait()

    storage = await SqliteStorage.open(path)
    loaded = await storage.load_project(PROJECT)
    assert acknowledged <= loaded.seq <= acknowledged + 1
    assert loaded.entities[0].digests == digests(str(loaded.seq))
    events = await storage.events_after(PROJECT, 0, 10**6)
    assert events == [event(n) for n in range(1, loaded.seq + 1)]
    updates = (await storage.load_document(PROJECT, "mara")).updates
    expected = [b"%s%d" % (kind, n) for n in range(1, loaded.seq + 1) for kind in (b"u", b"d")]
    assert updates[: len(expected)] == expected
    assert updates[len(expected) :] in ([], [b"u%d" % (loaded.seq + 1)])
    await storage.close()


async def test_another_process_adds_a_token_while_this_one_writes(path: Path) -> None:
    storage = await SqliteStorage.open(path)
    await storage.commit(creation())
    child = await start(
        """
        import asyncio, sys
        from pathlib import Path
        from server.storage import SqliteStorage
        from tests.storage.factories import token

        async def main():
            storage = await SqliteStorage.open(Path(sys.argv[1]))
            for n in range(50):
                await storage.add_token(token(f"{n}"))
            await storage.close()

        asyncio.run(main())
        """,
        path,
    )
    ended = asyncio.create_task(child.wait())
    seq = 0
    while not ended.done():
        seq += 1
        await storage.commit(Commit(PROJECT, NOW, events=[event(seq)]))
    assert await ended == 0
    assert [await storage.token(str(n)) for n in range(50)] == [token(str(n)) for n in range(50)]
    assert (await storage.load_project(PROJECT)).seq == seq
    await storage.close()


async def test_a_write_waits_for_another_process_and_gives_up_in_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.01)
    storage = await SqliteStorage.open(path)
    await storage.commit(creation())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await storage.append_update(PROJECT, "mara", b"x")
    assert len(await storage.projects()) == 1, "reads go on"
    other.execute("ROLLBACK")
    other.close()
    await storage.append_update(PROJECT, "mara", b"y")
    assert list((await storage.load_document(PROJECT, "mara")).updates) == [b"y"]
    await storage.close()


async def test_two_processes_may_open_a_new_file_at_once(path: Path) -> None:
    opened = await asyncio.gather(*(SqliteStorage.open(path) for _ in range(4)))
    assert len({storage.epoch for storage in opened}) == 1
    for storage in opened:
        await storage.close()


async def test_a_load_is_one_moment(path: Path) -> None:
    """What commits while a project loads is in it whole or not at all."""
    storage = await SqliteStorage.open(path)
    await storage.commit(creation())
    reader = sqlite3.connect(path, isolation_level=None)
    late = Commit(PROJECT, NOW, digests={"mara": digests("late")}, events=[event(1)])
    seen: list[str] = []

    def at_the_events(statement: str) -> None:
        seen.append(statement)
        if "FROM events" in statement:
            other = sqlite3.connect(path)
            other.execute("UPDATE entities SET deleted_at = 'late'")
            other.execute("INSERT INTO events VALUES (?, 9, 'late', '{}', NULL)", (PROJECT,))
            other.commit()
            other.close()

    reader.set_trace_callback(at_the_events)
    parts: list[StoredProject] = []
    read_project(reader, parts.append, PROJECT)
    loaded = whole(parts)
    assert (loaded.seq, loaded.entities[0].deleted_at) == (0, None)
    reader.close()
    assert any("FROM entities" in one for one in seen)
    await storage.commit(late)
    assert (await storage.load_project(PROJECT)).seq == 9
    await storage.close()


async def test_a_project_comes_in_parts_and_who_leaves_early_ends_the_reading(
    tmp_path: Path,
) -> None:
    storage = await SqliteStorage.open(tmp_path / "film.db")
    ids = [f"prop{number:04}" for number in range(1000)]
    await storage.commit(creation(ids, references_put=[reference("a", ids[0], ids[-1])]))
    parts = [part async for part in storage.read_project(PROJECT)]
    assert not parts[0].entities
    assert [one.id for part in parts for one in part.entities] == ids
    kinds = [(bool(part.entities), bool(part.references)) for part in parts[1:]]
    assert kinds.index((False, True)) > max(at for at, (of, _) in enumerate(kinds) if of)
    assert len([True for of, _ in kinds if of]) > 1

    reading = storage.read_project(PROJECT)
    await anext(reading)
    await reading.aclose()
    with pytest.raises(NotFound):
        _ = [part async for part in storage.read_project("another")]
    await storage.close()
    with pytest.raises(Unavailable):
        _ = [part async for part in storage.read_project(PROJECT)]


async def test_the_stream_keeps_a_window() -> None:
    storage = await SqliteStorage.open(None, event_window=3)
    await storage.commit(creation(events=[event(1), event(2)]))
    await storage.commit(Commit(PROJECT, NOW, events=[event(n) for n in range(3, 8)]))
    assert await storage.events_after(PROJECT, 3, 10) is None
    assert await storage.events_after(PROJECT, 4, 10) == [event(5), event(6), event(7)]
    assert (await storage.load_project(PROJECT)).seq == 7
    await storage.close()


async def test_an_answer_is_forgotten_after_a_day() -> None:
    clock = [1000.0]
    storage = await SqliteStorage.open(None, now=lambda: clock[0])
    await storage.remember_answer("k", "f", 200, b"{}")
    clock[0] += 24 * 3600
    assert await storage.answer("k") == ("f", 200, b"{}")
    clock[0] += 1
    assert await storage.answer("k") is None
    await storage.remember_answer("other", "f", 200, b"{}")
    count = "SELECT COUNT(*) FROM answers"
    assert await storage._database.run(lambda c: c.execute(count).fetchone()[0]) == 1
    await storage.close()


async def test_a_disk_that_is_full_takes_commits_again_when_it_is_not(path: Path) -> None:
    storage = await SqliteStorage.open(path)
    await storage.commit(creation())

    async def pages(statement: str) -> int:
        return await storage._database.run(
            lambda c: int(c.execute(f"PRAGMA {statement}").fetchone()[0])
        )

    await pages(f"max_page_count = {await pages('page_count') + 2}")
    with pytest.raises(Unavailable, match="full"):
        await storage.append_update(PROJECT, "mara", bytes(100_000))
    assert (await storage.load_document(PROJECT, "mara")).updates == []
    await pages("max_page_count = 1000000")
    await storage.append_update(PROJECT, "mara", b"now")
    assert list((await storage.load_document(PROJECT, "mara")).updates) == [b"now"]
    await storage.close()
