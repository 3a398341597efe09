"""Strict runs let nothing be skipped, except for want of the shared inputs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

def test_passes(): ...

def test_skips():
    pytest.skip("no browser: apt-get install chromium")

@pytest.mark.skipif("1 > 0", reason="never here")
def test_is_skipped(): ...

def test_needs_shared_inputs():
    pytest.skip("shared inputs absent: ../shared/data")

@pytest.mark.xfail(reason="known", strict=True)
def test_is_expected_to_fail():
    raise AssertionError
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    (tmp_path / "test_cases.py").write_text(CASES)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def _run(project: Path, strict: bool, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "STRICT" not in key}
    if strict:
        environment["RIPPLECUT_TEST_STRICT"] = "1"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        *more,
        str(project),
    ]
    return subprocess.run(
        command, env=environment, cwd=project, capture_output=True, text=True, check=False
    )


def test_a_skip_is_a_skip_by_default(project: Path) -> None:
    done = _run(project, strict=False)
    assert done.returncode == 0
    assert "1 passed, 3 skipped, 1 xfailed" in done.stdout


@pytest.mark.parametrize("more", [(), ("--numprocesses=2", "--dist=loadfile")])
def test_a_skip_is_a_failure_where_strict(project: Path, more: tuple[str, ...]) -> None:
    done = _run(project, True, *more)
    assert done.returncode == 1
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in done.stdout
    assert "no browser: apt-get install chromium" in done.stdout


def test_a_module_that_skips_itself_is_a_failure_where_strict(project: Path) -> None:
    (project / "test_module.py").write_text("import pytest\npytest.importorskip('nothing_here')\n")
    done = _run(project, strict=True)
    assert done.returncode == 2
    assert "could not import 'nothing_here'" in done.stdout
