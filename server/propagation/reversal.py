"""Reversal: one entity goes back to what it was before a run, under whatever came later.

A merge three ways, field by field: the base is what the run made of it, one side is what it is now,
the other is what it was before. What the run did not touch stays; what was set since then is a
conflict, and then nothing is to be applied. Pure: everything it does is on the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from server.domain.approvals import Waits
from server.domain.changes import (
    Change,
    ChangeDetector,
    Classification,
    diff_fields,
    difference,
    set_fields,
    unpublished,
)
from server.domain.conflicts import REFERENCES, Choice, Conflict
from server.domain.dependency_conflicts import side
from server.domain.entities import BuiltOn, Entity, Reference, Version, version_id
from server.domain.merging import ConflictResolver
from server.domain.runs import Root
from server.domain.transaction import Transaction
from server.propagation.documents import Documents, edit_draft, park, typed_in
from server.propagation.edits import approve_version
from server.propagation.links import catch_up
from server.propagation.pipeline import Proposal
from server.propagation.rollback import cut_back, fitting

__all__ = [
    "Given",
    "Reversal",
    "members_of",
    "release_pin",
    "reverse",
    "reverse_approval",
    "reverse_decision",
    "reverse_deleted",
]

_detector = ChangeDetector()
_resolver = ConflictResolver()

Given = tuple[str, Sequence[Waits]]
"""A target for which somebody said yes, and where its references stood and went to."""

Sides = tuple[BuiltOn | None, BuiltOn | None]
"""A reference before a run and after it; ``None`` where it was not there."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """A root of a run, as it was before and as the run's change left it.

    ``members`` are the shots and scenes that came into a scene or sequence by that change, went, or
    moved in it, by reference: versions do not hold them. ``kept`` names fields and references of
    which somebody has said that they stay as they are now.
    """

    before: Version
    after: Version
    members: Mapping[str, Sides] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()

    def references(self) -> dict[str, Sides]:
        """The references that the change added, removed or changed, by id."""
        then = {one.reference_id: one for one in self.before.references}
        made = {one.reference_id: one for one in self.after.references}
        pairs = {id_: (then.get(id_), made.get(id_)) for id_ in {**then, **made}}
        return {
            id_: pair
            for id_, pair in {**pairs, **self.members}.items()
            if id_ not in self.kept and not _same(*pair)
        }


def reverse(tx: Transaction, wanted: Reversal, documents: Documents, message: str) -> Proposal:
    """Make a version that has taken back what a run's change brought. Raises NotFound, and Invalid
    for a status that there is not any more.

    What is typed and not published is parked first. Where something was set since then, the
    proposal has conflicts, and the step must be left without committing.
    """
    before, after = wanted.before, wanted.after
    entity = tx.entity(before.entity_id)
    kind, current = tx.kind(entity), entity.current
    differs = fitting(kind, diff_fields(after.fields, before.fields))
    goal = {name: pair["to"] for name, pair in differs.items()}
    if before.name != after.name:
        goal["@name"] = before.name
    if before.status != after.status:
        goal["@status"] = before.status
    goal = {name: value for name, value in goal.items() if name not in wanted.kept}
    merge = _resolver.rollback_conflict.resolve(kind, after, current, goal, tx.author.user)
    references, clashes = _References(tx, entity, wanted).take_back()
    fields = {key: value for key, value in merge.fields.items() if key[0] != "@"}
    change = Change(
        fields=diff_fields(current.fields, set_fields(current.fields, fields)),
        visual=before.visual_fields - current.visual_fields,
        name=difference(current.name, merge.fields.get("@name", current.name)),
        status=difference(current.status, merge.fields.get("@status", current.status)),
        references=references,
    )
    conflicts = (*merge.conflicts, *clashes)
    if conflicts or not change:
        classification = _detector.classify_change(kind, change)
        return Proposal(entity.id, change, classification, conflicts, None, None)
    if unpublished(current.fields, typed_in(documents.draft)):
        park(tx, entity, documents.draft)
    state = edit_draft(tx, entity, change.goals, documents)
    return cut_back(tx, entity, change, message, state)


def reverse_approval(tx: Transaction, root: Root, before: Version | None) -> Proposal:
    """Move the pointer of approved versions back to where it was before a run. Raises NotFound."""
    entity = tx.entity(root.asset_id)
    here = entity.approved_version
    roots: list[Root] = []
    conflicts: tuple[Conflict, ...] = ()
    if here not in (root.to_version, root.from_version) or before is None:
        goal = None if before is None else before.number
        conflicts = (_conflict(tx, entity.id, "@approved", here, goal),)
    else:
        roots = approve_version(tx, entity.id, before)
    classification = Classification(("metadata", "visual"), "high", "realtime")
    made = roots[0] if roots else None
    return Proposal(entity.id, Change(), classification, conflicts, None, made)


def reverse_decision(tx: Transaction, source: str, given: Sequence[Given]) -> Proposal:
    """Move what somebody let through from one source back to where it stood: the run that follows
    asks again. What was moved on since is a conflict; what is gone shows nothing to take back.
    Raises NotFound.
    """
    moved: list[str] = []
    conflicts: list[Conflict] = []
    for target, waits in given:
        here = {one.id: one for one in tx.inputs(target)} if tx.exists(target) else {}
        mine: list[str] = []
        for one in waits:
            reference = here.get(one.reference_id)
            if reference is None:
                continue
            now = tx.pointer(reference)
            if now not in (one.from_version, one.to_version):
                sides = side(reference, now), side(reference, one.from_version)
                conflicts.append(_conflict(tx, target, REFERENCES, *sides))
            elif now == one.to_version:
                tx.move_pointer(reference, one.from_version)
                mine.append(reference.id)
        if mine and tx.kind(tx.entity(target)).category == "asset":
            message = f"No longer what was approved of {tx.name_of(source)}"
            tx.cut(target, Change(references={"changed": mine}), cause="rollback", message=message)
        elif mine:
            tx.refresh(target)
        moved += mine
    number = tx.current(source).number
    change = Change(references={"changed": moved} if moved else None)
    classification = Classification(("visual", "metadata"), "high", "realtime")
    root = Root(source, number, number) if moved and not conflicts else None
    return Proposal(source, change, classification, tuple(conflicts), None, root)


def reverse_deleted(tx: Transaction, root: Root) -> Proposal:
    """The conflict over a root that is deleted by now, for it cannot be put back."""
    then = version_id(root.asset_id, root.from_version)
    conflicts = (_conflict(tx, root.asset_id, "@deleted", None, then),)
    nothing = Classification((), "none", "background")
    return Proposal(root.asset_id, Change(), nothing, conflicts, None, None)


def release_pin(tx: Transaction, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Take back a pin that a rule made, unless somebody has set the reference since; its policy is
    what it was before. Answers whether it did.
    """
    if not tx.exists(str(after["target"])):
        return False
    found = {one.id: one for one in tx.inputs(str(after["target"]))}.get(str(after["id"]))
    if found is None or found.policy != "pinned" or tx.pointer(found) != after["version"]:
        return False
    if found.pinned_by != "a rule":
        return False
    policy = before["policy"]
    tx.put_reference(replace(found, policy=policy, pinned_by=None))
    tx.audit("reference_changed", {"before": dict(after), "after": dict(before)}, found.target)
    target = tx.entity(found.target)
    if tx.kind(target).category == "asset":
        change = Change(references={"changed": [found.id]})
        tx.cut(target.id, change, cause="rollback", message="No longer pinned by a rule")
    return True


