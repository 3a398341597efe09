"""Changes: propagate, preview, publish, batch and roll back. The heart of the API, and of the
library.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from protocol.errors import FieldError, Invalid, NotFound
from server.domain.actors import Actor
from server.domain.entities import Version, version_id
from server.domain.ids import new_id
from server.domain.plan import Plan, phases_of, plan, scope_of
from server.domain.runs import Outcome, Phase, Run
from server.domain.transaction import Transaction
from server.propagation.edits import approve_version
from server.propagation.pipeline import (
    Edit,
    Proposal,
    change_from_data,
    propose,
    propose_rollback,
)
from server.propagation.project import ProjectOwner
from server.services.answers import (
    PropagationResult,
    RollbackResult,
    conflicted,
    result_of,
    unchanged,
)

__all__ = [
    "Impact",
    "apply_edits",
    "approve",
    "base_of",
    "calculate_change_impact",
    "finish",
    "propagate_asset_change",
    "propagate_batch",
    "publish",
    "rollback_impact",
    "rollback_to_version",
]

WAIT = 10.0
_SLICE = 50


class Impact(dict[str, Any]):
    """A plan that was not committed, as the contract shows it."""


async def finish(
    owner: ProjectOwner, run: Run, version: str, wait: float | None
) -> PropagationResult:
    """Wait for the end of a committed run, at most ``wait`` seconds (None: as long as it takes)."""
    await owner.engine.wait(run.id, wait)
    return result_of(run, version)


async def propagate_asset_change(
    owner: ProjectOwner,
    asset_id: str,
    change_data: Mapping[str, Any],
    actor: Actor,
    *,
    mode: Phase = "realtime",
    notify: bool = True,
    base_version: int | None = None,
    message: str = "",
    wait: float | None = WAIT,
) -> PropagationResult:
    """Change an asset, and everything that depends on it.

    Raises NotFound, Invalid (empty, a field that does not fit, a base version that does not exist).
    A stale ``base_version`` is merged three ways; what cannot be merged is answered as
    ``conflict``, nothing applied.
    """
    edit = await _edit_of(owner, asset_id, change_data, base_version, message)
    return await apply_edits(owner, [edit], actor, mode=mode, notify=notify, wait=wait)


async def apply_edits(
    owner: ProjectOwner,
    edits: Sequence[Edit],
    actor: Actor,
    *,
    cause: str = "api",
    mode: Phase = "realtime",
    notify: bool = True,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Make versions of several edits in one step, all or none, and one run over the union of
    dependents.
    """
    first = edits[0].entity_id
    await owner.survey(edit.entity_id for edit in edits)
    async with owner.step(actor) as tx:
        number = tx.entity(first).current.number
        proposals = [propose(tx, edit, await owner.documents(edit.entity_id)) for edit in edits]
        if any(one.conflicts for one in proposals):
            tx.discard()
            return conflicted(proposals, first, number)
        message = next((edit.message for edit in edits if edit.message), "")
        run = owner.run_for(tx, proposals, cause, message=message, mode=mode, notify=notify)
        current = tx.current(first).number
    if run is None:
        return unchanged(first, current)
    return await finish(owner, run, version_id(first, current), wait)


