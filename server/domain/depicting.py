"""Depicting: what a picture was made from, whether it still shows that, and what moved since.

A picture is stale exactly when its entity's ``visual_hash`` is another than it was then. That is
derived whenever somebody asks, never stored: whatever brings the old look back, a rollback for
instance, makes the picture fresh again by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from server.domain.digests import own_digests
from server.domain.entities import BuiltOn, Entity, Version
from server.domain.pictures import THUMBNAILS, Part, Picture
from server.domain.transaction import Transaction

__all__ = ["current_picture", "parts_of", "picture_json", "picture_reasons"]

MOST_REASONS = 12
_LOOK = 8
"""Bytes of a look that are kept: enough to tell the looks of one entity apart."""


# -- what an entity is made of ---------------------------------------------------------------------


def parts_of(tx: Transaction, entity: Entity) -> tuple[Part, ...]:
    """Everything that an entity resolves to, itself first, then nearest first.

    The shots and scenes of a sequence stand for all that they show themselves. What is used both by
    the entity and by something in it is there twice: that looks different from once.
    """
    own = entity.current
    parts = [Part(entity.id, "", own.number, _short(own.own_digests.visual))]
    below: dict[Part, None] = {}
    waiting: deque[BuiltOn] = deque()
    for one in sorted(tx.inputs(entity.id), key=lambda one: (one.order, one.id)):
        if tx.is_member(one):
            number, look = tx.current(one.source).number, tx.digests(one.source).visual
            parts.append(Part(one.source, one.order, number, _short(look)))
        else:
            built_on = one.built_on(tx.pointer(one))
            part, version = _part(tx, built_on)
            parts.append(part)
            waiting.extend(version.references)
    while waiting:
        part, version = _part(tx, waiting.popleft())
        if part not in below:
            below[part] = None
            waiting.extend(version.references)
    return (*parts, *below)


def _part(tx: Transaction, one: BuiltOn) -> tuple[Part, Version]:
    version = tx.version(one.source, one.version)
    return Part(one.source, one.role, one.version, _look(tx, version, one.overrides)), version


def _short(digest: bytes) -> str:
    return digest[:_LOOK].hex()


def _look(tx: Transaction, version: Version, overrides: Mapping[str, Any]) -> str:
    """How a version looks by itself to somebody who overrides some of its fields."""
    if not overrides:
        return _short(version.own_digests.visual)
    kind = tx.kinds.get(_kind_name(tx, version.entity_id))
    fields = {**version.fields, **overrides}
    return _short(own_digests(kind, version.name, fields, version.visual_fields).visual)


def _kind_name(tx: Transaction, entity_id: str) -> str:
    """The kind of an entity, also of one that is deleted by now."""
    buried = tx.state.deleted.get(entity_id)
    return (buried or tx.entity(entity_id)).kind


# -- what moved ------------------------------------------------------------------------------------


def picture_reasons(tx: Transaction, entity: Entity, picture: Picture) -> list[str]:
    """What moved since a picture was made, in words; empty exactly when it is not stale."""
    if tx.digests(entity.id).visual == picture.visual:
        return []
    then, now = picture.parts, parts_of(tx, entity)
    ways = _moves(tx, entity, then, now), _carriers(tx, then, now), _times(tx, then, now)
    reasons = next(filter(None, map(list, ways)), [])
    if len(reasons) > MOST_REASONS:
        more = len(reasons) - MOST_REASONS
        reasons[MOST_REASONS:] = [f"and {more} more"]
    return reasons or ["what it shows looks different now"]


def _moves(
    tx: Transaction, entity: Entity, then: Sequence[Part], now: Sequence[Part]
) -> Iterator[str]:
    """Everything that looks different by itself, has another place, came or went."""
    own_then, own_now = then[0], now[0]
    if own_then.look != own_now.look:
        label = tx.kind(entity).label.lower()
        yield f"the {label} itself {_went([own_then], [own_now])}"
    before, after = _by_source(then[1:]), _by_source(now[1:])
    for source in dict.fromkeys([*before, *after]):
        name, old, new = tx.name_of(source), before.get(source, []), after.get(source, [])
        if not new:
            yield f"{name} is not in it any more"
        elif not old:
            yield f"{name} is in it now"
        elif _set(old, "look") != _set(new, "look"):
            moved = _set(old, "version") != _set(new, "version")
            yield f"{name} {_went(old, new) if moved else 'looks different in it'}"
        elif _set(old, "place") != _set(new, "place"):
            yield f"{name} has another place in it"


def _carriers(tx: Transaction, then: Sequence[Part], now: Sequence[Part]) -> Iterator[str]:
    """Versions that moved though they look the same by themselves: what is below them differs."""
    before, after = _by_source(then[1:]), _by_source(now[1:])
    for source, old in before.items():
        if _set(old, "version") != _set(after[source], "version"):
            yield f"{tx.name_of(source)} {_went(old, after[source])}"


def _times(tx: Transaction, then: Sequence[Part], now: Sequence[Part]) -> Iterator[str]:
    """What is in it as it was, and more often, or less."""
    before, after = _by_source(then[1:]), _by_source(now[1:])
    for source, old in before.items():
        times = len(after[source])
        if times != len(old):
            places = "1 place" if times == 1 else f"{times} places"
            yield f"{tx.name_of(source)} is in it in {places} now"


def _by_source(parts: Iterable[Part]) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.source, []).append(part)
    return found


def _set(parts: Iterable[Part], field: str) -> set[Any]:
    return {getattr(part, field) for part in parts}


def _went(old: Iterable[Part], new: Iterable[Part]) -> str:
    before, after = (
        " and ".join(f"v{number}" for number in sorted(_set(parts, "version")))
        for parts in (old, new)
    )
    return f"went from {before} to {after}"


# -- as the API shows it ---------------------------------------------------------------------------


def current_picture(tx: Transaction, entity: Entity) -> dict[str, Any] | None:
    """An entity's newest picture, in short; ``None`` where it has none."""
    picture = tx.state.pictures.get(entity.id)
    return None if picture is None else _in_short(tx, entity, picture)


def picture_json(tx: Transaction, entity: Entity, picture: Picture) -> dict[str, Any]:
    """A picture of an entity, whole."""
    short = _in_short(tx, entity, picture)
    stale, reasons = short.pop("stale"), short.pop("stale_reasons")
    return short | {
        "made_from": {"versions": picture.versions},
        "author": picture.author,
        "created_at": picture.created_at,
        "stale": stale,
        "stale_reasons": reasons,
    }


def _in_short(tx: Transaction, entity: Entity, picture: Picture) -> dict[str, Any]:
    reasons = picture_reasons(tx, entity, picture)
    url = f"/api/v1/projects/{quote(tx.state.id, safe='')}/pictures/{quote(picture.id, safe='')}"
    return {
        "id": picture.id,
        "url": url,
        "thumbnails": {size: f"{url}?size={size}" for size in THUMBNAILS},
        "width": picture.width,
        "height": picture.height,
        "stale": bool(reasons),
        "stale_reasons": reasons,
    }
