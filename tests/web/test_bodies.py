"""What cannot be read, what does not fit, and how that is said."""

from __future__ import annotations

from typing import Any

import pytest

from server.domain.actors import Actor
from tests.web.conftest import Web
from tests.web.test_auth import code_of

ENTITIES = "/api/v1/projects/film/entities"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nothing",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": "\xff\xfe"}',
        b'{"name": "\\ud800"}',
        b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": "x"} {}',
        b"\x00",
    ],
)
async def test_what_is_no_json_is_malformed(web: Web, body: bytes) -> None:
    response = await web.client.post("/api/v1/projects", content=body)
    assert response.status_code == 400
    assert code_of(response) == "malformed"


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b"", b"{}"])
async def test_what_is_no_body_of_ours_is_invalid(web: Web, body: bytes) -> None:
    response = await web.client.post("/api/v1/projects", content=body)
    assert code_of(response) == "invalid"
    assert response.json()["errors"]


async def test_every_bad_field_is_named(film: Web) -> None:
    body = {
        "kind": 5,
        "name": None,
        "fields": [],
        "colour": "red",
        "references": [{"source": 1, "policy": "often", "version": 0, "extra": True}],
    }
    response = await film.client.post(ENTITIES, json=body)
    assert code_of(response) == "invalid"
    named = {one["field"]: one["message"] for one in response.json()["errors"]}
    assert named.keys() == {
        "kind",
        "name",
        "fields",
        "colour",
        "references.0.source",
        "references.0.policy",
        "references.0.version",
        "references.0.extra",
    }
    assert named["kind"] == "must be text"
    assert named["colour"] == "is not known"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "dragon", "name": "x"}, "kind"),
        ({"kind": "character", "name": ""}, "name"),
        ({"kind": "character", "name": "x", "id": "a/b"}, "id"),
        ({"kind": "character", "name": "x", "id": "../x"}, "id"),
        ({"kind": "character", "name": "x", "id": ".."}, "id"),
        ({"kind": "character", "name": "x", "id": 'a"b'}, "id"),
        ({"kind": "character", "name": "x", "id": "a'b"}, "id"),
        ({"kind": "character", "name": "x", "id": "a\u0000b"}, "id"),
        ({"kind": "character", "name": "x", "id": "x" * 129}, "id"),
        ({"kind": "character", "name": "x", "id": ""}, "id"),
        ({"kind": "character", "name": "x", "status": "great"}, "status"),
        ({"kind": "character", "name": "x", "fields": {"hair": "red"}}, "fields.hair"),
        ({"kind": "character", "name": "x", "fields": {"age": 2**60}}, "fields.age"),
        ({"kind": "character", "name": "x", "fields": {"age": True}}, "fields.age"),
    ],
)
async def test_what_does_not_fit_a_project_is_named(
    film: Web, body: dict[str, Any], field: str
) -> None:
    response = await film.client.post(ENTITIES, json=body)
    assert response.status_code == 422, response.text
    assert [one["field"] for one in response.json()["errors"]] == [field]


async def test_all_that_does_not_fit_a_project_is_named_at_once(film: Web) -> None:
    wrong = {"name": "", "status": "great", "fields": {"hair": "red", "age": True}}
    fields = {"name", "status", "fields.hair", "fields.age"}
    new = {**wrong, "kind": "character", "id": "a/b"}
    for response, named in (
        (await film.client.post(ENTITIES, json=new), fields | {"id"}),
        (await film.client.post(ENTITIES, json={**new, "kind": "dragon"}), {"kind", "id"}),
        (await film.client.patch(f"{ENTITIES}/mara", json=wrong), fields),
    ):
        assert code_of(response) == "invalid"
        assert {one["field"] for one in response.json()["errors"]} >= named


async def test_all_that_is_wrong_with_a_rule_is_named_at_once(film: Web) -> None:
    rule = {"verdict": "block", "affected_over": -1, "roles": [""]}
    for more, named in (({}, "name"), ({"id": "a/b"}, "id"), ({"name": " "}, "name")):
        body = {**rule, **more}
        response = await film.client.post("/api/v1/projects/film/rules", json=body)
        assert code_of(response) == "invalid"
        fields = {one["field"] for one in response.json()["errors"]}
        assert fields == {named, "affected_over", "roles"}


