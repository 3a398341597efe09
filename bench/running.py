"""A real server in a process of its own: what end-to-end tests and measurements drive."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

__all__ = ["RunningServer", "free_port", "production"]

START_TIMEOUT = 60.0


def free_port() -> int:
    """A port below those that systems give to outgoing connections, so that none of these takes it
    while a server starts or is restarted.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class RunningServer:
    """``ripplecut serve`` on a free loopback port, with its data in a folder of its own.

    ``kill`` is SIGKILL and keeps the data, so that ``start`` afterwards is a restart after a crash.
    ``program`` are the module that serves and what it takes before the program's own arguments.
    ``cpu`` pins the server to one core, so that a load on another core does not slow it;
    ``lag_file`` puts the probe of ``bench.observed`` on its loop.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        demo: bool = False,
        cpu: int | None = None,
        lag_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = ("server",),
    ) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="ripplecut-") if data is None else None
        self.data = data or Path(self._own.name if self._own else "")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = secrets.token_urlsafe(24)
        self.login_url = ""
        self.output: list[str] = []
        self._demo = demo
        self._cpu = cpu
        self._lag_file = lag_file
        self._environment = dict(environment or {})
        self._program = list(program)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=120
        )

    def start(self) -> Self:
        """Start the program and wait for the line that says that it is ready."""
        ready = self._spawn()
        if not ready.wait(START_TIMEOUT) or not self.login_url:
            self.close()
            raise RuntimeError("the server did not start:\n" + "".join(self.output))
        return self

    def die(self, seconds: float = START_TIMEOUT) -> int:
        """Wait until it ends by itself, started where it is not running; answers the exit code."""
        if self._process is None:
            self._spawn()
        assert self._process is not None
        self._process.wait(seconds)
        return self._end(signal.SIGKILL)

    def _spawn(self) -> threading.Event:
        """Start the program; the event is set when it is ready, or has ended."""
        program = self._program
        if self._lag_file is not None:
            program = ["bench.observed", str(self._lag_file)]
        command = [sys.executable, "-m", *program, "serve", "--port", str(self.port)]
        command += ["--data", str(self.data), *(["--demo"] if self._demo else [])]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "RIPPLECUT_ADMIN_TOKEN": self.token, **self._environment},
        )
        if self._cpu is not None:
            os.sched_setaffinity(self._process.pid, {self._cpu})
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process, ready), daemon=True)
        self._reader.start()
        return ready

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line)
            found = re.search(r"http://\S*/login\?token=\S+", line)
            if found:
                self.login_url = found[0]
                ready.set()
        ready.set()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> int:
        """End it cleanly; answers the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it as a power cut would; the data stays."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if self._reader is not None:
            self._reader.join(10)
        if process.stdout is not None:
            process.stdout.close()
        self.login_url = ""
        return code

    def close(self) -> None:
        self.stop()
        self.http.close()
        if self._own is not None:
            self._own.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- REST, in short ---------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, expect: int | None = None) -> Any:
        """One request below ``/api/v1``; answers its JSON. A status not expected raises."""
        answer = self.http.request(method, f"/api/v1{path}", json=body)
        if expect is not None and answer.status_code != expect:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        if expect is None:
            answer.raise_for_status()
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None, expect: int | None = None) -> Any:
        return self.call("POST", path, body, expect)

    def token_for(self, user: str, role: str = "editor", project_id: str | None = None) -> str:
        """A token for somebody: of one project over REST, of all of them by the program's own
        command beside the running server, which takes a second.
        """
        if project_id is not None:
            made = self.post(f"/projects/{project_id}/tokens", {"user": user, "role": role}, 201)
            return str(made["token"])
        command = [sys.executable, "-m", "server", "token", "--user", user, "--role", role]
        done = subprocess.run(
            [*command, "--data", str(self.data)], check=True, capture_output=True, text=True
        )
        return done.stdout.split()[-1]

    def import_project(self, project_id: str, data: Mapping[str, Any]) -> Any:
        """Create a project and fill it from the mission's JSON shape."""
        self.post("/projects", {"id": project_id, "name": project_id}, 201)
        return self.post(f"/projects/{project_id}/import?format=json", data)


def production(shots: int, per_sequence: int = 50) -> dict[str, Any]:
    """A generated project: one hero in a coat in every shot, sequences of ``per_sequence``
    shots.
    """
    sequences: Sequence[dict[str, Any]] = [
        {"sequence_id": f"seq-{number:04d}", "name": f"Sequence {number}"}
        for number in range((shots + per_sequence - 1) // per_sequence)
    ]
    return {
        "characters": [{"id": "hero", "name": "Hero", "description": "Tall, in a long coat."}],
        "wardrobes": [{"id": "coat", "name": "Coat", "worn_by": "hero", "colour": "#d8a31a"}],
        "sequences": list(sequences),
        "shots": [
            {
                "shot_id": f"shot-{number:06d}",
                "sequence_id": f"seq-{number // per_sequence:04d}",
                "description": f"Shot {number}.",
                "visual_prompt": {
                    "character_references": [{"asset_id": "hero"}],
                    "wardrobe_references": [{"asset_id": "coat"}],
                },
            }
            for number in range(shots)
        ],
    }
