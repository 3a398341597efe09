"""Revisions: scenes that a new draft of the script changed, and the shots that hang on them.

A shot hangs on a scene by standing in it. A scene that was revised says when and how in two of its
fields; its shots are stale until each has a version that is newer. Nothing of a shot changes by
that: it is computed, here, from the two times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from protocol.errors import NotFound
from server.domain.entities import Entity
from server.domain.project import ProjectState
from server.domain.runs import Root
from server.domain.transaction import Transaction

__all__ = ["CAUSE", "REVISED_AT", "REVISION", "revised_root", "revisions_of", "shots_on"]

CAUSE = "screenplay"
"""The cause of a run that brings a new draft to the shots."""
REVISED_AT, REVISION = "revised_at", "revision"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT")


def shots_on(state: ProjectState, scene_id: str) -> Iterator[str]:
    """The shots that hang on a scene, each once."""
    sources = dict.fromkeys(one.source for one in state.inputs(scene_id).values() if one.member)
    return (one for one in sources if state.category(one) == "shot")


def revisions_of(tx: Transaction, shot: Entity) -> Iterator[tuple[str, str]]:
    """The scenes of a shot that were revised after its version was made: id, and how."""
    if tx.kind(shot).category != "shot":
        return
    for target in dict.fromkeys(one.target for one in tx.outputs(shot.id)):
        scene = tx.entity(target)
        at = scene.current.fields.get(REVISED_AT)
        if tx.kind(scene).category != "scene" or not isinstance(at, str) or not _TIME.match(at):
            continue
        if at > shot.current.timestamp:
            how = scene.current.fields.get(REVISION)
            yield target, str(how) if how else f"{scene.name} was revised"


def revised_root(tx: Transaction, roots: tuple[Root, ...], shot: Entity) -> tuple[Root, str] | None:
    """The first root scene that revised a shot, and how; ``None`` where none of them did."""
    scenes = {root.asset_id: root for root in roots}
    for scene_id, how in revisions_of(tx, shot):
        root = scenes.get(scene_id)
        if root is not None and _revises(tx, root):
            return root, how
    return None


def _revises(tx: Transaction, root: Root) -> bool:
    try:
        return REVISED_AT in tx.version(root.asset_id, root.to_version).changes
    except NotFound:  # later versions came, and this one is not at hand: the times decide
        return True
