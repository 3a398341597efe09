"""Two people over a real server: what one changes, the other is notified of at once."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect
from standardwebhooks import Webhook as Signer

from bench.browser import HOW_TO_GET_IT, browser_path, open_page, person
from bench.running import RunningServer
from tests.end_to_end.sockets import TEXT, RawSocket, open_socket

CAST = {
    "characters": [{"id": "mara", "name": "Mara", "description": "Tall"}],
    "shots": [
        {"shot_id": f"sh{n:03}", "visual_prompt": {"character_references": ["mara"]}}
        for n in range(5)
    ],
}
DIGEST = "Mara v2: 5 shots: 5 updated"


def change(server: RunningServer, description: str) -> Any:
    body = {"change_data": {"description": description}}
    return server.post("/assets/mara/propagate?project_id=film", body)


def as_(server: RunningServer, user: str, role: str = "editor") -> httpx.Client:
    token = server.token_for(user, role, "film")
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=60)


async def listening(server: RunningServer, user: str) -> RawSocket:
    token = server.token_for(user, "viewer", "film")
    socket = await open_socket(f"{server.url}/ws/projects/film?token={token}")
    await socket.send(TEXT, b'{"type": "hello", "subscribe": "all"}')
    return socket


async def frames_until(socket: RawSocket, type_: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != type_:
        said = await socket.told()
        assert isinstance(said, str)
        found.append(json.loads(said))
    return found


def test_a_follower_is_told_live_and_nobody_else(server: RunningServer) -> None:
    server.import_project("film", CAST)
    with as_(server, "ines") as ines:
        assert ines.post("/projects/film/entities/mara/follow").status_code == 200

    async def watch() -> None:
        ines, theo = await listening(server, "ines"), await listening(server, "theo")
        for socket in (ines, theo):
            await frames_until(socket, "welcome")
        await asyncio.to_thread(change, server, "Small")
        heard = await frames_until(ines, "notification")
        assert heard[-1]["text"] == DIGEST
        assert heard[-1]["user"] == "ines"
        assert [one["type"] for one in heard].count("notification") == 1
        # A second run, so that all of the first has been sent when its end arrives.
        await asyncio.to_thread(change, server, "Tall again")
        said = [
            *await frames_until(theo, "run_finished"),
            *await frames_until(theo, "run_finished"),
        ]
        assert "notification" not in [one["type"] for one in said]
        for socket in (ines, theo):
            await socket.leave()

    asyncio.run(watch())


@pytest.mark.browser
@pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT)
def test_the_bell_counts_opens_and_is_settled_with_the_keyboard(
    server: RunningServer, browser: Browser
) -> None:
    server.import_project("film", CAST)
    token = server.token_for("ines", "editor", "film")
    context = person(browser, server, f"{server.url}/login?token={token}")
    page = open_page(context, server, "/p/film/storyboard?e=mara")
    page.locator("[data-testid=inbox]").click()
    follow = page.locator("[data-testid=follow]")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    change(server, "Small")
    expect(page.locator("[data-unread-count='1']")).to_be_visible()
    page.locator("main.view").focus()
    page.keyboard.press("i")
    row = page.locator("[data-notification]")
    expect(row).to_contain_text("5 shots: 5 updated")
    expect(page.locator("[data-testid=mark-all-read]")).to_be_focused()
    expect(follow).to_be_visible()  # it is asked for when the panel opens
    page.keyboard.press("ArrowDown")
    expect(follow).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(row.locator("[data-testid=mark-read]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-unread-count]")).to_have_count(0)
    expect(row).not_to_have_attribute("data-unread", "")
    row.locator("[data-testid=mute]").focus()
    page.keyboard.press("Enter")
    expect(row.locator("[data-testid=mute]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator("[data-testid=inbox]")).to_be_focused()
    change(server, "Smaller")
    page.reload()
    page.locator("main[data-phase=ready]").wait_for()
    expect(page.locator("[data-unread-count]")).to_have_count(0)
    context.close()


@contextmanager
def receiver(statuses: list[int]) -> Iterator[tuple[str, Queue[tuple[dict[str, str], bytes]]]]:
    """A receiver on a thread of its own: it outlives a server that is killed."""
    got: Queue[tuple[dict[str, str], bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(statuses.pop(0) if statuses else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{found.server_port}/hook", got
    finally:
        found.shutdown()
        found.server_close()


def test_a_webhook_hears_of_what_was_committed_before_a_kill(tmp_path: Path) -> None:
    """What was not taken before ``kill -9`` is sent after it, under the same id."""
    allowed = {"RIPPLECUT_WEBHOOKS_PRIVATE": "yes"}
    server = RunningServer(tmp_path / "data", environment=allowed)
    with server, receiver([503]) as (url, got):
        server.import_project("film", CAST)
        made = server.post("/projects/film/webhooks", {"url": url, "events": ["run_finished"]})
        change(server, "Small")
        first, body = got.get(timeout=30)
        server.kill()
        server.start()
        second, again = got.get(timeout=60)
        assert second["webhook-id"] == first["webhook-id"]
        assert again == body
        said = Signer(made["secret"]).verify(again, second)
        assert said["data"]["counts"] == {"updated": 5}
