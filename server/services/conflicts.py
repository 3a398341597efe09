"""Conflicts: what waits for a decision with both of its sides, and settling it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from protocol.errors import Conflict as Refused
from protocol.errors import Cycle, FieldError, Forbidden, Invalid, NotFound, RipplecutError
from server.domain.actors import Actor
from server.domain.conflicts import (
    CONFLICT_STATUSES,
    CONFLICT_TYPES,
    Choice,
    Conflict,
)
from server.domain.dependency_conflicts import refused, side
from server.domain.digests import checksum
from server.domain.entities import BuiltOn, Version, version_id
from server.domain.merging import value_of
from server.domain.runs import Run
from server.domain.transaction import Transaction
from server.ports import ConflictFilter
from server.propagation.conflicts import (
    NOT_GIVEN,
    Settled,
    settle_reference,
    settle_value,
    settled,
    wanted_value,
)
from server.propagation.links import NewReference, default_role
from server.propagation.project import ProjectOwner
from server.services.answers import PropagationResult, unchanged
from server.services.filters import one_of
from server.services.runs import WAIT, finish

__all__ = [
    "NOT_GIVEN",
    "ResolvedConflict",
    "conflict_page",
    "get_conflict",
    "keep_refused",
    "resolve_conflict",
]

CAUSE = "conflict"
_DEPENDENCIES = ("@references", "@approved", "@deleted")
_MAY_UNLOCK = ("approver", "owner", "")


@dataclass(frozen=True, slots=True)
class ResolvedConflict:
    """What a choice did: the conflict as it is now, and what followed."""

    conflict: Mapping[str, Any]
    propagation: PropagationResult

    def to_json(self) -> dict[str, Any]:
        return {**self.propagation.to_json(), "conflict": dict(self.conflict)}


# -- reading ---------------------------------------------------------------------------------------


async def conflict_page(
    owner: ProjectOwner,
    *,
    status: str | None = "open",
    entity_id: str | None = None,
    type_: str | None = None,
    run_id: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of conflicts, those that changed last first; ``open`` counts those of the project."""
    wanted = ConflictFilter(
        one_of("status", status, CONFLICT_STATUSES, "any"),
        entity_id,
        one_of("type", type_, CONFLICT_TYPES),
        run_id,
    )
    found, following = await owner.storage.conflicts(owner.project_id, wanted, limit, cursor)
    return {
        "items": [_shown(owner, one) for one in found],
        "open": len(owner.state.conflicts),
        "next_cursor": following,
    }


async def get_conflict(owner: ProjectOwner, conflict_id: str) -> dict[str, Any]:
    """One conflict. Raises NotFound."""
    return _shown(owner, await owner.storage.conflict(owner.project_id, conflict_id))


def _shown(owner: ProjectOwner, one: Conflict) -> dict[str, Any]:
    """A conflict as the API shows it: with names, and what stands there now."""
    state = owner.state
    entity = state.entities.get(one.entity_id) or state.deleted.get(one.entity_id)
    kind = state.kind(entity) if entity is not None else None
    spec = kind.field(one.field) if kind is not None else None
    return {
        **one.to_json(),
        "project_id": state.id,
        "entity_name": entity.name if entity is not None else one.entity_id,
        "entity_kind": entity.kind if entity is not None else "",
        "field_label": spec.label if spec is not None else one.field.removeprefix("@"),
        "field_type": spec.type if spec is not None else None,
        "current": _current(owner.look(), one),
    }


def _current(tx: Transaction, one: Conflict) -> Any:
    """What stands there now; ``None`` where nothing does."""
    if not tx.exists(one.entity_id) or one.field == "@deleted":
        return None
    entity = tx.entity(one.entity_id)
    if one.field == "@approved":
        return entity.approved_version
    if one.reference_id is None:
        return value_of(entity.current, one.field)
    try:
        reference = tx.reference(one.reference_id)
    except NotFound:
        return None
    return side(reference, tx.pointer(reference))


# -- deciding --------------------------------------------------------------------------------------


async def resolve_conflict(
    owner: ProjectOwner,
    conflict_id: str,
    choice: str,
    actor: Actor,
    value: Any = NOT_GIVEN,
    *,
    wait: float | None = WAIT,
) -> ResolvedConflict:
    """Settle a conflict: keep ours, take theirs, or set what has something of both (the ``value``
    that is given, else what was proposed). What changes is a version of its own, and
    propagates.

    Raises NotFound; Conflict where somebody has decided it already, or it became moot; Invalid for
    a choice that it does not offer and a value that does not fit; Forbidden where what is locked
    would be unlocked by somebody who may not.
    """
    known = await _find(owner, conflict_id)
    version = await _version(owner, known)
    await owner.survey([known.entity_id])
    async with owner.step(actor) as tx:
        one = await _find(owner, conflict_id)
        chosen = _check(tx, one, choice)
        wanted = wanted_value(one, chosen, value)
        number = _number(owner, one.entity_id)
        if one.field in _DEPENDENCIES:
            done = settle_reference(tx, one, chosen, version)
        else:
            done = await _settle_value(owner, tx, one, chosen, wanted)
        run = _run(owner, tx, one, done)
        one = tx.put_conflict(settled(tx, one, chosen, wanted))
        if tx.exists(one.entity_id):
            number = tx.current(one.entity_id).number
    result = unchanged(one.entity_id, number)
    if run is not None:
        result = await finish(owner, run, version_id(one.entity_id, number), wait)
    return ResolvedConflict(_shown(owner, one), result)


