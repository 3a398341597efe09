"""Preparing an import: a file held against the project that it goes into, before anything is made.

Pure reading, and the longest part of a large import: it runs on a thread while the step is open and
the project stands still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain.entities import STATUSES, Reference
from server.domain.project_data import EntityData, ProjectData, ReferenceData, Skipped
from server.domain.project_json import read_project
from server.domain.transaction import Transaction
from server.formats.ordering import CURRENT, Node, in_order
from server.propagation.edits import check_name
from server.propagation.links import can_use, default_role

__all__ = ["Prepared", "prepare"]


@dataclass(slots=True)
class Prepared:
    """What is to be made, in which order. ``references`` are by target, their roles settled;
    ``removed`` are those that go, by target.
    """

    project: ProjectData
    order: list[Node] = field(default_factory=list)
    references: dict[str, list[ReferenceData]] = field(default_factory=dict)
    removed: Mapping[str, Sequence[Reference]] = field(default_factory=dict)


def prepare(tx: Transaction, data: Any) -> Prepared:
    """Read a file for a project. Raises Invalid naming every bad value, and Cycle."""
    project = read_project(data, tx.kinds)
    preparing = _Preparing(tx, project)
    preparing.check_entities()
    preparing.sort_references()
    if project.errors:
        raise Invalid("The file is not valid; nothing was imported", project.errors)
    order = in_order(preparing.needs())
    return Prepared(project, order, preparing.references)


class _Preparing:
    def __init__(self, tx: Transaction, project: ProjectData) -> None:
        self.tx = tx
        self.project = project
        self.references: dict[str, list[ReferenceData]] = {}

    def kind_of(self, entity_id: str) -> str | None:
        """The kind of an entity of the file or of the project; ``None`` where there is none."""
        entity = self.project.entities.get(entity_id)
        if entity is not None:
            return None if entity.deleted else entity.kind
        return self.tx.entity(entity_id).kind if self.tx.exists(entity_id) else None

    def is_new(self, entity_id: str) -> bool:
        return entity_id in self.project.entities and not self.tx.exists(entity_id)

    # -- entities ----------------------------------------------------------------------------------

    def check_entities(self) -> None:
        """Hold every entity against the project; leave out those that are deleted there."""
        statuses = self.tx.settings.get("statuses") or STATUSES
        for entity in list(self.project.entities.values()):
            if entity.id in self.tx.state.deleted or (entity.deleted and self.tx.exists(entity.id)):
                del self.project.entities[entity.id]
                if not entity.deleted:
                    reason = "it is deleted in this project; restore it first"
                    self.project.skipped.append(Skipped(entity.id, reason))
                continue
            self._check(entity, statuses)

    def _check(self, entity: EntityData, statuses: Iterable[str]) -> None:
        errors = self.project.errors
        if entity.status is not None and entity.status not in statuses:
            problem = "must be one of: " + ", ".join(statuses)
            errors.append(FieldError(f"{entity.path}.status", problem))
        if entity.name is not None:
            try:
                entity.name = check_name(entity.name)
            except Invalid as error:
                errors.append(FieldError(f"{entity.path}.name", error.errors[0].message))
        if not entity.deleted:
            entity.versions.pop(entity.number, None)
        if entity.approved not in (None, entity.number, *entity.versions):
            problem = f"must hold the fields of version {entity.approved}"
            errors.append(FieldError(f"{entity.path}.versions", problem))
        if self.tx.exists(entity.id):
            kind = self.tx.entity(entity.id).kind
            if kind != entity.kind:
                problem = f"{entity.id} is a {kind} in this project"
                errors.append(FieldError(entity.path, problem))

    # -- references --------------------------------------------------------------------------------

    def sort_references(self) -> None:
        """By target, in the file's order; those that cannot be are left out, and told.

        A plain one adds nothing where a fuller one stands, so the fuller ones are looked at first.
        """
        met: set[tuple[str, str, str]] = set()
        joined: set[tuple[str, str]] = set()
        place = {id(one): number for number, one in enumerate(self.project.references)}
        for one in sorted(self.project.references, key=lambda one: one.plain):
            source, target = self.kind_of(one.source), self.kind_of(one.target)
            problem = self._problem(one, source, target)
            if problem is not None:
                self.project.skipped.append(Skipped(one.label, problem))
            if problem is not None or source is None or target is None:
                continue
            role = one.role or default_role(source, target)
            again = (one.source, one.target, role) in met
            if again or (one.plain and (one.source, one.target) in joined):
                continue
            met.add((one.source, one.target, role))
            joined.add((one.source, one.target))
            self._check_overrides(one, source)
            self.references.setdefault(one.target, []).append(one)
        for references in self.references.values():
            references.sort(key=lambda one: place[id(one)])

    def _problem(self, one: ReferenceData, source: str | None, target: str | None) -> str | None:
        for entity_id, kind in ((one.source, source), (one.target, target)):
            if kind is None:
                return f"there is no {entity_id!r} in the file or in the project ({one.path})"
        kinds = self.tx.kinds
        if (
            source
            and target
            and not can_use(kinds.get(source).category, kinds.get(target).category)
        ):
            return f"a {source} cannot be used by a {target} ({one.path})"
        return None

    def _check_overrides(self, one: ReferenceData, source: str) -> None:
        if one.overrides:
            try:
                self.tx.kinds.get(source).check(one.overrides, f"{one.path}.overrides")
            except Invalid as error:
                self.project.errors.extend(error.errors)

    # -- the order ---------------------------------------------------------------------------------

    def needs(self) -> dict[Node, list[Node]]:
        """What each entity, and each older version, must come after; edges that exist count too."""
        needs: dict[Node, list[Node]] = {}
        for entity in self.project.entities.values():
            earlier = self._versions(entity, needs)
            needs[entity.id, CURRENT] = earlier
        for target, references in self.references.items():
            here = needs.setdefault((target, CURRENT), [])
            for one in references:
                here.append((one.source, CURRENT))
                if one.version is not None and self.is_new(one.source):
                    here.append((one.source, one.version))
        for reference in self.tx.state.references.values():
            here = needs.setdefault((reference.target, CURRENT), [])
            here.append((reference.source, CURRENT))
            needs.setdefault((reference.source, CURRENT), [])
        return needs

    def _versions(self, entity: EntityData, needs: dict[Node, list[Node]]) -> list[Node]:
        """Add the older versions of an entity that is new here, one after the other."""
        if not self.is_new(entity.id):
            return []
        before: list[Node] = []
        for number in sorted(entity.versions):
            node = entity.id, number
            needs[node] = [*before, *map(self._node, entity.versions[number].references)]
            before = [node]
        return before

    def _node(self, one: ReferenceData) -> Node:
        """The very version that an older version was built on."""
        source = self.project.entities.get(one.source)
        if source is not None and one.version in source.versions and self.is_new(one.source):
            return one.source, one.version
        return one.source, CURRENT
