"""``python -m bench.screenshots``: the README's pictures, taken from the running demo
production.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from bench.browser import chromium
from bench.running import RunningServer

__all__ = ["take"]

FOLDER = Path(__file__).parent.parent / "static" / "pictures"


def take(browser: Browser, running: RunningServer, scheme: Literal["dark", "light"]) -> None:
    """Both views of the demo production, with the wardrobe that is used most in the inspector."""
    project = running.get("/projects")["items"][0]["id"]
    worn = running.get(f"/projects/{project}/entities?kind=wardrobe")["items"]
    used = max(worn, key=lambda one: running.get(f"/assets/{one['id']}/dependencies")["total"])
    wearing = running.get(f"/assets/{used['id']}/dependencies?depth=1")["dependencies"]
    first = min(one["id"] for one in wearing if one["kind"] == "shot")
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=scheme, locale="en-GB"
    )
    page = context.new_page()
    page.goto(running.login_url)
    for view in ("storyboard", "breakdown"):
        page.goto(f"{running.url}/p/{project}/{view}?e={used['id']}")
        page.locator("main[data-phase=ready]").wait_for()
        page.locator('[data-field="description"] .cm-content').wait_for()
        page.locator('[data-history-version="1"]').wait_for()
        page.locator(f'[data-panel="{first}"], [data-row="{first}"]').scroll_into_view_if_needed()
        page.screenshot(path=FOLDER / f"{view}-{scheme}.png")
    context.close()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with RunningServer(demo=True) as server, chromium() as found:
        take(found, server, "dark")
        take(found, server, "light")
