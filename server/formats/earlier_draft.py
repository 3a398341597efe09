"""The earlier draft: what a project holds of the screenplay that it was made of."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.domain.entities import Entity
from server.domain.ids import is_order
from server.domain.transaction import Transaction
from server.formats.fountain_reader import read_scene
from server.formats.screenplay import Scene, name_key, times_of
from server.propagation.project import ProjectOwner

__all__ = ["OMITTED", "ORDER", "SCRIPT", "EarlierDraft", "EarlierScene", "read_earlier_draft"]

SCRIPT, ORDER = "script", "script_order"
OMITTED = "omitted"
_DIGITS = re.compile(r"(\d+)")
_PAGE = 200


@dataclass(slots=True)
class EarlierScene:
    """A scene of the project that came from a screenplay.

    ``time`` is what the script itself says, ``entity`` may say otherwise. ``came_from`` is the
    status that the draft without this scene replaced, where a draft did that. ``key`` is its place
    in the order of the script, where it has one.
    """

    entity: Entity
    scene: Scene
    key: str | None
    deleted: bool = False
    time: str | None = None
    came_from: str | None = None

    @property
    def omitted(self) -> bool:
        return self.came_from is not None


@dataclass(frozen=True, slots=True)
class EarlierDraft:
    """``scenes`` in the order of the script. ``named`` says, by kind and name key, who had a name
    before.
    """

    scenes: list[EarlierScene] = field(default_factory=list)
    named: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)

    @property
    def played(self) -> list[EarlierScene]:
        """The scenes that the last draft had."""
        return [one for one in self.scenes if not one.omitted]


async def read_earlier_draft(owner: ProjectOwner, tx: Transaction) -> EarlierDraft:
    """What of the project came from a screenplay, and which names it has had.

    A scene did when it has a ``script``. One counts as omitted when a draft omitted it; one that a
    person omitted stays a scene of its draft, and stays omitted.
    """
    found = await asyncio.to_thread(_scenes, tx)
    for one in found:
        if one.entity.status == OMITTED and not one.deleted:
            one.came_from = await _status_before(owner, one.entity)
    played = [one for one in found if not one.omitted]
    for one, time in zip(played, times_of(one.scene for one in played), strict=True):
        one.time = time
    return EarlierDraft(found, await _former_names(owner))


def _scenes(tx: Transaction) -> list[EarlierScene]:
    found: list[EarlierScene] = []
    for deleted, entities in ((False, tx.state.entities), (True, tx.state.deleted)):
        for entity in entities.values():
            fields = entity.current.fields
            if entity.kind != "scene" or not (fields.get(SCRIPT) or fields.get(ORDER)):
                continue
            heading = str(fields.get("heading") or entity.name)
            scene = read_scene(heading, str(fields.get(SCRIPT) or ""))
            key = fields.get(ORDER)
            found.append(EarlierScene(entity, scene, key if is_order(key) else None, deleted))
    found.sort(key=lambda one: (one.key is None, one.key or "", _natural(one.entity)))
    return found


def _natural(entity: Entity) -> list[Any]:
    """Sorts scene 2 before 10, and 2A between 2 and 3."""
    parts = _DIGITS.split(str(entity.current.fields.get("number") or ""))
    return [(int(one[:9]), "") if one.isdecimal() else (-1, one) for one in parts] + [
        (0, entity.id)
    ]


async def _status_before(owner: ProjectOwner, entity: Entity) -> str | None:
    """The status that an import replaced by ``omitted``; ``None`` where a person did."""
    cursor: str | None = None
    while True:
        versions, cursor = await owner.storage.versions(owner.project_id, entity.id, _PAGE, cursor)
        for version in versions:
            status = version.changes.get("@status")
            if status is not None and version.cause != "parked":
                return str(status["from"]) if version.cause == "import" else None
        if cursor is None:
            # Its history stayed in the project that it was exported from.
            return "wip" if entity.current.cause == "import" else None


async def _former_names(owner: ProjectOwner) -> dict[tuple[str, str], list[str]]:
    """Who had which name: characters and locations by the names of their latest versions."""
    found: dict[tuple[str, str], list[str]] = {}
    for entity in list(owner.state.entities.values()):
        if entity.kind not in ("character", "location") or entity.last_number == 1:
            continue
        versions, _ = await owner.storage.versions(owner.project_id, entity.id, _PAGE, None)
        for key in {name_key(version.name) for version in versions}:
            found.setdefault((entity.kind, key), []).append(entity.id)
    return found
