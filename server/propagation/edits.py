"""Edits: what people and programs do to a project, each as a function on a transaction.

None of them awaits, stores or announces; each leaves what it did on the transaction and answers
with the roots that a run must start from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fractional_indexing import generate_key_between

from protocol.errors import Conflict, Cycle, FieldError, InUse, Invalid, NotFound
from server.domain import drafts
from server.domain.changes import Change, diff_fields
from server.domain.entities import (
    POLICIES,
    STATUSES,
    BuiltOn,
    Cause,
    Digests,
    Entity,
    Policy,
    Reference,
    Version,
)
from server.domain.ids import check_id, is_order, new_id, slug
from server.domain.kinds import Kind
from server.domain.runs import Root
from server.domain.transaction import Transaction

__all__ = [
    "NewEntity",
    "NewReference",
    "approve_version",
    "attach",
    "can_use",
    "catch_up",
    "check_name",
    "check_status",
    "create_entity",
    "default_role",
    "delete_entity",
    "link",
    "relink",
    "relinked",
    "restore_entity",
    "seed_draft",
    "set_fields",
    "unlink",
]

_EDGES = {
    ("asset", "asset"),
    ("asset", "shot"),
    ("asset", "scene"),
    ("asset", "sequence"),
    ("shot", "scene"),
    ("shot", "sequence"),
    ("scene", "sequence"),
}
MAX_NAME = 300
_NO_INPUTS = Digests(b"", b"")


@dataclass(frozen=True, slots=True)
class NewReference:
    """A reference to make. Without a ``policy``: ``pinned`` where a ``version`` is named, else
    ``latest``.
    """

    source: str
    role: str | None = None
    policy: Policy | None = None
    version: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    order: str | None = None
    id: str | None = None
    pinned_by: str | None = None
    stands_at: int | None = None
    """Where a reference that is no pin resolves to, when that is not where its policy says."""


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


def set_fields(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with changes applied; null takes a field away."""
    merged = {**fields, **changes}
    return {name: value for name, value in merged.items() if value is not None}


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
    kind = tx.kinds.get(new.kind)
    fields = set_fields({}, kind.check(new.fields))
    for prose in () if new.whole else kind.prose:
        fields.setdefault(prose, "")
    entity_id = check_id(new.id) if new.id is not None else _free_id(tx, kind, new.name)
    if tx.exists(entity_id) or entity_id in tx.state.deleted:
        gone = " (it is deleted; restore it instead)" if entity_id in tx.state.deleted else ""
        raise Conflict(f"The id {entity_id!r} is taken in this project{gone}")
    new = replace(new, name=check_name(new.name), fields=fields)
    check_status(tx, new.status)
    first = _first_version(tx, entity_id, kind, new)
    tx.put_entity(
        Entity(entity_id, kind.name, first, tx.at, tx.at, new.number, approved_version=new.approved)
    )
    attach(tx, entity_id, new.references)
    _complete(tx, entity_id, kind, new)
    tx.tell(
        {
            "type": "entity_changed",
            "entity_id": entity_id,
            "kind": kind.name,
            "action": "created",
            "timestamp": tx.at,
        },
        frozenset({entity_id}),
    )
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
    )


def _complete(tx: Transaction, entity_id: str, kind: Kind, new: NewEntity) -> None:
    """Close the first version over the references, now that they are there, and seed the draft."""
    references = [
        one.built_on(tx.pointer(one))
        for one in sorted(tx.inputs(entity_id), key=lambda one: (one.order, one.id))
        if not tx.is_member(one)
    ]
    inputs = tx.input_digests(entity_id)
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
    for reference in [*uses, *tx.inputs(entity_id)]:
        tx.remove_reference(reference, dormant=True)
    roots = _relate(tx, uses, "removed", f"{entity.name} was deleted")
    tx.put_entity(replace(entity, deleted_at=tx.at, updated_at=tx.at))
    _tell_entity(tx, entity, "deleted")
    tx.audit("entity_deleted", {"name": entity.name, "users": users}, entity_id)
    return roots


def restore_entity(tx: Transaction, entity_id: str) -> list[Root]:
    """Bring a deleted entity back, with every reference whose other end still lives. Raises
    NotFound.
    """
    buried = tx.state.deleted.get(entity_id)
    if buried is None:
        raise NotFound(f"There is no deleted {entity_id!r} in this project")
    entity = replace(buried, deleted_at=None, updated_at=tx.at)
    tx.put_entity(entity)
    back: list[Reference] = []
    for reference in list(tx.state.dormant.values()):
        if entity_id not in (reference.source, reference.target):
            continue
        if not tx.exists(reference.source) or not tx.exists(reference.target):
            continue
        if tx.would_cycle(reference.source, reference.target) is None:
            tx.put_reference(reference)
            if reference.source == entity_id:
                back.append(reference)
    for id_ in dict.fromkeys([entity_id, *(one.target for one in back)]):
        catch_up(tx, id_)
    if tx.kind(entity).category in ("scene", "sequence"):
        tx.recount(entity_id)
    tx.refresh(entity_id)
    roots = _relate(tx, back, "added", f"{entity.name} was restored")
    _tell_entity(tx, entity, "restored")
    tx.audit("entity_restored", {"name": entity.name}, entity_id)
    return roots


