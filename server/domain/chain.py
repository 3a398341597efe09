"""The audit's hash chain: each entry covers the one before it, a batch's entry its outcome rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from server.domain.actors import Actor
from server.domain.commit import AuditEntry
from server.domain.digests import checksum
from server.domain.runs import Outcome

__all__ = ["Said", "audit_hash", "linked", "outcomes_digest"]

Said = tuple[str, str | None, str | None, Mapping[str, Any]]
"""What an entry is to say: an action, the entity and the run that it is about, and the detail."""


def linked(
    said: Iterable[Said], number: int, head: str, at: str, author: Actor
) -> list[AuditEntry]:
    """The entries of one step, after the last one before it: its ``number`` and its hash."""
    entries: list[AuditEntry] = []
    for action, entity_id, run_id, detail in said:
        number += 1
        entry = AuditEntry(
            number, at, author.user, author.via, action, entity_id, run_id, detail, head, ""
        )
        head = audit_hash(entry)
        entries.append(entry._replace(hash=head))
    return entries


def audit_hash(entry: AuditEntry) -> str:
    """The hash of an audit entry: over everything in it, the hash before it included."""
    return checksum(list(entry[:-1]))


def outcomes_digest(outcomes: Sequence[Outcome]) -> str:
    """What a batch's audit entry says of its outcome rows."""
    return checksum([list(outcome) for outcome in outcomes])
