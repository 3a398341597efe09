"""The pipeline of one change: detect → resolve conflicts → version → rules → plan.

Pure: everything it needs is an argument, everything it does is on the transaction. The same
function serves the API, a publish from a draft and a preview; they differ in the ``Edit`` that they
bring. A way back to an older version is in ``rollback``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain import drafts
from server.domain.changes import (
    Change,
    ChangeDetector,
    Classification,
    diff_fields,
    difference,
    set_fields,
)
from server.domain.checks import check_all
from server.domain.conflicts import Clash, Conflict
from server.domain.entities import Cause, Entity, Version
from server.domain.kinds import Kind
from server.domain.merging import ConflictResolver
from server.domain.runs import Root
from server.domain.transaction import Transaction
from server.propagation.documents import Documents, edit_draft
from server.propagation.edits import check_name, check_status
from server.propagation.links import catch_up

__all__ = [
    "Documents",
    "Edit",
    "Proposal",
    "change_from_data",
    "propose",
    "unlock",
]

_detector = ChangeDetector()
_resolver = ConflictResolver()


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
    state = _into_draft(tx, entity, edit, change, documents)
    if change.status and current.status != change.status["to"]:
        unlock(tx, entity, str(change.status["to"]))
    version = tx.cut(
        entity.id,
        change,
        cause=edit.cause,
        message=edit.message,
        state=state,
    )
    root = Root(entity.id, current.number, version.number)
    return Proposal(entity.id, change, classification, merge.conflicts, version, root, settled)


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
        name=None if name is None else difference(current.name, name),
        status=None if status is None else difference(current.status, status),
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


def _into_draft(
    tx: Transaction, entity: Entity, edit: Edit, change: Change, documents: Documents
) -> bytes | None:
    """Bring the change into the draft; answers the state of the version's own, where it has one."""
    if edit.whole_draft:
        return documents.draft
    return None if edit.from_draft else edit_draft(tx, entity, change.goals, documents)


def unlock(tx: Transaction, entity: Entity, status: str) -> None:
    """Where a new status no longer holds an entity back, its pointers catch up in the same step."""
    lifted = replace(entity, current=replace(entity.current, status=status))
    tx.put_entity(lifted)
    catch_up(tx, entity.id)
    tx.put_entity(entity)
