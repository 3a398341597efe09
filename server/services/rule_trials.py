"""Rule trials: which rule decides for a change and a target, why, and what other rules would do
instead, with a change that is meant or with one that was made.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.errors import NotFound
from server.domain.actors import Actor
from server.domain.entities import Version
from server.domain.rule_trial import Tried, decision_json, question_json, travels, trials
from server.domain.rules import Question, RulesEngine
from server.domain.runs import Root, Run
from server.domain.transaction import Transaction
from server.propagation.pipeline import Edit, change_from_data, propose
from server.propagation.project import ProjectOwner

__all__ = ["Wanted", "roots_of_version", "try_change", "try_past", "try_question"]

_SLICE = 200
NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a trial is to tell: other rules to compare with, one target or all of them, and at most
    how many.
    """

    candidate: RulesEngine | None = None
    target: str | None = None
    limit: int = 100


def try_question(owner: ProjectOwner, question: Question, wanted: Wanted) -> dict[str, Any]:
    """What is decided for one question, whatever stands behind it."""
    rules, candidate = owner.state.rules, wanted.candidate
    now = decision_json(rules, question)
    then = None if candidate is None else decision_json(candidate, question)
    differs = then is not None and then["verdict"] != now["verdict"]
    item = {
        "target": None,
        "source": None,
        "reference": None,
        "question": question_json(question),
        "now": now,
        "candidate": then,
        "differs": differs,
        "outcome": None,
    }
    counts = {"now": {now["verdict"]: 1}, "candidate": then and {then["verdict"]: 1}}
    decided = {
        "now": {now["rule"]["id"]: 1} if now["rule"] else {},
        "candidate": then and ({then["rule"]["id"]: 1} if then["rule"] else {}),
    }
    return _answer([item], 1, int(differs), counts, decided)


async def try_change(
    owner: ProjectOwner, asset_id: str, data: Mapping[str, Any], wanted: Wanted, actor: Actor
) -> dict[str, Any]:
    """What rules say to a change that is not made. Raises NotFound, Invalid."""
    owner.state.entity(asset_id)
    fields, visual, name = change_from_data(data)
    documents = await owner.documents(asset_id)
    async with owner.preview(actor) as tx:
        proposal = propose(tx, Edit(asset_id, fields, visual, name=name), documents)
        roots = [proposal.root] if proposal.root else []
        return await _trial(owner, tx, roots, wanted, {})


async def try_past(
    owner: ProjectOwner, roots: Sequence[Root], run: Run | None, wanted: Wanted, actor: Actor
) -> dict[str, Any]:
    """What rules say to a change that was made, if it came to what is there today; where it is that
    of a run, with what the run did.
    """
    here = [root for root in roots if root.asset_id in owner.state.entities]
    versions = [
        await owner.version(root.asset_id, number)
        for root in here
        for number in {root.from_version or root.to_version, root.to_version}
    ]
    done = {} if run is None else await _outcomes(owner, run)
    async with owner.preview(actor) as tx:
        for version in versions:
            tx.know_version(version)
        return await _trial(owner, tx, here, wanted, done)


async def roots_of_version(owner: ProjectOwner, version_id: str) -> tuple[Root, ...]:
    """What a version, named ``{asset_id}_v{n}``, was a change of. Raises NotFound."""
    entity_id, _, number = version_id.rpartition("_v")
    if not (number.isascii() and number.isdecimal() and 0 < len(number) < 10):
        raise NotFound(f"There is no version {version_id!r}")
    version: Version = await owner.version(entity_id, int(number))
    return (Root(entity_id, version.previous or version.number, version.number),)


async def _outcomes(owner: ProjectOwner, run: Run) -> dict[str, str]:
    """What a run did to each of its dependents."""
    found: dict[str, str] = {}
    cursor: str | None = None
    while True:
        page, cursor = await owner.storage.outcomes(run.id, 500, cursor)
        found.update((one.entity_id, one.outcome) for one, _ in page)
        if cursor is None:
            return found


Key = tuple[str, str]
"""The id of a target, and that of the reference over which a change comes to it."""

Pair = tuple[Tried | None, Tried | None]
"""What happens at a reference by the project's rules, and by the candidate's."""

Known = dict[tuple[RulesEngine, Question], dict[str, Any]]
"""What was told already: thousands of references ask the same."""


