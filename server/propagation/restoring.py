"""Restoring: a whole project goes back to how it was at a moment, in one step.

Everything is put where it was: what was made since is deleted (its references stay dormant, as
with any deletion), what was deleted since comes back, every entity that differs gets a new version,
and every reference has the policy, overrides, role, place and version that it had. Rules are not
asked about what comes back: it was let through then. What did not follow at that moment does not
follow now, and where a rule of today holds that back, somebody is asked again.

Rules, kinds and settings stay as they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from server.domain.changes import Change, ChangeDetector, diff_fields, difference, set_fields
from server.domain.entities import STATUSES, Entity, Reference, Version
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.past import Past
from server.domain.plan import behind_of
from server.domain.reasons import explain
from server.domain.runs import Outcome, Root
from server.domain.scopes import Scope
from server.domain.settling import ask
from server.domain.transaction import Transaction
from server.propagation.documents import rewrite_draft
from server.propagation.edits import tell_entity
from server.propagation.pacing import Pacer
from server.propagation.pipeline import Proposal
from server.propagation.rollback import fitting

__all__ = ["CAUSE", "Restoration"]

CAUSE = "project-restore"
_detector = ChangeDetector()

DraftOf = Callable[[str], Awaitable[bytes]]


class Restoration:
    """One restoration in the making. Every version that the past names is at hand already.

    After ``make``: ``proposals`` are the entities that got a version, ``deleted`` and ``restored``
    what went and came back, ``outcomes`` what became of each, ``kept`` what could not be as it was,
    with the reason.
    """

    def __init__(
        self, tx: Transaction, past: Past, draft_of: DraftOf, run_id: str, moment: str
    ) -> None:
        """``moment`` in words, such as “before the run …”."""
        self._tx = tx
        self._past = past
        self._draft_of = draft_of
        self._run_id = run_id
        self._moment = moment
        self._wanted: dict[str, Reference] = {}
        self._uses: dict[str, list[Reference]] = {}
        self._lost: dict[str, list[str]] = {}
        self._related: dict[str, set[str]] = {}
        self._moved: dict[str, Reference] = {}
        self._touched: set[str] = set()
        self._pacer = Pacer()
        self.proposals: list[Proposal] = []
        self.outcomes: list[Outcome] = []
        self.deleted: list[str] = []
        self.restored: list[str] = []
        self.kept: list[dict[str, str]] = []

    @property
    def roots(self) -> list[Root]:
        """What the run is told to start from: what got a version, else whatever was touched."""
        roots = [one.root for one in self.proposals if one.root is not None]
        for id_ in () if roots else (sorted(self._touched) or self.deleted):
            found = self._tx.state.entities.get(id_) or self._tx.state.deleted[id_]
            number = found.current.number
            roots.append(Root(id_, number, number))
        return roots

    @property
    def is_empty(self) -> bool:
        return not (self._touched or self.deleted)

    async def make(self, message: str) -> None:
        """Do all of it on the step, in slices."""
        for reference in self._past.references():
            self._wanted[reference.id] = reference
            self._uses.setdefault(reference.target, []).append(reference)
            await self._pacer.pause()
        await self._take_away()
        await self._bring_back()
        order = await self._in_order()
        for entity_id in order:
            await self._put(entity_id, message)
            await self._pacer.pause()
        await self._tell_of_relations()
        await self._conclude(order)

    # -- what there is -----------------------------------------------------------------------------

    async def _take_away(self) -> None:
        """Remove the references that were not there, and delete the entities that were not."""
        tx, past = self._tx, self._past
        for stored in (tx.state.references, tx.state.dormant):
            for reference in list(stored.values()):
                ends = (reference.source, reference.target)
                if reference.id not in self._wanted and all(map(past.is_alive, ends)):
                    tx.remove_reference(reference)
                    if stored is tx.state.references:
                        self._lose(reference)
                await self._pacer.pause()
        for entity in list(tx.state.entities.values()):
            if not past.is_alive(entity.id):
                for reference in [*tx.outputs(entity.id), *tx.inputs(entity.id)]:
                    tx.remove_reference(reference, dormant=True)
                    self._lose(reference)
                tx.put_entity(replace(entity, deleted_at=tx.at, updated_at=tx.at))
                tell_entity(tx, entity, "deleted")
                self.deleted.append(entity.id)
                await self._pacer.pause()

    def _lose(self, reference: Reference) -> None:
        if self._past.is_alive(reference.target):
            self._lost.setdefault(reference.target, []).append(reference.id)
            self._relate(reference)

    async def _bring_back(self) -> None:
        tx = self._tx
        for entity in list(tx.state.deleted.values()):
            if self._past.is_alive(entity.id):
                tx.put_entity(replace(entity, deleted_at=None, updated_at=tx.at))
                tell_entity(tx, entity, "restored")
                self.restored.append(entity.id)
                self._touched.add(entity.id)
                await self._pacer.pause()

    async def _in_order(self) -> list[str]:
        """What was alive, each after all that it is built on."""
        waiting = {
            id_: len(self._uses.get(id_, ()))
            for id_, was in self._past.entities.items()
            if not was.deleted
        }
        users: dict[str, list[str]] = {}
        for reference in self._wanted.values():
            users.setdefault(reference.source, []).append(reference.target)
        order = sorted(id_ for id_, count in waiting.items() if not count)
        for entity_id in order:  # grows on the way
            for user in users.get(entity_id, ()):
                waiting[user] -= 1
                if not waiting[user]:
                    order.append(user)
            await self._pacer.pause()
        return order

    # -- one entity --------------------------------------------------------------------------------

    async def _put(self, entity_id: str, message: str) -> None:
        tx, was = self._tx, self._past.entities[entity_id]
        entity = tx.entity(entity_id)
        looked, goal = tx.digests(entity_id), tx.version(entity_id, was.version)
        references, moved = self._put_references(entity)
        if entity.kind in tx.state.container_kinds and (references or entity_id in self.restored):
            tx.recount(entity_id)
        if moved and tx.kind(entity).category == "asset":
            references.setdefault("changed", []).extend(moved)
        if entity.approved_version != was.approved:
            tx.put_entity(replace(entity, approved_version=was.approved, updated_at=tx.at))
            tell_entity(tx, entity, "approved")
            self._touched.add(entity_id)
        change = self._change(entity, goal, references)
        if change or goal.visual_fields != entity.current.visual_fields:
            await self._cut(entity, goal, change, message)
        elif tx.refresh(entity_id) != looked or moved:
            self._touched.add(entity_id)

    def _put_references(self, entity: Entity) -> tuple[dict[str, list[str]], list[str]]:
        """Put what an entity uses as it was; answers which came, went or changed, and which only
        stand elsewhere.
        """
        tx = self._tx
        found: dict[str, list[str]] = {}
        moved: list[str] = []
        # The version of what was deleted still tells of what it used then.
        told: set[str] = set()
        if entity.id in tx.state.deleted:
            told = {one.reference_id for one in entity.current.references}
        lost = [*self._lost.get(entity.id, ()), *sorted(told - self._wanted.keys())]
        if lost:
            found["removed"] = lost
        here = {one.id: one for one in tx.inputs(entity.id)}
        for then in self._uses.get(entity.id, ()):
            now, number = here.get(then.id), self._number(then)
            if now is None and then.id in told and then.id in tx.state.dormant:
                now = tx.state.dormant[then.id]
                tx.put_reference(now)
            if now is None or _differ(now, then, tx.pointer(now)):
                tx.put_reference(replace(then, version=number))
                found.setdefault("added" if now is None else "changed", []).append(then.id)
                self._relate(then)
            elif tx.pointer(now) != number and self._shows(now, number):
                tx.move_pointer(now, number)
                moved.append(now.id)
                self._moved.setdefault(entity.id, now)
        return found, moved

    def _number(self, then: Reference) -> int:
        """Where a reference stands now: what showed the current version shows the one that is as
        that was; what stood elsewhere stands at that very version.
        """
        showed_current = then.version == self._past.entities[then.source].version
        if then.policy == "latest" and showed_current:
            return self._tx.current(then.source).number
        return then.version

    def _shows(self, reference: Reference, number: int) -> bool:
        """Whether it makes a difference that a reference moves."""
        tx = self._tx
        if tx.is_member(reference):
            return True
        here = tx.contribution(reference, tx.pointer(reference))
        return here != tx.contribution(reference, number)

    def _change(self, entity: Entity, goal: Version, references: dict[str, list[str]]) -> Change:
        current = entity.current
        differs = diff_fields(current.fields, goal.fields)
        fields = fitting(self._tx.kind(entity), differs)
        for name in differs.keys() - fields.keys():
            self._keep(entity, name, "its value then does not fit the field as it is by now")
        status = goal.status
        if status != current.status and status not in (
            self._tx.settings.get("statuses") or STATUSES
        ):
            self._keep(entity, "@status", f"there is no status {status!r} any more")
            status = current.status
        return Change(
            fields,
            goal.visual_fields - current.visual_fields,
            difference(current.name, goal.name),
            difference(current.status, status),
            references or None,
        )

    def _keep(self, entity: Entity, field: str, reason: str) -> None:
        self.kept.append({"entity_id": entity.id, "field": field, "reason": reason})

    async def _cut(self, entity: Entity, goal: Version, change: Change, message: str) -> None:
        tx, current = self._tx, entity.current
        state = None
        if change.fields:
            draft = await self._draft_of(entity.id)
            fields = set_fields(current.fields, change.goals)
            state = rewrite_draft(tx, tx.entity(entity.id), fields, draft)
        version = tx.cut(
            entity.id,
            change,
            cause="rollback",
            message=message,
            run_id=self._run_id,
            state=state,
            visual_fields=goal.visual_fields,
        )
        self._touched.add(entity.id)
        root = Root(entity.id, current.number, version.number)
        classification = _detector.classify_change(tx.kind(entity), change)
        self.proposals.append(Proposal(entity.id, change, classification, (), version, root))

    # -- what is said ------------------------------------------------------------------------------

    async def _conclude(self, order: Sequence[str]) -> None:
        """An outcome for everything that is as it was again, and for what hangs on that."""
        roots = tuple(self.roots)
        reached = set(self._touched)
        for entity_id in order:
            if any(one.source in reached for one in self._uses.get(entity_id, ())):
                reached.add(entity_id)
            await self._pacer.pause()
        classes = {name for one in self.proposals for name in one.classification.classes}
        scope = Scope(
            self._run_id, roots, tuple(sorted(classes)), CAUSE, (), reached, frozenset(reached)
        )
        for entity_id in order:
            if entity_id in reached:
                self.outcomes.append(self._outcome(scope, self._tx.entity(entity_id)))
                await self._pacer.pause()

    def _outcome(self, scope: Scope, entity: Entity) -> Outcome:
        tx = self._tx
        behind = behind_of(tx, scope, entity)
        asked = tuple(one for one in behind.held if one[2].verdict != "pin")
        ask(tx, scope, entity, asked)
        left = behind._replace(moves=(), held=asked)
        name, reason = explain(tx, scope, entity, left, differs=False)
        said = f"is again as it was {self._moment}"
        if entity.id in self._touched:
            name, reason = (name, f"{reason}; {said}") if asked else ("updated", said)
        if not asked and (behind.moves or behind.held):
            name, reason = "stale", f"does not follow everything, as it did not {self._moment}"
        root = scope.roots[0]
        source, number = root.asset_id, root.to_version
        if entity.id in self._moved:
            source = self._moved[entity.id].source
            number = tx.pointer(tx.reference(self._moved[entity.id].id))
        was = tx.state.entities.get(entity.id) or tx.state.deleted[entity.id]
        before, after = was.digests.all.hex(), tx.digests(entity.id).all.hex()
        return Outcome(entity.id, entity.kind, name, reason, source, number, before, after)

    def _relate(self, reference: Reference) -> None:
        ends = self._related.setdefault(reference.target, set())
        ends.update((reference.source, reference.target))

    async def _tell_of_relations(self) -> None:
        targets = list(self._related)
        for position in range(0, len(targets), MAX_IDS_PER_FRAME):
            ids = targets[position : position + MAX_IDS_PER_FRAME]
            frame: dict[str, Any] = {"type": "graph_changed", "entities": ids}
            ends = frozenset().union(*(self._related[id_] for id_ in ids))
            self._tx.tell({**frame, "timestamp": self._tx.at}, ends)
            await self._pacer.pause()


def _differ(now: Reference, then: Reference, here: int) -> bool:
    """Whether a reference is another than it was, apart from the version that it follows."""
    if then.policy == "pinned" and here != then.version:
        return True
    return any(
        getattr(now, name) != getattr(then, name)
        for name in ("policy", "overrides", "role", "order", "pinned_by")
    )
