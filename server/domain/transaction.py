"""Transaction: one atomic step of a project in the making.

A transaction that is thrown away (a preview, an error) leaves no trace, and one that is sealed
becomes a ``Commit`` that a store can write and the state can apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from protocol.errors import Cycle
from server.domain.approvals import Approval
from server.domain.chain import linked
from server.domain.changes import Change, set_fields
from server.domain.commit import Commit, DocumentUpdate, ProjectRecord, RemovedPicture
from server.domain.conflicts import Conflict
from server.domain.digests import NO_MEMBERS, combine, sum_members
from server.domain.entities import Cause, Digests, Entity, Reference, Version
from server.domain.events import Event
from server.domain.ids import new_id
from server.domain.kind_reader import read_kinds
from server.domain.past import undo_of
from server.domain.pictures import Picture
from server.domain.rules import Rule, RulesEngine
from server.domain.runs import Outcome, Run
from server.domain.staged import StagedState

__all__ = ["Transaction"]


class Transaction(StagedState):
    """What a step writes, on top of what it reads."""

    def put_project(self, record: ProjectRecord) -> None:
        """Replace the project's row; the rest of the step sees its kinds, rules and settings
        already.
        """
        self.commit.project = record
        self.kinds = read_kinds(record.kinds)
        self.rules = RulesEngine(map(Rule.stored, record.rules))
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
        state: bytes | None = None,
        visual_fields: frozenset[str] | None = None,
        roles: Iterable[str] | None = None,
    ) -> Version:
        """Cut the next version of an entity, its current one with a change made, and make it
        current.

        It is built on the references that the step sees, at the versions that they resolve to; the
        entity's digests follow. ``state`` is its own encoded CRDT state where it has one,
        ``visual_fields`` all of them where some are no longer visual, ``roles`` those in which the
        change was made, where that is not the author's.
        """
        entity = self.entity(entity_id)
        old, number = entity.current, entity.last_number + 1
        version = self.manager.create_version(
            entity_id=entity_id,
            kind=self.kind(entity),
            number=number,
            previous=old.number,
            name=change.name["to"] if change.name else old.name,
            status=change.status["to"] if change.status else old.status,
            fields=set_fields(old.fields, change.goals) if change.fields else old.fields,
            visual_fields=(
                old.visual_fields | change.visual if visual_fields is None else visual_fields
            ),
            references=self.built_on(entity_id),
            inputs=self.input_digests(entity_id),
            change=change,
            timestamp=self.at,
            author=self.author.user,
            message=message,
            cause=cause,
            run_id=run_id,
            state_number=None if state is not None else old.state_number,
            roles={**dict(old.roles), **dict.fromkeys(self._roles(roles), number)},
        )
        self.put_version(version, state)
        self.put_entity(replace(entity, current=version, last_number=number, updated_at=self.at))
        self.refresh(entity_id)
        self._tell_version(version)
        return version

    def _roles(self, roles: Iterable[str] | None) -> Iterable[str]:
        return [role for role in ([self.author.role] if roles is None else roles) if role]

    def _tell_version(self, version: Version) -> None:
        self.tell(
            {
                "type": "version_created",
                "asset_id": version.entity_id,
                "version": version.id,
                "number": version.number,
                "author": version.author,
                "cause": version.cause,
                "run_id": version.run_id,
                "timestamp": self.at,
            },
            frozenset({version.entity_id}),
        )

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
        self._shifted.pop(container_id, None)
        self._members[container_id] = sum_members(
            (one.source, one.order, self.digests(one.source))
            for one in self.inputs(container_id)
            if one.member
        )

    def differs(self, entity_id: str) -> bool:
        """As ``refresh``; says whether they differ from before."""
        before = self.digests(entity_id)
        return self.refresh(entity_id) != before

    def refresh(self, entity_id: str) -> Digests:
        """Recompute an entity's digests; where they differ its scenes and sequences take note."""
        entity = self.entity(entity_id)
        known = self.commit.digests.get(entity_id)
        old = entity.digests if known is None else known
        state = self.state
        members = self.members(entity_id) if entity.kind in state.container_kinds else NO_MEMBERS
        new = combine(entity.current.own_digests, self.input_digests(entity_id), members)
        if new == old:
            return old
        self.commit.digests[entity_id] = new
        if entity.kind in state.member_kinds and old.all:
            self._shift_members(entity_id, old)
        return new

    def _shift_members(self, member_id: str, old: Digests) -> None:
        """Note for the containers of a member what it looked like before; their sums are brought up
        to date when somebody asks for them, or the step is sealed: mostly for many members at once.
        """
        for reference in self.state.outputs(member_id):
            if not self._removed or reference.id not in self._removed:
                self._note(reference, old)
        if self._added_from:
            for reference in self._added_from.get(member_id, {}).values():
                self._note(reference, old)

    def _note(self, reference: Reference, old: Digests) -> None:
        target = reference.target
        shifted = self._shifted.get(target)
        if shifted is None:
            if self.entity(target).kind not in self.state.container_kinds:
                return
            shifted = self._shifted[target] = {}
        shifted.setdefault(reference.id, (reference, old))

    def record(self, outcomes: Sequence[Outcome]) -> None:
        self.commit.outcomes.extend(outcomes)

    def put_approval(self, approval: Approval) -> None:
        """Ask, or change what became of a question."""
        is_open = approval.status == "open"
        self._approvals[approval.id] = approval
        self._asked_for.setdefault(approval.target, {})[approval.id] = approval
        self._asked_of[approval.pair] = approval if is_open else None

    @property
    def asked(self) -> list[Approval]:
        """The approvals that the step made or changed, those that it opened last."""
        return sorted(self._approvals.values(), key=lambda one: one.status == "open")

    def put_conflict(self, one: Conflict) -> Conflict:
        """Record a conflict, or change what became of it; answers it as it is kept.

        One that waits already over the same thing is updated in place. What came settled is told as
        settled now.
        """
        if not one.id:
            known = self._waiting(one) if one.status == "open" else None
            one = replace(
                one,
                id=known.id if known else new_id("conf"),
                created_at=known.created_at if known else self.at,
                resolved_at=self.at if one.status == "resolved" else None,
            )
            if one == known:
                return known
        self._conflicts.pop(one.id, None)
        self._conflicts[one.id] = one
        return one

    def _waiting(self, one: Conflict) -> Conflict | None:
        """The open conflict over the same thing, where there is one."""
        found = self.conflicts_of(one.entity_id)
        return next((old for old in found if old.key == one.key), None) if found else None

    @property
    def contested(self) -> list[Conflict]:
        """The conflicts that the step recorded or changed, in that order."""
        return list(self._conflicts.values())

    @property
    def restated(self) -> Set[str]:
        """The entities whose own rows the step changed."""
        return self._entities.keys()

    @property
    def touched(self) -> set[str]:
        """The entities whose references the step changed, or that a run came to in it."""
        found = {one.entity_id for one in self.commit.outcomes}
        found.update(one.target for one in self._added.values())
        for reference_id in (*self.commit.pointers, *self._removed):
            reference = self.state.references.get(reference_id)
            if reference is not None:
                found.add(reference.target)
        return found

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

    @property
    def told(self) -> list[Mapping[str, Any]]:
        """What the step announces so far."""
        return [body for body, _ in self._events]

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
            or self._conflicts
            or commit.project
            or commit.run
            or commit.documents
            or commit.pictures
            or commit.pictures_removed
            or commit.members
            or commit.follows
            or commit.mutes
            or commit.webhooks
            or commit.webhooks_removed
            or commit.pointers
            or commit.digests
        )

    # -- sealing -----------------------------------------------------------------------------------

    def seal(self) -> tuple[Commit, Mapping[str, tuple[int, int]]]:
        """The commit, and the new sums of scenes and sequences. The transaction is used up."""
        commit = self.commit
        for container_id in list(self._shifted):
            self._settle_members(container_id)
        for entity_id, entity in self._entities.items():
            digests = commit.digests.pop(entity_id, None)
            if digests is not None:
                entity.digests = digests
        for container_id, total in self._members.items():
            container = self._entities.get(container_id)
            if container is not None:
                container.members = total
        commit.approvals = self.asked
        commit.conflicts = self.contested
        commit.entities = list(self._entities.values())
        commit.references_put = list(self._added.values())
        commit.references_removed = [
            id_
            for id_ in self._removed - self._dormant
            if id_ in self.state.references or id_ in self.state.dormant
        ]
        for id_ in self._removed:
            commit.pointers.pop(id_, None)
        commit.undo = undo_of(self.state, commit)
        state = self.state
        commit.audit = linked(
            self._audit, state.audit_number, state.audit_hash, self.at, self.author
        )
        commit.events = [
            Event(state.seq + number, body, concerns)
            for number, (body, concerns) in enumerate(self._events, start=1)
        ]
        return commit, self._members
