"""Rights that change and lines that break: what can still be done, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from bench.browser import HOW_TO_GET_IT, browser_path, log_in, open_page, person
from bench.running import RunningServer, production
from tests.end_to_end.conftest import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason=HOW_TO_GET_IT),
]

PROSE = '[data-field="description"] .cm-content'
STATUS = "[data-testid=status]"
AGAIN = "dialog[data-login-again]"
SAVED = "[data-saved=saved]"
LATE = 20_000

_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("rights") / "data") as running:
        yield running


@pytest.fixture
def film(server: RunningServer) -> str:
    id_ = f"film-{next(_numbers)}"
    server.import_project(id_, production(24, per_sequence=12))
    return id_


@pytest.fixture
def context(browser: Browser, server: RunningServer) -> Iterator[BrowserContext]:
    made = person(browser, server)
    yield made
    made.close()


def token_of(server: RunningServer, film: str, user: str = "mara", seconds: int = 600) -> str:
    asked = {"user": user, "role": "editor", "expires_in": seconds}
    return str(server.post(f"/projects/{film}/tokens", asked, 201)["token"])


def becomes(context: BrowserContext, server: RunningServer, token: str) -> None:
    """Who sits at this browser is whose token this is, from now on."""
    log_in(context, f"{server.url}/login?token={token}")


def is_over(server: RunningServer, token: str) -> bool:
    headers = {"authorization": f"Bearer {token}"}
    return server.http.get("/api/v1/me", headers=headers).status_code == 401


def write(page: Page, words: str) -> None:
    page.locator(PROSE).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(words)


def described(server: RunningServer, film: str) -> str:
    return str(server.get(f"/projects/{film}/entities/hero")["fields"]["description"])


def test_who_may_only_look_from_now_on_is_told_and_back(
    server: RunningServer, film: str, context: BrowserContext
) -> None:
    becomes(context, server, token_of(server, film, "ines"))
    page = open_page(context, server, f"/p/{film}/storyboard?e=hero")
    expect(page.locator(PROSE)).to_have_attribute("contenteditable", "true")

    def is_now(role: str) -> None:
        server.post(f"/projects/{film}/members", {"user": "ines", "role": role}, 200)

    is_now("viewer")
    line = page.locator("[data-demoted]")
    expect(line).to_contain_text("You may only look now.")
    expect(page.locator(STATUS)).to_be_disabled()
    expect(page.locator(PROSE)).to_have_attribute("contenteditable", "false")
    expect(page.locator("[data-testid=name]")).to_be_disabled()
    expect(page.locator("[data-new-shot]")).to_have_count(0)
    page.goto(f"{server.url}/p/{film}/breakdown")
    expect(page.locator("[data-row]").first).to_be_visible()
    expect(page.locator("[data-add]")).to_have_count(0)
    # Who comes as a viewer knows it.
    expect(line).to_have_count(0)
    is_now("editor")
    expect(page.locator("[data-add]").first).to_be_attached()
    is_now("viewer")
    expect(line).to_be_visible()
    is_now("editor")
    expect(line).to_have_count(0)


def test_a_login_that_ends_soon_is_renewed_without_a_break_there_or_in_another_window(
    browser: Browser, server: RunningServer, film: str, context: BrowserContext
) -> None:
    """Two people, so that the end has to be waited for once."""
    old, his_old = (token_of(server, film, user, seconds=20) for user in ("mara", "otto"))
    becomes(context, server, old)
    page = open_page(context, server, f"/p/{film}/storyboard?e=hero")
    other = person(browser, server)
    becomes(other, server, his_old)
    his = open_page(other, server, f"/p/{film}/storyboard?e=coat")
    expect(his.locator(SAVED)).to_be_visible()
    becomes(other, server, token_of(server, film, "otto"))
    sockets: list[str] = []
    page.on("websocket", lambda one: sockets.append(one.url))
    write(page, " One.")
    expect(page.locator("[data-ending]")).to_contain_text("Your login ends", timeout=LATE)
    page.locator("[data-testid=log-in-again]").click()
    expect(page.locator(AGAIN)).to_contain_text("Log in again")
    page.locator(f"{AGAIN} [data-testid=token]").fill(token_of(server, film))
    page.keyboard.press("Enter")
    expect(page.locator(AGAIN)).to_have_count(0)
    expect(page.locator("[data-ending]")).to_have_count(0)
    until(lambda: is_over(server, old) and is_over(server, his_old))
    write(page, " Two.")
    expect(page.locator(SAVED)).to_be_visible()
    expect(page.locator(AGAIN)).to_have_count(0)
    assert sockets == []
    write(his, " Two.")
    expect(his.locator(SAVED)).to_be_visible(timeout=LATE)
    for line in ("[data-ending]", "[data-refused]", AGAIN):
        expect(his.locator(line)).to_have_count(0)
    other.close()


def test_what_was_typed_stays_when_the_login_ended_without_a_line(
    server: RunningServer, film: str, context: BrowserContext
) -> None:
    old = token_of(server, film, seconds=8)
    becomes(context, server, old)
    page = open_page(context, server, f"/p/{film}/storyboard?e=hero")
    expect(page.locator(PROSE)).to_be_visible()
    context.set_offline(True)
    expect(page.locator("[data-offline]")).to_be_visible(timeout=LATE)
    write(page, " Wet.")
    expect(page.locator("[data-offline='5']")).to_be_visible()
    until(lambda: is_over(server, old))
    context.set_offline(False)
    expect(page.locator(AGAIN)).to_contain_text("5 unsent edits are kept here", timeout=LATE)
    page.locator(f"{AGAIN} [data-testid=token]").fill(token_of(server, film, "otto"))
    page.keyboard.press("Enter")
    said = page.locator(f"{AGAIN} [role=alert]")
    expect(said).to_contain_text("This token is otto's, and 5 changes of mara's wait here.")
    page.locator(f"{AGAIN} [data-testid=token]").fill(token_of(server, film))
    page.keyboard.press("Enter")
    expect(page.locator(AGAIN)).to_have_count(0)
    expect(page.locator(SAVED)).to_be_visible(timeout=LATE)
    expect(page.locator("[data-refused], [data-offline]")).to_have_count(0)
    page.locator("[data-testid=name]").click()
    until(lambda: described(server, film).endswith(" Wet."))


def test_without_a_line_what_asks_the_server_waits_and_says_so(
    server: RunningServer, film: str, context: BrowserContext
) -> None:
    becomes(context, server, token_of(server, film))
    page = open_page(context, server, f"/p/{film}/storyboard?e=hero")
    expect(page.locator(PROSE)).to_be_visible()
    name = page.locator("[data-testid=name]")
    name.fill("Mara, wet")
    context.set_offline(True)
    expect(page.locator("[data-offline]")).to_contain_text("Everything else waits", timeout=LATE)
    asked: list[str] = []

    def notice(request: Request) -> None:
        if request.method != "GET":
            asked.append(request.url)

    page.on("request", notice)
    # Whoever was in the middle of a name may end it.
    name.press("End")
    page.keyboard.type(" coat")
    page.keyboard.press("Tab")
    expect(name).to_have_value("Mara, wet coat")

    why = "Offline: this waits until the connection is back."
    for control in (
        STATUS,
        "[data-testid=add-picture]",
        "[data-testid=add-reference]",
        "[data-new-shot] >> nth=0",
    ):
        expect(page.locator(control)).to_be_disabled()
        expect(page.locator(control)).to_have_attribute("data-tip", why)
    page.locator("[data-testid=project-menu]").click()
    for item in ("import", "export"):
        expect(page.locator(f".menu [data-testid={item}]")).to_be_disabled()
    page.keyboard.press("Escape")
    page.locator(".panel-link").first.focus()
    page.keyboard.press("n")
    expect(page.locator(".toast")).to_have_text(why)
    write(page, " Wet.")
    expect(
        page.locator('[data-field="height"], [data-field] input[type=color]').first
    ).to_be_enabled()

    page.keyboard.press("Escape")
    page.keyboard.press("b")
    expect(page.locator("[data-row]").first).to_be_visible()
    expect(page.locator("[data-add]").first).to_be_disabled()
    page.locator(".breakdown").focus()
    page.keyboard.press(" ")
    for control in ("selection-add", "selection-remove", "selection-status"):
        expect(page.locator(f"[data-testid={control}]")).to_be_disabled()
    page.keyboard.press("a")
    expect(page.locator("[data-picker]")).to_have_count(0)
    assert asked == []

    context.set_offline(False)
    expect(page.locator(SAVED)).to_be_visible(timeout=LATE)
    expect(page.locator("[data-testid=selection-status]")).to_be_enabled()
    expect(page.locator("[data-add]").first).to_be_enabled()


def test_a_name_that_was_being_typed_is_kept_for_the_line(
    server: RunningServer, film: str, context: BrowserContext
) -> None:
    becomes(context, server, token_of(server, film))
    page = open_page(context, server, f"/p/{film}/storyboard?e=hero")
    name = page.locator("[data-testid=name]")
    name.fill("Mara, wet")
    context.set_offline(True)
    expect(page.locator("[data-offline]")).to_be_visible(timeout=LATE)
    page.keyboard.press("Tab")
    expect(name).to_have_value("Mara, wet")
    expect(name).to_have_attribute("readonly", "")
    page.keyboard.press("Escape")
    expect(page.locator("[data-inspector]")).to_have_count(0)
    context.set_offline(False)
    until(lambda: server.get(f"/projects/{film}/entities/hero")["name"] == "Mara, wet")


def test_a_second_window_of_ones_own_is_nobody_else_and_still_seen(
    server: RunningServer, film: str, context: BrowserContext
) -> None:
    becomes(context, server, token_of(server, film))
    one = open_page(context, server, f"/p/{film}/storyboard")
    two = open_page(context, server, f"/p/{film}/storyboard?e=shot-000003")
    other = person(context.browser, server)  # type: ignore[arg-type]
    becomes(other, server, token_of(server, film, "otto"))
    his = open_page(other, server, f"/p/{film}/storyboard")
    for page in (one, two):
        expect(page.locator("[data-person=otto]")).to_have_count(1)
        expect(page.locator(".people .avatar")).to_have_count(2)
        expect(page.locator("button[data-person=mara]")).to_have_count(0)
    expect(his.locator("[data-person=mara]")).to_have_count(1)
    expect(one.locator('[data-panel="shot-000003"] [data-ring="mara"]')).to_be_visible()
    one.keyboard.press("Control+k")
    one.keyboard.type("follow")
    expect(one.locator("[data-item='c follow otto']")).to_have_count(1)
    expect(one.locator("[data-item='c follow mara']")).to_have_count(0)
    other.close()