def approve_version(tx: Transaction, entity_id: str, version: Version) -> list[Root]:
    """Move the pointer that ``approved`` references follow."""
    entity = tx.entity(entity_id)
    if entity.approved_version == version.number:
        return []
    before = entity.approved_version or 0
    tx.know_version(version)
    tx.put_entity(replace(entity, approved_version=version.number, updated_at=tx.at))
    _tell_entity(tx, entity, "approved")
    tx.audit("version_approved", {"version": version.number, "before": before}, entity_id)
    return [Root(entity_id, before, version.number)]


def _tell_entity(tx: Transaction, entity: Entity, action: str) -> None:
    tx.tell(
        {
            "type": "entity_changed",
            "entity_id": entity.id,
            "kind": entity.kind,
            "action": action,
            "timestamp": tx.at,
        },
        frozenset({entity.id}),
    )


# -- references ------------------------------------------------------------------------------------


def link(tx: Transaction, target: str, new: NewReference) -> tuple[Reference, list[Root]]:
    """Make a reference: a relationship change of its target. Raises NotFound, Cycle, Conflict,
    Invalid.
    """
    reference = attach(tx, target, [new])[0]
    roots = _relate(tx, [reference], "added", f"uses {tx.entity(reference.source).name}")
    tx.audit("reference_added", reference.to_json(), target)
    return reference, roots


def relink(
    tx: Transaction,
    reference: Reference,
    *,
    policy: Policy | None = None,
    version: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    role: str | None = None,
    order: str | None = None,
) -> tuple[Reference, list[Root]]:
    """Change a reference's policy, pinned version, overrides, role or order. Raises Invalid."""
    changed = relinked(
        tx,
        reference,
        policy=policy,
        version=version,
        overrides=overrides,
        role=role,
        order=order,
    )
    if changed == replace(reference, version=tx.pointer(reference)):
        return reference, []
    tx.put_reference(changed)
    catch_up(tx, reference.target)
    changed = tx.reference(reference.id)
    name = tx.entity(reference.source).name
    roots = _relate(tx, [changed], "changed", f"changed how it uses {name}")
    tx.audit(
        "reference_changed",
        {"before": reference.to_json(), "after": changed.to_json()},
        reference.target,
    )
    return changed, roots


def relinked(
    tx: Transaction,
    reference: Reference,
    *,
    policy: Policy | None = None,
    version: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    role: str | None = None,
    order: str | None = None,
) -> Reference:
    """The reference as it would be after a change, which is not made yet. Raises Invalid."""
    source = tx.entity(reference.source)
    if version is not None and policy is None:
        policy = "pinned"
    new_policy = policy or reference.policy
    number = tx.pointer(reference)
    if policy is not None or version is not None:
        number = _pointer_for(tx, source, new_policy, version, number)
    return replace(
        reference,
        policy=new_policy,
        version=number,
        role=reference.role if role is None else _check_role(role),
        order=reference.order if order is None else _check_order(order),
        overrides=(
            reference.overrides
            if overrides is None
            else set_fields({}, tx.kind(source).check(overrides, "overrides"))
        ),
        pinned_by=(
            (reference.pinned_by if policy is None else tx.author.user)
            if new_policy == "pinned"
            else None
        ),
    )


def unlink(tx: Transaction, reference: Reference) -> list[Root]:
    """Take a reference away: a relationship change of its target."""
    tx.remove_reference(reference)
    name = tx.entity(reference.source).name
    roots = _relate(tx, [reference], "removed", f"no longer uses {name}")
    tx.audit("reference_removed", reference.to_json(), reference.target)
    return roots


def attach(tx: Transaction, target_id: str, news: Iterable[NewReference]) -> list[Reference]:
    """Add references to what an entity is built on, without a version yet. Raises as ``link``."""
    target = tx.entity(target_id)
    inputs = tx.inputs(target_id)
    taken = {(one.source, one.role): one.id for one in inputs}
    last = max((one.order for one in inputs), default=None)
    made: list[Reference] = []
    for new in news:
        source = tx.entity(new.source)
        path = tx.would_cycle(source.id, target.id)
        if path is not None:
            raise Cycle(path)
        role = _check_ends(tx, source, target, new.role)
        other = taken.get((source.id, role))
        if other is not None and other != new.id:
            raise Conflict(
                f"{target.name} uses {source.name} as {role} already (reference {other})"
            )
        order = new.order or generate_key_between(last, None)
        reference = _reference(tx, source, target_id, new, role, order)
        tx.put_reference(reference)
        taken[source.id, role] = reference.id
        last = order if last is None else max(last, order)
        made.append(reference)
    return made


