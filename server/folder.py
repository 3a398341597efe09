"""A data folder: opened here, or asked of the server that holds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.datadir import DataDir
from server.failures import Failed
from server.propagation.project import ProjectOwner
from server.remote import Remote
from server.rooms.access import Role
from server.services.projects import utc_now
from server.storage import SqliteStorage
from server.web.auth import Authority, local_user

__all__ = ["authority_over", "opened", "run_out", "server_of"]


@asynccontextmanager
async def opened(folder: DataDir) -> AsyncIterator[SqliteStorage]:
    store = await SqliteStorage.open(folder.database)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def server_of(folder: DataDir) -> AsyncIterator[Remote]:
    """The server that holds the folder, with a token that ends with the command."""
    url = folder.server_url()
    if url is None:
        raise Failed(f"The data folder {folder.path} is in use; its server is not ready yet.")
    async with opened(folder) as store:
        authority = authority_over(store)
        text = await authority.issue(local_user(), Role.OWNER, None, "api", authority.after(3600))
        try:
            yield Remote(url, text)
        finally:
            await authority.end_session(text)


def authority_over(store: SqliteStorage) -> Authority:
    """What makes tokens; it is never asked who somebody is."""

    async def exists(project_id: str) -> None:
        return None

    return Authority(
        store, admin_token="", admin_user=local_user(), clock=utc_now, project_exists=exists
    )


async def run_out(owner: ProjectOwner) -> None:
    """Wait for the end of every run of a project."""
    while (run := owner.engine.active) is not None or owner.engine.queued:
        if run is None:
            await asyncio.sleep(0)
        else:
            await owner.engine.wait(run.id, None)
