"""Past: how a project was at a moment, told by what each step since then changed.

Versions are immutable and stay; everything else that a project is made of changes in place: which
version is current, what is deleted, which references there are and where they point. So each step
keeps what it changed, as it was before (``Undo``), and steps taken back one by one, the newest
first, lead to any moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from server.domain.commit import Commit
from server.domain.entities import Entity, Reference
from server.domain.project import ProjectState
from server.domain.undo import Undo, Was

__all__ = ["Past", "undo_of"]


def undo_of(state: ProjectState, commit: Commit) -> Undo:
    """How to take a commit back that ``state`` does not know of yet."""
    entities: dict[str, Was | None] = {}
    for entity in commit.entities:
        was = state.entities.get(entity.id) or state.deleted.get(entity.id)
        entities[entity.id] = None if was is None else _was(was)
    references: dict[str, Reference | None] = {}
    for id_ in (*commit.references_removed, *(one.id for one in commit.references_put)):
        references[id_] = state.references.get(id_) or state.dormant.get(id_)
    known = state.references
    return Undo(entities, references, {id_: known[id_].version for id_ in commit.pointers})


def _was(entity: Entity) -> Was:
    return Was(entity.current.number, entity.approved_version, entity.deleted_at is not None)


class Past:
    """A project on its way back to a moment."""

    def __init__(self, state: ProjectState) -> None:
        """As it is now. References whose deleted end keeps them dormant are among them."""
        self.entities: dict[str, Was] = {
            one.id: _was(one) for some in (state.entities, state.deleted) for one in some.values()
        }
        self._references = {**state.dormant, **state.references}
        self._pointers = {id_: one.version for id_, one in self._references.items()}

    def take_back(self, step: Undo) -> None:
        """Go back over one step; the newest is to be taken back first."""
        for id_, was in step.entities.items():
            if was is None:
                self.entities.pop(id_, None)
            else:
                self.entities[id_] = was
        for id_, one in step.references.items():
            self._references.pop(id_, None)
            if one is not None:
                self._references[id_] = one
                self._pointers[id_] = one.version
        self._pointers.update(step.pointers)

    def is_alive(self, entity_id: str) -> bool:
        was = self.entities.get(entity_id)
        return was is not None and not was.deleted

    def references(self) -> Iterator[Reference]:
        """The references of that moment, each where it stood, whose two ends were alive."""
        for id_, one in self._references.items():
            if self.is_alive(one.source) and self.is_alive(one.target):
                yield replace(one, version=self._pointers[id_])
