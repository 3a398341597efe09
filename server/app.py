"""create_app: the one place that chooses implementations and ties the parts together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Receive, Scope, Send

from server.config import Settings
from server.datadir import DataDir
from server.domain.actors import Actor
from server.formats.images import Images
from server.ports import Clock, ProjectCore
from server.rooms.registry import RealTimeSyncManager
from server.rooms.settings import RoomSettings
from server.services.consistency import Watch
from server.services.delivering import Announced, Post, PostOnDemand, WebhookSender
from server.services.projects import Projects, utc_now
from server.storage import SqliteStorage
from server.web import pages
from server.web.api import OPERATIONS
from server.web.auth import Authority, local_user
from server.web.idempotency import Idempotency
from server.web.live import LiveEndpoint
from server.web.middleware import OriginGuard, PathGuard, SecurityHeaders
from server.web.operations import routes_of
from server.web.problems import http_problem
from server.web.state import WebState, web_of
from server.web.wire import HAND_OVER

__all__ = ["create_app"]

log = logging.getLogger("ripplecut")


def create_app(settings: Settings, *, clock: Clock = utc_now, page: Path = pages.PAGE) -> Starlette:
    """The application. Its lifespan opens the store, goes on with open runs, and loads the demo."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        store = await _open_store(settings)
        try:
            web = app.state.web = await assemble(settings, store, clock)
            try:
                await web.projects.resume()
                if settings.demo:
                    await _load_demo(web)
                web.watch.start()
                await web.sender.start()
                web.ready = True
                yield
            finally:
                web.ready = False
                await web.watch.close()
                web.images.close()
                await web.sender.close()
                await web.manager.aclose()
                await web.projects.close()
        finally:
            await store.close()

    routes: list[BaseRoute] = [
        *routes_of(OPERATIONS),
        WebSocketRoute("/ws/projects/{project_id}", Live()),
        WebSocketRoute("/yjs/{project_id}/{entity_id}", Live()),
        *pages.routes(page),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: http_problem},
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(OriginGuard, settings.allowed_origins),
            Middleware(PathGuard),
        ],
    )
    app.router.redirect_slashes = False
    app.state.page = page
    return app


async def _open_store(settings: Settings) -> SqliteStorage:
    if settings.data is None:
        return await SqliteStorage.open(None)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return await SqliteStorage.open(DataDir(settings.data).database)


async def assemble(settings: Settings, store: SqliteStorage, clock: Clock = utc_now) -> WebState:
    """Tie the parts together. The live side and the projects need each other, and meet later."""

    async def open_core(project_id: str) -> ProjectCore:
        return await projects.open(project_id)

    authority = Authority(
        store,
        admin_token=_admin_token(settings),
        admin_user=local_user(),
        clock=clock,
        project_exists=open_core,
    )
    rooms = RoomSettings(
        document_limit=settings.document_limit, binary_frame_limit=settings.frame_limit
    )
    manager = RealTimeSyncManager(open_core=open_core, store=store, gate=authority, settings=rooms)

    def committed(project_id: str) -> None:
        sender.poke(project_id)

    projects = Projects(store, manager, Announced(manager, committed), clock)

    def make_post() -> Post:
        from server.services.posting import HttpPost

        return HttpPost(private=settings.webhooks_private)

    sender = WebhookSender(store, projects.open, PostOnDemand(make_post), clock)
    images = Images(settings.picture_pixels)
    return WebState(
        settings,
        store,
        projects,
        manager,
        authority,
        Idempotency(store),
        images,
        Watch(projects, settings.consistency_interval),
        sender,
    )


def _admin_token(settings: Settings) -> str:
    if settings.admin_token:
        return settings.admin_token
    if settings.data is None:
        raise ValueError("a server without a data folder needs an administrator token")
    return DataDir(settings.data).admin_token()


async def _load_demo(web: WebState) -> None:
    from server.demo import load_demo

    await load_demo(web.projects, Actor(local_user(), "cli", "owner"))


class Live:
    """Both sockets, on the state that the application has by then."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        web = web_of(scope)
        endpoint = LiveEndpoint(web.manager, web.authority)
        hand_over = scope.get("extensions", {}).get(HAND_OVER)
        if hand_over is not None:
            hand_over(endpoint)
        else:
            await endpoint(scope, receive, send)
