"""Reached: what a run's batch leaves behind: moved pointers, outcomes, and how entities look now.

Thousands of rows of one batch share most of what they say, so only what differs is handed over: one
JSON text of ids, and hashes side by side in one blob. SQLite takes them apart by itself; that costs
a third of rows of placeholders, and its statements are prepared once, whatever the batch's size.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from server.domain.commit import Commit
from server.domain.entities import Digests, Entity, LastOutcome
from server.domain.runs import Outcome
from server.storage.sqlite.bulk import MARKS, put

__all__ = ["move_pointers", "put_looks", "write_reached"]

_HASH = 32
_MOST_STATEMENTS = 16
"""Where a batch falls into more pieces than this, rows of placeholders are the quicker way."""

_MOVE_POINTERS = (
    "REPLACE INTO pointers SELECT r.number, ?1 FROM json_each(?2) AS moved "
    "CROSS JOIN refs AS r ON r.project_id = ?3 AND r.id = moved.value"
)
_FORGET_POINTERS = (
    "DELETE FROM pointers WHERE number IN (SELECT r.number FROM json_each(?1) AS put "
    "CROSS JOIN refs AS r ON r.project_id = ?2 AND r.id = put.value)"
)
_FINDING = "run_id, at, kind, outcome, reason, source, source_version"
_ADD_FINDING = f"INSERT INTO findings ({_FINDING}) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING number"
_FIND_FINDING = (
    "SELECT number FROM findings WHERE run_id = ? AND at = ? AND kind = ? AND outcome = ? "
    "AND reason = ? AND source = ? AND source_version = ?"
)
_ADD_OUTCOMES = f"INSERT INTO outcomes {MARKS}"
_ADD_ALIKE = (
    "INSERT INTO outcomes SELECT ?1, ?2 + key, value, ?3, "
    f"substr(?4, key * {_HASH} + 1, {_HASH}), substr(?5, key * {_HASH} + 1, {_HASH}) "
    "FROM json_each(?6)"
)
_PUT_LOOKS = f"REPLACE INTO looks {MARKS}"
_PUT_LOOKS_ALIKE = (
    f"REPLACE INTO looks SELECT ?1, value, substr(?2, key * {_HASH} + 1, {_HASH}), "
    f"substr(?3, key * {_HASH} + 1, {_HASH}), ?4, ?5 FROM json_each(?6)"
)
_CHANGE_LOOKS = (
    "UPDATE looks SET visual_hash = COALESCE(new.column2, visual_hash), "
    "hash = COALESCE(new.column3, hash), finding = COALESCE(new.column4, finding), "
    "updated_at = COALESCE(new.column5, updated_at) "
    f"FROM ({MARKS}) AS new WHERE looks.project_id = ? AND looks.id = new.column1"
)

Found = tuple[str, str, str, str, int]
"""What a finding says: kind, outcome, reason, source and its version."""


def move_pointers(connection: sqlite3.Connection, commit: Commit) -> None:
    """Move references' pointers; those of references that were put whole stand in their rows."""
    if commit.references_put:
        ids = _text(one.id for one in commit.references_put)
        connection.execute(_FORGET_POINTERS, (ids, commit.project_id))
    by_version: dict[int, list[str]] = {}
    for reference_id, number in commit.pointers.items():
        by_version.setdefault(number, []).append(reference_id)
    for number, moved in by_version.items():
        connection.execute(_MOVE_POINTERS, (number, _text(moved), commit.project_id))


def put_looks(connection: sqlite3.Connection, project_id: str, entities: Sequence[Entity]) -> None:
    """Insert or replace how entities look, whole."""
    known: dict[tuple[str, LastOutcome], int] = {}
    rows: list[tuple[Any, ...]] = []
    for one in entities:
        finding = None
        if one.last_outcome is not None:
            key = one.kind, one.last_outcome
            finding = known.get(key)
            if finding is None:
                finding = known[key] = _finding_of(connection, one.kind, one.last_outcome)
        rows.append((project_id, one.id, *one.digests, finding, one.updated_at))
    put(connection, _PUT_LOOKS, rows)


def _finding_of(connection: sqlite3.Connection, kind: str, last: LastOutcome) -> int:
    outcome, reason, source, version, run_id, at = last
    values = (run_id, at, kind, outcome, reason, source, version)
    found = connection.execute(_FIND_FINDING, values).fetchone()
    return int(found[0]) if found else _add_finding(connection, values)


def _add_finding(connection: sqlite3.Connection, values: tuple[Any, ...]) -> int:
    return int(connection.execute(_ADD_FINDING, values).fetchone()[0])


