"""Projects in memory to import into."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.propagation.project import ProjectOwner
from server.services.projects import Projects
from server.storage import SqliteStorage
from tests.formats.world import ME


@pytest.fixture
async def projects() -> AsyncIterator[Projects]:
    storage = await SqliteStorage.open(None)
    projects = Projects(storage)
    yield projects
    await projects.close()
    await storage.close()


@pytest.fixture
async def owner(projects: Projects) -> ProjectOwner:
    return await projects.create("Film", "film", ME)
