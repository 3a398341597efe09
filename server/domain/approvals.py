"""Approvals: what waits for somebody to say yes or no, at most one for each source and target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, NamedTuple

__all__ = ["STATUSES", "Approval", "ApprovalStatus", "Approvals", "Waits", "plan_hash_of"]

ApprovalStatus = Literal["open", "approved", "rejected", "closed"]
STATUSES: tuple[ApprovalStatus, ...] = ("open", "approved", "rejected", "closed")
_MODULUS = 1 << 256


class Waits(NamedTuple):
    """A reference that waits: the version of the source that it shows, and the one it would."""

    reference_id: str
    from_version: int
    to_version: int


@dataclass(frozen=True, slots=True)
class Approval:
    """One question, and what became of it.

    While it is open it is updated in place: ``since`` is when it was asked first, ``at`` when it
    last changed, ``run_id`` and ``author`` are of the change that it is about now. ``rule`` is the
    name of the rule that asked. ``closed`` ones became moot; ``reason`` says how an approval ended.
    ``plan_hash`` names what it would do: SHA-256, in hex, of its id and, each on a line of its own,
    ``<reference> <from> <to>`` of what waits.
    """

    id: str
    source: str
    target: str
    references: tuple[Waits, ...]
    classes: tuple[str, ...]
    rule_id: str
    rule: str
    run_id: str
    author: str
    since: str
    at: str
    status: ApprovalStatus = "open"
    decided_by: str | None = None
    comment: str = ""
    reason: str = ""
    plan_hash: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        lines = [self.id, *(f"{one[0]} {one[1]} {one[2]}" for one in self.references)]
        digest = sha256("\n".join(lines).encode()).hexdigest()
        object.__setattr__(self, "plan_hash", digest)

    @property
    def pair(self) -> tuple[str, str]:
        return self.source, self.target

    @property
    def from_version(self) -> int:
        return self.references[0].from_version

    @property
    def to_version(self) -> int:
        return self.references[0].to_version

    def answer(self) -> str:
        """Who decided it, and what they said: ``ann: too bright``."""
        said = f": {self.comment}" if self.comment else ""
        return f"{self.decided_by}{said}"

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "source": self.source,
            "target": self.target,
            "references": [one._asdict() for one in self.references],
            "classes": list(self.classes),
            "rule": {"id": self.rule_id, "name": self.rule},
            "run_id": self.run_id,
            "author": self.author,
            "since": self.since,
            "at": self.at,
            "status": self.status,
            "decided_by": self.decided_by,
            "comment": self.comment,
            "reason": self.reason,
            "plan_hash": self.plan_hash,
        }


def plan_hash_of(approvals: Iterable[Approval]) -> str:
    """Names what several approvals would do together: the sum of their hashes modulo 2²⁵⁶, so
    that whoever was shown some of them can name any choice of these.
    """
    return f"{sum(int(one.plan_hash, 16) for one in approvals) % _MODULUS:064x}"


class Approvals:
    """The approvals of a project that matter now: those that are open, and what was rejected and
    still stands.
    """

    def __init__(self) -> None:
        self._open: dict[str, Approval] = {}
        self._by_target: dict[str, dict[str, Approval]] = {}
        self._rejected: dict[tuple[str, str], Approval] = {}

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __iter__(self) -> Iterator[Approval]:
        return iter(self._open.values())

    def get(self, id_: str) -> Approval | None:
        """An open approval."""
        return self._open.get(id_)

    def of_target(self, target: str) -> Mapping[str, Approval]:
        """The open approvals of one target, by source."""
        return self._by_target.get(target, {})

    def rejected(self, source: str, target: str) -> Approval | None:
        """What was rejected last, where nothing was asked since."""
        return self._rejected.get((source, target))

    def put(self, one: Approval) -> None:
        """Take an approval in as it is now."""
        self._rejected.pop(one.pair, None)
        if one.status == "open":
            self._open[one.id] = one
            self._by_target.setdefault(one.target, {})[one.source] = one
            return
        if self._open.pop(one.id, None) is not None:
            others = self._by_target[one.target]
            del others[one.source]
            if not others:
                del self._by_target[one.target]
        if one.status == "rejected":
            self._rejected[one.pair] = one
