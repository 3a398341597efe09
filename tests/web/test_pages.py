"""What a browser is given, and the description of the API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
from starlette.routing import Route

from server.app import create_app
from server.config import Settings
from server.web import openapi
from server.web.api import OPERATIONS
from server.web.operations import PREFIX, Resource
from tests.web.conftest import ORIGIN, Web


async def test_the_page_is_given_to_anybody_on_every_path_of_its_own(web: Web) -> None:
    nobody = await web.with_token(None)
    for path in ("/", "/p/film", "/p/film/shots/sh010"):
        response = await nobody.get(path)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/html")
        assert "Ripplecut" in response.text
    file = await nobody.get("/static/assets/main-1234.js")
    assert "immutable" in file.headers["cache-control"]
    for path in ("/static/none.js", "/static/../conftest.py", "/static/%2e%2e/x", "/nothing"):
        assert (await nobody.get(path)).status_code == 404, path


async def test_a_person_who_asks_for_nothing_that_is_there_is_shown_the_way_on(web: Web) -> None:
    nobody = await web.with_token(None)
    asked = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    response = await nobody.get("/nothing/%3Cb%3E", headers=asked)
    assert response.status_code == 404
    assert "/nothing/&lt;b&gt;" in response.text
    assert 'href="/"' in response.text
    assert (await nobody.get("/nothing")).headers["content-type"].startswith("text/plain")


async def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    app = create_app(Settings(data=None, admin_token="x"), page=tmp_path / "page")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        response = await client.get("/")
        assert response.status_code == 503
        assert "make setup" in response.text
        assert (await client.get("/static/x.js")).status_code == 404


async def test_health(web: Web) -> None:
    nobody = await web.with_token(None)
    assert (await nobody.get("/healthz")).json() == {"status": "ok"}
    assert (await nobody.get("/readyz")).json() == {"status": "ready"}
    web.state.ready = False
    assert (await nobody.get("/readyz")).status_code == 503


async def test_every_route_is_described(web: Web) -> None:
    nobody = await web.with_token(None)
    document = (await nobody.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    served = {
        (method, route.path)
        for route in web.app.routes
        if isinstance(route, Route) and isinstance(route.app, Resource)
        for method in route.app.operations
    }
    assert served == {(one.method, PREFIX + one.path) for one in OPERATIONS}
    assert described == served | {("GET", "/healthz"), ("GET", "/readyz")}


def test_every_answer_that_a_route_gives_is_described() -> None:
    paths = openapi.document()["paths"]
    audit = paths[f"{PREFIX}/projects/{{project_id}}/audit"]["get"]["responses"]["200"]
    assert set(audit["content"]) == {"application/json", "application/jsonl", "text/csv"}
    members = paths[f"{PREFIX}/projects/{{project_id}}/members"]["post"]["responses"]
    assert {"200", "201"} <= set(members)
    graph = paths[f"{PREFIX}/projects/{{project_id}}/graph"]["get"]["parameters"]
    direction = next(one["schema"] for one in graph if one["name"] == "direction")
    assert direction["enum"] == ["down", "up", "both"]
    for one in filter(lambda one: "dry_run" in one.body.model_fields, OPERATIONS):
        done = paths[PREFIX + one.path][one.method.lower()]["responses"][str(one.status)]
        assert len(done["content"]["application/json"]["schema"]["anyOf"]) == 2, one.path


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*(references(one) for one in value.values()))
    if isinstance(value, list):
        return set().union(*(references(one) for one in value))
    return set()


def test_the_description_holds_together() -> None:
    document = openapi.document()
    schemas = document["components"]["schemas"]
    for reference in references(document):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in document["components"][kind], reference
    assert "Entity" in schemas
    ids = [one["operationId"] for item in document["paths"].values() for one in item.values()]
    assert len(ids) == len(set(ids))
    for item in document["paths"].values():
        for one in item.values():
            assert one["summary"]


async def test_the_documentation_needs_nothing_from_elsewhere(web: Web) -> None:
    nobody = await web.with_token(None)
    page = (await nobody.get("/api/docs")).text
    for one in OPERATIONS:
        assert f"<code>{PREFIX}{one.path}</code>" in page
    assert "<script" not in page
    assert "style=" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert 'id="problem-not_found"' in page
    style = await nobody.get("/api/docs/docs.css")
    assert style.headers["content-type"].startswith("text/css")
