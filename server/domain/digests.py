"""Digests: what an entity looks like, in 32 bytes a facet.

They compose like a Merkle tree: a version's digest covers its own fields and the digests of the
very versions that it was built on, so a pin holds all the way down, and comparing two states is
comparing two hashes.

- own(entity)      = H(kind ‖ name? ‖ canonical JSON of the facet's fields ‖ names given as visual?)
- contribution(r)  = the digest of the version that the reference resolves to, its overrides applied
- digest(entity)   = H(own ‖ H(sorted role, source, contribution of each reference) ‖ members)
- members          = Σ H(id ‖ order ‖ digest(member)) mod 2**256 for scenes and sequences, else 0

All hashes are SHA-256. A status is workflow and not look: it is in neither facet; a name is
metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from server.domain.entities import Digests, Version
from server.domain.kinds import Kind

__all__ = [
    "NO_MEMBERS",
    "add_members",
    "canonical",
    "checksum",
    "combine",
    "contribution",
    "inputs_digest",
    "member_share",
    "own_digests",
    "sum_members",
]

NO_MEMBERS = (0, 0)
_MODULUS = 1 << 256
_NOTHING = (0).to_bytes(32, "big")


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: the same value gives the same bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def checksum(value: Any) -> str:
    """SHA-256 over canonical JSON, as hex."""
    return sha256(canonical(value)).hexdigest()


def own_digests(
    kind: Kind, name: str, fields: Mapping[str, Any], visual_fields: frozenset[str]
) -> Digests:
    """The digests of an entity's own fields, without anything that it refers to.

    Which undeclared fields show is part of everything too: what looks different is different.
    """
    visual = {
        key: value for key, value in fields.items() if key in visual_fields or kind.is_visual(key)
    }
    whole: list[Any] = [kind.name, name, dict(fields)]
    if shown := sorted(visual_fields & fields.keys()):
        whole.append(shown)
    return Digests(
        sha256(canonical([kind.name, visual])).digest(), sha256(canonical(whole)).digest()
    )


def inputs_digest(parts: Iterable[tuple[str, str, Digests]]) -> Digests:
    """The digest of what references bring in: ``(role, source, contribution)`` each, in any
    order.
    """
    visual, everything = sha256(), sha256()
    for role, source, digests in sorted(parts):
        head = f"{role}\x00{source}\x00".encode()
        visual.update(head + digests.visual)
        everything.update(head + digests.all)
    return Digests(visual.digest(), everything.digest())


def combine(own: Digests, inputs: Digests, members: tuple[int, int] = NO_MEMBERS) -> Digests:
    """The digest of a resolved entity."""
    tail_visual = tail_all = _NOTHING
    if members != NO_MEMBERS:
        tail_visual = members[0].to_bytes(32, "big")
        tail_all = members[1].to_bytes(32, "big")
    (own_visual, own_all), (inputs_visual, inputs_all) = own, inputs
    return Digests(
        sha256(own_visual + inputs_visual + tail_visual).digest(),
        sha256(own_all + inputs_all + tail_all).digest(),
    )


def contribution(version: Version, kind: Kind, overrides: Mapping[str, Any]) -> Digests:
    """What a version looks like to a dependent that overrides some of its fields."""
    if not overrides:
        return version.digests
    fields = {**version.fields, **overrides}
    own = own_digests(kind, version.name, fields, version.visual_fields)
    return combine(own, version.built_on_digests)


def sum_members(members: Iterable[tuple[str, str, Digests]]) -> tuple[int, int]:
    """The sum over members: ``(id, order, digests)`` each."""
    visual = everything = 0
    number = int.from_bytes
    for member_id, order, digests in members:
        head = f"{member_id}\x00{order}\x00".encode()
        visual += number(sha256(head + digests.visual).digest(), "big")
        everything += number(sha256(head + digests.all).digest(), "big")
    return visual % _MODULUS, everything % _MODULUS


def member_share(member_id: str, order: str, digests: Digests) -> tuple[int, int]:
    """What one member adds to the sum of its scene or sequence, per facet."""
    head = f"{member_id}\x00{order}\x00".encode()
    return (
        int.from_bytes(sha256(head + digests.visual).digest(), "big"),
        int.from_bytes(sha256(head + digests.all).digest(), "big"),
    )


def add_members(total: tuple[int, int], share: tuple[int, int], sign: int = 1) -> tuple[int, int]:
    """Add (or with ``sign=-1`` take away) one member's share."""
    return (
        (total[0] + sign * share[0]) % _MODULUS,
        (total[1] + sign * share[1]) % _MODULUS,
    )
