"""Every outcome of every test has a reason that stands in the table of reasons."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from server.domain.runs import Outcome
from server.domain.transaction import Transaction
from tests import reasons

_record = Transaction.record


def _record_explained(self: Transaction, outcomes: Sequence[Outcome]) -> None:
    for said in {(one.outcome, one.reason) for one in outcomes}:
        assert reasons.known(*said), f"server/domain/REASONS.md has no row for {said}"
    _record(self, outcomes)


@pytest.fixture(autouse=True)
def _explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Transaction, "record", _record_explained)
