"""Conflicts: keeping what people's work collided with, and what each choice does to settle one, as
functions on a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from protocol.errors import Conflict as Refused
from protocol.errors import FieldError, Invalid, NotFound
from server.domain.conflicts import REFERENCES, Choice, Clash, Conflict
from server.domain.entities import Reference, Version
from server.domain.merging import ConflictResolver
from server.domain.runs import Root
from server.domain.transaction import Transaction
from server.propagation.edits import approve_version, restore_entity
from server.propagation.links import NewReference, link, relate, relink, unlink
from server.propagation.pipeline import Documents, Edit, Proposal, propose

__all__ = [
    "NOT_GIVEN",
    "Settled",
    "record",
    "record_clashes",
    "settle_reference",
    "settle_value",
    "settled",
    "wanted_value",
    "without_published",
]

MAX_FIELD = 128
_RELATION = ("relationship",)
_resolver = ConflictResolver()
NOT_GIVEN: Any = object()
"""No value: null is one, and takes a field away."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a choice led to: where a run goes on from, and what sort of change that is."""

    roots: tuple[Root, ...] = ()
    classes: tuple[str, ...] = _RELATION
    proposal: Proposal | None = None


def without_published(clashes: Iterable[Clash], versions: Iterable[Version]) -> list[Clash]:
    """Those of clashes of which something would be lost: what was replaced by who saw it is not
    where one of the versions has it.
    """
    was = [version.fields for version in versions]
    return [
        one
        for one in clashes
        if not (one.seen and any(fields.get(one.field) == one.lost for fields in was))
    ]


def record_clashes(tx: Transaction, entity_id: str, clashes: Iterable[Clash]) -> None:
    """Keep what was set at once in a draft. Where nobody saw who set a side, the author of the
    current version did, if that has it.
    """
    current = tx.current(entity_id)
    for one in clashes:
        if not 0 < len(one.field) <= MAX_FIELD or one.field.startswith("@"):
            continue
        value = current.fields.get(one.field)
        kept_by = one.kept_by or (current.author if one.kept == value else "")
        lost_by = one.lost_by or (current.author if one.lost == value else "")
        if not kept_by or kept_by != lost_by:
            known = one._replace(kept_by=kept_by, lost_by=lost_by)
            tx.put_conflict(_resolver.simultaneous_edit.resolve(entity_id, known))


def record(
    tx: Transaction, proposals: Iterable[Proposal], run_id: str | None = None
) -> list[Conflict]:
    """Keep what changes collided with, and what was merged; answers what waits for somebody."""
    waiting: list[Conflict] = []
    for proposal in proposals:
        for one in proposal.settled:
            tx.put_conflict(replace(one, run_id=run_id))
        waiting += [tx.put_conflict(replace(one, run_id=run_id)) for one in proposal.conflicts]
    return waiting


def settled(tx: Transaction, one: Conflict, choice: Choice, value: Any) -> Conflict:
    """A conflict as it is once somebody has chosen; to be put on the step."""
    who = tx.author.user
    said = {"ours": "kept what was there", "theirs": "took what came", "merged": "merged both"}
    return replace(
        one,
        status="resolved",
        resolution=choice,
        merged=value if choice == "merged" else one.merged,
        resolved_by=who,
        resolved_at=tx.at,
        reason=f"{who} {said[choice]}",
    )


def wanted_value(one: Conflict, choice: Choice, value: Any) -> Any:
    """What a field is to be by a choice. Raises Invalid for a value with a side that has one, and
    for none where nothing is proposed.
    """
    given = value is not NOT_GIVEN
    if given and choice != "merged":
        problem = f"goes with the choice merged, not with {choice}"
        raise Invalid("The value is not needed", [FieldError("value", problem)])
    if choice == "merged":
        if not given and one.merged is None:
            problem = "must be given: nothing is proposed for both sides"
            raise Invalid("Merged to what?", [FieldError("value", problem)])
        return value if given else one.merged
    return one.theirs if choice == "theirs" else one.ours


