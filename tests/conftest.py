"""What every test stands on: strictness about skipping, and Hypothesis' profiles."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

STRICT = "RIPPLECUT_TEST_STRICT"
# The one thing that may be absent even where everything must run: it is no part of the project.
MAY_BE_ABSENT = "shared inputs absent"

# print_blob and the database make a failing example come back; a deadline would fail slow machines.
settings.register_profile("ripplecut", print_blob=True, deadline=None)
settings.register_profile(
    "soak",
    parent=settings.get_profile("ripplecut"),
    max_examples=2000,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ripplecut")

# The programs that tests start again and again keep their compiled modules, whatever is said here:
# to compile all of them at each start takes as long as the rest of it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def soak_seconds() -> float:
    """How long one soak test should go on; `make soak` sets it."""
    return float(os.environ.get("RIPPLECUT_SOAK_SECONDS", "20"))


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where nothing may be skipped."""
    if not os.environ.get(STRICT) or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(MAY_BE_ABSENT):
        report.outcome = "failed"
        report.longrepr = f"skipped, and nothing may be ({STRICT} is set): {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report
