"""What a browser is given: the page and its files, the login link, documentation, and health."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from protocol.errors import Unauthenticated
from server.web import docs, openapi
from server.web.auth import session_cookie
from server.web.notes import note
from server.web.replies import JSON, Rendered
from server.web.state import web_of

__all__ = ["PAGE", "routes"]

_HERE = Path(__file__).parent
PAGE = _HERE / "page"
"""Where the build of the page goes."""


class BuiltFiles(StaticFiles):
    """The page's files. Those in ``assets`` are named by their content and never change."""

    async def check_config(self) -> None:
        """Without a build there are no files, and that is all."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        fixed = path.startswith("assets/") and response.status_code == 200
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if fixed else "no-cache"
        )
        return response


def index(request: Request) -> Response:
    file: Path = request.app.state.page / "index.html"
    if not file.is_file():
        text = "The page is not built yet. Run “make setup” where the project is, then reload."
        return note("Not built yet", text, 503)
    return FileResponse(file, headers={"cache-control": "no-cache"})


async def login(request: Request) -> Response:
    """The link of the printed line: a session for the browser, then the page."""
    token = request.query_params.get("token", "")
    authority = web_of(request.scope).authority
    leave = {"cache-control": "no-store"}
    try:
        session, caller = await authority.begin_session(token)
    except Unauthenticated as error:
        text = f"{error.detail}. Start the server again for a fresh link, or ask who gave you this."
        return note("This link does not log in", text, 401, leave)
    age = None if caller.expires_at is None else authority.seconds_until(caller.expires_at)
    cookie = session_cookie(session, request.scope, age)
    return RedirectResponse("/", 303, {**leave, "set-cookie": cookie})


async def healthz(request: Request) -> Response:
    return Response(orjson.dumps({"status": "ok"}), media_type=JSON)


async def readyz(request: Request) -> Response:
    web = getattr(request.app.state, "web", None)
    ready = web is not None and web.ready
    said: dict[str, Any] = {"status": "ready" if ready else "not ready"}
    if web is not None and web.watch.alarms:
        said["consistency_alarms"] = web.watch.alarms
    return Response(orjson.dumps(said), 200 if ready else 503, media_type=JSON)


async def openapi_json(request: Request) -> Response:
    rendered = Rendered(200, orjson.dumps(openapi.document()))
    return rendered.response(Headers(scope=request.scope), reads=True)


async def docs_page(request: Request) -> Response:
    return HTMLResponse(docs.page())


async def docs_style(request: Request) -> Response:
    return FileResponse(_HERE / "assets" / "docs.css")


def favicon(request: Request) -> Response:
    file: Path = request.app.state.page / "favicon.svg"
    if not file.is_file():
        raise HTTPException(404)
    return FileResponse(file)


def routes(page: Path) -> list[BaseRoute]:
    """The routes outside ``/api/v1``; none of them shows anything of a project."""
    return [
        Route("/", index),
        Route("/p/{rest:path}", index),
        Route("/login", login),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/favicon.ico", favicon),
        Route("/api/openapi.json", openapi_json),
        Route("/api/docs", docs_page),
        Route("/api/docs/docs.css", docs_style),
        Mount("/static", BuiltFiles(directory=page, check_dir=False)),
    ]