def settle_value(
    tx: Transaction, one: Conflict, choice: Choice, value: Any, documents: Documents
) -> Settled:
    """Make a field what was chosen, as a version on top of the current one. Raises NotFound, and
    Invalid for a value that does not fit.
    """
    message = f"Conflict in {one.field.removeprefix('@')} settled: {choice}"
    edit = _edit(one.entity_id, one.field, value, message)
    try:
        proposal = propose(tx, edit, documents)
    except Invalid as error:
        problems = [FieldError("value", found.message) for found in error.errors]
        raise Invalid("The value does not fit", problems) from error
    roots = () if proposal.root is None else (proposal.root,)
    return Settled(roots, proposal.classification.classes, proposal)


def _edit(entity_id: str, field: str, value: Any, message: str) -> Edit:
    if field not in ("@name", "@status"):
        return Edit(entity_id, {field: value}, message=message)
    if not isinstance(value, str):
        raise Invalid("The value does not fit", [FieldError("value", "must be text")])
    if field == "@name":
        return Edit(entity_id, name=value, message=message)
    return Edit(entity_id, status=value, message=message)


def settle_reference(
    tx: Transaction, one: Conflict, choice: Choice, known: Version | None
) -> Settled:
    """Make what an entity is built on what was chosen; ``known`` is the approved version to go back
    to. Raises NotFound, Cycle, Conflict, Invalid.
    """
    if one.field == "@deleted":
        if choice == "ours" or tx.exists(one.entity_id):
            return Settled()
        return Settled(tuple(restore_entity(tx, one.entity_id)))
    if not tx.exists(one.entity_id):
        raise Refused(f"{tx.name_of(one.entity_id)} was deleted; restore it first")
    if one.field == "@approved":
        if choice == "ours" or known is None:
            return Settled()
        roots = approve_version(tx, one.entity_id, known)
        return Settled(tuple(roots), ("visual", "metadata"))
    if choice == "ours":
        return Settled(tuple(_keep(tx, one)))
    return Settled(tuple(_make(tx, one, one.theirs)))


def _keep(tx: Transaction, one: Conflict) -> Sequence[Root]:
    """Ours: what was locked is pinned to what it shows, for it was to move on; of anything else
    nothing moves, unless it was settled otherwise before.
    """
    here = _reference(tx, one)
    if one.status != "open":
        return _make(tx, one, one.ours)
    if here is None or not _moves_only(one) or _moves_back(one):
        return []
    return relink(tx, here, policy="pinned")[1]


def _moves_back(one: Conflict) -> bool:
    return bool(one.ours and one.theirs and one.theirs["version"] < one.ours["version"])


def _make(tx: Transaction, one: Conflict, wanted: Mapping[str, Any] | None) -> Sequence[Root]:
    """Have a reference be as one side has it."""
    here = _reference(tx, one)
    if wanted is None:
        return [] if here is None else unlink(tx, here)
    pin = wanted["version"] if wanted["policy"] == "pinned" else None
    if here is None:
        new = NewReference(
            wanted["source"],
            wanted["role"],
            wanted["policy"],
            pin,
            wanted["overrides"],
            wanted.get("order"),
            wanted["id"] or None,
        )
        return link(tx, one.entity_id, new)[1]
    if _moves_only(one):
        name = tx.name_of(here.source)
        tx.move_pointer(here, tx.version(here.source, wanted["version"]).number)
        return relate(tx, [here], "changed", f"follows {name} v{wanted['version']}")
    return relink(
        tx,
        here,
        policy=wanted["policy"],
        version=pin,
        overrides=wanted["overrides"],
        role=wanted["role"],
        order=wanted["order"],
    )[1]


def _reference(tx: Transaction, one: Conflict) -> Reference | None:
    try:
        return tx.reference(str(one.reference_id))
    except NotFound:
        return None


def _moves_only(one: Conflict) -> bool:
    """Whether the sides are one reference at two versions of its source."""
    ours, theirs = one.ours, one.theirs
    if one.field != REFERENCES or not ours or not theirs or theirs["policy"] == "pinned":
        return False
    return bool({**ours, "version": 0} == {**theirs, "version": 0})
