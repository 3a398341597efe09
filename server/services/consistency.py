"""Consistency of an open project: what is in memory, what is stored, and what both should be.

``Watch`` looks at a few entities now and then, one project after the other. A difference is an
alarm: it is logged as an error, stands in the audit, and is told with the project's status until it
is put right.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from protocol.errors import RipplecutError
from server.domain.actors import Actor
from server.domain.consistency import containers_last, problems, put_right
from server.domain.transaction import Transaction
from server.ports import StoredLook
from server.propagation.edits import tell_entity
from server.propagation.opening import load_built_on
from server.propagation.pacing import Pacer
from server.propagation.project import ProjectOwner
from server.services.projects import Projects

__all__ = ["HOW_TO_REPAIR", "Difference", "Watch", "check", "repair"]

log = logging.getLogger("ripplecut.consistency")

HOW_TO_REPAIR = "ripplecut verify --repair"
_AT_ONCE = 50
"""So many entities are looked at while the project stands still."""


class Difference(NamedTuple):
    """What is wrong with one entity, in words."""

    entity_id: str
    problem: str


async def check(owner: ProjectOwner, entity_ids: Iterable[str] | None = None) -> list[Difference]:
    """What is wrong with some entities of a project, or with all of them."""
    ids = list(owner.state.entities) if entity_ids is None else list(entity_ids)
    found: list[Difference] = []
    for position in range(0, len(ids), _AT_ONCE):
        found += await _check(owner, ids[position : position + _AT_ONCE])
    return found


async def _check(owner: ProjectOwner, ids: Sequence[str]) -> list[Difference]:
    found: list[Difference] = []
    async with owner.preview(Actor("", "read")) as tx:
        stored = await owner.storage.looks(owner.project_id, ids)
        settled = _is_settled(owner)
        pacer = Pacer()
        for id_ in ids:
            entity = owner.state.entities.get(id_)
            if entity is None:
                continue
            wrong = [*problems(tx, entity, settled=settled), *_unlike(tx, id_, stored.get(id_))]
            found += [Difference(id_, problem) for problem in wrong]
            await pacer.pause()
    return found


def _is_settled(owner: ProjectOwner) -> bool:
    return owner.engine.active is None and not owner.engine.queued


def _unlike(tx: Transaction, entity_id: str, stored: StoredLook | None) -> list[str]:
    """What is stored otherwise than it is in memory."""
    if stored is None:
        return ["it is not stored"]
    found: list[str] = []
    if stored.version != tx.current(entity_id).number:
        found.append(f"v{stored.version} is stored as its version")
    if stored.digests != tx.digests(entity_id):
        found.append("other hashes are stored")
    for one in tx.inputs(entity_id):
        number = stored.pointers.get(one.id)
        if number != tx.pointer(one):
            where = "is not stored" if number is None else f"is stored as pointing to v{number}"
            found.append(f"reference {one.id} {where}")
    return found


async def repair(owner: ProjectOwner, actor: Actor) -> list[Difference]:
    """Put right what is wrong, in one audited step; answers what was wrong and what was done.

    What is stored otherwise than it is in memory is stored anew.
    """
    found: list[Difference] = []
    async with owner.step(actor) as tx:
        settled, pacer = _is_settled(owner), Pacer()
        order = [entity.id for entity in containers_last(owner.state)]
        for position in range(0, len(order), _AT_ONCE):
            ids = order[position : position + _AT_ONCE]
            current = [tx.entity(id_).current for id_ in ids]
            await load_built_on(owner.storage, owner.state, current)  # to find what fits its hash
            stored = await owner.storage.looks(owner.project_id, ids)
            for id_ in ids:
                said = _store_anew(tx, id_, stored.get(id_))
                said += put_right(tx, tx.entity(id_), settled=settled)
                if said:
                    tx.audit("consistency_repaired", {"what": said}, id_)
                    tell_entity(tx, tx.entity(id_), "repaired")
                    found += [Difference(id_, one) for one in said]
                await pacer.pause()
    return found


def _store_anew(tx: Transaction, entity_id: str, stored: StoredLook | None) -> list[str]:
    said = _unlike(tx, entity_id, stored)
    if said:
        tx.put_entity(tx.entity(entity_id))
        for one in tx.inputs(entity_id):
            if stored is None or stored.pointers.get(one.id) != one.version:
                tx.put_reference(one)
        said.append("it was stored anew")
    return said


class Alarm(NamedTuple):
    """A difference, and when it was first seen."""

    difference: Difference
    at: str


class Watch:
    """Looks at open projects in the background, at ``batch`` entities every ``interval`` seconds.

    A project with a run under way is left in peace.
    """

    def __init__(self, projects: Projects, interval: float, batch: int = 20) -> None:
        self._projects = projects
        self._interval = interval
        self._batch = batch
        self._task: asyncio.Task[None] | None = None
        self._left: dict[str, list[str]] = {}
        self._checked: dict[str, int] = {}
        self._alarms: dict[str, dict[Difference, Alarm]] = {}
        self._turn = 0

    def start(self) -> None:
        """Begin; with an interval of 0 nothing is watched."""
        if self._interval > 0:
            self._task = asyncio.create_task(self._run(), name="consistency")

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def alarms(self) -> int:
        """How many differences stand, over all projects."""
        return sum(len(found) for found in self._alarms.values())

    def told(self, project_id: str) -> dict[str, Any]:
        """What the status of a project says about it."""
        standing = self._alarms.get(project_id, {}).values()
        return {
            "checked": self._checked.get(project_id, 0),
            "alarms": [{**one.difference._asdict(), "at": one.at} for one in standing],
            "repair": HOW_TO_REPAIR if standing else None,
        }

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.look()
            except RipplecutError as error:
                log.warning("the check of consistency waits: %s", error)
            except Exception:
                log.exception("the check of consistency failed")

    async def look(self) -> None:
        """Look at the next entities of the next project."""
        owners = self._projects.opened()
        if not owners:
            return
        self._turn += 1
        owner = owners[self._turn % len(owners)]
        if _is_settled(owner):
            await self._take(owner, self._next(owner))

    def _next(self, owner: ProjectOwner) -> list[str]:
        """The next ids of this round, and those with an alarm; then there is another round."""
        left = self._left.get(owner.project_id)
        if not left:
            left = self._left[owner.project_id] = list(owner.state.entities)
        ids = left[-self._batch :]
        del left[-self._batch :]
        standing = self._alarms.get(owner.project_id, {})
        return list(dict.fromkeys([*ids, *(one.entity_id for one in standing)]))

    async def _take(self, owner: ProjectOwner, ids: Sequence[str]) -> None:
        project_id, looked_at = owner.project_id, set(ids)
        found = await check(owner, ids)
        self._checked[project_id] = self._checked.get(project_id, 0) + len(ids)
        before = self._alarms.get(project_id, {})
        kept = {one: alarm for one, alarm in before.items() if one.entity_id not in looked_at}
        fresh = [one for one in found if one not in before]
        at = ""
        if fresh:
            async with owner.step(Actor("Ripplecut", "check")) as tx:
                at = tx.at
                for one in fresh:
                    log.error(
                        "consistency alarm: %s of %s: %s. To put it right: %s",
                        one.entity_id,
                        project_id,
                        one.problem,
                        HOW_TO_REPAIR,
                    )
                    tx.audit("consistency_alarm", {"problem": one.problem}, one.entity_id)
        for one in found:
            kept[one] = before.get(one) or Alarm(one, at)
        self._alarms[project_id] = kept

    async def repair(self, owner: ProjectOwner, actor: Actor) -> list[Difference]:
        """As ``repair``; alarms that it settles are over."""
        done = await repair(owner, actor)
        standing = {one.entity_id for one in self._alarms.get(owner.project_id, {})}
        await self._take(owner, sorted(standing))
        return done