@pytest.mark.parametrize(
    ("path", "body", "errors"),
    [
        (
            "tokens",
            {"role": "viewer", "expires_in": []},
            {"expires_in": "must be a whole number, or must be text"},
        ),
        ("rules/test", {"target": 5}, {"target": "must be text, or must be an object"}),
        (
            "rules/test",
            {"target": {"status": 5}},
            {
                "target": "must be text",
                "target.kind": "is required",
                "target.status": "must be text",
            },
        ),
    ],
)
async def test_what_can_be_of_several_types_is_named_as_it_was_sent(
    film: Web, path: str, body: dict[str, Any], errors: dict[str, str]
) -> None:
    response = await film.client.post(f"/api/v1/projects/film/{path}", json=body)
    assert {one["field"]: one["message"] for one in response.json()["errors"]} == errors


async def test_deep_fields_are_refused(film: Web) -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    response = await film.client.post(
        ENTITIES, json={"kind": "prop", "name": "x", "fields": {"deep": deep}}
    )
    assert code_of(response) == "invalid"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=many", "limit=-1", "limit=1.5"],
)
async def test_a_bad_query_is_invalid(film: Web, query: str) -> None:
    for path in ("/api/v1/projects", ENTITIES, "/api/v1/projects/film/audit"):
        response = await film.client.get(f"{path}?{query}")
        assert code_of(response) == "invalid"
        assert response.json()["errors"][0]["field"] == "limit"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("projects/film/entities?kind=dragon", "kind"),
        ("projects/film/graph?direction=sideways", "direction"),
        ("projects/film/graph?depth=-1", "depth"),
        ("projects/film/audit?since=yesterday", "since"),
        ("projects/film/audit?format=xml", "format"),
        ("projects/film/audit?cursor=x", "cursor"),
        ("projects/film/entities?kind=prop&kind=character", "kind"),
        ("projects/film/export", "format"),
        ("projects/film/export?format=otio", "format"),
        ("assets/mara/dependencies?depth=0", "depth"),
        ("assets/mara/dependencies?include_shots=perhaps", "include_shots"),
        ("assets/mara/dependencies?limit=5&cursor=x", "cursor"),
        ("assets/mara/versions?cursor=x", "cursor"),
        ("assets/mara/diff?from=1", "to"),
        ("assets/mara/diff?from=0&to=1", "from"),
        ("projects/film/resolved?" + "&".join(f"id=x{n}" for n in range(201)), "id"),
    ],
)
async def test_a_query_that_does_not_fit_is_named(film: Web, path: str, field: str) -> None:
    response = await film.client.get(f"/api/v1/{path}")
    assert code_of(response) == "invalid"
    assert response.json()["errors"][0]["field"] == field


async def test_wait_has_bounds(film: Web) -> None:
    for wait in ("-1", "61", "nan", "inf", "long"):
        response = await film.client.post(
            f"/api/v1/assets/mara/propagate?wait={wait}", json={"change_data": {"age": 1}}
        )
        assert code_of(response) == "invalid", wait


async def test_an_unknown_route_is_a_problem(web: Web) -> None:
    for path in ("/api/v1/nothing", "/api/v2/me", "/api/v1/projects/", "/api"):
        response = await web.client.get(path)
        assert response.status_code == 404, path
        assert code_of(response) == "not_found"


async def test_a_wrong_method_names_the_right_ones(web: Web) -> None:
    response = await web.client.put("/api/v1/projects", json={})
    assert response.status_code == 405
    assert code_of(response) == "method_not_allowed"
    assert response.headers["allow"] == "GET, HEAD, POST"


async def test_a_wrong_method_outside_the_api_names_the_right_ones_too(web: Web) -> None:
    for path in ("/healthz", "/readyz", "/api/openapi.json"):
        response = await web.client.request("TRACE", path)
        assert response.status_code == 405, path
        assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}, path


async def test_an_error_that_nobody_foresaw_shows_nothing_of_the_inside(
    film: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> Actor:
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr(film.state.projects, "open", broken)
    response = await film.client.get("/api/v1/projects/film")
    assert response.status_code == 500
    assert code_of(response) == "internal"
    assert "secret" not in response.text
    assert response.json()["id"] in caplog.text
    assert "the secret inside" in caplog.text
