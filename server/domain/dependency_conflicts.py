"""Dependency conflicts: where what an entity is built on cannot be as it should be, and nothing but
a person can say what it shall be instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocol.errors import NotFound
from server.domain.changes import set_fields
from server.domain.conflicts import REFERENCES, Conflict
from server.domain.entities import Entity, Reference
from server.domain.reasons import Held, Move
from server.domain.scopes import Scope
from server.domain.transaction import Transaction

__all__ = [
    "bereft",
    "hold",
    "moot_reason",
    "orphaned",
    "orphans",
    "refused",
    "side",
]

Side = Mapping[str, Any]
_NAMED = 5
"""So many entities are named one by one."""


def side(reference: Reference, number: int) -> dict[str, Any]:
    """A reference as a conflict shows it, at a version of its source."""
    return reference.built_on(number).to_json()


def hold(tx: Transaction, scope: Scope, entity: Entity, held: Sequence[Held]) -> None:
    """Record a conflict for each reference of a locked entity that no rule decides about."""
    for reference, goal, decision in held:
        if decision.verdict != "undecided":
            continue
        source = tx.entity(reference.source)
        here = tx.pointer(reference)
        tx.put_conflict(
            Conflict(
                "dependency_conflict",
                "medium",
                entity.id,
                REFERENCES,
                side(reference, here),
                side(reference, goal),
                None,
                _people(tx, entity, reference.source),
                ("ours", "theirs"),
                ours_by=entity.current.author,
                theirs_by=tx.version(reference.source, goal).author,
                reason=(
                    f"{entity.name} is {entity.current.status} and shows {source.name} v{here}; "
                    f"no rule says whether v{goal} may reach it"
                ),
                run_id=scope.run_id or None,
            )
        )


def orphaned(tx: Transaction, reference: Reference, goal: int) -> Sequence[str]:
    """The overrides of a reference that would lose what they stand against, at another version of
    its source.
    """
    if not reference.overrides:
        return ()
    then = tx.version(reference.source, tx.pointer(reference)).fields
    now = tx.version(reference.source, goal).fields
    return sorted(
        name for name in reference.overrides if then.get(name) is not None and now.get(name) is None
    )


def orphans(tx: Transaction, scope: Scope, entity: Entity, moves: Sequence[Move]) -> str:
    """Record a conflict for each reference whose overrides lose what they stood against as it moves
    on, and say so; empty where none does. They survive until somebody decides.
    """
    said: list[str] = []
    for reference, goal in moves:
        lost = orphaned(tx, reference, goal)
        if not lost:
            continue
        now = tx.version(reference.source, goal)
        source = tx.entity(reference.source)
        said.append(_nothing_left(lost, f"{source.name} v{goal}"))
        kept = side(reference, goal)
        left = set_fields(reference.overrides, dict.fromkeys(lost))
        tx.put_conflict(
            Conflict(
                "dependency_conflict",
                "medium",
                entity.id,
                REFERENCES,
                kept,
                {**kept, "overrides": left},
                None,
                _people(tx, entity, reference.source),
                ("ours", "theirs"),
                ours_by=entity.current.author,
                theirs_by=now.author,
                reason=said[-1],
                run_id=scope.run_id or None,
            )
        )
    return "; ".join(said)


def bereft(tx: Transaction, entity: Entity, uses: Sequence[Reference]) -> None:
    """Record a conflict where somebody deletes what final or pinned entities use: these lose what
    was to stay as it is.
    """
    held = [
        one
        for one in uses
        if one.policy == "pinned" or tx.entity(one.target).current.status == "final"
    ]
    if not held:
        return
    targets = [tx.entity(id_) for id_ in dict.fromkeys(one.target for one in held)]
    names = [one.name for one in targets[:_NAMED]]
    more = f" and {len(targets) - _NAMED} more" if len(targets) > _NAMED else ""
    authors = {one.current.author for one in targets} | {entity.current.author, tx.author.user}
    tx.put_conflict(
        Conflict(
            "dependency_conflict",
            "high",
            entity.id,
            "@deleted",
            None,
            entity.current.id,
            None,
            tuple(sorted(one for one in authors if one)),
            ("ours", "theirs"),
            ours_by=tx.author.user,
            theirs_by=entity.current.author,
            reason=f"{', '.join(names)}{more} used it, pinned or final",
        )
    )


def refused(target: str, wanted: Side, why: str, user: str) -> Conflict:
    """The record of a reference that somebody wanted and that could not be: nothing was changed,
    and what they wanted is kept, so that it can be had later, where it is possible by then.
    """
    return Conflict(
        "dependency_conflict",
        "low",
        target,
        REFERENCES,
        None,
        dict(wanted),
        None,
        (user,) if user else (),
        ("ours", "theirs"),
        theirs_by=user,
        reason=f"refused: {why}",
        status="resolved",
        resolution="ours",
    )


def moot_reason(tx: Transaction, one: Conflict) -> str | None:
    """Why an open conflict about a reference has nothing left to ask; ``None`` where it has."""
    if not tx.exists(one.entity_id):
        return f"{tx.name_of(one.entity_id)} was deleted"
    id_, ours, theirs = one.reference_id, one.ours, one.theirs
    try:
        reference = tx.reference(str(id_))
    except NotFound:
        if theirs is None:
            return "the reference is gone"
        return None if ours is None else f"it no longer uses {tx.name_of(str(theirs['source']))}"
    now = side(reference, tx.pointer(reference))
    if now == theirs:
        return "it is so by now"
    if ours is None or theirs is None:
        return None
    name = tx.name_of(reference.source)
    if ours["overrides"] != theirs["overrides"]:
        settled = now["overrides"] == theirs["overrides"]
        return "the override was taken away" if settled else None
    if ours["version"] != theirs["version"] and ours["policy"] == theirs["policy"]:
        if now["policy"] == "pinned" != ours["policy"]:
            by = f" by {reference.pinned_by}" if reference.pinned_by else ""
            return f"it was pinned to {name} v{now['version']}{by}"
        if now["version"] != ours["version"]:
            return f"it shows {name} v{now['version']} now"
    return None


def _nothing_left(names: Sequence[str], version: str) -> str:
    if len(names) == 1:
        return f"its override of {names[0]} has nothing to override in {version}"
    return f"its overrides of {', '.join(names)} have nothing to override in {version}"


def _people(tx: Transaction, entity: Entity, source: str) -> tuple[str, ...]:
    people = {entity.current.author, tx.current(source).author, tx.author.user}
    return tuple(sorted(one for one in people if one))
