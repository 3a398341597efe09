"""The pipeline of one change: detect → resolve conflicts → version → rules → plan.

Pure: everything it needs is an argument, everything it does is on the transaction. The same
function serves the API, a publish from a draft, a rollback and a preview; they differ in the
``Edit`` that they bring.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain import drafts
from server.domain.changes import (
    Change,
    ChangeDetector,
    Classification,
    diff_fields,
    set_fields,
    unpublished,
)
from server.domain.checks import check_all
from server.domain.conflicts import Clash, Conflict
from server.domain.dependency_conflicts import refused, wanted_side
from server.domain.entities import BuiltOn, Cause, Entity, Reference, Version
from server.domain.kinds import Kind
from server.domain.merging import ConflictResolver
from server.domain.runs import Root
from server.domain.transaction import Transaction
from server.propagation.edits import check_name, check_status
from server.propagation.links import catch_up

__all__ = [
    "Documents",
    "Edit",
    "Proposal",
    "change_from_data",
    "fitting",
    "park",
    "propose",
    "propose_rollback",
    "unlock",
]

_detector = ChangeDetector()
_resolver = ConflictResolver()


@dataclass(frozen=True, slots=True)
class Documents:
    """An entity's documents: the state its current version was cut from, and its draft as it is
    now; ``editor`` is who typed in it last, empty where nobody knows.
    """

    version: bytes
    draft: bytes
    editor: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A wanted change of one entity. ``fields`` holds only what is to be set; null takes a field
    away.

    ``from_draft``: the fields come out of the draft, so the draft has them already; ``whole_draft``
    when the version takes over all that the draft is ahead. ``since`` names who set each field last
    after the ``base``, as far as it is known. ``references``: those that the step
    added or changed just now, by id, under ``added`` and ``changed``: one version tells of both.
    """

    entity_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    visual: frozenset[str] = frozenset()
    name: str | None = None
    status: str | None = None
    base: Version | None = None
    since: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    cause: Cause = "api"
    from_draft: bool = False
    whole_draft: bool = False
    references: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the pipeline made of an edit: nothing where ``change`` is empty. ``conflicts`` are what
    of it was left out and waits for somebody, ``settled`` what was merged with other people's work.
    """

    entity_id: str
    change: Change
    classification: Classification
    conflicts: tuple[Conflict, ...]
    version: Version | None
    root: Root | None
    settled: tuple[Conflict, ...] = ()


def change_from_data(data: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str], str | None]:
    """The mission's ``change_data``: fields, those given as visual, and a name if there is one.

    ``visual_changes`` is merged in as visual; an ``author`` is ignored there and beside it, for the
    token says who it is.
    Raises Invalid for an empty change.
    """
    given: Any = data
    if not isinstance(given, Mapping):
        raise Invalid("The change is not valid", [FieldError("change_data", "must be an object")])
    nested = data.get("visual_changes", {})
    if not isinstance(nested, Mapping):
        raise Invalid(
            "The change is not valid",
            [FieldError("change_data.visual_changes", "must be an object of fields")],
        )
    fields = {k: v for k, v in data.items() if k not in ("visual_changes", "author", "name")}
    nested = {k: v for k, v in nested.items() if k != "author"}
    fields.update(nested)
    name = data.get("name")
    if name is not None and not isinstance(name, str):
        raise Invalid("The change is not valid", [FieldError("change_data.name", "must be text")])
    if not fields and name is None:
        raise Invalid(
            "The change is empty", [FieldError("change_data", "must change at least one field")]
        )
    return fields, frozenset(nested), name


def propose(tx: Transaction, edit: Edit, documents: Documents) -> Proposal:
    """Make a version of an edit on the transaction. Raises NotFound, Invalid.

    Left on the transaction: the version, the entity's new digests, and the update that its draft
    needs.
    """
    entity = tx.entity(edit.entity_id)
    kind, current = tx.kind(entity), entity.current
    # detect
    wanted = _wanted(tx, kind, edit)
    # resolve conflicts
    merge = _resolver.settle(kind, edit.base, current, wanted, tx.author.user, edit.since)
    change = _change(tx, kind, current, edit, merge.fields)
    classification = _detector.classify_change(kind, change)
    if not change:
        return Proposal(
            entity.id, change, classification, merge.conflicts, None, None, merge.settled
        )
    settled = (*merge.settled, *_overtaken(tx, kind, edit, change, documents))
    # version
    state = _documents(tx, kind, edit, change, documents)
    if change.status and current.status != change.status["to"]:
        unlock(tx, entity, str(change.status["to"]))
    version = tx.cut(
        entity.id,
        change,
        cause=edit.cause,
        message=edit.message,
        name=change.name["to"] if change.name else None,
        status=change.status["to"] if change.status else None,
        fields=set_fields(current.fields, {k: v["to"] for k, v in change.fields.items()}),
        state=state,
    )
    root = Root(entity.id, current.number, version.number)
    return Proposal(entity.id, change, classification, merge.conflicts, version, root, settled)


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
        name=_pair(current.name, target.name) if "@name" in wanted else None,
        status=_pair(current.status, target.status) if "@status" in wanted else None,
        references=_restore_references(tx, target) if "@references" in wanted else None,
    )
    classification = _detector.classify_change(kind, change)
    if not change:
        return Proposal(entity.id, change, classification, (), None, None)
    goals = {name: pair["to"] for name, pair in change.fields.items()}
    after = set_fields(current.fields, goals)
    if only is None:
        state: bytes | None = _draft_as(tx, entity, after, documents)
    else:
        state = _fields_in_draft(tx, entity, change, documents)
    if change.status:
        unlock(tx, tx.entity(entity.id), check_status(tx, target.status))
    version = tx.cut(
        entity.id,
        change,
        cause="rollback",
        message=message,
        name=change.name["to"] if change.name else None,
        status=change.status["to"] if change.status else None,
        fields=after,
        state=state,
    )
    root = Root(entity.id, current.number, version.number)
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


def _pair(before: str, after: str) -> dict[str, str] | None:
    return {"from": before, "to": after} if before != after else None


def _draft_as(
    tx: Transaction, entity: Entity, fields: Mapping[str, Any], documents: Documents
) -> bytes:
    """Make a draft hold some fields and nothing else, what was typed kept aside."""
    kind = tx.kind(entity)
    typed = set_fields({}, drafts.read_values(documents.draft))
    if unpublished(entity.current.fields, typed):
        park(tx, entity, kind, typed, documents.draft)
    edited = drafts.edit_at_head(documents.draft, kind, {**dict.fromkeys(typed), **fields})
    tx.update_document(entity.id, edited.update)
    return edited.state


def _fields_in_draft(
    tx: Transaction, entity: Entity, change: Change, documents: Documents
) -> bytes | None:
    """Make a draft hold some fields as a change sets them, whatever was typed there: that is kept
    aside first. What is typed elsewhere stays in the draft. Answers the version's own state.
    """
    kind = tx.kind(entity)
    goals = {name: pair["to"] for name, pair in change.fields.items()}
    if not goals:
        return None
    typed = set_fields({}, drafts.read_values(documents.draft))
    if unpublished(entity.current.fields, typed).keys() & goals.keys():
        park(tx, entity, kind, typed, documents.draft)
    edited = drafts.edit_draft(documents.version, documents.draft, kind, goals)
    tx.update_document(entity.id, edited.update)
    # The fork that the version is cut from knows nothing of what was typed in the same text.
    merged = drafts.merge_states((documents.draft, edited.update))
    here = drafts.read_values(merged)
    left = {name: goal for name, goal in goals.items() if (here.get(name) or "") != (goal or "")}
    if left:
        tx.update_document(entity.id, drafts.edit_at_head(merged, kind, left).update)
    return edited.state if edited.state != documents.version else None


def _overtaken(
    tx: Transaction, kind: Kind, edit: Edit, change: Change, documents: Documents
) -> list[Conflict]:
    """What somebody has set in the draft and not published, and this edit sets otherwise. (Prose
    merges, and what comes out of the draft has seen it.)
    """
    names = [name for name in change.fields if not kind.is_prose(name)]
    if edit.from_draft or not names:
        return []
    typed = drafts.read_values(documents.draft)
    found: list[Conflict] = []
    for name in names:
        value, pair = typed.get(name), change.fields[name]
        if value is None or value in (pair["from"], pair["to"]):
            continue
        clash = Clash(name, pair["to"], tx.author.user, value, documents.editor)
        found.append(_resolver.simultaneous_edit.resolve(edit.entity_id, clash))
    return found


def _change(
    tx: Transaction, kind: Kind, current: Version, edit: Edit, fields: Mapping[str, Any]
) -> Change:
    name, status = fields.get("@name"), fields.get("@status")
    after = set_fields(current.fields, _only_fields(fields))
    return Change(
        fields=diff_fields(current.fields, after),
        visual=frozenset(field for field in edit.visual if kind.field(field) is None),
        name={"from": current.name, "to": name} if name not in (None, current.name) else None,
        status=(
            {"from": current.status, "to": status} if status not in (None, current.status) else None
        ),
        references=edit.references,
    )


def _wanted(tx: Transaction, kind: Kind, edit: Edit) -> dict[str, Any]:
    """What an edit wants, checked, by the names under which a version keeps it."""
    name, status = edit.name, edit.status
    fields, renamed, moved = check_all(
        lambda: kind.check(edit.fields),
        lambda: {} if name is None else {"@name": check_name(name)},
        lambda: {} if status is None else {"@status": check_status(tx, status)},
    )
    return fields | renamed | moved


def _only_fields(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if not name.startswith("@")}


def _documents(
    tx: Transaction, kind: Kind, edit: Edit, change: Change, documents: Documents
) -> bytes | None:
    """Bring the change into the draft; answers the state of the version's own, where it has one."""
    if edit.whole_draft:
        return documents.draft
    fields = {name: pair["to"] for name, pair in change.fields.items()}
    if edit.from_draft or not fields:
        return None
    edited = drafts.edit_draft(documents.version, documents.draft, kind, fields)
    tx.update_document(edit.entity_id, edited.update)
    return edited.state if edited.state != documents.version else None


def unlock(tx: Transaction, entity: Entity, status: str) -> None:
    """Where a new status no longer holds an entity back, its pointers catch up in the same step."""
    lifted = replace(entity, current=replace(entity.current, status=status))
    tx.put_entity(lifted)
    catch_up(tx, entity.id)
    tx.put_entity(entity)


def park(
    tx: Transaction, entity: Entity, kind: Kind, typed: Mapping[str, Any], draft: bytes
) -> None:
    """Keep what is typed and not published as a version that is never current."""
    current = entity.current
    number = entity.last_number + 1
    parked = tx.manager.create_version(
        entity_id=entity.id,
        kind=kind,
        number=number,
        previous=current.number,
        name=current.name,
        status=current.status,
        fields=typed,
        visual_fields=current.visual_fields,
        references=current.references,
        inputs=current.built_on_digests,
        change=Change(fields=diff_fields(current.fields, typed)),
        timestamp=tx.at,
        author=tx.author.user,
        message="Unpublished typing, kept before a rollback",
        cause="parked",
        run_id=None,
    )
    tx.put_version(parked, draft)
    tx.put_entity(replace(entity, last_number=number))


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
    tx.put_conflict(refused(target_id, wanted_side(one), why, tx.author.user))


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
