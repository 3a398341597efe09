"""What holds for every request: origins, headers, escaped slashes, bounds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from server.rooms.access import Role
from tests.web.conftest import ORIGIN, Web
from tests.web.test_auth import code_of

FOREIGN = [
    "https://evil.example",
    "null",
    "http://127.0.0.1:9999",
    "http://127.0.0.1.evil.com:8600",
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_from_elsewhere_changes_nothing(web: Web, origin: str) -> None:
    response = await web.client.post(
        "/api/v1/projects", json={"name": "x"}, headers={"origin": origin}
    )
    assert code_of(response) == "forbidden"
    assert (await web.client.get("/api/v1/projects")).json()["items"] == []


@pytest.mark.parametrize("origin", [ORIGIN, "https://friend.example"])
async def test_our_own_page_and_a_listed_one_may(web: Web, origin: str) -> None:
    response = await web.client.post(
        "/api/v1/projects", json={"name": "x"}, headers={"origin": origin}
    )
    assert response.status_code == 201


async def handshake(web: Web, origin: str, extensions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the application answers to a WebSocket handshake."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "websocket",
        "path": "/ws/projects/film",
        "raw_path": b"/ws/projects/film",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8600"), (b"origin", origin.encode())],
        "extensions": extensions,
        "scheme": "ws",
    }
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await web.app(scope, receive, send)
    return sent


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_socket_of_a_page_from_elsewhere_is_refused_before_it_opens(
    film: Web, origin: str
) -> None:
    answered = await handshake(film, origin, {"websocket.http.response": {}})
    assert answered[0]["type"] == "websocket.http.response.start"
    assert answered[0]["status"] == 403
    assert (await handshake(film, origin, {}))[0]["type"] == "websocket.close"


async def test_a_socket_of_our_own_page_opens(film: Web) -> None:
    assert (await handshake(film, ORIGIN, {}))[0]["type"] == "websocket.accept"


async def test_every_response_carries_the_security_headers(web: Web) -> None:
    for path in ("/", "/p/film", "/api/v1/me", "/api/v1/nowhere", "/healthz", "/static/none.js"):
        headers = (await web.client.get(path)).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


@pytest.mark.parametrize("slash", ["%2F", "%2f"])
async def test_an_escaped_slash_is_in_no_id(film: Web, slash: str) -> None:
    for path in (
        f"/api/v1/projects/film/entities/mara{slash}resolved",
        f"/api/v1/projects/film{slash}entities",
        f"/api/v1/assets/a{slash}b/versions",
    ):
        assert code_of(await film.client.get(path)) == "not_found"


ODD = ["..%5c", "%00", "a%00b", "%22", "%27", "%FF", "%ED%A0%80", "%2e%2e", "a%0Ab", "x" * 500]


@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_id_is_not_found_and_nothing_breaks(film: Web, odd: str) -> None:
    for method, path, body in (
        ("GET", f"/api/v1/projects/film/entities/{odd}/resolved", None),
        ("GET", f"/api/v1/projects/{odd}/kinds", None),
        ("GET", f"/api/v1/assets/{odd}/versions", None),
        ("GET", f"/api/v1/assets/{odd}/versions/1?project_id=film", None),
        ("GET", f"/api/v1/runs/{odd}/outcomes", None),
        ("POST", f"/api/v1/assets/{odd}/propagate", {"change_data": {"a": 1}}),
        ("DELETE", f"/api/v1/projects/film/references/{odd}?wait=1", None),
    ):
        response = await film.client.request(method, path, json=body)
        assert response.status_code in (404, 405), (path, response.text)


async def in_parts(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65536):
        yield b" " * 65536


async def test_a_body_that_says_it_is_too_large_is_refused_unread(web: Web) -> None:
    response = await web.client.post(
        "/api/v1/projects", content=b" " * 10, headers={"content-length": str(50 * 2**20)}
    )
    assert response.status_code == 413
    assert code_of(response) == "too_large"


async def test_a_body_that_grows_too_large_is_refused_on_the_way(web: Web) -> None:
    taken = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal taken
        async for part in in_parts(50 * 2**20):
            taken += len(part)
            yield part

    response = await web.client.post("/api/v1/projects", content=counted())
    assert code_of(response) == "too_large"
    assert taken <= web.state.settings.body_limit + 2**20


async def test_a_large_body_of_nobody_is_not_read(web: Web) -> None:
    nobody = await web.with_token(None)
    response = await nobody.post("/api/v1/projects", content=in_parts(50 * 2**20))
    assert code_of(response) == "unauthenticated"


async def test_an_import_may_be_larger(web: Web) -> None:
    await web.make("film")
    editor = await web.as_(Role.EDITOR, "film")
    response = await editor.post(
        "/api/v1/projects/film/import?format=json", content=b'{"shots": []}' + b" " * (5 * 2**20)
    )
    assert response.status_code == 200, response.text
