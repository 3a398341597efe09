"""A whole application in memory, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from server.app import create_app
from server.config import Settings
from server.rooms.access import Role
from server.web.state import WebState

ADMIN = "rc_the-administrator-of-the-tests"
ORIGIN = "http://127.0.0.1:8600"


@dataclass
class ManualClock:
    """Time that moves when a test says so."""

    at: datetime = field(default_factory=lambda: datetime(2026, 5, 1, tzinfo=UTC))

    def __call__(self) -> str:
        self.at += timedelta(milliseconds=1)
        return self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def pass_(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class Web:
    """The application under test; ``client`` is the administrator's."""

    app: Starlette
    clock: ManualClock
    stack: AsyncExitStack
    client: httpx.AsyncClient = field(init=False)

    @property
    def state(self) -> WebState:
        state: WebState = self.app.state.web
        return state

    async def with_token(self, token: str | None, **headers: str) -> httpx.AsyncClient:
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=self.app)
        client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)
        return await self.stack.enter_async_context(client)

    async def token(
        self, role: Role, project: str | None = None, seconds: float | None = None
    ) -> str:
        authority = self.state.authority
        expires_at = None if seconds is None else authority.after(seconds)
        return await authority.issue(f"a {role.label}", role, project, "api", expires_at)

    async def as_(self, role: Role, project: str | None = None) -> httpx.AsyncClient:
        return await self.with_token(await self.token(role, project))

    async def make(self, project: str, *entities: dict[str, Any]) -> None:
        """A project with entities, over the API."""
        made = await self.client.post("/api/v1/projects", json={"id": project, "name": project})
        assert made.status_code == 201, made.text
        for entity in entities:
            path = f"/api/v1/projects/{project}/entities"
            made = await self.client.post(path, json={"name": entity["id"], **entity})
            assert made.status_code == 201, made.text


@asynccontextmanager
async def running(tmp_path: Path, **more: Any) -> AsyncIterator[Web]:
    """The application, with settings of a test's own."""
    clock = ManualClock()
    given: dict[str, Any] = {"data": None, "admin_token": ADMIN, **more}
    settings = Settings(allowed_origins=("https://friend.example",), **given)
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True, exist_ok=True)
    (page / "index.html").write_text("<!doctype html><title>Ripplecut</title>")
    (page / "assets" / "main-1234.js").write_text("export {}")
    app = create_app(settings, clock=clock, page=page)
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        found = Web(app, clock, stack)
        found.client = await found.with_token(ADMIN)
        yield found


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with running(tmp_path) as found:
        yield found


@pytest.fixture
async def film(web: Web) -> Web:
    """A project ``film``: a character in a wardrobe, and a shot of that; a second shot without."""
    await web.make(
        "film",
        {"id": "mara", "kind": "character", "fields": {"description": "Tall, grey coat"}},
        {"id": "coat", "kind": "wardrobe", "references": [{"source": "mara"}]},
        {"id": "sh010", "kind": "shot", "references": [{"source": "coat"}]},
        {"id": "sh020", "kind": "shot"},
    )
    return web
