"""StagedState: a project as one step sees it, with what the step has changed so far on top.

It reads through to the committed state, in which nothing is touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from protocol.errors import NotFound
from server.domain.actors import Actor
from server.domain.approvals import Approval
from server.domain.chain import Said
from server.domain.commit import Commit
from server.domain.conflicts import Conflict
from server.domain.digests import (
    add_members,
    combine,
    contribution,
    member_share,
    sum_members,
)
from server.domain.entities import BuiltOn, Digests, Entity, Reference, Version
from server.domain.inputs import Part
from server.domain.kinds import Kind
from server.domain.project import ProjectState
from server.domain.versions import VersionManager

__all__ = ["StagedState"]


class StagedState:
    """What a step reads. Time (``at``) and author are arguments, so the step is a pure function."""

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
        self.rules = self.state.rules
        self._entities: dict[str, Entity] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._added: dict[str, Reference] = {}
        self._added_to: dict[str, dict[str, Reference]] = {}
        self._added_from: dict[str, dict[str, Reference]] = {}
        self._removed: set[str] = set()
        self._dormant: set[str] = set()
        self._members: dict[str, tuple[int, int]] = {}
        self._shifted: dict[str, dict[str, tuple[Reference, Digests]]] = {}
        self._approvals: dict[str, Approval] = {}
        self._asked_of: dict[tuple[str, str], Approval | None] = {}
        self._asked_for: dict[str, dict[str, Approval]] = {}
        self._conflicts: dict[str, Conflict] = {}
        self._events: list[tuple[Mapping[str, Any], frozenset[str] | None]] = []
        self._audit: list[Said] = []

    def entity(self, entity_id: str) -> Entity:
        """The entity as the step sees it; raises NotFound where there is none or it is deleted."""
        entity = self._entities.get(entity_id) or self.state.entities.get(entity_id)
        if entity is None:
            return self.state.entity(entity_id)  # which says that it is not there
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

    def goal(self, reference: Reference) -> int:
        """Where a reference that follows its source is to resolve, whatever rules say."""
        source = self.entity(reference.source)
        if reference.policy == "latest":
            return source.current.number
        return source.approved_version or self.pointer(reference)

    def reference(self, reference_id: str) -> Reference:
        """The reference as the step sees it; raises NotFound."""
        if reference_id not in self._removed:
            found = self._added.get(reference_id) or self.state.references.get(reference_id)
            if found is not None:
                return found
        raise NotFound(f"There is no reference {reference_id!r} in this project")

    def inputs(self, target: str) -> Collection[Reference]:
        """The references that an entity is built on, as the step sees them."""
        stored = self.state.inputs(target)
        added = self._added_to.get(target) if self._added_to else None
        if not added and not self._removed:
            return stored.values()
        found = {id_: one for id_, one in stored.items() if id_ not in self._removed}
        found.update(added or {})
        return list(found.values())

    def built_on(self, target: str) -> list[BuiltOn]:
        """What a version of an entity would embed: its references in their order, at the versions
        that they resolve to. Shots and scenes stand in an entity without being built into it.
        """
        return [
            one.built_on(self.pointer(one))
            for one in sorted(self.inputs(target), key=lambda one: (one.order, one.id))
            if not one.member
        ]

    def outputs(self, source: str) -> list[Reference]:
        """The references by which others use an entity, as the step sees them."""
        found = {one.id: one for one in self.state.outputs(source) if one.id not in self._removed}
        found.update(self._added_from.get(source, {}))
        return list(found.values())

    def dependents(self, source: str) -> tuple[tuple[str, int], ...]:
        """How many dependents an entity has, by kind; of one that comes back in this step as the
        step sees them, for the graph does not know it yet.
        """
        if source in self.state.entities:
            return self.state.dependents(source)
        found: set[str] = set()
        waiting = [source]
        while waiting:
            for reference in self.outputs(waiting.pop()):
                if reference.target not in found:
                    found.add(reference.target)
                    waiting.append(reference.target)
        return tuple(sorted(Counter(self.entity(one).kind for one in found).items()))

    def approval(self, source: str, target: str) -> Approval | None:
        """The open approval of a source and a target, as the step sees it."""
        if (source, target) in self._asked_of:
            return self._asked_of[source, target]
        return self.state.approvals.of_target(target).get(source)

    def approvals_of(self, target: str) -> list[Approval]:
        """The open approvals of a target, as the step sees them."""
        stored = self.state.approvals.of_target(target).values()
        found = [one for one in stored if one.id not in self._approvals]
        staged = self._asked_for.get(target, {}).values()
        return found + [one for one in staged if one.status == "open"]

    def rejected(self, reference: Reference, goal: int) -> Approval | None:
        """The approval that was rejected, where it stands: until a newer version is there."""
        found = self.state.approvals.rejected(reference.source, reference.target)
        if found is None or (reference.id, self.pointer(reference), goal) not in found.references:
            return None
        return found

    def conflicts_of(self, entity_id: str) -> list[Conflict]:
        """The open conflicts of an entity, as the step sees them."""
        stored = self.state.conflicts.of_entity(entity_id).values()
        found = [one for one in stored if one.id not in self._conflicts]
        staged = self._conflicts.values()
        return found + [
            one for one in staged if one.entity_id == entity_id and one.status == "open"
        ]

    def digests(self, entity_id: str) -> Digests:
        found = self.commit.digests.get(entity_id)
        return found if found is not None else self.entity(entity_id).digests

    def members(self, container_id: str) -> tuple[int, int]:
        if container_id in self._shifted:
            self._settle_members(container_id)
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
        known = self.state.input_digests
        at, moved = known.at.get, self.commit.pointers
        parts: list[Part] = []
        for one in self.inputs(target):
            if one.member:
                continue
            number = moved.get(one.id, one.version) if moved else one.version
            part = None if one.overrides else at((one.role, one.source, number))
            parts.append(part or self._part(one, number))
        return known.of(tuple(parts))

    def _part(self, reference: Reference, number: int) -> Part:
        """What a reference brings in; remembered by version where that is committed and whole."""
        role, source = reference.role, reference.source
        part = self.state.input_digests.part(role, source, self.contribution(reference, number))
        if not reference.overrides and (source, number) not in self._versions:
            self.state.input_digests.at[role, source, number] = part
        return part

    def is_member(self, reference: Reference) -> bool:
        """Whether a reference says that a shot or scene stands in a scene or sequence."""
        return reference.member

    def resolved_digests(self, entity_id: str) -> Digests:
        """The digests of an entity as it looks now, with this step's changes."""
        entity = self.entity(entity_id)
        return combine(
            entity.current.own_digests, self.input_digests(entity_id), self.members(entity_id)
        )

    def _settle_members(self, container_id: str) -> None:
        """Bring a container's sum up to date with the members that changed in this step."""
        shifted = self._shifted.pop(container_id)
        inputs = self.inputs(container_id)
        if 2 * len(shifted) >= len(inputs):
            # Taking an old share out and a new one in costs twice as much as a fresh share.
            self._members[container_id] = sum_members(
                (one.source, one.order, self.digests(one.source)) for one in inputs if one.member
            )
            return
        total = self.members(container_id)
        for reference, old in shifted.values():
            member, order = reference.source, reference.order
            total = add_members(total, member_share(member, order, old), -1)
            total = add_members(total, member_share(member, order, self.digests(member)))
        self._members[container_id] = total

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
