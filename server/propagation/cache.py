"""CacheManager: resolved states as JSON, kept until a commit touches what they rest on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from server.domain.commit import Commit
from server.domain.entities import Entity
from server.domain.project import ProjectState
from server.domain.resolve import resolve
from server.domain.transaction import Transaction

__all__ = ["CacheManager", "Kept"]

MOST_BYTES = 32 * 1024 * 1024
MOST_RESTED_ON = 100
"""What rests on more entities than that (a sequence, an asset of many shots) changes too often."""
_OVERHEAD = 1000
"""About how many bytes an entry takes besides its JSON."""


class Kept(NamedTuple):
    """A resolved state: its JSON, and an entity tag for it."""

    body: bytes
    tag: str


class CacheManager:
    """The resolved states of one project; those that were asked for longest ago make room.

    ``forget`` must hear of each commit before it is applied, and nothing may be read in between.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, tuple[Kept, frozenset[str]]] = OrderedDict()
        self._resting_on: dict[str, set[str]] = {}
        self._bytes = 0
        self._hits = 0
        self._misses = 0
        self._forgotten = 0

    def resolved(self, tx: Transaction, entity: Entity) -> Kept:
        """An entity as it looks now, from here where it is known; ``tx`` reads what is
        committed.
        """
        found = self._kept.get(entity.id)
        if found is not None:
            self._hits += 1
            self._kept.move_to_end(entity.id)
            return found[0]
        self._misses += 1
        shown = resolve(tx, entity)
        body = orjson.dumps(shown)
        kept = Kept(body, f'"{sha256(body).hexdigest()[:32]}"')
        rests_on = frozenset(_rests_on(tx, entity, shown))
        if len(rests_on) <= MOST_RESTED_ON:
            self._keep(entity.id, kept, rests_on)
        return kept

    def _keep(self, entity_id: str, kept: Kept, rests_on: frozenset[str]) -> None:
        self._kept[entity_id] = kept, rests_on
        self._bytes += len(kept.body) + _OVERHEAD
        for one in rests_on:
            self._resting_on.setdefault(one, set()).add(entity_id)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, entity_id: str) -> None:
        kept, rests_on = self._kept.pop(entity_id)
        self._bytes -= len(kept.body) + _OVERHEAD
        for one in rests_on:
            resting = self._resting_on[one]
            resting.discard(entity_id)
            if not resting:
                del self._resting_on[one]

    def forget(self, commit: Commit, state: ProjectState) -> None:
        """Let go of whatever rests on something that a commit is about to change."""
        if not self._kept:
            return
        touched = self._kept.keys() if commit.project is not None else _touched(commit, state)
        stale = {entity_id for one in touched for entity_id in self._resting_on.get(one, ())}
        for entity_id in stale:
            self._drop(entity_id)
        self._forgotten += len(stale)

    def to_json(self) -> dict[str, Any]:
        """How well it does: ``forgotten`` counts entries that a commit made stale."""
        return {
            "entries": len(self._kept),
            "bytes": self._bytes,
            "hits": self._hits,
            "misses": self._misses,
            "forgotten": self._forgotten,
        }


def _rests_on(tx: Transaction, entity: Entity, shown: Mapping[str, Any]) -> Iterator[str]:
    """The entities whose state shows somewhere in a resolved one."""
    yield entity.id
    waiting = list(shown["references"])
    while waiting:
        one = waiting.pop()
        yield one["source"]
        waiting += one.get("references", ())
    for one in shown["used_by"]:
        yield one["target"]
    picture = tx.state.pictures.get(entity.id)
    if picture is not None:
        for part in picture.parts:
            yield part.source


def _touched(commit: Commit, state: ProjectState) -> Iterable[str]:
    """The entities that a commit changes, with both ends of references that come, go or move."""
    touched = {entity.id for entity in commit.entities}
    touched.update(commit.digests)
    touched.update(one.entity_id for one in commit.outcomes)
    for approval in commit.approvals:
        touched.update(approval.pair)
    touched.update(one.entity_id for one in commit.pictures)
    touched.update(one.entity_id for one in commit.pictures_removed)
    for reference in commit.references_put:
        touched.update((reference.source, reference.target))
    for reference_id in (*commit.references_removed, *commit.pointers):
        known = state.references.get(reference_id)
        if known is not None:
            touched.update((known.source, known.target))
    return touched
