"""ProjectState: everything that is true of one project now, in memory, and how a commit changes
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from protocol.errors import NotFound
from server.domain.approvals import Approval, Approvals
from server.domain.commit import Commit, ProjectRecord
from server.domain.conflicts import Conflict, Conflicts
from server.domain.digests import sum_members
from server.domain.entities import Entity, LastOutcome, Reference, Version
from server.domain.graph import DependencyGraph
from server.domain.inputs import InputDigests
from server.domain.kind_reader import read_kinds
from server.domain.kinds import Kind
from server.domain.pictures import Picture
from server.domain.rules import Rule, RulesEngine

__all__ = ["CONTAINERS", "MEMBERS", "ProjectState"]

CONTAINERS = frozenset({"scene", "sequence"})
MEMBERS = frozenset({"shot", "scene"})

_NO_REFERENCES: dict[str, Reference] = {}


class ProjectState:
    """The committed state. Only ``apply`` changes it, and only with a commit that is durable.

    ``versions`` holds every entity's current version and every version that a reference resolves
    to. ``dormant`` references are those of deleted entities: they come back when the entity is
    restored. ``pictures`` holds the newest one of every entity that has any, deleted ones too.
    ``critical`` names the entities that runs reach first.
    ``approvals`` holds those that are open, and what stands rejected.
    ``conflicts`` holds those that wait.
    ``generation`` grows with every commit that changes what depends on what or how:
    caches hang on it.
    """

    def __init__(self, record: ProjectRecord, seq: int, audit_number: int, audit_hash: str) -> None:
        self.seq = seq
        self.audit_number = audit_number
        self.audit_hash = audit_hash
        self.entities: dict[str, Entity] = {}
        self.deleted: dict[str, Entity] = {}
        self.references: dict[str, Reference] = {}
        self.versions: dict[tuple[str, int], Version] = {}
        self.graph = DependencyGraph()
        self.generation = 0
        self.critical: set[str] = set()
        self.dormant: dict[str, Reference] = {}
        self.pictures: dict[str, Picture] = {}
        self.input_digests = InputDigests()
        self.approvals = Approvals()
        self.conflicts = Conflicts()
        self._inputs: dict[str, dict[str, Reference]] = {}
        self._dependents: dict[str, tuple[tuple[str, int], ...]] = {}
        self._dependents_at = 0
        self._take_record(record)

    def _take_record(self, record: ProjectRecord) -> None:
        self.record = record
        self.kinds = read_kinds(record.kinds)
        self.member_kinds = frozenset(k.name for k in self.kinds if k.category in MEMBERS)
        self.container_kinds = frozenset(k.name for k in self.kinds if k.category in CONTAINERS)
        self.rules = RulesEngine(map(Rule.stored, record.rules))

    # -- asking ------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.record.settings

    def entity(self, entity_id: str) -> Entity:
        """The entity; raises NotFound (a deleted one is not there)."""
        entity = self.entities.get(entity_id)
        if entity is None:
            raise NotFound(f"There is no {entity_id!r} in the project {self.id!r}")
        return entity

    def kind(self, entity: Entity) -> Kind:
        return self.kinds.get(entity.kind)

    def category(self, entity_id: str) -> str:
        return self.kinds.get(self.entities[entity_id].kind).category

    def inputs(self, target: str) -> Mapping[str, Reference]:
        """The references that an entity is built on, by id."""
        return self._inputs.get(target, _NO_REFERENCES)

    def outputs(self, source: str) -> Iterable[Reference]:
        """The references by which others use an entity."""
        return self.graph.references_from(source)

    def dependents(self, source: str) -> tuple[tuple[str, int], ...]:
        """How many dependents an entity has, by kind; remembered while the graph stands still."""
        if self._dependents_at != self.graph.generation:
            self._dependents.clear()
            self._dependents_at = self.graph.generation
        found = self._dependents.get(source)
        if found is None:
            kinds = self.graph.kinds_of(self.graph.found([source]).ids)
            found = self._dependents[source] = tuple(sorted(kinds.items()))
        return found

    # -- changing ----------------------------------------------------------------------------------

    def load(self, entities: Iterable[Entity]) -> None:
        """Take stored entities in; the caller adds their references and versions after."""
        for entity in entities:
            self._put_entity(entity)

    def load_references(self, references: Iterable[Reference]) -> None:
        """Take stored references in; those of one target one after the other."""
        entities, members, known = self.entities, self.member_kinds, self.references
        taken: list[Reference] = []
        target, inputs = "", dict[str, Reference]()
        for one in references:
            source = entities.get(one.source)
            if source is None or one.target not in entities:
                self.dormant[one.id] = one
                continue
            if source.kind in members:
                one.member = True
            if one.target != target:
                target = one.target
                inputs = self._inputs.setdefault(target, {})
            inputs[one.id] = known[one.id] = one
            taken.append(one)
        self.graph.add_checked_edges(taken)

    def load_versions(self, versions: Iterable[Version]) -> None:
        for version in versions:
            self.versions[version.entity_id, version.number] = version

    def load_pictures(self, pictures: Iterable[Picture]) -> None:
        for picture in pictures:
            self.pictures[picture.entity_id] = picture

    def load_approvals(self, approvals: Iterable[Approval]) -> None:
        for approval in approvals:
            self.approvals.put(approval)

    def load_conflicts(self, conflicts: Iterable[Conflict]) -> None:
        for conflict in conflicts:
            self.conflicts.put(conflict)

    def recount_members(self, container_id: str) -> tuple[int, int]:
        """The members' sum of a scene or sequence, from nothing; stored on the entity and
        returned.
        """
        total = sum_members(
            (one.source, one.order, self.entities[one.source].digests)
            for one in self.inputs(container_id).values()
            if one.member and one.source in self.entities
        )
        self.entities[container_id].members = total
        return total

    def apply(self, commit: Commit, members: Mapping[str, tuple[int, int]]) -> None:
        """Make a durable commit true here; ``members`` are the new sums of scenes and sequences."""
        if commit.project is not None:
            self._take_record(commit.project)
        self.load_versions(commit.versions_kept())
        for entity in commit.entities:
            self._put_entity(entity)
        for reference_id in commit.references_removed:
            self._drop_reference(reference_id)
        for reference in commit.references_put:
            self._drop_reference(reference.id)
            self._put_reference(reference)
        for reference_id, number in commit.pointers.items():
            self.references[reference_id].version = number
        for entity_id, digests in commit.digests.items():
            self.entities[entity_id].digests = digests
        for container_id, total in members.items():
            self.entities[container_id].members = total
        self._take_outcomes(commit)
        self._take_pictures(commit)
        self.load_approvals(commit.approvals)
        self.load_conflicts(commit.conflicts)
        if commit.events:
            self.seq = commit.events[-1].seq
        if commit.audit:
            self.audit_number = commit.audit[-1].number
            self.audit_hash = commit.audit[-1].hash
        if commit.changes_shape():
            self.generation += 1

    def _take_outcomes(self, commit: Commit) -> None:
        run_id, at = commit.run.id if commit.run else "", commit.at
        shared: dict[tuple[str, str, str, int], LastOutcome] = {}
        for outcome in commit.outcomes:
            if outcome.outcome == "unchanged":
                continue
            entity = self.entities.get(outcome.entity_id)
            if entity is None:
                continue
            key = outcome[2:6]
            last = shared.get(key)
            if last is None:
                last = shared[key] = LastOutcome(*key, run_id, at)
            entity.last_outcome = last
            if outcome.outcome == "updated":
                entity.updated_at = at

    def _take_pictures(self, commit: Commit) -> None:
        self.load_pictures(commit.pictures)
        for removed in commit.pictures_removed:
            if removed.newest is None:
                self.pictures.pop(removed.entity_id, None)
            else:
                self.pictures[removed.entity_id] = removed.newest

    def _put_entity(self, entity: Entity) -> None:
        self.versions[entity.id, entity.current.number] = entity.current
        if entity.is_critical:
            self.critical.add(entity.id)
        else:
            self.critical.discard(entity.id)
        if entity.deleted_at is not None:
            self._bury(entity)
            return
        self.deleted.pop(entity.id, None)
        self.entities[entity.id] = entity
        if entity.id not in self.graph:
            self.graph.add_node(entity.id, entity.kind, self.kinds.get(entity.kind).category)

    def _bury(self, entity: Entity) -> None:
        for reference in [*self.inputs(entity.id).values(), *self.outputs(entity.id)]:
            self._drop_reference(reference.id)
            self.dormant[reference.id] = reference
        self.entities.pop(entity.id, None)
        self.deleted[entity.id] = entity
        self.critical.discard(entity.id)
        if entity.id in self.graph:
            self.graph.remove_node(entity.id)

    def _put_reference(self, reference: Reference) -> None:
        self.dormant.pop(reference.id, None)
        self.load_references([reference])

    def _drop_reference(self, reference_id: str) -> None:
        self.dormant.pop(reference_id, None)
        reference = self.references.pop(reference_id, None)
        if reference is None:
            return
        inputs = self._inputs.get(reference.target, {})
        inputs.pop(reference_id, None)
        if not inputs:
            self._inputs.pop(reference.target, None)
        if reference.source in self.graph and reference.target in self.graph:
            self.graph.remove_edge(reference)
