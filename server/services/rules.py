"""Rules: read, added, changed, ordered, taken away; every change of one is in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from protocol.errors import Conflict, FieldError, Invalid, NotFound
from server.domain.actors import Actor
from server.domain.checks import check_all
from server.domain.ids import check_id, slug
from server.domain.rule_reader import check_rule
from server.domain.rules import Rule, check_size
from server.domain.transaction import Transaction
from server.propagation.project import ProjectOwner

__all__ = [
    "add_rule",
    "audit_rules",
    "list_rules",
    "put_rule",
    "put_rules",
    "read_rule",
    "read_rules",
    "remove_rule",
    "with_rule",
]


_UNNAMED = "rule"
"""Stands for the id while the rest is looked at."""


def list_rules(owner: ProjectOwner) -> list[dict[str, Any]]:
    """The rules in the order in which they are asked, each with its position."""
    return [_json(rule, at) for at, rule in enumerate(owner.state.rules.rules)]


async def add_rule(
    owner: ProjectOwner, data: Mapping[str, Any], position: int | None, actor: Actor
) -> dict[str, Any]:
    """Add a rule; without a position it is asked first, for at the end what follows everything
    would leave it nothing. Raises Invalid, and Conflict where the id is taken.
    """
    async with owner.step(actor) as tx:
        before = tx.rules.rules
        rule = read_rule(data, before)
        if any(one.id == rule.id for one in before):
            raise Conflict(f"There is a rule {rule.id!r} already")
        after = with_rule(before, rule, position)
        _put(tx, after)
        return _json(rule, after.index(rule))


async def put_rule(
    owner: ProjectOwner, rule_id: str, data: Mapping[str, Any], position: int | None, actor: Actor
) -> dict[str, Any]:
    """Replace a rule; what is left out is empty. With a position it moves there. Raises NotFound,
    Invalid.
    """
    async with owner.step(actor) as tx:
        before = tx.rules.rules
        _find(before, rule_id)
        if data.get("id") not in (None, rule_id):
            raise Invalid("The id of a rule stays", [FieldError("id", f"must be {rule_id!r}")])
        rule = read_rule({**data, "id": rule_id}, before)
        after = with_rule(before, rule, position)
        _put(tx, after)
        return _json(rule, after.index(rule))


async def remove_rule(owner: ProjectOwner, rule_id: str, actor: Actor) -> dict[str, Any]:
    """Take a rule away; answers what it was. Raises NotFound."""
    async with owner.step(actor) as tx:
        before = tx.rules.rules
        at = _find(before, rule_id)
        _put(tx, before[:at] + before[at + 1 :])
        return _json(before[at], at)


async def put_rules(
    owner: ProjectOwner, items: Sequence[Mapping[str, Any]], actor: Actor
) -> list[dict[str, Any]]:
    """Replace the whole list, in its order. Raises Invalid naming every bad key of every rule."""
    async with owner.step(actor) as tx:
        _put(tx, read_rules(items))
    return list_rules(owner)


# -- reading ---------------------------------------------------------------------------------------


def read_rules(items: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """A whole list; raises Invalid naming every bad key of every rule."""
    found: list[Rule] = []
    errors: list[FieldError] = []
    for index, item in enumerate(items):
        try:
            rule = read_rule(item, found)
        except Invalid as error:
            errors.extend(FieldError(f"rules.{index}.{e.field}", e.message) for e in error.errors)
            continue
        if any(one.id == rule.id for one in found):
            errors.append(FieldError(f"rules.{index}.id", "stands there twice"))
        found.append(rule)
    if errors:
        raise Invalid("The rules are not valid; nothing was changed", errors)
    return tuple(found)


def read_rule(data: Mapping[str, Any], others: Sequence[Rule]) -> Rule:
    """A rule as it was sent; without an id one is made of its name. Raises Invalid."""
    given = {key: value for key, value in data.items() if value is not None or key == "verdict"}
    id_, _ = check_all(lambda: _id_of(given, others), lambda: check_rule({**given, "id": _UNNAMED}))
    return Rule.from_json({**given, "id": id_})


def _id_of(given: Mapping[str, Any], others: Sequence[Rule]) -> str:
    if "id" in given:
        return check_id(given["id"])
    if isinstance(given.get("name"), str) and given["name"].strip():
        return _free_id(slug(given["name"]), {one.id for one in others})
    raise Invalid("The rule needs a name", [FieldError("name", "must be there, or an id")])


def _free_id(base: str, taken: set[str]) -> str:
    tries = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (base, *tries) if one not in taken)


def with_rule(rules: Sequence[Rule], rule: Rule, position: int | None) -> tuple[Rule, ...]:
    """A list with a rule in it: in the place of the one with its id, or moved to a position; a new
    one stands first.
    """
    here = next((at for at, one in enumerate(rules) if one.id == rule.id), 0)
    rest = [one for one in rules if one.id != rule.id]
    at = here if position is None else min(position, len(rest))
    return (*rest[:at], rule, *rest[at:])


def _find(rules: Sequence[Rule], rule_id: str) -> int:
    for at, rule in enumerate(rules):
        if rule.id == rule_id:
            return at
    raise NotFound(f"There is no rule {rule_id!r} in this project")


def _json(rule: Rule, position: int) -> dict[str, Any]:
    return {**rule.to_json(), "position": position}


# -- changing --------------------------------------------------------------------------------------


def _put(tx: Transaction, after: Sequence[Rule]) -> None:
    """Make a list the project's rules, with an entry for each that differs; the same list again
    changes nothing.
    """
    before = tx.rules.rules
    if tuple(after) == before:
        return
    check_size(after)
    tx.put_project(replace(tx.state.record, rules=[rule.to_json() for rule in after]))
    changed = audit_rules(tx, before, after)
    tx.tell({"type": "rules_changed", "rules": changed, "timestamp": tx.at}, None)


def audit_rules(tx: Transaction, before: Sequence[Rule], after: Sequence[Rule]) -> list[str]:
    """An entry for each rule that differs, and one for the order; answers the ids of the former."""
    old = {rule.id: rule for rule in before}
    new = {rule.id: rule for rule in after}
    for id_, rule in old.items():
        if id_ not in new:
            tx.audit("rule_deleted", {"rule": id_, "before": rule.to_json(), "after": None})
    for id_, rule in new.items():
        was = old.get(id_)
        if was is None:
            tx.audit("rule_created", {"rule": id_, "before": None, "after": rule.to_json()})
        elif was != rule:
            change = {"rule": id_, "before": was.to_json(), "after": rule.to_json()}
            tx.audit("rule_changed", change)
    stayed = [id_ for id_ in old if id_ in new]
    if stayed != [id_ for id_ in new if id_ in old]:
        tx.audit("rules_ordered", {"before": list(old), "after": list(new)})
    return [id_ for id_ in {**old, **new} if old.get(id_) != new.get(id_)]