async def propagate_batch(
    owner: ProjectOwner,
    asset_changes: Sequence[tuple[str, Mapping[str, Any]]],
    actor: Actor,
    *,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Several changes, each dependent touched once. Raises NotFound or Invalid, naming it; then
    nothing was applied.
    """
    edits: list[Edit] = []
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, (asset_id, changes) in enumerate(asset_changes):
        if asset_id in seen:
            errors.append(FieldError(f"asset_changes.{index}.asset_id", "stands there twice"))
            continue
        seen.add(asset_id)
        try:
            edits.append(await _edit_of(owner, asset_id, changes, None, ""))
        except Invalid as error:
            path = f"asset_changes.{index}.changes"
            errors.extend(FieldError(path, one.message) for one in error.errors)
    if errors:
        raise Invalid("Some changes are not valid; nothing was applied", errors)
    return await apply_edits(owner, edits, actor, wait=wait)


async def publish(
    owner: ProjectOwner, asset_id: str, actor: Actor, message: str = "", wait: float | None = WAIT
) -> PropagationResult:
    """Make a version of all that the draft is ahead, and propagate it."""
    run = await owner.publish_draft(asset_id, actor, message)
    number = owner.state.entity(asset_id).current.number
    if run is None:
        return unchanged(asset_id, number)
    return await finish(owner, run, version_id(asset_id, number), wait)


async def rollback_to_version(
    owner: ProjectOwner,
    asset_id: str,
    version_number: int,
    actor: Actor,
    reason: str = "",
    wait: float | None = WAIT,
) -> RollbackResult:
    """Bring an entity back to how a version had it, as a new version. Raises NotFound."""
    target = await _rollback_target(owner, asset_id, version_number)
    await owner.survey([asset_id])
    async with owner.step(actor) as tx:
        documents = await owner.documents(asset_id)
        message = reason or f"Rolled back to v{version_number}"
        proposal = propose_rollback(tx, target, documents, message)
        number = tx.current(asset_id).number
        run = owner.run_for(tx, [proposal], "rollback", message=message)
        if run is not None:
            tx.tell(
                {
                    "type": "rollback_completed",
                    "asset_id": asset_id,
                    "restored_from": target.id,
                    "new_current_version": version_id(asset_id, number),
                    "run_id": run.id,
                    "author": actor.user,
                    "timestamp": tx.at,
                },
                frozenset({asset_id}),
            )
    current = version_id(asset_id, number)
    result = unchanged(asset_id, number)
    if run is not None:
        result = await finish(owner, run, current, wait)
    return RollbackResult(True, current, target.id, result)


async def calculate_change_impact(
    owner: ProjectOwner,
    asset_id: str,
    change_data: Mapping[str, Any],
    actor: Actor,
    *,
    mode: Phase = "realtime",
    base_version: int | None = None,
) -> Impact:
    """What a change would do: the very plan that ``propagate_asset_change`` would execute now."""
    edit = await _edit_of(owner, asset_id, change_data, base_version, "")
    documents = await owner.documents(asset_id)
    async with owner.preview(actor) as tx:
        return await _impact(owner, tx, propose(tx, edit, documents), mode)


async def rollback_impact(
    owner: ProjectOwner, asset_id: str, version_number: int, actor: Actor
) -> Impact:
    """What a rollback would do."""
    target = await _rollback_target(owner, asset_id, version_number)
    documents = await owner.documents(asset_id)
    async with owner.preview(actor) as tx:
        proposal = propose_rollback(tx, target, documents, "")
        return await _impact(owner, tx, proposal, "realtime")


async def approve(
    owner: ProjectOwner,
    asset_id: str,
    version_number: int,
    actor: Actor,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Move the pointer that ``approved`` references follow. Raises NotFound."""
    version = await owner.know(asset_id, version_number)
    await owner.survey([asset_id])
    async with owner.step(actor) as tx:
        roots = approve_version(tx, asset_id, version)
        if not roots:
            return unchanged(asset_id, version_number)
        run = owner.begin_run(tx, roots, ("visual", "metadata"), "approval")
    return await finish(owner, run, version.id, wait)


async def _edit_of(
    owner: ProjectOwner,
    asset_id: str,
    change_data: Mapping[str, Any],
    base_version: int | None,
    message: str,
) -> Edit:
    owner.state.entity(asset_id)
    fields, visual, name = change_from_data(change_data)
    base = await base_of(owner, asset_id, base_version)
    return Edit(asset_id, fields, visual, name=name, base=base, message=message)


async def base_of(owner: ProjectOwner, asset_id: str, base_version: int | None) -> Version | None:
    """The version that a change was made on, where one is named; raises Invalid for no version."""
    if base_version is None:
        return None
    current = owner.state.entity(asset_id).current.number
    if not 1 <= base_version <= current:
        problem = f"must be one of the versions up to {current}"
        raise Invalid(
            f"{asset_id} has no version {base_version} yet", [FieldError("base_version", problem)]
        )
    try:
        return await owner.version(asset_id, base_version)
    except NotFound:
        raise Invalid(
            f"{asset_id} has no version {base_version}",
            [FieldError("base_version", "must be one of its versions")],
        ) from None


async def _rollback_target(owner: ProjectOwner, asset_id: str, number: int) -> Version:
    """The version to go back to, with everything that its references name at hand."""
    owner.state.entity(asset_id)
    target = await owner.version(asset_id, number)
    for one in target.references:
        if one.source in owner.state.entities:
            await owner.know(one.source, one.version)
    return target


async def _impact(owner: ProjectOwner, tx: Transaction, proposal: Proposal, mode: Phase) -> Impact:
    """Reach every dependent on the thrown-away transaction, pausing now and then for others."""
    classes = tuple(sorted(proposal.classification.classes))
    roots = [proposal.root] if proposal.root else []
    run_id = new_id("plan")
    scope = scope_of(owner.state, run_id, roots, classes, "preview")
    phases = phases_of(owner.state, scope, owner.viewed(), mode)
    outcomes: list[Outcome] = []
    for outcome in plan(tx, scope, phases):
        outcomes.append(outcome)
        if len(outcomes) % _SLICE == 0:
            await asyncio.sleep(0)
    found = Plan(tuple(outcomes), phases)
    category, cost = owner.state.category, owner.engine.cost
    affected = [one.entity_id for one in outcomes if one.outcome != "unchanged"]
    shots = [id_ for id_ in affected if category(id_) == "shot"]
    sequences = [id_ for id_ in affected if category(id_) == "sequence"]
    rests_on = [proposal.entity_id, proposal.change.to_json(), [list(root) for root in roots]]
    return Impact(
        affected_shots=len(shots),
        affected_sequences=len(sequences),
        affected_entities=len(affected),
        shots=shots,
        sequences=sequences,
        phases=[{"phase": name, "entities": list(ids)} for name, ids in phases],
        outcomes=[
            {
                "entity_id": one.entity_id,
                "kind": one.kind,
                "outcome": one.outcome,
                "reason": one.reason,
            }
            for one in outcomes
        ],
        counts=found.counts,
        conflicts=[conflict.to_json() for conflict in proposal.conflicts],
        estimated_processing_time=round(cost.seconds_for(len(outcomes)), 4),
        memory_impact=cost.bytes_for(len(outcomes)),
        can_be_batch_processed=len(outcomes) > 100,
        classification=proposal.classification.to_json(),
        plan_hash=found.hash(rests_on),
    )