class _References:
    """What a change did to the references of one entity, taken back one by one."""

    def __init__(self, tx: Transaction, entity: Entity, wanted: Reversal) -> None:
        self._tx = tx
        self._target = entity
        self._wanted = wanted.references()
        self._here = {one.id: one for one in tx.inputs(entity.id)}
        self._done: dict[str, list[str]] = {}
        self._conflicts: list[Conflict] = []

    def take_back(self) -> tuple[dict[str, Sequence[Any]] | None, list[Conflict]]:
        tx, target = self._tx, self._target
        # What came goes first: it may stand where something else was.
        for id_, (then, made) in sorted(self._wanted.items(), key=lambda one: bool(one[1][0])):
            here = self._here.get(id_)
            now = None if here is None else here.built_on(tx.pointer(here))
            if _same(now, then):
                continue
            if not _same(now, made):
                self._collide(now, then)
            elif then is None:
                self._remove(here)
            elif self._can_be(id_, then):
                self._put(then, here)
            else:
                self._collide(now, then)
        if self._conflicts or not self._done:
            return None, self._conflicts
        catch_up(tx, target.id)
        if target.kind in tx.state.container_kinds:
            tx.recount(target.id)
        ends = {one.source for one in self._here.values()} | {target.id}
        frame = {"type": "graph_changed", "entities": [target.id], "timestamp": tx.at}
        tx.tell(frame, frozenset(ends))
        return dict(self._done), []

    def _remove(self, here: Reference | None) -> None:
        if here is not None:
            self._tx.remove_reference(here)
            self._note("removed", here.id, here.to_json())

    def _put(self, then: BuiltOn, here: Reference | None) -> None:
        tx = self._tx
        pinned = then.policy == "pinned"
        number = then.version if pinned or here is None else tx.pointer(here)
        if tx.entity(then.source).kind in tx.state.member_kinds:
            number = tx.current(then.source).number
        back = Reference(
            then.reference_id,
            then.source,
            self._target.id,
            then.role,
            then.policy,
            number,
            then.order,
            then.overrides,
            tx.author.user if pinned else None,
        )
        tx.put_reference(back)
        if here is None:
            self._note("added", back.id, back.to_json())
        else:
            self._note("changed", back.id, {"before": here.to_json(), "after": back.to_json()})

    def _note(self, how: str, id_: str, detail: Mapping[str, Any]) -> None:
        self._done.setdefault(how, []).append(id_)
        self._tx.audit(f"reference_{how}", detail, self._target.id)

    def _can_be(self, id_: str, then: BuiltOn) -> bool:
        """Whether a reference can be as it was: its source lives, nothing else took its place, and
        it makes no cycle.
        """
        tx = self._tx
        if not tx.exists(then.source):
            return False
        for other in tx.inputs(self._target.id):
            if other.id != id_ and (other.source, other.role) == (then.source, then.role):
                return False
        return id_ in self._here or tx.would_cycle(then.source, self._target.id) is None

    def _collide(self, now: BuiltOn | None, then: BuiltOn | None) -> None:
        sides = [None if one is None else one.to_json() for one in (now, then)]
        self._conflicts.append(_conflict(self._tx, self._target.id, REFERENCES, *sides))


