"""Members: who is in a project, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.errors import LastOwner, NotFound
from server.domain.actors import Actor
from server.domain.people import Member
from server.propagation.project import ProjectOwner

__all__ = ["list_members", "put_member", "remove_member"]


async def list_members(owner: ProjectOwner) -> list[dict[str, Any]]:
    """Everybody who is in the project, by name."""
    return [_shown(one) for one in await owner.storage.members(owner.project_id) if one.role]


async def put_member(
    owner: ProjectOwner, user: str, role: str, actor: Actor
) -> tuple[dict[str, Any], bool]:
    """Add somebody, or change what they are; answers them, and whether they are new.

    Raises LastOwner.
    """
    async with owner.step(actor) as tx:
        known = await owner.storage.members(owner.project_id)
        before = next((one for one in known if one.user == user and one.role), None)
        if before is not None and before.role == role:
            return _shown(before), False
        if role != "owner":
            _check_owner_left(known, user)
        since = tx.at if before is None else before.since
        member = Member(user, role, since, actor.user if before is None else before.added_by)
        tx.commit.members.append(member)
        action = "member_added" if before is None else "member_changed"
        tx.audit(action, {"user": user, "role": role, "before": before.role if before else None})
    return _shown(member), before is None


async def remove_member(owner: ProjectOwner, user: str, actor: Actor) -> None:
    """Put somebody out: their tokens for the project end. Raises NotFound, LastOwner."""
    async with owner.step(actor) as tx:
        known = await owner.storage.members(owner.project_id)
        before = next((one for one in known if one.user == user and one.role), None)
        if before is None:
            raise NotFound(f"{user!r} is not a member of this project")
        _check_owner_left(known, user)
        tx.commit.members.append(Member(user, None, tx.at, actor.user))
        tx.audit("member_removed", {"user": user, "before": before.role})


def _check_owner_left(members: Sequence[Member], without: str) -> None:
    owners = {one.user for one in members if one.role == "owner"}
    if owners == {without}:
        raise LastOwner(f"{without!r} is the only owner; make somebody else one first")


def _shown(member: Member) -> dict[str, Any]:
    return member._asdict()
