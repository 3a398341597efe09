"""Small domain objects for the storage tests: every column has a value that could get lost."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from server.domain.commit import AuditEntry, Commit, ProjectRecord
from server.domain.default_kinds import default_kinds
from server.domain.entities import BuiltOn, Digests, Entity, Reference, Version
from server.domain.events import Event
from server.domain.runs import Outcome, Root, Run
from server.ports import StoredToken

NOW = "2026-03-01T10:00:00.000Z"
LATER = "2026-03-01T11:00:00.000Z"
PROJECT = "film"


def digests(seed: str) -> Digests:
    return Digests(sha256(f"v{seed}".encode()).digest(), sha256(f"a{seed}".encode()).digest())


def project(id_: str = PROJECT, created_at: str = NOW) -> ProjectRecord:
    return ProjectRecord(
        id_, "Ein Film “🎬”", created_at, {"quiet": 30.5}, {"kinds": []}, [{"id": "r1", "when": {}}]
    )


def bare_project(id_: str = PROJECT) -> ProjectRecord:
    """A project that can become live: its kinds are the default ones."""
    return ProjectRecord(id_, "Film", NOW, {}, default_kinds().to_json(), [])


def version(entity_id: str, number: int = 1, **changes: Any) -> Version:
    values: dict[str, Any] = {
        "name": f"Name of {entity_id}",
        "status": "wip",
        "fields": {
            "description": "grey\u2028 \x00 coat",
            "age": 41,
            "grain": 0.1,
            "more": {"a": [None]},
        },
        "visual_fields": frozenset({"description", "age"}),
        "references": (
            BuiltOn("r-in", "mara", "worn_by", "pinned", 2, "a0", {"colour": "#ff0000"}),
            BuiltOn("r-too", "mara", "character", "latest", 1, "a1", {}),
        ),
        "changes": {"age": {"from": 40, "to": 41}},
        "previous": number - 1 or None,
        "timestamp": NOW,
        "author": "mara",
        "message": "older",
        "cause": "edit" if number > 1 else "created",
        "run_id": None,
        "checksum": sha256(f"{entity_id}{number}".encode()).hexdigest(),
        "state_number": number,
        "own_digests": digests(f"own {entity_id} {number}"),
        "built_on_digests": digests("inputs"),
        "digests": digests(f"{entity_id} {number}"),
        "roles": (("editor", 1), ("owner", number)),
    }
    return Version(entity_id, number, **{**values, **changes})


def entity(
    id_: str, kind: str = "character", current: Version | None = None, **more: Any
) -> Entity:
    at = current or version(id_)
    values: dict[str, Any] = {"last_number": at.number, "digests": digests(id_)}
    return Entity(id_, kind, at, NOW, NOW, **{**values, **more})


def reference(id_: str, source: str, target: str, **changes: Any) -> Reference:
    values: dict[str, Any] = {
        "role": "character",
        "policy": "latest",
        "version": 1,
        "order": "a0",
        "overrides": {},
    }
    return Reference(id_, source, target, **{**values, **changes})


def run(id_: str = "run-1", project_id: str = PROJECT, **changes: Any) -> Run:
    values: dict[str, Any] = {
        "roots": (Root("mara", 1, 2),),
        "classes": ("visual",),
        "cause": "edit",
        "author": "mara",
        "message": "older",
        "mode": "batch",
        "notify": True,
        "status": "running",
        "total": 3,
        "created_at": NOW,
        "started_at": NOW,
        "processed": 1,
        "counts": {"updated": 1},
        "phases": {"realtime": 1, "batch": 2},
    }
    return Run(id_, project_id, **{**values, **changes})


def outcome(entity_id: str, name: Any = "updated", reason: str = "follows mara") -> Outcome:
    return Outcome(entity_id, "shot", name, reason, "mara", 2, "aa", "bb")


def audit_entry(number: int, **changes: Any) -> AuditEntry:
    entry = AuditEntry(
        number,
        NOW,
        "mara",
        "api",
        "version",
        "mara",
        None,
        {"n": number},
        f"h{number - 1}",
        f"h{number}",
    )
    return entry._replace(**changes)


def event(seq: int, concerns: frozenset[str] | None = None) -> Event:
    return Event(seq, {"type": "entity_changed", "n": seq, "ids": ["ü"]}, concerns)


def token(hash_: str = "ab" * 32, **changes: Any) -> StoredToken:
    values: dict[str, Any] = {
        "user": "mara",
        "role": "editor",
        "project_id": None,
        "purpose": "api",
        "created_at": NOW,
        "expires_at": None,
    }
    return StoredToken(hash_, **{**values, **changes})


def creation(ids: Sequence[str] = ("mara",), project_id: str = PROJECT, **more: Any) -> Commit:
    """The step that makes a project with these entities, each at version 1 with its state."""
    entities = [entity(id_) for id_ in ids]
    values: dict[str, Any] = {
        "project": project(project_id),
        "entities": entities,
        "versions": [one.current for one in entities],
        "states": {(id_, 1): f"state of {id_}".encode() for id_ in ids},
    }
    return Commit(project_id, NOW, **{**values, **more})


def step(**parts: Any) -> Commit:
    """A later step of the same project."""
    return Commit(PROJECT, LATER, **parts)