def _same(one: BuiltOn | None, other: BuiltOn | None) -> bool:
    """Whether a reference is the same to people: the version that it follows moves by itself."""
    if one is None or other is None:
        return one is other
    if one.policy == "pinned" or other.policy == "pinned":
        return one == other
    return one._replace(version=0) == other._replace(version=0)


def _conflict(tx: Transaction, entity_id: str, what: str, ours: Any, theirs: Any) -> Conflict:
    buried = tx.state.deleted.get(entity_id)
    last = (buried.current if buried else tx.entity(entity_id).current).author
    people = tuple(sorted({last, tx.author.user}))
    nothing = what == "@approved" and theirs is None
    options: tuple[Choice, ...] = ("ours",) if nothing else ("ours", "theirs")
    return Conflict(
        "dependency_conflict",
        "high",
        entity_id,
        what,
        ours,
        theirs,
        None,
        people,
        options,
        ours_by=last,
        theirs_by=tx.author.user,
        reason=_resolver.rollback_conflict.reason,
    )


def members_of(entries: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Sides]:
    """What audit entries say of references that came, went or changed, by id; ``entries`` are
    actions and their details.
    """
    found: dict[str, Sides] = {}
    for action, detail in entries:
        match action:
            case "reference_added":
                found[str(detail["id"])] = None, _built_on(detail)
            case "reference_removed":
                found[str(detail["id"])] = _built_on(detail), None
            case "reference_changed":
                sides = _built_on(detail["before"]), _built_on(detail["after"])
                found[str(detail["before"]["id"])] = sides
            case _:
                continue
    return found


def _built_on(one: Mapping[str, Any]) -> BuiltOn:
    return BuiltOn(
        one["id"],
        one["source"],
        one["role"],
        one["policy"],
        one["version"],
        one["order"],
        one["overrides"],
    )
