"""Serving: the lock, the port, the signals, the printed line, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from server.app import create_app
from server.config import Settings
from server.datadir import DataDir
from server.failures import Failed
from server.rooms.access import Role
from server.web.auth import local_user
from server.web.heads import BoundedHttp
from server.web.state import WebState
from server.web.wire import BoundedWebSocket

__all__ = ["PortInUse", "ReadyServer", "serve", "uvicorn_config"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_FRAME_HEADROOM = 64 * 1024
"""A frame that is a little too large is refused by the room, which can say why."""


class PortInUse(Failed):
    """The address cannot be listened on."""


class ReadyServer(uvicorn.Server):
    """Uvicorn that leaves the signals to us, says when it listens, and lets sockets end in order.

    ``drain`` is awaited when nobody can come any more, before the connections are closed.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_listening: Callable[[], Awaitable[None]],
        drain: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._drain = drain

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Uvicorn would raise a caught signal again at the end: the exit code would not be 0.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if not self.should_exit:
            await self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self._drain is not None:
            draining = asyncio.ensure_future(self._drain())
            while not (draining.done() or self.force_exit):
                await asyncio.wait([draining], timeout=0.1)
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
        await super().shutdown(sockets=sockets)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises DataDirInUse, PortInUse, and what the store raises."""
    # The store's thread computes too; with the usual 5 ms it would hold the loop up for that long.
    sys.setswitchinterval(0.0005)
    # Entities and references live long; looking through all of them again and again for garbage
    # would stop the loop for tens of milliseconds in the midst of a run. So would clearing away at
    # once what a few hundred lost connections leave: the young are looked at often.
    gc.set_threshold(10_000, 100, 50)
    data = DataDir(settings.data or Path("data"))
    _set_up_logging(settings.log_level)
    with data.locked(), _bound(settings.host, settings.port) as listener:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(run_app(settings, data, listener))
        finally:
            data.retract()


async def run_app(settings: Settings, data: DataDir, listener: socket.socket) -> None:
    app = create_app(settings)
    host, port = listener.getsockname()[:2]
    url = f"http://{_shown(host)}:{port}"

    async def say_ready() -> None:
        data.announce(url)
        sys.stdout.write(f"Ripplecut is ready: {url}/login?token={token}\n")
        sys.stdout.flush()

    async def drain() -> None:
        await app.state.web.manager.drain()

    server = ReadyServer(uvicorn_config(app, settings), say_ready, drain)
    _end_on_signals(server)
    async with app.router.lifespan_context(app):
        token = await _login_token(app.state.web, settings)
        gc.freeze()
        await server.serve(sockets=[listener])


async def _login_token(web: WebState, settings: Settings) -> str:
    authority = web.authority
    expires_at = authority.after(settings.login_valid)
    return await authority.issue(local_user(), Role.OWNER, None, "login", expires_at)


def uvicorn_config(app: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",  # it is entered here, where its errors can be said in plain words
        http=BoundedHttp,
        ws=BoundedWebSocket,
        ws_max_size=settings.frame_limit + _FRAME_HEADROOM,
        ws_per_message_deflate=False,
        log_config=None,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )


def _end_on_signals(server: uvicorn.Server) -> None:
    """The first signal ends in order; a second SIGINT does not wait for slow connections."""

    def end(number: int, frame: FrameType | None) -> None:
        if server.should_exit and number == signal.SIGINT:
            server.force_exit = True
        server.should_exit = True

    for number in _SIGNALS:
        signal.signal(number, end)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@contextlib.contextmanager
def _bound(host: str, port: int) -> Generator[socket.socket, None, None]:
    """A socket that holds the address before anything is opened. Raises PortInUse."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise PortInUse(f"Cannot listen on {host}: {error.strerror or error}.") from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            hint = " Another one: --port NUMBER." if "in use" in str(error.strerror) else ""
            raise PortInUse(
                f"Cannot listen on {host}, port {port}: {error.strerror}.{hint}"
            ) from None
        yield listener


def _shown(host: str) -> str:
    """An address that a browser here can open."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - shown, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _set_up_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
