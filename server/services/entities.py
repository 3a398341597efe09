"""Entities and references: create, change, delete, restore, link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from protocol.errors import Cycle, FieldError, Invalid, NotFound
from server.domain.actors import Actor
from server.domain.entities import Policy, version_id
from server.domain.resolve import entity_json
from server.domain.runs import Root
from server.domain.transaction import Transaction
from server.propagation import edits, links
from server.propagation.edits import NewEntity
from server.propagation.linking import Linking
from server.propagation.links import NewReference
from server.propagation.pipeline import Edit
from server.propagation.project import ProjectOwner
from server.services.answers import PropagationResult, unchanged
from server.services.changes import apply_edits, base_of, changed_since
from server.services.conflicts import keep_refused
from server.services.runs import WAIT, finish

__all__ = [
    "Linked",
    "create_entities",
    "create_entity",
    "delete_entity",
    "link",
    "link_many",
    "patch_entity",
    "relink",
    "restore_entity",
    "set_statuses",
    "unlink",
]


class Linked(NamedTuple):
    """References as the API shows them: those that were made, and those that were there already."""

    made: list[dict[str, Any]]
    unchanged: list[dict[str, Any]]


async def create_entity(owner: ProjectOwner, new: NewEntity, actor: Actor) -> dict[str, Any]:
    """Create one entity; answers it as the API shows it. Raises Invalid, Conflict, NotFound,
    Cycle.
    """
    return (await create_entities(owner, [new], actor))[0]


async def create_entities(
    owner: ProjectOwner, news: Sequence[NewEntity], actor: Actor
) -> list[dict[str, Any]]:
    """Create several entities in one step, all or none."""
    await know_pins(owner, [one for new in news for one in new.references])
    async with owner.step(actor) as tx:
        created = [edits.create_entity(tx, new) for new in news]
        return [entity_json(tx, tx.entity(entity.id)) for entity in created]


async def patch_entity(
    owner: ProjectOwner,
    entity_id: str,
    actor: Actor,
    *,
    name: str | None = None,
    status: str | None = None,
    fields: Mapping[str, Any] | None = None,
    base_version: int | None = None,
    message: str = "",
    wait: float | None = WAIT,
) -> PropagationResult:
    """Change an entity's name, status or fields: a version, propagated."""
    owner.state.entity(entity_id)
    base = await base_of(owner, entity_id, base_version)
    since = await changed_since(owner, base)
    edit = Edit(
        entity_id,
        fields or {},
        name=name,
        status=status,
        base=base,
        since=since,
        message=message,
    )
    return await apply_edits(owner, [edit], actor, wait=wait)


async def set_statuses(
    owner: ProjectOwner,
    entity_ids: Sequence[str],
    status: str,
    actor: Actor,
    wait: float | None = WAIT,
) -> PropagationResult:
    """Give many entities a status: one step, one run, all or none.

    Raises Invalid, naming every entry that is wrong.
    """
    errors: list[FieldError] = []
    seen: set[str] = set()
    for number, entity_id in enumerate(entity_ids):
        if entity_id not in owner.state.entities:
            said = f"there is no {entity_id!r} in this project"
            errors.append(FieldError(f"ids.{number}", said))
        elif entity_id in seen:
            errors.append(FieldError(f"ids.{number}", "stands there twice"))
        seen.add(entity_id)
    if errors:
        raise Invalid("Some entries are not valid; nothing was changed", errors)
    edits = [Edit(entity_id, {}, status=status) for entity_id in entity_ids]
    return await apply_edits(owner, edits, actor, wait=wait)


async def delete_entity(
    owner: ProjectOwner, entity_id: str, actor: Actor, *, force: bool, wait: float | None = WAIT
) -> PropagationResult:
    """Delete an entity. Raises NotFound, and InUse naming the users unless forced."""
    number = owner.state.entity(entity_id).current.number
    return await _relate(
        owner,
        actor,
        entity_id,
        number,
        lambda tx: edits.delete_entity(tx, entity_id, force),
        "deletion",
        wait,
    )


async def restore_entity(
    owner: ProjectOwner, entity_id: str, actor: Actor, wait: float | None = WAIT
) -> PropagationResult:
    """Bring a deleted entity back, with its references. Raises NotFound."""
    buried = owner.state.deleted.get(entity_id)
    number = buried.current.number if buried else 0
    return await _relate(
        owner,
        actor,
        entity_id,
        number,
        lambda tx: edits.restore_entity(tx, entity_id),
        "restore",
        wait,
    )


