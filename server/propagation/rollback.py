"""Rollback: an entity goes back to how one of its older versions was, as a new version.

Pure, as the pipeline is: everything it does is on the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from protocol.errors import Invalid
from server.domain import drafts
from server.domain.changes import (
    Change,
    ChangeDetector,
    diff_fields,
    difference,
    set_fields,
    unpublished,
)
from server.domain.dependency_conflicts import refused
from server.domain.entities import BuiltOn, Entity, Reference, Version
from server.domain.kinds import Kind
from server.domain.runs import Root
from server.domain.transaction import Transaction
from server.propagation.documents import Documents, park, rewrite_draft, typed_in
from server.propagation.edits import check_status
from server.propagation.pipeline import Proposal, unlock

__all__ = ["cut_back", "fitting", "propose_rollback"]

_detector = ChangeDetector()


def propose_rollback(
    tx: Transaction,
    target: Version,
    documents: Documents,
    message: str,
    only: Collection[str] | None = None,
) -> Proposal:
    """Make a new version that is as an older one was: fields, name, and what it was built on; with
    ``only`` no more of it than these fields, ``@name``, ``@status`` and ``@references``.

    What the draft is ahead is parked first, as a version that was never current. A reference whose
    source is gone, or that would make a cycle by now, stays away; its status is workflow and stays,
    unless it is asked for.
    """
    entity = tx.entity(target.entity_id)
    kind, current = tx.kind(entity), entity.current
    fields = fitting(kind, diff_fields(current.fields, target.fields))
    visual = target.visual_fields - current.visual_fields
    wanted = {*fields, *visual, "@name", "@references"} if only is None else set(only)
    change = Change(
        fields={name: pair for name, pair in fields.items() if name in wanted},
        visual=visual & wanted,
        name=difference(current.name, target.name) if "@name" in wanted else None,
        status=difference(current.status, target.status) if "@status" in wanted else None,
        references=_restore_references(tx, target) if "@references" in wanted else None,
    )
    if not change:
        classification = _detector.classify_change(kind, change)
        return Proposal(entity.id, change, classification, (), None, None)
    if only is None:
        fields = set_fields(current.fields, change.goals)
        state: bytes | None = rewrite_draft(tx, entity, fields, documents.draft)
    else:
        state = _fields_in_draft(tx, entity, change.goals, documents)
    return cut_back(tx, entity, change, message, state)


def cut_back(
    tx: Transaction, entity: Entity, change: Change, message: str, state: bytes | None
) -> Proposal:
    """Make the version that goes back, once its draft and its references have. Raises Invalid for a
    status that there is not any more.
    """
    if change.status:
        unlock(tx, tx.entity(entity.id), check_status(tx, change.status["to"]))
    version = tx.cut(entity.id, change, cause="rollback", message=message, state=state)
    classification = _detector.classify_change(tx.kind(entity), change)
    root = Root(entity.id, entity.current.number, version.number)
    return Proposal(entity.id, change, classification, (), version, root)


def fitting(kind: Kind, fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Those of some differences whose new value fits: a kind may have declared a field since."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, pair in fields.items():
        try:
            kind.check({name: pair["to"]})
        except Invalid:
            continue
        found[name] = pair
    return found


def _fields_in_draft(
    tx: Transaction, entity: Entity, goals: Mapping[str, Any], documents: Documents
) -> bytes | None:
    """Make a draft hold some fields as they are to be, whatever was typed there: that is kept aside
    first. What is typed elsewhere stays in the draft. Answers the version's own state.
    """
    if not goals:
        return None
    kind = tx.kind(entity)
    if unpublished(entity.current.fields, typed_in(documents.draft)).keys() & goals.keys():
        park(tx, entity, documents.draft)
    edited = drafts.edit_draft(documents.version, documents.draft, kind, goals)
    tx.update_document(entity.id, edited.update)
    # The fork that the version is cut from knows nothing of what was typed in the same text.
    merged = drafts.merge_states((documents.draft, edited.update))
    here = drafts.read_values(merged)
    left = {name: goal for name, goal in goals.items() if (here.get(name) or "") != (goal or "")}
    if left:
        tx.update_document(entity.id, drafts.edit_at_head(merged, kind, left).update)
    return edited.state if edited.state != documents.version else None


def _restore_references(tx: Transaction, target: Version) -> dict[str, Sequence[Any]] | None:
    """Make an entity's own references as a version had them, each at the version its policy
    says.
    """
    then = {one.reference_id: one for one in target.references}
    now = {one.id: one for one in tx.inputs(target.entity_id) if not tx.is_member(one)}
    added, removed, changed = [], [], []
    for reference_id in now.keys() - then.keys():
        tx.remove_reference(now[reference_id])
        removed.append(reference_id)
    for reference_id, one in then.items():
        if not tx.exists(one.source):
            _stays_away(tx, target.entity_id, one, f"{tx.name_of(one.source)} was deleted")
            continue
        wanted = _rebuilt(tx, target.entity_id, one)
        before = now.get(reference_id)
        if before is None:
            if tx.would_cycle(one.source, target.entity_id) is None:
                tx.put_reference(wanted)
                added.append(reference_id)
            else:
                _stays_away(tx, target.entity_id, one, "it would make a cycle by now")
        elif (before.policy, before.overrides, before.role, before.order) != (
            wanted.policy,
            wanted.overrides,
            wanted.role,
            wanted.order,
        ) or (one.policy == "pinned" and tx.pointer(before) != one.version):
            tx.put_reference(wanted)
            changed.append(reference_id)
    found: dict[str, Sequence[Any]] = {"added": added, "removed": removed, "changed": changed}
    return found if added or removed or changed else None


def _stays_away(tx: Transaction, target_id: str, one: BuiltOn, why: str) -> None:
    tx.put_conflict(refused(target_id, one.to_json(), why, tx.author.user))


def _rebuilt(tx: Transaction, target_id: str, one: BuiltOn) -> Reference:
    source = tx.entity(one.source)
    match one.policy:
        case "pinned":
            number = one.version
        case "approved":
            number = source.approved_version or source.current.number
        case "latest":
            number = source.current.number
    pinned_by = tx.author.user if one.policy == "pinned" else None
    return Reference(
        one.reference_id,
        one.source,
        target_id,
        one.role,
        one.policy,
        number,
        one.order,
        one.overrides,
        pinned_by,
    )
