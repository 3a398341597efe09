"""Importing: makes what a file says on one transaction, and counts what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from protocol.errors import NotFound
from server.domain.changes import Change, diff_fields, set_fields
from server.domain.digests import contribution, inputs_digest
from server.domain.entities import BuiltOn, Digests, Entity, Policy, Reference, Version
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.ids import new_id
from server.domain.project import CONTAINERS
from server.domain.project_data import EntityData, ReferenceData, Skipped, VersionData
from server.domain.transaction import Transaction
from server.formats.ordering import CURRENT
from server.formats.preparing import Prepared
from server.propagation import edits, links
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.pacing import Pacer
from server.propagation.pipeline import Documents, Edit, Proposal, propose
from server.propagation.project import ProjectOwner

__all__ = ["Importer"]


class Importer:
    """One import in the making. What a file does not say stays; only references that were prepared
    to go are taken away.
    """

    def __init__(self, owner: ProjectOwner, tx: Transaction, prepared: Prepared) -> None:
        self._owner = owner
        self._tx = tx
        self._entities = prepared.project.entities
        self._references = prepared.references
        self._order = prepared.order
        self._removed = prepared.removed
        self._new: set[str] = set()
        self._newest: dict[str, Version] = {}
        self._states: dict[str, bytes] = {}
        self._related: list[str] = []
        self.created = 0
        self.updated = 0
        self.unchanged = 0
        self.skipped: list[Skipped] = []
        self.proposals: list[Proposal] = []

    async def make(self) -> None:
        """Make everything, in slices."""
        pacer = Pacer()
        for entity_id, number in self._order:
            data = self._entities.get(entity_id)
            if data is not None and number != CURRENT:
                self._make_version(data, data.versions[number])
            elif self._tx.exists(entity_id):
                await self._update(entity_id, data)
            elif data is not None:
                await self._create(data)
            await pacer.pause()
        for position in range(0, len(self._related), MAX_IDS_PER_FRAME):
            ids = self._related[position : position + MAX_IDS_PER_FRAME]
            self._tx.tell(
                {"type": "graph_changed", "entities": ids, "timestamp": self._tx.at},
                frozenset(ids),
            )

    # -- new entities ------------------------------------------------------------------------------

    async def _create(self, data: EntityData) -> None:
        if data.deleted:
            self._bury(data)
            return
        self._new.add(data.id)
        references = [
            new
            for one in self._references.get(data.id, ())
            if (new := await self._new_reference(one)) is not None
        ]
        edits.create_entity(
            self._tx,
            NewEntity(
                data.kind,
                data.name or data.id,
                data.fields,
                data.id,
                data.status or "wip",
                references,
                self._undeclared(data),
                cause="import",
                number=data.number,
                approved=data.approved,
                previous=self._newest.get(data.id),
                seeded=self._states.get(data.id),
                whole=data.restored,
            ),
        )
        self.created += 1

    def _undeclared(self, data: EntityData) -> frozenset[str]:
        """What the file calls visual although the kind does not declare it."""
        kind = self._tx.kinds.get(data.kind)
        return frozenset(name for name in data.visual_fields if kind.field(name) is None)

    async def _new_reference(self, one: ReferenceData) -> NewReference | None:
        """What to make of a reference of the file; ``None`` where its version does not exist."""
        policy: Policy = one.policy or ("pinned" if one.version is not None else "latest")
        pinned = one.version if policy == "pinned" else None
        if pinned is not None and not await self._knows(one.source, pinned):
            reason = f"there is no version {pinned} of {one.source!r} ({one.path})"
            self.skipped.append(Skipped(one.label, reason))
            return None
        stands_at = None
        if policy != "pinned" and one.version is not None and one.source in self._new:
            stands_at = one.version if await self._knows(one.source, one.version) else None
        return NewReference(
            one.source,
            one.role,
            policy,
            pinned,
            one.overrides or {},
            one.order,
            None if one.id is None or self._is_taken(one.id) else one.id,
            one.pinned_by,
            stands_at,
        )

    async def _knows(self, entity_id: str, number: int) -> bool:
        try:
            self._tx.version(entity_id, number)
        except NotFound:
            if entity_id in self._new:
                return False
            try:
                await self._owner.know(entity_id, number)
            except NotFound:
                return False
        return True

    def _is_taken(self, reference_id: str) -> bool:
        if reference_id in self._tx.state.dormant:
            return True
        try:
            self._tx.reference(reference_id)
        except NotFound:
            return False
        return True

    # -- older versions ----------------------------------------------------------------------------

    def _make_version(self, data: EntityData, old: VersionData) -> None:
        """Put an older version on the step, built on the very versions that it was built on."""
        tx, kind = self._tx, self._tx.kinds.get(data.kind)
        before = self._newest.get(data.id)
        fields = set_fields({}, old.fields)
        references, inputs = self._built_on(old)
        version = tx.manager.create_version(
            entity_id=data.id,
            kind=kind,
            number=old.number,
            previous=before.number if before else None,
            name=old.name,
            status=old.status,
            fields=fields,
            visual_fields=old.visual_fields,
            references=references,
            inputs=inputs,
            change=Change(fields=diff_fields(before.fields if before else {}, fields)),
            timestamp=tx.at,
            author=tx.author.user,
            message=old.message,
            cause="import",
            run_id=None,
            roles={tx.author.role: old.number} if tx.author.role else None,
        )
        state = edits.seed_draft(tx, data.id, kind, fields, self._states.get(data.id))
        tx.put_version(version, state)
        self._newest[data.id], self._states[data.id] = version, state

    def _built_on(self, old: VersionData) -> tuple[list[BuiltOn], Digests]:
        references: list[BuiltOn] = []
        parts: list[tuple[str, str, Digests]] = []
        for one in old.references:
            kind_name = self._kind_name(one.source)
            try:
                version = self._tx.version(one.source, one.version or 0)
            except NotFound:
                reason = (
                    f"version {old.number} was built on something that is not there ({one.path})"
                )
                self.skipped.append(Skipped(one.label, reason))
                continue
            kind = self._tx.kinds.get(kind_name)
            overrides = set_fields({}, kind.check(one.overrides or {}, f"{one.path}.overrides"))
            role = one.role or kind_name
            references.append(
                BuiltOn(
                    one.id or new_id("ref"),
                    one.source,
                    role,
                    one.policy or "latest",
                    version.number,
                    one.order or "a0",
                    overrides,
                )
            )
            parts.append((role, one.source, contribution(version, kind, overrides)))
        return references, inputs_digest(parts)

    def _kind_name(self, entity_id: str) -> str:
        data = self._entities.get(entity_id)
        if data is not None:
            return data.kind
        return self._tx.entity(entity_id).kind if self._tx.exists(entity_id) else ""

    def _bury(self, data: EntityData) -> None:
        """An entity that was deleted, of which an older version still holds something."""
        newest = self._newest.get(data.id)
        if newest is not None:
            at = self._tx.at
            entity = Entity(
                data.id,
                data.kind,
                newest,
                at,
                at,
                newest.number,
                approved_version=data.approved,
                deleted_at=at,
            )
            self._tx.put_entity(replace(entity, digests=newest.digests))

    # -- entities that exist -----------------------------------------------------------------------

    async def _update(self, entity_id: str, data: EntityData | None) -> None:
        """Bring an entity to what the file says: one version, whatever changed."""
        tx = self._tx
        wanted = self._references.get(entity_id, ())
        if data is None and not wanted:
            return
        removed = self._removed.get(entity_id, ())
        for one in removed:
            tx.remove_reference(one)
        added, changed = await self._relate(entity_id, wanted)
        entity = tx.entity(entity_id)
        edit = Edit(entity_id, cause="import")
        if data is not None:
            visual = self._undeclared(data)
            edit = replace(
                edit, fields=data.fields, visual=visual, name=data.name, status=data.status
            )
        if added or changed or removed:
            gone = [one.id for one in removed]
            edit = replace(edit, references={"added": added, "changed": changed, "removed": gone})
            self._related.append(entity_id)
            if tx.kind(entity).category in CONTAINERS:
                tx.recount(entity_id)
        if not self._differs(entity, edit):
            self.unchanged += data is not None
            return
        documents = Documents(b"", b"")
        if edit.fields:
            documents = await self._owner.documents(entity_id)
        self.proposals.append(propose(tx, edit, documents))
        self.updated += 1

    def _differs(self, entity: Entity, edit: Edit) -> bool:
        current = entity.current
        return bool(
            edit.references
            or edit.name not in (None, current.name)
            or edit.status not in (None, current.status)
            or diff_fields(current.fields, set_fields(current.fields, edit.fields))
        )

    async def _relate(
        self, entity_id: str, wanted: Sequence[ReferenceData]
    ) -> tuple[list[str], list[str]]:
        """Add and change what an entity is built on; answers the ids of both."""
        tx = self._tx
        here = list(tx.inputs(entity_id)) if wanted else []
        news: list[NewReference] = []
        changed: list[str] = []
        for one in wanted:
            role = one.role or links.default_role(
                tx.entity(one.source).kind, tx.entity(entity_id).kind
            )
            found = _match(here, one, role)
            if found is None:
                new = await self._new_reference(one)
                news += [new] if new is not None else []
            elif not one.plain:
                after = await self._changed(found, one)
                if after is not None:
                    tx.put_reference(after)
                    changed.append(after.id)
        added = [one.id for one in links.attach(tx, entity_id, news)]
        return added, changed

    async def _changed(self, before: Reference, one: ReferenceData) -> Reference | None:
        """The reference as the file has it; ``None`` where it is so already, or cannot be."""
        policy = one.policy or ("pinned" if one.version is not None else None)
        version = one.version if (policy or before.policy) == "pinned" else None
        if version == self._tx.pointer(before) and before.policy == "pinned":
            version = None
        if version is not None and not await self._knows(one.source, version):
            reason = f"there is no version {version} of {one.source!r} ({one.path})"
            self.skipped.append(Skipped(one.label, reason))
            return None
        after = links.relinked(
            self._tx,
            before,
            policy=policy if policy != before.policy else None,
            version=version,
            overrides=one.overrides,
            role=one.role,
            order=one.order,
        )
        return None if after == replace(before, version=self._tx.pointer(before)) else after


def _match(here: list[Reference], one: ReferenceData, role: str) -> Reference | None:
    """The reference that exists for one of a file: by id, else by source and role."""
    among = [found for found in here if found.source == one.source]
    for found in among:
        if one.plain or found.id == one.id:
            return found
    return next((found for found in among if found.role == role), None)
