"""Story: why an entity looks as it does now. What it is built on, at which version and why that
one, what it is behind and what holds it there, and what runs did to it lately.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.errors import NotFound
from server.domain.asking import question_of
from server.domain.commit import AuditEntry
from server.domain.depicting import current_picture
from server.domain.entities import Entity, Reference, Version
from server.domain.rule_trial import decision_json
from server.domain.runs import Outcome, Run
from server.domain.transaction import Transaction
from server.ports import AuditFilter
from server.propagation.project import ProjectOwner

__all__ = ["story"]

MOST_REFERENCES = 200
_ENTRIES = 200
_APPROVALS = 50
_LOOKED_UP = 30
"""So many sources' approvals are looked up at most."""

Reached = tuple[Outcome, str, str]
"""An outcome, its time and its run."""


@dataclass(slots=True)
class _Known:
    """What was read of an entity's past."""

    reached: Sequence[Reached]
    runs: Mapping[str, Run]
    roots: dict[tuple[str, int], Version] = field(default_factory=dict)
    linked: dict[str, AuditEntry] = field(default_factory=dict)
    approved: dict[tuple[str, int], AuditEntry] = field(default_factory=dict)


async def story(owner: ProjectOwner, entity_id: str, limit: int) -> dict[str, Any]:
    """Why an entity looks as it does, with at most ``limit`` outcomes. Raises NotFound."""
    owner.state.entity(entity_id)
    known = await _read(owner, entity_id, limit)
    tx = owner.look()
    entity = owner.state.entity(entity_id)
    inputs = sorted(tx.inputs(entity_id), key=lambda one: (one.order, one.id))
    references = [one for one in inputs if not tx.is_member(one)]
    picture = current_picture(tx, entity)
    return {
        "entity": {
            "id": entity.id,
            "kind": entity.kind,
            "name": entity.name,
            "status": entity.status,
        },
        "version": _change_json(tx, entity.current),
        "references": [_reference(tx, entity, one, known) for one in references[:MOST_REFERENCES]],
        "more_references": max(0, len(references) - MOST_REFERENCES),
        "members": len(inputs) - len(references),
        "picture": picture
        and {"stale": picture["stale"], "stale_reasons": picture["stale_reasons"]},
        "outcomes": [_outcome(tx, one, known.runs) for one in known.reached[:limit]],
    }


# -- what is stored --------------------------------------------------------------------------------


async def _read(owner: ProjectOwner, entity_id: str, limit: int) -> _Known:
    storage, project_id = owner.storage, owner.project_id
    reached = await storage.outcomes_of(project_id, entity_id, max(limit, 50))
    ids = dict.fromkeys(run_id for _, _, run_id in reached)
    runs = {id_: owner.engine.known(id_) or await storage.run(id_) for id_ in ids}
    known = _Known(reached, runs)
    references = list(owner.state.inputs(entity_id).values())
    for reference in references[:MOST_REFERENCES]:
        run = _moved_by(owner.look(), reference, known)
        for root in run[1].roots[:1] if run else ():
            await _know_root(owner, known, root.asset_id, root.to_version)
    entries, _ = await storage.audit(project_id, AuditFilter(entity_id), _ENTRIES, None)
    for entry in reversed(entries):
        if entry.action.startswith("reference_"):
            detail = entry.detail.get("after") or entry.detail
            known.linked[str(detail.get("id"))] = entry
    approved = {one.source for one in references if one.policy == "approved"}
    for source in sorted(approved)[:_LOOKED_UP]:
        entries, _ = await storage.audit(project_id, AuditFilter(source), _APPROVALS, None)
        for entry in reversed(entries):
            if entry.action == "version_approved":
                known.approved[source, int(entry.detail["version"])] = entry
    return known


async def _know_root(owner: ProjectOwner, known: _Known, asset_id: str, number: int) -> None:
    if (asset_id, number) in known.roots:
        return
    try:
        known.roots[asset_id, number] = await owner.version(asset_id, number)
    except NotFound:  # nothing of it is left to be told
        return


def _moved_by(tx: Transaction, reference: Reference, known: _Known) -> tuple[str, Run] | None:
    """When, and by which run, a reference came to the version that it shows."""
    if tx.is_member(reference):
        return None
    number = tx.pointer(reference)
    version = tx.version(reference.source, number)
    for outcome, at, run_id in known.reached:
        run = known.runs[run_id]
        here = (version.entity_id, number) in {(one[0], one[2]) for one in run.roots}
        if outcome.outcome != "unchanged" and (here or version.run_id == run_id):
            return at, run
    return None


# -- as it is told ---------------------------------------------------------------------------------


