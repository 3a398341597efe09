"""The servers to compare with: the published Yjs servers, each in a process of its own.

They are installed from the registries into ``bench/.peers``, which git ignores, with the versions
that are named here. None of them writes to a disk; Ripplecut does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.running import RunningServer, free_port
from protocol import hocuspocus
from protocol.ysync import SyncStep, encode_sync

__all__ = ["LIMIT", "PEERS", "Served", "installed", "serve"]

FOLDER = Path(__file__).parent / ".peers"
NPM = ("@hocuspocus/server@4.7.0", "@y/websocket-server@0.1.1", "yjs@13.6.33", "ws@8.18.3")
PIP = ("pycrdt-websocket==0.16.5", "uvicorn==0.54.0", "websockets==17.4")
PEERS = ("y-websocket", "Hocuspocus", "pycrdt-websocket")
LIMIT = "bare relay"
"""No server of documents: ``bench/relay.py``, the floor under all of them."""

_HOCUSPOCUS = """
import { Server } from "@hocuspocus/server";
const port = Number(process.env.PORT);
new Server({ port, address: "127.0.0.1", quiet: true }).listen();
"""
_PYCRDT = """
import asyncio, os, uvicorn
from pycrdt.websocket import ASGIServer, WebsocketServer
async def main():
    async with WebsocketServer(auto_clean_rooms=False) as server:
        config = uvicorn.Config(
            ASGIServer(server), host="127.0.0.1", port=int(os.environ["PORT"]), lifespan="off",
            log_level="warning", ws="websockets-sansio", ws_per_message_deflate=False)
        await uvicorn.Server(config).serve()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Served:
    """A server under load: where a document is, and how its protocol is spoken."""

    name: str
    pid: int
    url: Callable[[str], str]
    opening: Callable[[str], list[bytes]]
    update: Callable[[str, bytes], bytes]
    is_step_two: Callable[[bytes], bool]
    is_acknowledgement: Callable[[bytes], bool] | None = None
    """``None`` where the protocol knows none."""


def installed() -> str | None:
    """Bring the peers here; answers why not, where that fails."""
    npm = shutil.which("npm")
    if npm is None:
        return "no npm here; on Debian: apt-get install nodejs npm"
    FOLDER.mkdir(exist_ok=True)
    if not (FOLDER / "node_modules").exists():
        (FOLDER / "package.json").write_text('{"private": true, "type": "module"}\n')
        flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([npm, "install", *flags, *NPM], cwd=FOLDER, check=True)
    python = FOLDER / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PIP], check=True)
    (FOLDER / "hocuspocus.mjs").write_text(_HOCUSPOCUS)
    (FOLDER / "pycrdt_server.py").write_text(_PYCRDT)
    return None


@contextmanager
def serve(name: str, cpu: int, documents: int) -> Iterator[Served]:
    """One server, pinned to a core, with so many documents ``d0``, ``d1``, …"""
    if name.startswith("Ripplecut"):
        with RunningServer(cpu=cpu) as running:
            characters = [{"id": f"d{number}", "name": "x"} for number in range(documents)]
            running.import_project("film", {"characters": characters})
            yield _ours(name, running)
        return
    port = free_port()
    command = {
        "y-websocket": ["node", "node_modules/@y/websocket-server/src/server.js"],
        "Hocuspocus": ["node", "hocuspocus.mjs"],
        "pycrdt-websocket": ["venv/bin/python", "pycrdt_server.py"],
        LIMIT: [sys.executable, str(Path(__file__).parent / "relay.py"), str(port)],
    }[name]
    FOLDER.mkdir(exist_ok=True)
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    process = subprocess.Popen(
        command, cwd=FOLDER, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.sched_setaffinity(process.pid, {cpu})
    try:
        _listening(port)
        base = f"ws://127.0.0.1:{port}"
        if name == "Hocuspocus":
            yield Served(
                name,
                process.pid,
                lambda _: base,
                _enveloped,
                hocuspocus.encode_update,
                _envelope_2,
                _envelope_status,
            )
        else:
            yield Served(name, process.pid, lambda at: f"{base}/{at}", _bare, _bare_update, _bare_2)
    finally:
        process.terminate()
        process.wait(20)


def _ours(name: str, running: RunningServer) -> Served:
    base = f"ws://127.0.0.1:{running.port}"
    if name == "Ripplecut /yjs":
        return Served(
            name,
            running.pid,
            lambda at: f"{base}/yjs/film/{at}?token={running.token}",
            _bare,
            _bare_update,
            _bare_2,
        )
    return Served(
        name,
        running.pid,
        lambda _: f"{base}/ws/projects/film?token={running.token}",
        _enveloped,
        hocuspocus.encode_update,
        _envelope_2,
        _envelope_status,
    )


def _listening(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _enveloped(name: str) -> list[bytes]:
    return [hocuspocus.encode_auth_token(name, ""), hocuspocus.encode_step_one(name, b"\x00")]


def _envelope_2(frame: bytes) -> bool:
    """A step 2, which Hocuspocus sends as a reply of type 4."""
    if frame == hocuspocus.PING:
        return False
    at = 1 + frame[0]
    return frame[at] in (0, 4) and frame[at + 1] == SyncStep.STEP_2


def _envelope_status(frame: bytes) -> bool:
    return frame[1 + frame[0]] == 8


def _bare(_: str) -> list[bytes]:
    return [b"\x00" + encode_sync(SyncStep.STEP_1, b"\x00")]


def _bare_update(_: str, update: bytes) -> bytes:
    return b"\x00" + encode_sync(SyncStep.UPDATE, update)


def _bare_2(frame: bytes) -> bool:
    return frame[0] == 0 and frame[1] == SyncStep.STEP_2
