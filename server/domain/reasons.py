"""Reasons: why a dependent has the outcome that it has, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from server.domain.entities import Entity, Reference
from server.domain.rules import Decision, Verdict
from server.domain.runs import OutcomeName
from server.domain.scopes import Scope
from server.domain.transaction import Transaction

__all__ = [
    "UP_TO_DATE",
    "Behind",
    "Held",
    "Move",
    "explain",
    "explain_orphans",
    "explain_revision",
    "roots_in_words",
]

Move = tuple[Reference, int]
"""A reference, and the version of its source that it is behind."""

Held = tuple[Reference, int, Decision]
"""A reference, the version that it is behind, and the decision that holds it back."""

_SEVEREST: tuple[Verdict | Literal["undecided"], ...] = (
    "block",
    "undecided",
    "require_approval",
    "pin",
    "mark_stale",
    "notify",
)


class Behind(NamedTuple):
    """What of an entity is behind its sources: references that move, that a rule holds back
    (with its decision), that are pinned, and that wait for an approved version.
    """

    moves: tuple[Move, ...]
    held: tuple[Held, ...]
    pins: tuple[Move, ...]
    waiting: tuple[Move, ...]

    def key(self, tx: Transaction) -> Any:
        """Equal for dependents that have the same reason."""
        if not (self.held or self.pins or self.waiting):
            return tuple([(one.source, to) for one, to in self.moves])
        pins = tuple((one.source, tx.pointer(one), one.pinned_by, to) for one, to in self.pins)
        return (
            tuple((one.source, to) for one, to in self.moves),
            tuple((one.source, to, by.verdict, by.name, by.rejected) for one, to, by in self.held),
            pins,
            tuple((one.source, to) for one, to in self.waiting),
        )


UP_TO_DATE = Behind((), (), (), ())


def explain(
    tx: Transaction, scope: Scope, entity: Entity, behind: Behind, *, differs: bool
) -> tuple[OutcomeName, str]:
    """The outcome's name, and its reason in words that a coordinator would use.

    Thousands of dependents share a handful of reasons, so each is composed once a run.
    """
    key: Any = None  # where nothing is behind, it does not matter what it would have reached
    if differs or behind is not UP_TO_DATE:
        key = (entity.kind, entity.status, behind.key(tx), differs)
    known = scope.reasons.get(key)
    if known is None:
        known = scope.reasons[key] = _explain(tx, scope, entity, behind, differs)
    return known


def explain_orphans(name: OutcomeName, reason: str, orphans: str) -> tuple[OutcomeName, str]:
    """The outcome of a dependent some of whose overrides have nothing left to override: a conflict,
    unless what a rule holds back asks for somebody; either way with both reasons.
    """
    if name in ("awaiting_approval", "blocked"):
        return name, f"{reason}; {orphans}"
    return "conflict", f"{orphans}; {reason}"


def explain_revision(
    name: OutcomeName, reason: str, revision: str, moved: bool
) -> tuple[OutcomeName, str]:
    """The outcome of a shot whose scene was revised: stale, unless what a rule holds back asks
    for somebody; either way with both reasons.
    """
    if name in ("awaiting_approval", "blocked", "conflict"):
        return name, f"{reason}; {revision}"
    return "stale", f"{revision}; {reason}" if moved or name == "pinned" else revision


def _explain(
    tx: Transaction, scope: Scope, entity: Entity, behind: Behind, differs: bool
) -> tuple[OutcomeName, str]:
    moves, held, pins, waiting = behind
    followed = f"follows {_names(tx, moves)}{_because(tx, scope, moves)}" if moves else ""
    if held:
        name, reason = _held(tx, entity, held)
        return name, f"{reason}; {followed}" if followed else reason
    if moves:
        return "updated", f"{followed}; {_pinned(tx, pins)}" if pins else followed
    if differs:
        return "updated", f"what it holds changed because of {roots_in_words(tx, scope)}"
    if pins:
        return "pinned", _pinned(tx, pins)
    if waiting:
        reference, number = waiting[0]
        source = tx.entity(reference.source)
        has = f"v{source.approved_version}" if source.approved_version else "none yet"
        return (
            "unchanged",
            f"follows the approved version of {source.name} ({has}); v{number} is not approved",
        )
    return "unchanged", f"looks the same after {roots_in_words(tx, scope)}"


def _held(tx: Transaction, entity: Entity, held: Sequence[Held]) -> tuple[OutcomeName, str]:
    """The severest decision among those that hold references back, and what it holds."""
    asking = [one for one in held if not one[2].rejected]
    refused = _refused(tx, [one for one in held if one[2].rejected])
    if not asking:
        return "stale", refused
    name, reason = _held_by_rules(tx, entity, asking)
    return name, f"{reason}; {refused}" if refused else reason


def _refused(tx: Transaction, held: Sequence[Held]) -> str:
    said = [
        f"{_names(tx, [(one, to)])} was rejected by {by.rejected}; "
        f"v{tx.pointer(one)} stays until there is a newer version"
        for one, to, by in held
    ]
    return "; ".join(said)


def _held_by_rules(
    tx: Transaction, entity: Entity, held: Sequence[Held]
) -> tuple[OutcomeName, str]:
    verdict = min((by.verdict for _, _, by in held), key=_SEVEREST.index)
    those = [(one, to) for one, to, by in held if by.verdict == verdict]
    what = _names(tx, those)
    rule = next(by.name for _, _, by in held if by.verdict == verdict)
    because = f" (rule “{rule}”)" if rule else ""
    match verdict:
        case "block":
            return "blocked", f"{what} must not reach this {entity.kind}{because}"
        case "require_approval":
            this = f"this {entity.kind}, which is {entity.status}"
            return "awaiting_approval", f"{what} waits for approval to reach {this}{because}"
        case "undecided":
            this = f"this {entity.kind}, which is {entity.status}"
            return "conflict", f"no rule says whether {what} may reach {this}"
        case "pin":
            return "pinned", f"a rule pinned it as it was before {what}{because}"
        case "mark_stale":
            return "stale", f"does not show {what} yet; a rule leaves that to somebody{because}"
        case _:
            return "notified", f"does not show {what}; a rule only tells that it is there{because}"


def _pinned(tx: Transaction, pins: Sequence[Move]) -> str:
    """The first pin in words, and how many more there are."""
    reference, number = pins[0]
    source = tx.entity(reference.source)
    by = f" by {reference.pinned_by}" if reference.pinned_by else ""
    more = f", and {len(pins) - 1} more" if len(pins) > 1 else ""
    here = tx.pointer(reference)
    return f"pinned to {source.name} v{here}{by}; v{number} does not reach it{more}"


def _names(tx: Transaction, moves: Sequence[Move]) -> str:
    return " and ".join(f"{tx.entity(one.source).name} v{number}" for one, number in moves)


def roots_in_words(tx: Transaction, scope: Scope) -> str:
    """The names and versions of what a run starts from, at most three of them."""
    names = [f"{tx.name_of(root.asset_id)} v{root.to_version}" for root in scope.roots[:3]]
    more = len(scope.roots) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _because(tx: Transaction, scope: Scope, moves: Sequence[Move]) -> str:
    """Names the roots where what moved is not itself one of them."""
    roots = {root.asset_id for root in scope.roots}
    if all(reference.source in roots for reference, _ in moves):
        return ""
    return f", because of {roots_in_words(tx, scope)}"