async def _trial(
    owner: ProjectOwner,
    tx: Transaction,
    roots: Sequence[Root],
    wanted: Wanted,
    done: Mapping[str, str],
) -> dict[str, Any]:
    """Ask both sets of rules; where they differ is told first."""
    candidate = wanted.candidate
    now = await _tried(owner, tx, roots, tx.rules)
    then = now if candidate is None else await _tried(owner, tx, roots, candidate)
    if wanted.target is not None:
        owner.state.entity(wanted.target)
    counts: dict[str, Counter[str]] = {"now": Counter(), "candidate": Counter()}
    decided: dict[str, Counter[str]] = {"now": Counter(), "candidate": Counter()}
    differing: list[Pair] = []
    alike: list[Pair] = []
    for position, key in enumerate({**now, **then}):
        if position % _SLICE == 0:
            await asyncio.sleep(0)
        if wanted.target not in (None, key[0]):
            continue
        one, other = now.get(key), then.get(key)
        verdicts = _verdict(one), _verdict(other)
        counts["now"][verdicts[0]] += 1
        counts["candidate"][verdicts[1]] += 1
        decided["now"].update(_rule_of(one))
        decided["candidate"].update(_rule_of(other))
        (alike if verdicts[0] == verdicts[1] else differing).append((one, other))
    items: list[dict[str, Any]] = []
    known: Known = {}
    for one, other in [*differing, *alike][: wanted.limit]:
        items.append(_item(tx, candidate, one, other, done, known))
        await asyncio.sleep(0)
    told, by_rule = (
        {**of, "candidate": None if candidate is None else of["candidate"]}
        for of in (counts, decided)
    )
    return _answer(items, len(differing) + len(alike), len(differing), told, by_rule)


async def _tried(
    owner: ProjectOwner, tx: Transaction, roots: Sequence[Root], rules: RulesEngine
) -> dict[Key, Tried]:
    """Every reference that a change comes to, pausing now and then for others."""
    come = {root.asset_id: travels(tx, root) for root in roots}
    found: dict[Key, Tried] = {}
    for one in trials(tx, come, owner.state.graph.affected(come), rules):
        found[one.target.id, one.reference.id] = one
        if len(found) % _SLICE == 0:
            await asyncio.sleep(0)
    return found


def _verdict(one: Tried | None) -> str:
    """What happens at a reference: a verdict, or the policy that leaves no question."""
    if one is None:
        return NOT_REACHED
    return one.reference.policy if one.decision is None else one.decision.verdict


def _rule_of(one: Tried | None) -> tuple[str, ...]:
    """The rule that decides at a reference, where one does."""
    rule = one.decision.rule if one and one.decision else None
    return (rule.id,) if rule else ()


def _item(
    tx: Transaction,
    candidate: RulesEngine | None,
    one: Tried | None,
    other: Tried | None,
    done: Mapping[str, str],
    known: Known,
) -> dict[str, Any]:
    tried = next(tried for tried in (one, other) if tried is not None)
    target, source = tried.target, tx.entity(tried.reference.source)
    question = next((try_.question for try_ in (one, other) if try_ and try_.question), None)
    return {
        "target": {
            "id": target.id,
            "name": target.name,
            "kind": target.kind,
            "status": target.status,
        },
        "source": {"id": source.id, "name": source.name, "kind": source.kind},
        "reference": tried.reference.id,
        "question": question and question_json(question),
        "now": _decided(tx.rules, one, known),
        "candidate": None if candidate is None else _decided(candidate, other, known),
        "differs": _verdict(one) != _verdict(other),
        "outcome": done.get(target.id),
    }


def _decided(rules: RulesEngine, one: Tried | None, known: Known) -> dict[str, Any]:
    if one is not None and one.question is not None:
        key = rules, one.question
        if key not in known:
            known[key] = decision_json(*key)
        return known[key]
    if one is None:
        why = "what it would come through does not follow"
    elif one.reference.policy == "pinned":
        why = f"pinned to v{one.reference.version}: no rule is asked"
    else:
        why = "follows the approved version: no rule is asked before that moves"
    return {"verdict": _verdict(one), "rule": None, "why": why, "passed_over": []}


def _answer(
    items: list[dict[str, Any]],
    total: int,
    changed: int,
    counts: Mapping[str, Any],
    decided: Mapping[str, Any],
) -> dict[str, Any]:
    """``verdict``, ``rule`` and ``why`` stand for themselves where there is one question only."""
    only = items[0]["candidate"] or items[0]["now"] if total == 1 else None
    return {
        "verdict": only and only["verdict"],
        "rule": only and only["rule"],
        "why": only["why"] if only else "" if total else "nothing is reached by this change",
        "items": items,
        "total": total,
        "changed": changed,
        "counts": counts,
        "decided": decided,
    }