def _reference(
    tx: Transaction, entity: Entity, reference: Reference, known: _Known
) -> dict[str, Any]:
    source, number = tx.entity(reference.source), tx.pointer(reference)
    shown = tx.version(reference.source, number)
    moved, linked = _moved_by(tx, reference, known), known.linked.get(reference.id)
    change = shown
    if moved is not None and moved[1].roots:
        root = moved[1].roots[0]
        direct = any(one.asset_id == source.id for one in moved[1].roots)
        change = shown if direct else known.roots.get((root.asset_id, root.to_version), shown)
    said = _change_json(tx, change)
    since: dict[str, Any] | None = None
    if moved is not None and not (linked and reference.policy == "pinned"):
        at, run = moved
        since = {"at": at, "by": run.author, "how": "run", "run_id": run.id}
    elif linked is not None:
        how = linked.action.removeprefix("reference_")
        since = {"at": linked.at, "by": linked.actor, "how": how, "run_id": linked.run_id}
    return {
        "id": reference.id,
        "source": source.id,
        "name": source.name,
        "kind": source.kind,
        "role": reference.role,
        "policy": reference.policy,
        "version": number,
        "latest_version": source.current.number,
        "why": _why(tx, reference, known, moved is not None, said),
        "since": since,
        "change": said,
        "behind": _behind(tx, entity, reference),
        "overrides": [
            {"field": name, "value": value, "instead_of": shown.fields.get(name)}
            for name, value in sorted(reference.overrides.items())
        ],
    }


def _why(
    tx: Transaction, reference: Reference, known: _Known, moved: bool, change: Mapping[str, Any]
) -> str:
    """Why it is this version that is shown, in words."""
    number = tx.pointer(reference)
    if reference.policy == "pinned":
        by = f" by {reference.pinned_by}" if reference.pinned_by else ""
        return f"pinned to v{number}{by}"
    if reference.policy == "approved":
        source = tx.entity(reference.source)
        if source.approved_version is None:
            return f"follows the approved version; none is approved yet, so it stays at v{number}"
        approval = known.approved.get((reference.source, number))
        by = f", which {approval.actor} approved" if approval else ""
        return f"follows the approved version{by}"
    if not moved:
        return "follows the latest version"
    return f"follows the latest version: {_because(change)}"


def _because(change: Mapping[str, Any]) -> str:
    fields = [name.removeprefix("@") for name in change["changes"]]
    more = len(fields) - 3
    named = ", ".join(fields[:3]) + (f" and {more} more" if more > 0 else "")
    what = f"changed {named} of {change['name']}" if named else f"made {change['name']}"
    message = f" (“{change['message']}”)" if change["message"] else ""
    return f"{change['author']} {what}{message}"


def _behind(tx: Transaction, entity: Entity, reference: Reference) -> dict[str, Any] | None:
    """What of its source a reference does not show, and what holds it back."""
    source, here = tx.entity(reference.source), tx.pointer(reference)
    goal = source.current.number
    if goal == here:
        return None
    shown, newest = tx.contribution(reference, here), tx.contribution(reference, goal)
    if shown == newest:
        return None
    told: dict[str, Any] = {"version": goal, "verdict": None, "rule": None}
    if reference.policy == "pinned":
        return told | {"why": f"v{goal} does not reach it"}
    if reference.policy == "approved" and source.approved_version in (None, here):
        return told | {"why": f"v{goal} is not approved"}
    looks = "visual" if shown.visual != newest.visual else "metadata"
    question = question_of(tx, (looks,), reference, goal, entity, whole=True)
    decision = decision_json(tx.rules, question)
    rule = decision["rule"]
    by = f"the rule “{rule['name']}” ({decision['why']})" if rule else "a rule"
    words = {
        "require_approval": f"v{goal} waits for approval: {by}",
        "block": f"v{goal} must not reach it: {by}",
        "mark_stale": f"v{goal} only marks it as stale: {by}",
        "notify": f"v{goal} is only told about: {by}",
        "undecided": f"v{goal} waits for a decision: {decision['why']}",
        "pin": f"v{goal} makes it stay where it is: {by}",
    }
    why = words.get(decision["verdict"], f"no run has brought v{goal} to it yet")
    rejected = tx.rejected(reference, goal)
    if rejected is not None and decision["verdict"] == "require_approval":
        why = f"v{goal} was rejected by {rejected.answer()}"
    return told | {"verdict": decision["verdict"], "rule": rule, "why": why}


def _change_json(tx: Transaction, version: Version) -> dict[str, Any]:
    return {
        "id": version.id,
        "entity_id": version.entity_id,
        "name": tx.name_of(version.entity_id),
        "number": version.number,
        "author": version.author,
        "timestamp": version.timestamp,
        "message": version.message,
        "cause": version.cause,
        "run_id": version.run_id,
        "changes": [] if version.cause == "created" else list(version.changes),
    }


def _outcome(tx: Transaction, reached: Reached, runs: Mapping[str, Run]) -> dict[str, Any]:
    outcome, at, run_id = reached
    run = runs[run_id]
    return {
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "source": outcome.source,
        "source_name": tx.name_of(outcome.source),
        "source_version": outcome.source_version,
        "at": at,
        "run_id": run_id,
        "author": run.author,
        "cause": run.cause,
        "message": run.message,
    }
