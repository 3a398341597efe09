"""VersionManager: numbering, checksums, and the difference between two versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from server.domain.changes import Change, diff_fields
from server.domain.digests import checksum, combine, own_digests
from server.domain.entities import BuiltOn, Cause, Digests, Version, version_id
from server.domain.kinds import Kind
from server.domain.text import word_diff

__all__ = ["VersionManager", "references_json"]


def references_json(references: Iterable[BuiltOn]) -> list[dict[str, Any]]:
    """What a version was built on, as the API shows it."""
    return [one.to_json() for one in references]


class VersionManager:
    """Cuts versions. Stateless: every input is an argument, time included."""

    def create_version(
        self,
        *,
        entity_id: str,
        kind: Kind,
        number: int,
        previous: int | None,
        name: str,
        status: str,
        fields: Mapping[str, Any],
        visual_fields: frozenset[str],
        references: Sequence[BuiltOn],
        inputs: Digests,
        change: Change,
        timestamp: str,
        author: str,
        message: str,
        cause: Cause,
        run_id: str | None,
        state_number: int | None = None,
        roles: Mapping[str, int] | None = None,
    ) -> Version:
        """A version. ``inputs`` are the digests of what it is built on; ``state_number=None``: its
        own.
        """
        changes = change.to_json()
        own = own_digests(kind, name, fields, visual_fields)
        return Version(
            entity_id=entity_id,
            number=number,
            name=name,
            status=status,
            fields=fields,
            visual_fields=visual_fields,
            references=tuple(references),
            changes=changes,
            previous=previous,
            timestamp=timestamp,
            author=author,
            message=message,
            cause=cause,
            run_id=run_id,
            checksum=self.checksum_of(name, status, fields, references),
            state_number=number if state_number is None else state_number,
            own_digests=own,
            built_on_digests=inputs,
            digests=combine(own, inputs),
            roles=tuple(sorted((roles or {}).items())),
        )

    def checksum_of(
        self,
        name: str,
        status: str,
        fields: Mapping[str, Any],
        references: Sequence[BuiltOn],
    ) -> str:
        """SHA-256 over a version's content: what anybody can recompute from what the API shows."""
        return checksum([name, status, dict(fields), references_json(references)])

    def is_intact(self, version: Version) -> bool:
        """Whether the content is what the checksum was made of."""
        found = self.checksum_of(version.name, version.status, version.fields, version.references)
        return found == version.checksum

    def diff(self, kind: Kind, before: Version, after: Version) -> dict[str, Any]:
        """What differs between any two versions; prose with its words."""
        fields: dict[str, Any] = {}
        for name, pair in diff_fields(before.fields, after.fields).items():
            fields[name] = dict(pair)
            if kind.is_prose(name):
                spans = word_diff(str(pair["from"] or ""), str(pair["to"] or ""))
                fields[name]["words"] = [span._asdict() for span in spans]
        out: dict[str, Any] = {
            "asset_id": before.entity_id,
            "from": before.number,
            "to": after.number,
            "fields": fields,
            "references": diff_references(before.references, after.references),
        }
        for key in ("name", "status"):
            old, new = getattr(before, key), getattr(after, key)
            if old != new:
                out[key] = {"from": old, "to": new}
        return out

    def to_json(self, version: Version) -> dict[str, Any]:
        previous = version.previous
        return {
            "id": version.id,
            "asset_id": version.entity_id,
            "number": version.number,
            "name": version.name,
            "status": version.status,
            "changes": dict(version.changes),
            "previous_version": (
                None if previous is None else version_id(version.entity_id, previous)
            ),
            "timestamp": version.timestamp,
            "author": version.author,
            "checksum": version.checksum,
            "message": version.message,
            "cause": version.cause,
            "run_id": version.run_id,
            "fields": dict(version.fields),
            "references": references_json(version.references),
        }


def diff_references(before: Sequence[BuiltOn], after: Sequence[BuiltOn]) -> dict[str, list[Any]]:
    """References that came, went, or changed, by id."""
    old = {one.reference_id: one for one in before}
    new = {one.reference_id: one for one in after}
    return {
        "added": references_json(one for id_, one in new.items() if id_ not in old),
        "removed": references_json(one for id_, one in old.items() if id_ not in new),
        "changed": [
            {"id": id_, "from": _short(old[id_]), "to": _short(new[id_])}
            for id_ in sorted(old.keys() & new.keys())
            if old[id_] != new[id_]
        ],
    }


def _short(one: BuiltOn) -> dict[str, Any]:
    return {
        "role": one.role,
        "version": one.version,
        "policy": one.policy,
        "order": one.order,
        "overrides": dict(one.overrides),
    }
