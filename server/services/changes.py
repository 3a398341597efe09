"""Changes: propagate, preview, publish, batch and roll back. The heart of the API, and of the
library.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from protocol.errors import FieldError, Invalid, NotFound
from server.domain.actors import Actor
from server.domain.entities import Version, version_id
from server.domain.runs import Phase
from server.domain.transaction import Transaction
from server.propagation.conflicts import record
from server.propagation.edits import approve_version
from server.propagation.engine import APPROVAL
from server.propagation.pipeline import Edit, Proposal, change_from_data, propose
from server.propagation.project import ProjectOwner
from server.propagation.publishing import propose_draft
from server.propagation.rollback import propose_rollback
from server.services.answers import (
    PropagationResult,
    RollbackResult,
    conflicted,
    unchanged,
)
from server.services.plans import Build, Impact, check_plan, preview
from server.services.runs import WAIT, finish

__all__ = [
    "apply_edits",
    "approve",
    "base_of",
    "batch_impact",
    "calculate_change_impact",
    "changed_since",
    "propagate_asset_change",
    "propagate_batch",
    "publish",
    "publish_impact",
    "rollback_impact",
    "rollback_to_version",
]


_LOOKED_BACK = 100
"""So many versions are looked through for who changed what."""


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
    plan_hash: str | None = None,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Change an asset, and everything that depends on it.

    Raises NotFound, Invalid (empty, a field that does not fit, a base version that does not exist),
    StalePlan where it would not do what the plan ``plan_hash`` said. A stale ``base_version`` is
    merged three ways; what cannot be merged waits in the conflicts, and the answer is ``conflict``.
    """
    edit = await _edit_of(owner, asset_id, change_data, base_version, message)
    return await apply_edits(
        owner, [edit], actor, mode=mode, notify=notify, plan_hash=plan_hash, wait=wait
    )


