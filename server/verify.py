"""Verify: what must hold of everything that is stored, checked from the outside.

Works on a store that a server is using: what is committed while it looks is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from hashlib import sha256

from protocol.errors import NotFound
from server.domain.actors import Actor
from server.domain.chain import audit_hash, outcomes_digest
from server.domain.commit import AuditEntry
from server.domain.consistency import containers_last, problems
from server.domain.digests import combine, own_digests
from server.domain.entities import Version
from server.domain.kind_reader import read_kinds
from server.domain.kinds import Kind
from server.domain.pictures import Picture
from server.domain.project import CONTAINERS, ProjectState
from server.domain.runs import Outcome
from server.domain.transaction import Transaction
from server.domain.versions import VersionManager
from server.ports import AuditFilter, Storage, StoredProject

__all__ = ["verify_project"]

_PAGE = 500
_manager = VersionManager()
Say = Callable[[str], None]


async def verify_project(storage: Storage, project_id: str, say: Say) -> int:
    """Check one project; ``say`` is told what is wrong. Answers how many versions there are."""
    stored = await storage.load_project(project_id)
    await _audit(storage, stored, say)
    await _events(storage, stored, say)
    known, looked_at = await _versions(storage, stored, say)
    await _pictures(storage, stored, say)
    _approvals(stored, say)
    if _pointers(stored, known, say):
        _digests(stored, say)
    return looked_at


# -- the audit chain -------------------------------------------------------------------------------


async def _audit(storage: Storage, stored: StoredProject, say: Say) -> None:
    """Every entry has the hash of what it says and names the one before; the last is the head."""
    expected, head = stored.audit_number, stored.audit_hash
    outcomes = _Outcomes(storage)
    later: list[AuditEntry] = []
    if not expected:
        say("there is no audit trail: not even the creation of the project is in it")
    async for entry in _entries(storage, stored.record.id):
        if entry.number > stored.audit_number:
            later.append(entry)
            continue
        if entry.number < 1:
            say(f"audit entry {entry.number} was inserted before the first one")
            continue
        if entry.number != expected:
            say(f"audit {_stretch(entry.number + 1, expected)} missing")
            expected = entry.number
        elif entry.hash != head:
            say(f"audit entry {entry.number} is not the one that its successor names")
        if audit_hash(entry) != entry.hash:
            say(f"audit entry {entry.number} was changed: its hash does not fit what it says")
        if entry.action == "run_batch":
            await outcomes.check(entry, say)
        expected, head = entry.number - 1, entry.previous
    if expected != 0:
        say(f"audit {_stretch(1, expected)} missing")
    elif head != "":
        say("audit entry 1 names one before it, but it is the first")
    await _later(storage, stored, later[::-1], say)


async def _later(
    storage: Storage, stored: StoredProject, entries: Sequence[AuditEntry], say: Say
) -> None:
    """Entries past the end of the chain were committed while this looked, or inserted."""
    end, head = stored.audit_number, stored.audit_hash
    last = (await storage.audit_head(stored.record.id))[0] if entries else end
    for entry in entries:
        if entry.number > last:
            say(f"audit entry {entry.number} was inserted: the chain ends at {last}")
            continue
        linked = (entry.number, entry.previous) == (end + 1, head)
        if not linked or audit_hash(entry) != entry.hash:
            say(f"audit entry {entry.number} does not follow from the one before it")
        end, head = entry.number, entry.hash


def _stretch(first: int, last: int) -> str:
    return f"entry {last} is" if first == last else f"entries {first} to {last} are"


async def _entries(storage: Storage, project_id: str) -> AsyncIterator[AuditEntry]:
    cursor: str | None = None
    while True:
        page, cursor = await storage.audit(project_id, AuditFilter(), _PAGE, cursor)
        for entry in page:
            yield entry
        if cursor is None:
            return


class _Outcomes:
    """The outcome rows of the run that was asked for last, by their time: a run's batches are
    looked at one after the other, and each of them needs a few of its rows.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._run_id = ""
        self._rows: dict[str, list[Outcome]] = {}

    async def check(self, entry: AuditEntry, say: Say) -> None:
        """A batch's entry covers its outcome rows: a stretch of those of the same moment."""
        if entry.run_id is None:
            return
        if entry.run_id != self._run_id:
            await self._read(entry.run_id)
        rows = self._rows.get(entry.at, [])
        count, digest = int(entry.detail["outcomes"]), entry.detail["digest"]
        starts = range(len(rows) - count + 1)
        if not any(outcomes_digest(rows[at : at + count]) == digest for at in starts):
            say(f"outcomes of run {entry.run_id} were changed: audit entry {entry.number} says so")

    async def _read(self, run_id: str) -> None:
        self._run_id, self._rows = run_id, {}
        cursor: str | None = None
        while True:
            page, cursor = await self._storage.outcomes(run_id, _PAGE, cursor)
            for outcome, at in page:
                self._rows.setdefault(at, []).append(outcome)
            if cursor is None:
                return


# -- the stream ------------------------------------------------------------------------------------


async def _events(storage: Storage, stored: StoredProject, say: Say) -> None:
    """The stream has no gap from the start of its window to the position of the project."""
    project_id = stored.record.id
    position = await _window(storage, project_id, stored.seq)
    if position is None:
        say(f"the stream does not reach its position {stored.seq}")
        return
    while position < stored.seq:
        page = await storage.events_after(project_id, position, _PAGE)
        if not page:
            say(f"events after {position} are missing")
            return
        for event in page:
            if event.seq != position + 1:
                say(f"events {position + 1} to {event.seq - 1} are missing")
            position = event.seq


