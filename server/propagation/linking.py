"""Linking: many references made and taken away in one step, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from protocol.errors import FieldError, Invalid, NotFound
from server.domain.entities import Reference
from server.domain.events import MAX_IDS_PER_FRAME
from server.domain.runs import Root
from server.domain.transaction import Transaction
from server.propagation.links import Inputs, NewReference, relate_target
from server.propagation.pacing import Pacer

__all__ = ["Linking"]

_NAMED = 3
"""As many names stand in a version's message."""


class Linking:
    """Takes references away, then makes others; every target gets one version.

    ``made`` and ``unchanged`` (what was there already, with the same source and role) are in the
    order of what was asked for.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._removed: dict[str, Reference] = {}
        self._made: dict[int, Reference] = {}
        self._unchanged: dict[int, Reference] = {}
        self._errors: list[FieldError] = []
        self._pacer = Pacer()

    @property
    def made(self) -> list[Reference]:
        return [one for _, one in sorted(self._made.items())]

    @property
    def unchanged(self) -> list[Reference]:
        return [one for _, one in sorted(self._unchanged.items())]

    async def make(
        self, add: Sequence[tuple[str, NewReference]], remove: Sequence[str]
    ) -> list[Root]:
        """Do all of it; ``add`` are pairs of target and reference, ``remove`` ids.

        Answers the roots that a run goes on from. Raises Invalid naming every entry that is wrong,
        and Cycle; the step must then be left.
        """
        for number, reference_id in enumerate(remove):
            self._remove(number, reference_id)
            await self._pacer.pause()
        by_target: dict[str, list[int]] = {}
        for number, (target, _) in enumerate(add):
            by_target.setdefault(target, []).append(number)
        # One target after the other: what it cannot use is looked up once for all its sources.
        for target, numbers in by_target.items():
            await self._add(target, [(number, add[number][1]) for number in numbers])
        if self._errors:
            raise Invalid("Some entries are not valid; nothing was changed", self._errors)
        return await self._relate()

    def _remove(self, number: int, reference_id: str) -> None:
        try:
            reference = self._tx.reference(reference_id)
        except NotFound as error:
            said = "stands there twice" if reference_id in self._removed else str(error)
            self._errors.append(FieldError(f"remove.{number}", said))
            return
        self._tx.remove_reference(reference)
        self._removed[reference_id] = reference

    async def _add(self, target: str, news: Iterable[tuple[int, NewReference]]) -> None:
        news = list(news)
        try:
            inputs = Inputs(self._tx, target)
        except NotFound as error:
            said = str(error)
            self._errors.extend(FieldError(f"add.{number}.target", said) for number, _ in news)
            return
        here: set[str] = set()
        for number, new in news:
            await self._pacer.pause()
            try:
                other = inputs.find(new)
                if other is not None and other.id in here:
                    self._errors.append(FieldError(f"add.{number}", "stands there twice"))
                elif other is not None:
                    self._unchanged[number] = other
                else:
                    made = self._made[number] = inputs.add(new)
                    here.add(made.id)
            except NotFound as error:
                self._errors.append(FieldError(f"add.{number}.source", str(error)))
            except Invalid as error:
                self._errors.extend(
                    FieldError(f"add.{number}.{one.field}", one.message) for one in error.errors
                )

    async def _relate(self) -> list[Root]:
        """A version for each target, and word of all of it."""
        tx = self._tx
        targets: dict[str, dict[str, list[Reference]]] = {}
        for how, references in (("added", self.made), ("removed", list(self._removed.values()))):
            for one in references:
                targets.setdefault(one.target, {}).setdefault(how, []).append(one)
                tx.audit(f"reference_{how}", one.to_json(), one.target)
        roots: list[Root] = []
        for target_id, hows in targets.items():
            ids = {how: [one.id for one in ones] for how, ones in hows.items()}
            roots.append(relate_target(tx, target_id, ids, self._said(hows)))
            await self._pacer.pause()
        told = list(targets)
        for position in range(0, len(told), MAX_IDS_PER_FRAME):
            ids_here = told[position : position + MAX_IDS_PER_FRAME]
            ends = {
                one.source for id_ in ids_here for ones in targets[id_].values() for one in ones
            }
            tx.tell(
                {"type": "graph_changed", "entities": ids_here, "timestamp": tx.at},
                frozenset(ends.union(ids_here)),
            )
        return roots

    def _said(self, hows: Mapping[str, Sequence[Reference]]) -> str:
        words = {"added": "uses", "removed": "no longer uses"}
        return "; ".join(f"{words[how]} {self._names(ones)}" for how, ones in hows.items())

    def _names(self, references: Sequence[Reference]) -> str:
        names = [self._tx.entity(one.source).name for one in references]
        if len(names) > _NAMED:
            names[_NAMED:] = [f"{len(names) - _NAMED} more"]
        return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