async def apply_edits(
    owner: ProjectOwner,
    edits: Sequence[Edit],
    actor: Actor,
    *,
    cause: str = "api",
    mode: Phase = "realtime",
    notify: bool = True,
    plan_hash: str | None = None,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Make versions of several edits in one step, all or none, and one run over the union of
    dependents.
    """
    first = edits[0].entity_id
    build = _of_edits(owner, edits)
    await owner.foresee(edit.entity_id for edit in edits)
    async with owner.step(actor) as tx:
        await check_plan(owner, tx, build, plan_hash)
        proposals = await build(tx)
        message = next((edit.message for edit in edits if edit.message), "")
        run = owner.run_for(tx, proposals, cause, message=message, mode=mode, notify=notify)
        waiting = record(tx, proposals, run.id if run is not None else None)
        current = tx.current(first).number
    if run is None:
        result = unchanged(first, current)
    else:
        result = await finish(owner, run, version_id(first, current), wait)
    return conflicted(result, waiting) if waiting else result


def _of_edits(owner: ProjectOwner, edits: Sequence[Edit]) -> Build:
    async def build(tx: Transaction) -> Sequence[Proposal]:
        return [propose(tx, edit, await owner.documents(edit.entity_id)) for edit in edits]

    return build


async def propagate_batch(
    owner: ProjectOwner,
    asset_changes: Sequence[tuple[str, Mapping[str, Any]]],
    actor: Actor,
    *,
    plan_hash: str | None = None,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Several changes, each dependent touched once. Raises NotFound or Invalid, naming it, or
    StalePlan; then nothing was applied.
    """
    edits = await _edits_of(owner, asset_changes)
    return await apply_edits(owner, edits, actor, plan_hash=plan_hash, wait=wait)


async def batch_impact(
    owner: ProjectOwner, asset_changes: Sequence[tuple[str, Mapping[str, Any]]], actor: Actor
) -> Impact:
    """What a batch would do. Raises as ``propagate_batch``."""
    return await preview(owner, actor, _of_edits(owner, await _edits_of(owner, asset_changes)))


async def _edits_of(
    owner: ProjectOwner, asset_changes: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[Edit]:
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
    return edits


async def publish(
    owner: ProjectOwner,
    asset_id: str,
    actor: Actor,
    message: str = "",
    plan_hash: str | None = None,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Make a version of all that the draft is ahead, and propagate it. Raises StalePlan, and
    Invalid naming what did not fit and was not published.
    """
    build, errors = _of_draft(owner, asset_id, message)
    async with owner.step(actor) as tx:
        await check_plan(owner, tx, build, plan_hash)
        run = owner.run_for(tx, await build(tx), "edit", message=message)
        number = tx.current(asset_id).number
    if errors:
        raise Invalid("Some fields are not valid and were not published", errors)
    if run is None:
        return unchanged(asset_id, number)
    return await finish(owner, run, version_id(asset_id, number), wait)


async def publish_impact(owner: ProjectOwner, asset_id: str, actor: Actor) -> Impact:
    """What publishing a draft would do. Raises Invalid where a field of it does not fit."""
    build, errors = _of_draft(owner, asset_id, "")
    found = await preview(owner, actor, build)
    if errors:
        raise Invalid("Some fields are not valid and would not be published", errors)
    return found


def _of_draft(owner: ProjectOwner, asset_id: str, message: str) -> tuple[Build, list[FieldError]]:
    """How a draft is published, and what of it does not fit, once it was tried."""
    errors: list[FieldError] = []

    async def build(tx: Transaction) -> Sequence[Proposal]:
        state = await owner.draft_state(asset_id)
        proposal, errors[:] = propose_draft(tx, asset_id, state, message)
        return [proposal]

    return build, errors


async def rollback_to_version(
    owner: ProjectOwner,
    asset_id: str,
    version_number: int,
    actor: Actor,
    reason: str = "",
    *,
    fields: Collection[str] | None = None,
    plan_hash: str | None = None,
    wait: float | None = WAIT,
) -> RollbackResult:
    """Bring an entity back to how a version had it, as a new version; with ``fields`` no more of
    it than these (``@name``, ``@status`` and ``@references`` too). Raises NotFound, StalePlan, and
    Invalid for a field that there is not.
    """
    target = await _rollback_target(owner, asset_id, version_number)
    _check_fields(owner, target, fields)
    what = "" if fields is None else ", ".join(name.removeprefix("@") for name in fields)
    message = reason or f"Rolled back {what} to v{version_number}".replace("  ", " ")
    build = _of_rollback(owner, target, message, fields)
    await owner.foresee([asset_id])
    async with owner.step(actor) as tx:
        await check_plan(owner, tx, build, plan_hash)
        proposals = await build(tx)
        number = tx.current(asset_id).number
        run = owner.run_for(tx, proposals, "rollback", message=message)
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


def _of_rollback(
    owner: ProjectOwner, target: Version, message: str, fields: Collection[str] | None
) -> Build:
    async def build(tx: Transaction) -> Sequence[Proposal]:
        documents = await owner.documents(target.entity_id)
        return [propose_rollback(tx, target, documents, message, fields)]

    return build


def _check_fields(owner: ProjectOwner, target: Version, fields: Collection[str] | None) -> None:
    """Raises Invalid naming each field that is neither in the version nor in what there is now."""
    entity = owner.state.entity(target.entity_id)
    known = {"@name", "@status", "@references", *target.fields, *entity.current.fields}
    known.update(spec.name for spec in owner.state.kind(entity).fields)
    errors = [
        FieldError(f"fields.{number}", f"{entity.name} has no {name!r}, now or in {target.id}")
        for number, name in enumerate(fields or ())
        if name not in known
    ]
    if errors:
        raise Invalid("Some fields are not there; nothing was rolled back", errors)


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
    return await preview(owner, actor, _of_edits(owner, [edit]), mode)


async def rollback_impact(
    owner: ProjectOwner,
    asset_id: str,
    version_number: int,
    actor: Actor,
    fields: Collection[str] | None = None,
) -> Impact:
    """What a rollback would do. Raises as ``rollback_to_version``."""
    target = await _rollback_target(owner, asset_id, version_number)
    _check_fields(owner, target, fields)
    return await preview(owner, actor, _of_rollback(owner, target, "", fields))


async def approve(
    owner: ProjectOwner,
    asset_id: str,
    version_number: int,
    actor: Actor,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Move the pointer that ``approved`` references follow. Raises NotFound."""
    version = await owner.know(asset_id, version_number)
    await owner.foresee([asset_id])
    async with owner.step(actor) as tx:
        roots = approve_version(tx, asset_id, version)
        if not roots:
            return unchanged(asset_id, version_number)
        run = owner.begin_run(tx, roots, ("visual", "metadata"), APPROVAL)
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
    since = await changed_since(owner, base)
    return Edit(asset_id, fields, visual, name=name, base=base, since=since, message=message)


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


async def changed_since(owner: ProjectOwner, base: Version | None) -> dict[str, str]:
    """Who set each field last after a version: of the newest changes, if there are very many."""
    found: dict[str, str] = {}
    if base is None:
        return found
    version = owner.state.entity(base.entity_id).current
    for _ in range(_LOOKED_BACK):
        if version.number <= base.number:
            break
        for name in version.changes:
            found.setdefault(name, version.author)
        if version.previous is None:
            break
        version = await owner.storage.version(owner.project_id, base.entity_id, version.previous)
    return found


async def _rollback_target(owner: ProjectOwner, asset_id: str, number: int) -> Version:
    """The version to go back to, with everything that its references name at hand."""
    owner.state.entity(asset_id)
    target = await owner.version(asset_id, number)
    for one in target.references:
        if one.source in owner.state.entities:
            await owner.know(one.source, one.version)
    return target
