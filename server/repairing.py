"""Repairing what ``verify`` finds: in the folder, or by the server that holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.datadir import DataDir, DataDirInUse
from server.domain.actors import Actor
from server.folder import opened, run_out, server_of
from server.services import consistency
from server.services.projects import Projects
from server.storage import SqliteStorage
from server.web.auth import local_user

__all__ = ["repair_folder"]


async def repair_folder(folder: DataDir, say: Callable[[str], object]) -> None:
    """Repair every project; each repair is said in a line."""
    try:
        with folder.locked():
            async with opened(folder) as store:
                await _repair_here(store, say)
    except DataDirInUse:
        async with opened(folder) as store, server_of(folder) as remote:
            for record in await store.projects():
                for one in await asyncio.to_thread(remote.repair, record.id):
                    say(f"{record.id}: repaired {one['entity_id']}: {one['problem']}")


async def _repair_here(store: SqliteStorage, say: Callable[[str], object]) -> None:
    projects = Projects(store)
    try:
        for record in await store.projects():
            owner = await projects.open(record.id)
            await run_out(owner)
            for one in await consistency.repair(owner, Actor(local_user(), "cli", "owner")):
                say(f"{record.id}: repaired {one.entity_id}: {one.problem}")
    finally:
        await projects.close()
