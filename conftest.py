"""Every outcome of every test has a reason that stands in the table of reasons."""

from __future__ import annotations

import pytest

from server.domain.runs import Outcome
from server.domain.transaction import Transaction
from tests import reasons

_record = Transaction.record


def _record_explained(self: Transaction, outcome: Outcome) -> None:
    said = (outcome.outcome, outcome.reason)
    assert reasons.known(*said), f"server/domain/REASONS.md has no row for {said}"
    _record(self, outcome)


@pytest.fixture(autouse=True)
def _explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Transaction, "record", _record_explained)
