"""Transaction: one atomic step of a project in the making.

It reads through to the committed state and keeps what the step changes on top. Nothing in the state
is touched: a transaction that is thrown away (a preview, an error) leaves no trace, and one that is
sealed becomes a ``Commit`` that a store can write and the state can apply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from protocol.errors import Cycle, NotFound
from server.domain.actors import Actor
from server.domain.changes import Change
from server.domain.commit import (
    AuditEntry,
    Commit,
    DocumentUpdate,
    ProjectRecord,
    RemovedPicture,
)
from server.domain.digests import (
    add_members,
    checksum,
    combine,
    contribution,
    inputs_digest,
    member_share,
)
from server.domain.entities import BuiltOn, Cause, Digests, Entity, Reference, Version
from server.domain.events import Event
from server.domain.kind_reader import read_kinds
from server.domain.kinds import Kind
from server.domain.pictures import Picture
from server.domain.project import ProjectState
from server.domain.runs import Outcome, Run
from server.domain.versions import VersionManager

__all__ = ["Transaction", "audit_hash", "outcomes_digest"]


class Transaction:
    """What a step reads and writes. Time (``at``) and author are arguments, so the step is a pure
    function.
    """

    def __init__(self, state: ProjectState, author: Actor, at: str) -> None:
        self.state = state
        self.author = author
        self.at = at
        self.manager = VersionManager()
        self.discard()

    def discard(self) -> None:
        """Forget everything that was written: the step will commit nothing."""
        self.commit = Commit(self.state.id, self.at)
        self.kinds = self.state.kinds
        self.settings = self.state.settings
        self._entities: dict[str, Entity] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._added: dict[str, Reference] = {}
        self._added_to: dict[str, dict[str, Reference]] = {}
        self._added_from: dict[str, dict[str, Reference]] = {}
        self._removed: set[str] = set()
        self._dormant: set[str] = set()
        self._members: dict[str, tuple[int, int]] = {}
        self._events: list[tuple[Mapping[str, Any], frozenset[str] | None]] = []
        self._audit: list[tuple[str, str | None, str | None, Mapping[str, Any]]] = []

    # -- reading -----------------------------------------------------------------------------------

    def entity(self, entity_id: str) -> Entity:
        """The entity as the step sees it; raises NotFound where there is none or it is deleted."""
        entity = self._entities.get(entity_id)
        if entity is None:
            return self.state.entity(entity_id)
        if entity.deleted_at is not None:
            raise NotFound(f"{entity_id!r} has been deleted")
        return entity

    def exists(self, entity_id: str) -> bool:
        entity = self._entities.get(entity_id) or self.state.entities.get(entity_id)
        return entity is not None and entity.deleted_at is None

    def name_of(self, entity_id: str) -> str:
        """The name of an entity, also of one that is deleted by now."""
        found = self._entities.get(entity_id) or self.state.entities.get(entity_id)
        found = found or self.state.deleted.get(entity_id)
        return found.name if found else entity_id

    def kind(self, entity: Entity) -> Kind:
        return self.kinds.get(entity.kind)

    def current(self, entity_id: str) -> Version:
        entity = self._entities.get(entity_id)
        return entity.current if entity is not None else self.state.entities[entity_id].current

    def version(self, entity_id: str, number: int) -> Version:
        """A version that is current or in use; raises NotFound for one that is neither."""
        key = (entity_id, number)
        found = self._versions.get(key) or self.state.versions.get(key)
        if found is None:
            raise NotFound(f"There is no version {number} of {entity_id!r} at hand")
        return found

    def know_version(self, version: Version) -> None:
        """Hand in a stored version that the step will refer to (a pin on an older one, a
        rollback).
        """
        self._versions[version.entity_id, version.number] = version

    def pointer(self, reference: Reference) -> int:
        return self.commit.pointers.get(reference.id, reference.version)

    def reference(self, reference_id: str) -> Reference:
        """The reference as the step sees it; raises NotFound."""
        if reference_id not in self._removed:
            found = self._added.get(reference_id) or self.state.references.get(reference_id)
            if found is not None:
                return found
        raise NotFound(f"There is no reference {reference_id!r} in this project")

    def inputs(self, target: str) -> list[Reference]:
        """The references that an entity is built on, as the step sees them."""
        stored = self.state.inputs(target)
        added = self._added_to.get(target)
        if not added and not self._removed:
            return list(stored.values())
        found = {id_: one for id_, one in stored.items() if id_ not in self._removed}
        found.update(added or {})
        return list(found.values())

    def outputs(self, source: str) -> list[Reference]:
        """The references by which others use an entity, as the step sees them."""
        found = {one.id: one for one in self.state.outputs(source) if one.id not in self._removed}
        found.update(self._added_from.get(source, {}))
        return list(found.values())

    def digests(self, entity_id: str) -> Digests:
        found = self.commit.digests.get(entity_id)
        return found if found is not None else self.entity(entity_id).digests

    def members(self, container_id: str) -> tuple[int, int]:
        found = self._members.get(container_id)
        return found if found is not None else self.entity(container_id).members

    # -- computing ---------------------------------------------------------------------------------

    def contribution(self, reference: Reference, number: int) -> Digests:
        """What a reference brings in when it resolves to that version of its source."""
        version = self.version(reference.source, number)
        if not reference.overrides:
            return version.digests
        kind = self.kind(self.entity(reference.source))
        return contribution(version, kind, reference.overrides)

    def input_digests(self, target: str) -> Digests:
        """The digest of everything that an entity is built on, members of a scene or sequence
        apart.
        """
        return inputs_digest(
            (one.role, one.source, self.contribution(one, self.pointer(one)))
            for one in self.inputs(target)
            if not self.is_member(one)
        )

    def is_member(self, reference: Reference) -> bool:
        """Whether a reference says that a shot or scene stands in a scene or sequence."""
        return reference.member

    def resolved_digests(self, entity_id: str) -> Digests:
        """The digests of an entity as it looks now, with this step's changes."""
        entity = self.entity(entity_id)
        return combine(
            entity.current.own_digests, self.input_digests(entity_id), self.members(entity_id)
        )

    def would_cycle(self, source: str, target: str) -> list[str] | None:
        """The way from target back to source over stored and new edges, if there is one."""
        came: dict[str, str | None] = {target: None}
        stack = [target]
        while stack:
            here = stack.pop()
            if here == source:
                path: list[str] = []
                step: str | None = here
                while step is not None:
                    path.append(step)
                    step = came[step]
                return [source, *path[::-1]]
            for reference in self.outputs(here):
                if reference.target not in came:
                    came[reference.target] = here
                    stack.append(reference.target)
        return None

    # -- writing -----------------------------------------------------------------------------------

    def put_project(self, record: ProjectRecord) -> None:
        """Replace the project's row; the rest of the step sees its kinds and settings already."""
        self.commit.project = record
        self.kinds = read_kinds(record.kinds)
        self.settings = record.settings

    def put_entity(self, entity: Entity) -> None:
        self._entities[entity.id] = entity

    def put_version(self, version: Version, state: bytes | None = None) -> None:
        """Add a version; ``state`` is its own encoded CRDT state where it has one."""
        self._versions[version.entity_id, version.number] = version
        self.commit.versions.append(version)
        if state is not None:
            self.commit.states[version.entity_id, version.number] = state

    def cut(
        self,
        entity_id: str,
        change: Change,
        *,
        cause: Cause,
        message: str = "",
        run_id: str | None = None,
        name: str | None = None,
        status: str | None = None,
        fields: Mapping[str, Any] | None = None,
        state: bytes | None = None,
    ) -> Version:
        """Cut the next version of an entity on top of its current one, and make it current.

        What is not given stays. The references are those that the step sees, at the versions that
        they resolve to; the entity's digests follow.
        """
        entity = self.entity(entity_id)
        old = entity.current
        references: list[BuiltOn] = [
            one.built_on(self.pointer(one))
            for one in sorted(self.inputs(entity_id), key=lambda one: (one.order, one.id))
            if not self.is_member(one)
        ]
        version = self.manager.create_version(
            entity_id=entity_id,
            kind=self.kind(entity),
            number=entity.last_number + 1,
            previous=old.number,
            name=old.name if name is None else name,
            status=old.status if status is None else status,
            fields=old.fields if fields is None else fields,
            visual_fields=old.visual_fields | change.visual,
            references=references,
            inputs=self.input_digests(entity_id),
            change=change,
            timestamp=self.at,
            author=self.author.user,
            message=message,
            cause=cause,
            run_id=run_id,
            state_number=None if state is not None else old.state_number,
        )
        self.put_version(version, state)
        self.put_entity(
            replace(entity, current=version, last_number=version.number, updated_at=self.at)
        )
        self.refresh(entity_id)
        self.tell(
            {
                "type": "version_created",
                "asset_id": entity_id,
                "version": version.id,
                "number": version.number,
                "author": version.author,
                "cause": cause,
                "run_id": run_id,
                "timestamp": self.at,
            },
            frozenset({entity_id}),
        )
        return version

    def add_reference(self, reference: Reference) -> None:
        """Add or replace an edge; raises Cycle naming the way round."""
        path = self.would_cycle(reference.source, reference.target)
        if path is not None:
            raise Cycle(path)
        self.put_reference(reference)

    def put_reference(self, reference: Reference) -> None:
        """Add or replace an edge that is known to make no cycle."""
        reference.member = self.entity(reference.source).kind in self.state.member_kinds
        self._removed.discard(reference.id)
        self._added[reference.id] = reference
        self._added_to.setdefault(reference.target, {})[reference.id] = reference
        self._added_from.setdefault(reference.source, {})[reference.id] = reference
        self.commit.pointers.pop(reference.id, None)

    def remove_reference(self, reference: Reference, dormant: bool = False) -> None:
        """Take an edge out; a ``dormant`` one stays stored, for when its deleted entity is
        restored.
        """
        self._added.pop(reference.id, None)
        self._added_to.get(reference.target, {}).pop(reference.id, None)
        self._added_from.get(reference.source, {}).pop(reference.id, None)
        self._removed.add(reference.id)
        if dormant:
            self._dormant.add(reference.id)

    def move_pointer(self, reference: Reference, number: int) -> None:
        """Make a reference resolve to another version of its source."""
        added = self._added.get(reference.id)
        if added is not None:
            self.put_reference(replace(added, version=number))
        else:
            self.commit.pointers[reference.id] = number

    def recount(self, container_id: str) -> None:
        """Sum a scene's or sequence's members afresh: after members came, went or moved."""
        total = (0, 0)
        for reference in self.inputs(container_id):
            if self.is_member(reference):
                share = member_share(
                    reference.source, reference.order, self.digests(reference.source)
                )
                total = add_members(total, share)
        self._members[container_id] = total

    def refresh(self, entity_id: str) -> bool:
        """Recompute an entity's digests; True when they differ. Its scenes and sequences take
        note.
        """
        entity = self.entity(entity_id)
        old = self.digests(entity_id)
        new = self.resolved_digests(entity_id)
        if new == old:
            return False
        self.commit.digests[entity_id] = new
        if entity.kind in self.state.member_kinds and old.all:
            self._shift_members(entity_id, old, new)
        return True

    def _shift_members(self, member_id: str, old: Digests, new: Digests) -> None:
        for reference in self.outputs(member_id):
            target = reference.target
            if self.entity(target).kind not in self.state.container_kinds:
                continue
            total = self.members(target)
            total = add_members(total, member_share(member_id, reference.order, old), -1)
            total = add_members(total, member_share(member_id, reference.order, new))
            self._members[target] = total

    def record(self, outcome: Outcome) -> None:
        self.commit.outcomes.append(outcome)

    def save_run(self, run: Run) -> None:
        self.commit.run = run

    def update_document(self, entity_id: str, update: bytes) -> None:
        self.commit.documents.append(DocumentUpdate(entity_id, update))

    def add_picture(self, picture: Picture, blobs: Mapping[str, bytes]) -> None:
        """Add a picture as its entity's newest; ``blobs`` are the bytes that its files name."""
        self.commit.pictures.append(picture)
        self.commit.blobs.update(blobs)

    def remove_picture(self, picture: Picture, newest: Picture | None) -> None:
        """Take a picture away; ``newest`` is the one that its entity is left with."""
        removed = RemovedPicture(picture.id, picture.entity_id, newest)
        self.commit.pictures_removed.append(removed)

    def tell(self, body: Mapping[str, Any], concerns: frozenset[str] | None) -> None:
        """Announce something, when and only when the step commits."""
        self._events.append((body, concerns))

    def audit(
        self,
        action: str,
        detail: Mapping[str, Any],
        entity_id: str | None = None,
        run_id: str | None = None,
    ) -> None:
        self._audit.append((action, entity_id, run_id, detail))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        commit = self.commit
        return not (
            self._entities
            or self._added
            or self._removed
            or self._events
            or self._audit
            or commit.project
            or commit.run
            or commit.documents
            or commit.pictures
            or commit.pictures_removed
            or commit.pointers
            or commit.digests
        )

    # -- sealing -----------------------------------------------------------------------------------

    def seal(self) -> tuple[Commit, Mapping[str, tuple[int, int]]]:
        """The commit, and the new sums of scenes and sequences. The transaction is used up."""
        commit = self.commit
        for entity_id, digests in list(commit.digests.items()):
            entity = self._entities.get(entity_id)
            if entity is not None:
                entity.digests = digests
                del commit.digests[entity_id]
        for container_id, total in self._members.items():
            entity = self._entities.get(container_id)
            if entity is not None:
                entity.members = total
        commit.entities = list(self._entities.values())
        commit.references_put = list(self._added.values())
        commit.references_removed = [
            id_
            for id_ in self._removed - self._dormant
            if id_ in self.state.references or id_ in self.state.dormant
        ]
        commit.pointers = {
            id_: number for id_, number in commit.pointers.items() if id_ not in self._removed
        }
        commit.audit = self._chain()
        commit.events = [
            Event(self.state.seq + number, body, concerns)
            for number, (body, concerns) in enumerate(self._events, start=1)
        ]
        return commit, self._members

    def _chain(self) -> list[AuditEntry]:
        """Link the entries to the project's hash chain; a batch's entry covers its outcome rows."""
        entries: list[AuditEntry] = []
        number, head = self.state.audit_number, self.state.audit_hash
        for action, entity_id, run_id, detail in self._audit:
            number += 1
            entry = AuditEntry(
                number,
                self.at,
                self.author.user,
                self.author.via,
                action,
                entity_id,
                run_id,
                detail,
                head,
                "",
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
