"""Edits: what people and programs do to a project, each as a function on a transaction.

None of them awaits, stores or announces; each leaves what it did on the transaction and answers
with the roots that a run must start from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from protocol.errors import Conflict, FieldError, InUse, Invalid, NotFound
from server.domain import drafts
from server.domain.changes import Change, diff_fields, set_fields
from server.domain.checks import check_all
from server.domain.dependency_conflicts import bereft, refused, side
from server.domain.entities import (
    STATUSES,
    BuiltOn,
    Cause,
    Digests,
    Entity,
    Reference,
    Version,
)
from server.domain.ids import check_id, new_id, slug
from server.domain.kinds import Kind
from server.domain.plan import ask_again
from server.domain.runs import Root
from server.domain.transaction import Transaction
from server.propagation.links import NewReference, attach, catch_up, relate

__all__ = [
    "NewEntity",
    "approve_version",
    "check_name",
    "check_status",
    "create_entity",
    "delete_entity",
    "restore_entity",
    "seed_draft",
    "tell_entity",
]

MAX_NAME = 300
_NO_INPUTS = Digests(b"", b"")


@dataclass(frozen=True, slots=True)
class NewEntity:
    """An entity to create; without an ``id`` one is made of its kind and name.

    ``number`` is that of its first version, unless older ones were put on the step (``previous`` is
    the last of them, ``seeded`` its document's state). ``whole`` fields get no empty prose.
    """

    kind: str
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    status: str = "wip"
    references: Sequence[NewReference] = ()
    visual_fields: frozenset[str] = frozenset()
    cause: Cause = "created"
    number: int = 1
    approved: int | None = None
    previous: Version | None = None
    seeded: bytes | None = None
    whole: bool = False


def check_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME or any(ord(character) < 32 for character in name):
        problem = f"must have 1 to {MAX_NAME} characters, without control characters"
        raise Invalid("The name is not valid", [FieldError("name", problem)])
    return name


def check_status(tx: Transaction, status: str) -> str:
    allowed = tx.settings.get("statuses") or STATUSES
    if status not in allowed:
        raise Invalid(
            f"There is no status {status!r} in this project",
            [FieldError("status", "must be one of: " + ", ".join(allowed))],
        )
    return status


# -- entities --------------------------------------------------------------------------------------


def create_entity(tx: Transaction, new: NewEntity) -> Entity:
    """Create an entity with its first version, its seeded draft, and the references it is built on.

    Raises Invalid, Conflict (the id is taken), NotFound (a source), Cycle.
    """
    checked: list[Any] = check_all(
        lambda: set_fields({}, tx.kinds.get(new.kind).check(new.fields)),
        lambda: check_name(new.name),
        lambda: check_status(tx, new.status),
        lambda: None if new.id is None else check_id(new.id),
    )
    kind, (fields, name, _, wanted_id) = tx.kinds.get(new.kind), checked
    for prose in () if new.whole else kind.prose:
        fields.setdefault(prose, "")
    entity_id = _free_id(tx, kind, new.name) if wanted_id is None else wanted_id
    if tx.exists(entity_id) or entity_id in tx.state.deleted:
        gone = " (it is deleted; restore it instead)" if entity_id in tx.state.deleted else ""
        raise Conflict(f"The id {entity_id!r} is taken in this project{gone}")
    new = replace(new, name=name, fields=fields)
    first = _first_version(tx, entity_id, kind, new)
    tx.put_entity(
        Entity(entity_id, kind.name, first, tx.at, tx.at, new.number, approved_version=new.approved)
    )
    attach(tx, entity_id, new.references)
    _complete(tx, entity_id, kind, new)
    tell_entity(tx, tx.entity(entity_id), "created")
    tx.audit("entity_created", {"kind": kind.name, "name": new.name}, entity_id)
    return tx.entity(entity_id)


def _first_version(
    tx: Transaction,
    entity_id: str,
    kind: Kind,
    new: NewEntity,
    references: Sequence[BuiltOn] = (),
    inputs: Digests = _NO_INPUTS,
) -> Version:
    before: Mapping[str, Any] = new.previous.fields if new.previous else {}
    return tx.manager.create_version(
        entity_id=entity_id,
        kind=kind,
        number=new.number,
        previous=new.previous.number if new.previous else None,
        name=new.name,
        status=new.status,
        fields=new.fields,
        visual_fields=new.visual_fields,
        references=references,
        inputs=inputs,
        change=Change(fields=diff_fields(before, new.fields)),
        timestamp=tx.at,
        author=tx.author.user,
        message="",
        cause=new.cause,
        run_id=None,
        roles={tx.author.role: new.number} if tx.author.role else None,
    )


def _complete(tx: Transaction, entity_id: str, kind: Kind, new: NewEntity) -> None:
    """Close the first version over the references, now that they are there, and seed the draft."""
    references, inputs = tx.built_on(entity_id), tx.input_digests(entity_id)
    version = _first_version(tx, entity_id, kind, new, references, inputs)
    tx.put_version(version, seed_draft(tx, entity_id, kind, new.fields, new.seeded))
    tx.put_entity(replace(tx.entity(entity_id), current=version))
    if kind.category in ("scene", "sequence"):
        tx.recount(entity_id)
    tx.refresh(entity_id)


def seed_draft(
    tx: Transaction, entity_id: str, kind: Kind, fields: Mapping[str, Any], before: bytes | None
) -> bytes:
    """The document's state that holds these fields: its first, or the next one after ``before``."""
    if before is None:
        return drafts.seed(kind, fields)
    gone = dict.fromkeys(drafts.read_values(before))
    edited = drafts.edit_at_head(before, kind, {**gone, **fields})
    tx.update_document(entity_id, edited.update)
    return edited.state


def _free_id(tx: Transaction, kind: Kind, name: str) -> str:
    base = f"{kind.name}-{slug(name)}"[:100]
    if not tx.exists(base) and base not in tx.state.deleted:
        return base
    return new_id(base)


def delete_entity(tx: Transaction, entity_id: str, force: bool) -> list[Root]:
    """Delete an entity; what used it loses the references. Raises InUse naming the users without
    ``force``.

    Its versions stay, and so do its references, dormant: ``restore_entity`` brings all of it back.
    """
    entity = tx.entity(entity_id)
    uses = tx.outputs(entity_id)
    users = sorted({one.target for one in uses})
    if users and not force:
        named = ", ".join(users[:5]) + (f" and {len(users) - 5} more" if len(users) > 5 else "")
        raise InUse(f"{entity.name} is used by {named}", users)
    bereft(tx, entity, uses)
    for reference in [*uses, *tx.inputs(entity_id)]:
        tx.remove_reference(reference, dormant=True)
    roots = relate(tx, uses, "removed", f"{entity.name} was deleted")
    tx.put_entity(replace(entity, deleted_at=tx.at, updated_at=tx.at))
    tell_entity(tx, entity, "deleted")
    tx.audit("entity_deleted", {"name": entity.name, "users": users}, entity_id)
    return roots


def restore_entity(tx: Transaction, entity_id: str) -> list[Root]:
    """Bring a deleted entity back, with every reference whose other end still lives. Raises
    NotFound.

    A reference that would make a cycle by now is removed. Where it comes back with or without
    something that its current version does not tell of, that is a version of it.
    """
    buried = tx.state.deleted.get(entity_id)
    if buried is None:
        raise NotFound(f"There is no deleted {entity_id!r} in this project")
    entity = replace(buried, deleted_at=None, updated_at=tx.at)
    tx.put_entity(entity)
    back: list[Reference] = []
    # What uses it comes before what it uses: where both would make a cycle, nobody else loses one.
    dormant = tx.state.dormant.values()
    for reference in sorted(dormant, key=lambda one: (one.source != entity_id, one.id)):
        if entity_id not in (reference.source, reference.target):
            continue
        if not tx.exists(reference.source) or not tx.exists(reference.target):
            continue
        if tx.would_cycle(reference.source, reference.target) is not None:
            # Meanwhile the other end came to use this one. It must not wait in the store either:
            # loaded again, with both ends alive, it would close the cycle.
            tx.remove_reference(reference)
            tx.audit("reference_removed", reference.to_json(), reference.target)
            gone, why = side(reference, reference.version), "it would make a cycle by now"
            tx.put_conflict(refused(reference.target, gone, why, tx.author.user))
            continue
        tx.put_reference(reference)
        if reference.source == entity_id:
            back.append(reference)
    _restate(tx, entity, catch_up(tx, entity_id))
    for id_ in dict.fromkeys(one.target for one in back):
        catch_up(tx, id_)
        ask_again(tx, id_, [entity_id])
    ask_again(tx, entity_id, [one.source for one in tx.inputs(entity_id)])
    if tx.kind(entity).category in ("scene", "sequence"):
        tx.recount(entity_id)
    tx.refresh(entity_id)
    roots = relate(tx, back, "added", f"{entity.name} was restored")
    tell_entity(tx, entity, "restored")
    tx.audit("entity_restored", {"name": entity.name}, entity_id)
    return roots


def _restate(tx: Transaction, entity: Entity, moved: Sequence[str]) -> None:
    """A version of what comes back, if its current one does not say what it is built on now."""
    now = {one.id: one.source for one in tx.inputs(entity.id) if not tx.is_member(one)}
    then = {one.reference_id: one.source for one in entity.current.references}
    more = [now[id_] for id_ in now.keys() - then.keys()]
    less = [then[id_] for id_ in then.keys() - now.keys()]
    moves = moved if tx.kind(entity).category == "asset" else ()
    if not (more or less or moves):
        return
    words = [
        f"{how} {', '.join(sorted({tx.name_of(id_) for id_ in ids}))}"
        for how, ids in (("with", more), ("without", less))
        if ids
    ]
    change = {
        "added": sorted(now.keys() - then.keys()),
        "removed": sorted(then.keys() - now.keys()),
        "changed": [id_ for id_ in moves if id_ in then],
    }
    tx.cut(
        entity.id,
        Change(references={how: ids for how, ids in change.items() if ids}),
        cause="reference",
        message=f"Restored {', '.join(words)}" if words else "Caught up when it was restored",
    )


def approve_version(tx: Transaction, entity_id: str, version: Version) -> list[Root]:
    """Move the pointer that ``approved`` references follow."""
    entity = tx.entity(entity_id)
    if entity.approved_version == version.number:
        return []
    before = entity.approved_version or 0
    tx.know_version(version)
    tx.put_entity(replace(entity, approved_version=version.number, updated_at=tx.at))
    tell_entity(tx, entity, "approved")
    tx.audit("version_approved", {"version": version.number, "before": before}, entity_id)
    return [Root(entity_id, before, version.number)]


def tell_entity(tx: Transaction, entity: Entity, action: str, **more: str) -> None:
    """Tell that an entity was created, deleted, restored …"""
    frame = {"type": "entity_changed", "entity_id": entity.id, "kind": entity.kind}
    tx.tell({**frame, "action": action, **more, "timestamp": tx.at}, frozenset({entity.id}))