async def _window(storage: Storage, project_id: str, seq: int) -> int | None:
    """The first position that the stream still reaches back to."""
    if await storage.events_after(project_id, seq, 1) is None:
        return None
    low, high = 0, seq
    while low < high:
        middle = (low + high) // 2
        if await storage.events_after(project_id, middle, 1) is None:
            low = middle + 1
        else:
            high = middle
    return low


# -- versions and what points at them --------------------------------------------------------------


async def _versions(
    storage: Storage, stored: StoredProject, say: Say
) -> tuple[set[tuple[str, int]], int]:
    """Every version is what its checksum was made of; answers those that exist."""
    known: set[tuple[str, int]] = set()
    kinds = read_kinds(stored.record.kinds)
    for entity in stored.entities:
        cursor: str | None = None
        numbers: list[tuple[int, int | None]] = []
        while True:
            page, cursor = await storage.versions(stored.record.id, entity.id, _PAGE, cursor)
            for version in page:
                known.add((entity.id, version.number))
                _version(version, kinds.get(entity.kind), say)
                imported = version.cause == "import"
                numbers.append((version.number, (version.previous or 0) if imported else None))
            if cursor is None:
                break
        missing = _missing(numbers, entity.last_number)
        if missing:
            say(f"versions {missing} of {entity.id!r} are missing")
    return known, len(known)


def _missing(numbers: Sequence[tuple[int, int | None]], last: int) -> list[int]:
    """Numbers up to ``last`` that no version has; those that there are come newest first. Of the
    past an import brings only what something holds: with its versions stands which one is next.
    """
    missing: list[int] = []
    above, below = last + 1, None
    for number, following in [*numbers, (0, None)]:
        if number != below:
            missing += range(number + 1, above)
        above, below = number, following
    return sorted(missing)


def _version(version: Version, kind: Kind, say: Say) -> None:
    if not _manager.is_intact(version):
        say(f"version {version.id} was changed: its checksum does not fit its content")
    # What shows of a field may have been declared later: that facet alone is taken as it is.
    own = own_digests(kind, version.name, version.fields, version.visual_fields)
    if own.all != version.own_digests.all:
        say(f"version {version.id} was changed: its digests are not those of its content")
    if combine(version.own_digests, version.built_on_digests) != version.digests:
        say(f"version {version.id} has digests that do not belong together")


def _pointers(stored: StoredProject, known: set[tuple[str, int]], say: Say) -> bool:
    """Everything that names a version names one that exists."""
    good = True

    def check(what: str, entity_id: str, number: int | None) -> None:
        nonlocal good
        if number is not None and (entity_id, number) not in known:
            say(f"{what} points to version {number} of {entity_id!r}, which does not exist")
            good = False

    for entity in stored.entities:
        check(f"{entity.id!r}", entity.id, entity.current.number)
        check(f"the approval of {entity.id!r}", entity.id, entity.approved_version)
    for reference in stored.references:
        check(f"reference {reference.id}", reference.source, reference.version)
    for version in stored.versions:
        for one in version.references:
            check(f"version {version.id}", one.source, one.version)
    return good


def _approvals(stored: StoredProject, say: Say) -> None:
    """What is open is about references as they stand."""
    references = {one.id: one for one in stored.references}
    for approval in stored.approvals:
        for waits in approval.references if approval.status == "open" else ():
            found = references.get(waits.reference_id)
            ends = None if found is None else (found.source, found.target, found.version)
            if ends != (approval.source, approval.target, waits.from_version):
                say(f"approval {approval.id} is about a reference that is not as it says")


async def _pictures(storage: Storage, stored: StoredProject, say: Say) -> None:
    """The bytes of every picture are those that it names."""
    for entity in stored.entities:
        cursor: str | None = None
        while True:
            page, cursor = await storage.pictures(stored.record.id, entity.id, _PAGE, cursor)
            for picture in page:
                await _picture(storage, stored.record.id, picture, say)
            if cursor is None:
                break


async def _picture(storage: Storage, project_id: str, picture: Picture, say: Say) -> None:
    try:
        for size, name in picture.files.items():
            digest = await asyncio.to_thread(sha256, await storage.blob(name))
            if digest.hexdigest() != name:
                say(f"the bytes of picture {picture.id} ({size}) were changed")
    except NotFound:
        with suppress(NotFound):  # it was taken away while this looked
            await storage.picture(project_id, picture.id)
            say(f"bytes of picture {picture.id} are missing")


def _digests(stored: StoredProject, say: Say) -> None:
    """Everything that is kept of an entity follows from its versions and references."""
    state = ProjectState(stored.record, stored.seq, stored.audit_number, stored.audit_hash)
    state.load(stored.entities)
    state.load_references(stored.references)
    state.load_versions(stored.versions)
    tx = Transaction(state, Actor("verify", "cli"), "")
    for entity in containers_last(state):
        if state.category(entity.id) in CONTAINERS:
            state.recount_members(entity.id)
        for problem in problems(tx, entity, settled=not stored.open_runs):
            say(f"{entity.id!r}: {problem}")