async def keep_refused(
    owner: ProjectOwner, target: str, new: NewReference, actor: Actor, error: RipplecutError
) -> None:
    """Keep a reference that somebody wanted and that was refused, for it would make a cycle, or its
    source was deleted meanwhile: once for each person and pair, however often it is tried. What
    never was there is no more than a mistake.
    """
    ends = (owner.state.entities.get(target), owner.state.deleted.get(new.source))
    if ends[0] is None or not (isinstance(error, Cycle) or ends[1]):
        return
    source = ends[1] or owner.state.entity(new.source)
    role = new.role or default_role(source.kind, ends[0].kind)
    policy = new.policy or ("pinned" if new.version is not None else "latest")
    number = new.version or source.current.number
    overrides = dict(new.overrides)
    wanted = BuiltOn("", source.id, role, policy, number, new.order or "", overrides).to_json()
    why = error.detail if isinstance(error, Cycle) else f"{source.name} was deleted"
    one = refused(target, wanted, why, actor.user)
    names = [owner.project_id, target, source.id, role, actor.user]
    one = replace(one, id=f"conf-{checksum(names)[:24]}")
    with suppress(NotFound):
        known = await owner.storage.conflict(owner.project_id, one.id)
        if known.automatic and (known.theirs, known.reason) == (one.theirs, one.reason):
            return
    async with owner.step(actor) as tx:
        if tx.exists(target):
            tx.put_conflict(replace(one, created_at=tx.at, resolved_at=tx.at))


async def _find(owner: ProjectOwner, conflict_id: str) -> Conflict:
    here = owner.state.conflicts.get(conflict_id)
    return here or await owner.storage.conflict(owner.project_id, conflict_id)


def _check(tx: Transaction, one: Conflict, choice: str) -> Choice:
    """The choice, where it can be made."""
    if one.status == "closed":
        raise Refused(f"This conflict is closed: {one.reason}")
    if one.status == "resolved" and not one.automatic:
        raise Refused(f"This conflict is resolved: {one.reason}")
    known = next((option for option in one.resolution_options if option == choice), None)
    if known is None:
        problem = "must be one of: " + ", ".join(one.resolution_options)
        raise Invalid("This cannot be chosen", [FieldError("choice", problem)])
    if known != "ours" and _locked(tx, one) and tx.author.role not in _MAY_UNLOCK:
        name = tx.name_of(one.entity_id)
        raise Forbidden(f"{name} is final: approvers decide what reaches it")
    return known


def _locked(tx: Transaction, one: Conflict) -> bool:
    if one.field not in _DEPENDENCIES or not tx.exists(one.entity_id):
        return False
    return tx.entity(one.entity_id).current.status == "final"


async def _settle_value(
    owner: ProjectOwner, tx: Transaction, one: Conflict, choice: Choice, value: Any
) -> Settled:
    if choice == "ours" and one.status == "open":
        return Settled()  # it is what it is to be
    if not tx.exists(one.entity_id):
        raise Refused(f"{tx.name_of(one.entity_id)} was deleted; restore it first")
    return settle_value(tx, one, choice, value, await owner.documents(one.entity_id))


def _run(owner: ProjectOwner, tx: Transaction, one: Conflict, done: Settled) -> Run | None:
    if done.proposal is not None:
        return owner.run_for(tx, [done.proposal], CAUSE, message=f"Conflict in {one.field}")
    if not done.roots:
        return None
    cause = "approval" if one.field == "@approved" else "relationship"
    return owner.begin_run(tx, done.roots, done.classes, cause)


async def _version(owner: ProjectOwner, one: Conflict) -> Version | None:
    """Bring the version that a side names to hand."""
    if one.entity_id not in owner.state.entities:
        return None
    if one.field == "@approved":
        return await owner.know(one.entity_id, one.theirs) if one.theirs else None
    for shown in (one.ours, one.theirs):
        if one.reference_id is not None and shown and shown["source"] in owner.state.entities:
            await owner.know(shown["source"], shown["version"])
    return None


def _number(owner: ProjectOwner, entity_id: str) -> int:
    found = owner.state.entities.get(entity_id) or owner.state.deleted.get(entity_id)
    return found.current.number if found is not None else 0
