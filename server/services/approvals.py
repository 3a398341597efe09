"""Approvals: what waits for a yes or a no, as it was and as it would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocol.errors import NotFound
from server.domain.approvals import STATUSES, Approval, ApprovalStatus, plan_hash_of
from server.domain.entities import Entity, version_id
from server.domain.resolve import resolve
from server.domain.transaction import Transaction
from server.domain.versions import VersionManager
from server.ports import ApprovalFilter
from server.propagation.pacing import Pacer
from server.propagation.project import ProjectOwner
from server.services.filters import one_of

__all__ = ["approval_page", "get_approval", "know"]

_manager = VersionManager()


async def approval_page(
    owner: ProjectOwner,
    *,
    status: str | None = "open",
    source: str | None = None,
    target: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of approvals, those of one change together, what changed last first.

    ``groups`` are the changes that the items are about, each with the number of all that wait
    because of it and the hash of these together; ``open`` counts those of the project.
    """
    wanted = ApprovalFilter(one_of("status", status, STATUSES, "any"), source, target)
    found, following = await owner.storage.approvals(owner.project_id, wanted, limit, cursor)
    shown = _Shown(owner)
    items = [item for one in found if (item := await shown.item(one, wanted.status)) is not None]
    runs = dict.fromkeys(item["run_id"] for item in items)
    groups = [await _group(owner, run_id) for run_id in runs]
    return {
        "items": items,
        "groups": groups,
        "open": len(owner.state.approvals),
        "next_cursor": following,
    }


async def get_approval(owner: ProjectOwner, approval_id: str) -> dict[str, Any]:
    """One approval; while it is open with its target whole, as it looks before and after. Raises
    NotFound.
    """
    one = await owner.storage.approval(owner.project_id, approval_id)
    item = await _Shown(owner).item(one, None)
    if item is None:
        raise NotFound(f"There is no approval {approval_id!r} in this project")
    here = owner.state.approvals.get(approval_id)
    looks: list[dict[str, Any] | None] = [None, None]
    if here is not None:
        entity = owner.state.entity(here.target)
        looks = [resolve(tx, entity) for tx in (owner.look(), _moved(owner, here))]
    item["before"]["resolved"], item["after"]["resolved"] = looks
    return item


class _Shown:
    """Approvals as the API shows them; what they share is read once."""

    def __init__(self, owner: ProjectOwner) -> None:
        self._owner = owner
        self._diffs: dict[tuple[str, int, int], Mapping[str, Any]] = {}
        self._pacer = Pacer()

    async def item(self, one: Approval, status: ApprovalStatus | None) -> dict[str, Any] | None:
        """``None`` where it is no longer what was asked for."""
        await self._pacer.pause()
        if one.status == "open":
            await know(self._owner, [one])
        differs = await self._diff(one)
        return self._json(one, differs, status)

    def _json(
        self, one: Approval, differs: Mapping[str, Any], status: ApprovalStatus | None
    ) -> dict[str, Any] | None:
        state = self._owner.state
        here = state.approvals.get(one.id)
        if one.status == "open" and here != one:
            if status == "open" and here is None:
                return None
            one = here or one
        tx = self._owner.look()
        before: dict[str, Any] = {"version": one.from_version, "hash": None, "visual_hash": None}
        after: dict[str, Any] = {"version": one.to_version, "hash": None, "visual_hash": None}
        if here is not None:
            now, then = tx.digests(one.target), _moved(self._owner, one).digests(one.target)
            before |= {"hash": now.all.hex(), "visual_hash": now.visual.hex()}
            after |= {"hash": then.all.hex(), "visual_hash": then.visual.hex()}
        source, target = _entity(self._owner, one.source), _entity(self._owner, one.target)
        return {
            **one.to_json(),
            "project_id": state.id,
            "source_name": source.name,
            "source_kind": source.kind,
            "target_name": target.name,
            "target_kind": target.kind,
            "target_status": target.status,
            "before": before,
            "after": after,
            "differs": _seen(tx, one, differs),
        }

    async def _diff(self, one: Approval) -> Mapping[str, Any]:
        key = one.source, one.from_version, one.to_version
        if key not in self._diffs:
            kind = self._owner.state.kind(_entity(self._owner, one.source))
            before = await self._owner.version(one.source, one.from_version)
            after = await self._owner.version(one.source, one.to_version)
            found = _manager.diff(kind, before, after)
            del found["asset_id"], found["from"], found["to"]
            self._diffs[key] = {**found, "message": after.message}
        return self._diffs[key]


def _entity(owner: ProjectOwner, entity_id: str) -> Entity:
    return owner.state.entities.get(entity_id) or owner.state.deleted[entity_id]


def _seen(tx: Transaction, one: Approval, differs: Mapping[str, Any]) -> dict[str, Any]:
    """What differs for the target: without what each of its references overrides."""
    hidden: list[set[str]] = []
    for waits in one.references:
        try:
            hidden.append(set(tx.reference(waits.reference_id).overrides))
        except NotFound:
            hidden.append(set())
    always = set.intersection(*hidden)
    if not always:
        return dict(differs)
    fields = {name: pair for name, pair in differs["fields"].items() if name not in always}
    return {**differs, "fields": fields}


def _moved(owner: ProjectOwner, one: Approval) -> Transaction:
    """The project as it would be with the references of an approval moved, and nothing else."""
    tx = owner.look()
    for waits in one.references:
        tx.move_pointer(tx.reference(waits.reference_id), waits.to_version)
    tx.refresh(one.target)
    return tx


async def _group(owner: ProjectOwner, run_id: str) -> dict[str, Any]:
    """A change, and all that waits because of it."""
    ones = [one for one in owner.state.approvals if one.run_id == run_id]
    out: dict[str, Any] = {
        "run_id": run_id,
        "open": len(ones),
        "plan_hash": plan_hash_of(ones) if ones else None,
        "sources": [],
        "author": "",
        "message": "",
        "cause": "",
        "created_at": None,
    }
    try:
        run = owner.engine.known(run_id) or await owner.storage.run(run_id)
    except NotFound:
        return out
    tx = owner.look()
    out["sources"] = [
        {
            "id": root.asset_id,
            "name": tx.name_of(root.asset_id),
            "version": version_id(root.asset_id, root.to_version),
        }
        for root in run.roots
    ]
    out |= {"author": run.author, "message": run.message, "cause": run.cause}
    out["created_at"] = run.created_at
    return out


async def know(owner: ProjectOwner, ones: Sequence[Approval]) -> None:
    """Bring to hand the versions that approvals would show; newer ones may be current by now."""
    for source, number in {(one.source, ref.to_version) for one in ones for ref in one.references}:
        if source in owner.state.entities:
            await owner.know(source, number)
