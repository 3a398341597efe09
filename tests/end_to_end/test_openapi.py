"""Every operation of the OpenAPI document, tried against a real server: it keeps what is written.

Which operations there are, what they take and what they answer is read from the document, so a new
one is tried as soon as it is in there.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.running import RunningServer, production

CONFIG = Path(__file__).with_name("openapi.toml")
PROJECTS = 8
"""As many as in the configuration; some are deleted on the way."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data") as running:
        for number in range(PROJECTS):
            running.import_project(f"film-{number}", production(4, per_sequence=2))
        yield running


def holds(server: RunningServer, folder: Path, seed: int, *more: str) -> None:
    """Try the whole document with every check."""
    command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={CONFIG}", "run"]
    command += [f"{server.url}/api/openapi.json", f"--header=Authorization: Bearer {server.token}"]
    command += ["--checks=all", f"--seed={seed}", "--no-color", "--warnings=off", *more]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_a_few_requests_to_every_operation(server: RunningServer, tmp_path: Path) -> None:
    phases = "--phases=examples,fuzzing,stateful"
    holds(server, tmp_path, 1, phases, "--max-examples=2", "--no-shrink")
    assert server.get("/projects")["items"]


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_as_many_requests_as_there_is_time_for(
    server: RunningServer, tmp_path: Path, soak_seconds: float, say: Callable[[str], None]
) -> None:
    seed = random.randrange(2**32)
    say(f"seed {seed}")
    holds(server, tmp_path, seed, f"--max-time={4 * soak_seconds:.0f}")
    assert server.get("/projects")["items"]
