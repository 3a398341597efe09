"""Runs in small batches, so that a few dependents are many steps."""

from __future__ import annotations

import pytest

from server.propagation import execution, optimizer

__all__ = ["small_batches"]


def small_batches(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """At most so many dependents in each batch of projects that are opened from now on."""
    monkeypatch.setattr(execution, "FIRST_BATCH", size)
    for name in ("LEAST", "MOST", "_FIRST_SIZE"):
        monkeypatch.setattr(optimizer, name, size)