async def link(
    owner: ProjectOwner, target: str, new: NewReference, actor: Actor, wait: float | None = WAIT
) -> tuple[dict[str, Any], PropagationResult]:
    """Make a reference; answers it and what followed. Raises NotFound, Cycle, Conflict, Invalid."""
    number = owner.state.entity(target).current.number
    made: list[dict[str, Any]] = []

    def build(tx: Transaction) -> list[Root]:
        reference, roots = links.link(tx, target, new)
        made.append(reference.to_json())
        return roots

    try:
        owner.state.entity(new.source)
        await know_pins(owner, [new])
        result = await _relate(owner, actor, target, number, build, "relationship", wait)
    except (Cycle, NotFound) as error:
        await keep_refused(owner, target, new, actor, error)
        raise
    return made[0], result


async def link_many(
    owner: ProjectOwner,
    add: Sequence[tuple[str, NewReference]],
    remove: Sequence[str],
    actor: Actor,
    wait: float | None = WAIT,
) -> tuple[Linked, PropagationResult]:
    """Make references of targets and take others away: one step, one run, all or nothing.

    Raises Invalid naming every bad entry, and Cycle.
    """
    if not add and not remove:
        problem = FieldError("body", "must name at least one of: add, remove")
        raise Invalid("The change is empty", [problem])
    await know_pins(owner, [new for _, new in add])
    async with owner.step(actor) as tx:
        linking = Linking(tx)
        roots = await linking.make(add, remove)
        run = owner.begin_run(tx, roots, ("relationship",), "relationship") if roots else None
        linked = Linked(
            [one.to_json() for one in linking.made], [one.to_json() for one in linking.unchanged]
        )
        first = roots[0].asset_id if roots else add[0][0]
        number = tx.current(first).number
    if run is None:
        return linked, unchanged(first, number)
    return linked, await finish(owner, run, version_id(first, number), wait)


async def relink(
    owner: ProjectOwner,
    reference_id: str,
    actor: Actor,
    *,
    policy: Policy | None = None,
    version: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    role: str | None = None,
    order: str | None = None,
    wait: float | None = WAIT,
) -> tuple[dict[str, Any], PropagationResult]:
    """Change a reference; answers it and what followed. Raises NotFound, Invalid."""
    reference = owner.look().reference(reference_id)
    if version is not None:
        await know_pins(owner, [NewReference(reference.source, version=version)])
    number = owner.state.entity(reference.target).current.number
    made: list[dict[str, Any]] = []

    def build(tx: Transaction) -> list[Root]:
        changed, roots = links.relink(
            tx,
            tx.reference(reference_id),
            policy=policy,
            version=version,
            overrides=overrides,
            role=role,
            order=order,
        )
        made.append(changed.to_json())
        return roots

    result = await _relate(owner, actor, reference.target, number, build, "relationship", wait)
    return made[0], result


async def unlink(
    owner: ProjectOwner, reference_id: str, actor: Actor, wait: float | None = WAIT
) -> PropagationResult:
    """Take a reference away. Raises NotFound."""
    reference = owner.look().reference(reference_id)
    number = owner.state.entity(reference.target).current.number
    return await _relate(
        owner,
        actor,
        reference.target,
        number,
        lambda tx: links.unlink(tx, tx.reference(reference_id)),
        "relationship",
        wait,
    )


async def know_pins(owner: ProjectOwner, references: Sequence[NewReference]) -> None:
    """Bring the versions that pins name to hand; what does not exist is said by the edit itself."""
    for one in references:
        if one.version is not None:
            try:
                await owner.know(one.source, one.version)
            except NotFound:
                continue


async def _relate(
    owner: ProjectOwner,
    actor: Actor,
    entity_id: str,
    number: int,
    build: Callable[[Transaction], list[Root]],
    cause: str,
    wait: float | None,
) -> PropagationResult:
    """A step that changes relationships, and the run that follows from its roots."""
    async with owner.step(actor) as tx:
        roots = build(tx)
        run = owner.begin_run(tx, roots, ("relationship",), cause) if roots else None
    if run is None:
        return unchanged(entity_id, number)
    standing = next((one for one in run.roots if one.asset_id == entity_id), None)
    version = version_id(entity_id, standing.to_version if standing else number)
    return await finish(owner, run, version, wait)
