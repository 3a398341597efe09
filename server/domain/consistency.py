"""Consistency: what is kept of an entity, against what follows from its versions and references.

Versions are immutable and checksummed; all else that is kept can be worked out from them and from
the references. Where the two differ, something was damaged, or Ripplecut has made a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.errors import NotFound
from server.domain.digests import (
    NO_MEMBERS,
    add_members,
    combine,
    inputs_digest,
    member_share,
    own_digests,
)
from server.domain.entities import Digests, Entity, Reference, Version
from server.domain.project import CONTAINERS, ProjectState
from server.domain.transaction import Transaction
from server.domain.versions import VersionManager

__all__ = ["containers_last", "problems", "put_right"]

_manager = VersionManager()


def problems(tx: Transaction, entity: Entity, *, settled: bool = True) -> Iterator[str]:
    """What is wrong with an entity, in words; nothing for one that is as it should be.

    Unless the project is ``settled``, the hashes of scenes and sequences are not looked at: they
    follow at the end of a run.
    """
    holds = tx.kind(entity).category in CONTAINERS
    for damaged in _damaged(tx, entity):
        yield f"version {damaged.id} was damaged"
    for reference, number in _strayed(tx, entity):
        source, here = tx.name_of(reference.source), tx.pointer(reference)
        yield (
            f"reference {reference.id} points to v{here} of {source}, and {entity.current.id} "
            f"was built on v{number}"
        )
    members = _members(tx, entity.id) if holds else NO_MEMBERS
    if holds and members != tx.members(entity.id):
        yield "the sum over what stands in it is not that of what stands in it"
    if holds and not settled:
        return
    if _digests(tx, entity, members) != tx.digests(entity.id):
        yield "its hashes are not those of what it resolves to"


def put_right(tx: Transaction, entity: Entity, *, settled: bool = True) -> list[str]:
    """Make an entity consistent again; answers what was wrong, and what was done.

    A reference of an asset goes back to the version that the asset was built on. Of any other it
    goes back to the one version that the kept hash fits, where there is one. Else the hashes become
    those of what is there: then the entity shows that, and is stale where policy asks for more.
    What rests on a damaged version stays as it is: only a backup has that version.
    """
    found = list(problems(tx, entity, settled=settled))
    if not found:
        return []
    if any(_damaged(tx, entity)):
        return [*found, "it was left as it is: a backup has the damaged version"]
    done: list[str] = []
    for reference, number in _strayed(tx, entity):
        tx.move_pointer(reference, number)
        done.append(f"reference {reference.id} points to v{number} again")
    holds = tx.kind(entity).category in CONTAINERS
    if holds:
        tx.recount(entity.id)
    elif not done and (fitting := _fitting(tx, entity)) is not None:
        reference, number = fitting
        tx.move_pointer(reference, number)
        done.append(f"reference {reference.id} points to v{number} again, as its hash says")
    if tx.differs(entity.id):
        done.append("its hashes were worked out anew")
    elif holds:
        done.append("what stands in it was summed up anew")
    return [*found, *done]


def containers_last(state: ProjectState) -> list[Entity]:
    """Scenes after their shots, sequences after their scenes: each is a sum over what is below."""
    rest: list[Entity] = []
    scenes: list[Entity] = []
    sequences: list[Entity] = []
    lists = {"scene": scenes, "sequence": sequences}
    for entity in state.entities.values():
        lists.get(state.category(entity.id), rest).append(entity)
    return [*rest, *scenes, *sequences]


def _damaged(tx: Transaction, entity: Entity) -> Iterator[Version]:
    """Its version, and those that its references point to, where they are not what they were."""
    versions = [entity.current]
    versions += [
        tx.version(one.source, tx.pointer(one))
        for one in tx.inputs(entity.id)
        if not tx.is_member(one)
    ]
    for version in versions:
        kind = tx.kind(tx.entity(version.entity_id))
        # What shows of a field may have been declared later: that facet alone is taken as it is.
        own = own_digests(kind, version.name, version.fields, version.visual_fields)
        if (
            own.all != version.own_digests.all
            or combine(version.own_digests, version.built_on_digests) != version.digests
            or not _manager.is_intact(version)
        ):
            yield version


def _members(tx: Transaction, container_id: str) -> tuple[int, int]:
    total = NO_MEMBERS
    for one in tx.inputs(container_id):
        if tx.is_member(one):
            total = add_members(total, member_share(one.source, one.order, tx.digests(one.source)))
    return total


def _digests(tx: Transaction, entity: Entity, members: tuple[int, int]) -> Digests:
    return combine(entity.current.own_digests, tx.input_digests(entity.id), members)


def _strayed(tx: Transaction, entity: Entity) -> list[tuple[Reference, int]]:
    """The references of an asset that do not point to what its version was built on: they never
    move without a new version.
    """
    if tx.kind(entity).category != "asset":
        return []
    built_on = {one.reference_id: one.version for one in entity.current.references}
    return [
        (one, built_on[one.id])
        for one in tx.inputs(entity.id)
        if one.id in built_on and built_on[one.id] != tx.pointer(one)
    ]


def _fitting(tx: Transaction, entity: Entity) -> tuple[Reference, int] | None:
    """The one reference that, pointing to another version at hand, makes the kept hashes right."""
    inputs = [one for one in tx.inputs(entity.id) if not tx.is_member(one)]
    found: list[tuple[Reference, int]] = []
    for moved in inputs:
        for number in range(1, tx.entity(moved.source).last_number + 1):
            if number == tx.pointer(moved):
                continue
            try:
                parts = inputs_digest(
                    (
                        one.role,
                        one.source,
                        tx.contribution(one, number if one is moved else tx.pointer(one)),
                    )
                    for one in inputs
                )
            except NotFound:  # a version that nobody uses
                continue
            if combine(entity.current.own_digests, parts) == tx.digests(entity.id):
                found.append((moved, number))
    return found[0] if len({one.id for one, _ in found}) == 1 else None
