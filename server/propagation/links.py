"""References: how entities come to use each other, and what that does to whoever is using.

Each is a function on a transaction. A reference is a relationship change of its target: its
version, and the root that a run starts from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fractional_indexing import generate_key_between

from protocol.errors import Conflict, Cycle, FieldError, Invalid, NotFound
from server.domain.asking import decide
from server.domain.changes import Change, set_fields
from server.domain.entities import POLICIES, Entity, Policy, Reference
from server.domain.ids import is_order, new_id
from server.domain.runs import Root
from server.domain.transaction import Transaction

__all__ = [
    "Inputs",
    "NewReference",
    "attach",
    "can_use",
    "catch_up",
    "default_role",
    "link",
    "relate",
    "relate_target",
    "relink",
    "relinked",
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


def link(tx: Transaction, target: str, new: NewReference) -> tuple[Reference, list[Root]]:
    """Make a reference: a relationship change of its target. Raises NotFound, Cycle, Conflict,
    Invalid.
    """
    reference = attach(tx, target, [new])[0]
    roots = relate(tx, [reference], "added", f"uses {tx.entity(reference.source).name}")
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
    roots = relate(tx, [changed], "changed", f"changed how it uses {name}")
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
    """The reference as it would be after a change, which is not made yet. Raises Invalid,
    Conflict.
    """
    source = tx.entity(reference.source)
    for other in tx.inputs(reference.target):
        same = (other.source, other.role) == (reference.source, role)
        if same and other.id != reference.id:
            target = tx.entity(reference.target)
            raise Conflict(f"{target.name} uses {source.name} as {role} already ({other.id})")
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
    roots = relate(tx, [reference], "removed", f"no longer uses {name}")
    tx.audit("reference_removed", reference.to_json(), reference.target)
    return roots


def attach(tx: Transaction, target_id: str, news: Iterable[NewReference]) -> list[Reference]:
    """Add references to what an entity is built on, without a version yet. Raises as ``link``."""
    inputs = Inputs(tx, target_id)
    return [inputs.add(new) for new in news]


class Inputs:
    """What one entity is built on, while references are added to it and to nothing else."""

    def __init__(self, tx: Transaction, target_id: str) -> None:
        """Raises NotFound."""
        self._tx = tx
        self.target = tx.entity(target_id)
        inputs = tx.inputs(target_id)
        self._taken = {(one.source, one.role): one for one in inputs}
        self._last = max((one.order for one in inputs), default=None)
        self._above = _reached_from(tx, target_id)

    def find(self, new: NewReference) -> Reference | None:
        """The reference with the same source and role, where there is one. Raises NotFound."""
        source = self._tx.entity(new.source)
        return self._taken.get((source.id, new.role or default_role(source.kind, self.target.kind)))

    def add(self, new: NewReference) -> Reference:
        """Raises NotFound, Cycle, Conflict, Invalid."""
        tx, target = self._tx, self.target
        source = tx.entity(new.source)
        if source.id in self._above:
            raise Cycle(tx.would_cycle(source.id, target.id) or [source.id, target.id])
        role = _check_ends(tx, source, target, new.role)
        other = self._taken.get((source.id, role))
        if other is not None and other.id != new.id:
            raise Conflict(
                f"{target.name} uses {source.name} as {role} already (reference {other.id})"
            )
        order = _check_order(new.order or generate_key_between(self._last, None))
        reference = _reference(tx, source, target.id, new, role, order)
        tx.put_reference(reference)
        self._taken[source.id, role] = reference
        self._last = order if self._last is None else max(self._last, order)
        return reference


def _reached_from(tx: Transaction, entity_id: str) -> set[str]:
    """An entity and everything built on it: what it cannot use itself."""
    reached = {entity_id}
    waiting = [entity_id]
    while waiting:
        for reference in tx.outputs(waiting.pop()):
            if reference.target not in reached:
                reached.add(reference.target)
                waiting.append(reference.target)
    return reached


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
        here, goal = tx.pointer(reference), tx.goal(reference)
        if goal == here:
            continue
        looks = tx.contribution(reference, here).visual != tx.contribution(reference, goal).visual
        classes = ("visual" if looks else "metadata", "relationship")
        if decide(tx, classes, reference, goal, target).verdict == "update":
            tx.move_pointer(reference, goal)
            moved.append(reference.id)
    return moved


def relate(tx: Transaction, references: Iterable[Reference], how: str, message: str) -> list[Root]:
    """A relationship change of every target of these references: a version each, and a root to go
    on from.
    """
    by_target: dict[str, list[str]] = {}
    ends: set[str] = set()
    for reference in references:
        by_target.setdefault(reference.target, []).append(reference.id)
        ends.update((reference.source, reference.target))
    roots = [
        relate_target(tx, target_id, {how: ids}, message) for target_id, ids in by_target.items()
    ]
    if roots:
        tx.tell(
            {"type": "graph_changed", "entities": list(by_target), "timestamp": tx.at},
            frozenset(ends),
        )
    return roots


def relate_target(
    tx: Transaction, target_id: str, references: Mapping[str, list[str]], message: str
) -> Root:
    """A version of one target for its references that were added, changed or removed."""
    target = tx.entity(target_id)
    if tx.kind(target).category in ("scene", "sequence"):
        tx.recount(target_id)
    before = target.current.number
    change = Change(references=dict(references))
    version = tx.cut(target_id, change, cause="reference", message=message)
    return Root(target_id, before, version.number)