def _check_ends(tx: Transaction, source: Entity, target: Entity, role: str | None) -> str:
    """The role of a reference between two entities; raises Invalid where there can be none."""
    if not can_use(tx.kind(source).category, tx.kind(target).category):
        raise Invalid(
            f"A {source.kind} cannot be used by a {target.kind}",
            [FieldError("source", f"a {target.kind} cannot be built on a {source.kind}")],
        )
    return _check_role(role or default_role(source.kind, target.kind))


def _reference(
    tx: Transaction, source: Entity, target_id: str, new: NewReference, role: str, order: str
) -> Reference:
    policy: Policy = new.policy or ("pinned" if new.version is not None else "latest")
    version = _pointer_for(tx, source, policy, new.version, source.current.number)
    if new.stands_at is not None:
        version = tx.version(source.id, new.stands_at).number
    return Reference(
        new.id or new_id("ref"),
        source.id,
        target_id,
        role,
        policy,
        version,
        order,
        set_fields({}, tx.kind(source).check(new.overrides, "overrides")),
        (new.pinned_by or tx.author.user) if policy == "pinned" else None,
    )


def can_use(source_category: str, target_category: str) -> bool:
    """Whether something of one category can be used by something of another."""
    return (source_category, target_category) in _EDGES


def default_role(source_kind: str, target_kind: str) -> str:
    """What a reference is called where nobody says: the mission's names, else the source's kind."""
    named = {("character", "wardrobe"): "worn_by", ("location", "prop"): "used_in"}
    return named.get((source_kind, target_kind), source_kind)


def _check_role(role: str) -> str:
    if not role or len(role) > 64 or any(ord(character) < 32 for character in role):
        raise Invalid("The role is not valid", [FieldError("role", "must be a short text")])
    return role


def _check_order(order: str) -> str:
    if not is_order(order):
        raise Invalid("The order is not valid", [FieldError("order", "must be a fractional index")])
    return order


def _pointer_for(
    tx: Transaction, source: Entity, policy: Policy, version: int | None, here: int
) -> int:
    """The version that a reference resolves to under a policy."""
    if policy not in POLICIES:
        raise Invalid(
            "The policy is not valid",
            [FieldError("policy", "must be one of: " + ", ".join(POLICIES))],
        )
    if policy == "pinned":
        number = here if version is None else version
        try:
            tx.version(source.id, number)
        except NotFound:
            raise Invalid(
                f"{source.name} has no version {number}",
                [FieldError("version", f"must be one of the versions of {source.id}")],
            ) from None
        return number
    if version is not None:
        problem = f"goes with the policy pinned, not with {policy}"
        raise Invalid("A version can only be named for a pin", [FieldError("version", problem)])
    if policy == "approved":
        return source.approved_version or source.current.number
    return source.current.number


def catch_up(tx: Transaction, target_id: str) -> list[str]:
    """Move an entity's own pointers to where policy and rules let them be; answers which moved."""
    target = tx.entity(target_id)
    moved: list[str] = []
    for reference in tx.inputs(target_id):
        if reference.policy == "pinned" or tx.is_member(reference):
            continue
        source = tx.entity(reference.source)
        here = tx.pointer(reference)
        latest = reference.policy == "latest"
        goal = source.current.number if latest else (source.approved_version or here)
        decision = tx.state.rules.decide(
            ("visual", "metadata", "relationship"), source.kind, target.kind, target.status
        )
        if goal != here and decision.verdict == "update":
            tx.move_pointer(reference, goal)
            moved.append(reference.id)
    return moved


def _relate(tx: Transaction, references: Iterable[Reference], how: str, message: str) -> list[Root]:
    """A relationship change of every target of these references: a version each, and a root to go
    on from.
    """
    by_target: dict[str, list[str]] = {}
    ends: set[str] = set()
    for reference in references:
        by_target.setdefault(reference.target, []).append(reference.id)
        ends.update((reference.source, reference.target))
    roots: list[Root] = []
    for target_id, ids in by_target.items():
        target = tx.entity(target_id)
        if tx.kind(target).category in ("scene", "sequence"):
            tx.recount(target_id)
        before = target.current.number
        version = tx.cut(
            target_id, Change(references={how: ids}), cause="reference", message=message
        )
        roots.append(Root(target_id, before, version.number))
    if roots:
        tx.tell(
            {"type": "graph_changed", "entities": list(by_target), "timestamp": tx.at},
            frozenset(ends),
        )
    return roots