def write_reached(connection: sqlite3.Connection, commit: Commit) -> None:
    """Append a run's outcomes, and set digests and last outcomes as ``ProjectState.apply`` does: an
    ``unchanged`` is nobody's last outcome, and an ``updated`` moves the time of the last change.

    Raises RuntimeError for an entity that the run has reached before.
    """
    findings = _write_outcomes(connection, commit) if commit.outcomes else {}
    digests = commit.digests
    whole: dict[int, list[str]] = {}
    rest: list[tuple[Any, ...]] = []
    seen: set[str] = set()
    for one in commit.outcomes:
        if one.outcome == "unchanged":
            continue
        entity_id = one.entity_id
        seen.add(entity_id)
        if one.outcome == "updated" and entity_id in digests:
            whole.setdefault(findings[one[1:6]], []).append(entity_id)
        else:
            at = commit.at if one.outcome == "updated" else None
            pair = digests.get(entity_id, (None, None))
            rest.append((entity_id, *pair, findings[one[1:6]], at))
    rest += [(id_, *digests[id_], None, None) for id_ in digests.keys() - seen]
    few = len(whole) <= _MOST_STATEMENTS
    for finding, ids in whole.items():
        if not (few and _put_alike(connection, commit, finding, ids)):
            rest += [(id_, *digests[id_], finding, commit.at) for id_ in ids]
    put(connection, _CHANGE_LOOKS, rest, commit.project_id)


def _put_alike(
    connection: sqlite3.Connection, commit: Commit, finding: int, ids: Sequence[str]
) -> bool:
    """Put entities' looks that share a finding; False where their hashes are not of one length."""
    pairs: list[Digests] = [commit.digests[id_] for id_ in ids]
    visual = b"".join([one.visual for one in pairs])
    everything = b"".join([one.all for one in pairs])
    if not len(visual) == len(everything) == _HASH * len(ids):
        return False
    values = (commit.project_id, visual, everything, finding, commit.at, _text(ids))
    connection.execute(_PUT_LOOKS_ALIKE, values)
    return True


def _write_outcomes(connection: sqlite3.Connection, commit: Commit) -> dict[Found, int]:
    """Append outcomes; answers the numbers of what was found."""
    if commit.run is None:
        raise ValueError("Outcomes need the run that they belong to")
    run_id, outcomes = commit.run.id, commit.outcomes
    run, ordinal = connection.execute(
        "SELECT number, (SELECT COALESCE(MAX(ordinal), -1) + 1 FROM outcomes "
        "WHERE run = runs.number) FROM runs WHERE id = ?",
        (run_id,),
    ).fetchone()
    findings: dict[Found, int] = {}
    stretches: list[tuple[int, int]] = []
    before: Found | None = None
    for position, one in enumerate(outcomes):
        found = one[1:6]
        if found != before:
            before = found
            if found not in findings:
                findings[found] = _add_finding(connection, (run_id, commit.at, *found))
            stretches.append((position, findings[found]))
    try:
        if not _add_stretches(connection, run, ordinal, outcomes, stretches):
            rows = [
                (
                    run,
                    number,
                    one.entity_id,
                    findings[one[1:6]],
                    bytes.fromhex(one.from_hash),
                    bytes.fromhex(one.to_hash),
                )
                for number, one in enumerate(outcomes, ordinal)
            ]
            put(connection, _ADD_OUTCOMES, rows)
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        problem = f"The run {run_id!r} would reach an entity a second time; nothing was stored"
        raise RuntimeError(problem) from error
    return findings


def _add_stretches(
    connection: sqlite3.Connection,
    run: int,
    ordinal: int,
    outcomes: Sequence[Outcome],
    stretches: Sequence[tuple[int, int]],
) -> bool:
    """Add outcomes a stretch of one finding at a time; False where they do not fit that form."""
    before = bytes.fromhex("".join([one.from_hash for one in outcomes]))
    after = bytes.fromhex("".join([one.to_hash for one in outcomes]))
    fits = len(before) == len(after) == _HASH * len(outcomes)
    if not fits or len(stretches) > _MOST_STATEMENTS:
        return False
    ends = [*(begin for begin, _ in stretches[1:]), len(outcomes)]
    for (begin, finding), end in zip(stretches, ends, strict=True):
        part = slice(begin * _HASH, end * _HASH)
        ids = _text(one.entity_id for one in outcomes[begin:end])
        values = (run, ordinal + begin, finding, before[part], after[part], ids)
        connection.execute(_ADD_ALIKE, values)
    return True


def _text(ids: Iterable[str]) -> str:
    return orjson.dumps(list(ids)).decode()
