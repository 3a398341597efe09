"""The mission's project JSON, out and in.

An export holds a whole project; importing it elsewhere gives the same one. An import adds and
changes and takes nothing away: importing the same file again changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain.actors import Actor
from server.domain.commit import ProjectRecord
from server.domain.kinds import KindRegistry
from server.domain.project_header import Header, read_header
from server.domain.settings import DEFAULT_SETTINGS, settings_errors
from server.domain.transaction import Transaction
from server.formats.exporting import export_slices
from server.formats.importing import Importer
from server.formats.preparing import prepare
from server.propagation.pacing import Pacer
from server.propagation.project import ProjectOwner
from server.services.projects import kinds_changed
from server.services.rules import audit_rules

__all__ = ["export_project", "export_quietly", "import_project"]

_READER = Actor("", "read")


def export_project(owner: ProjectOwner) -> dict[str, Any]:
    """All of a project in one go; for a large one there is ``export_quietly`` too."""
    *_, out = export_slices(owner.state)
    return out


async def export_quietly(owner: ProjectOwner) -> dict[str, Any]:
    """All of a project, letting others have their turn; the project stands still meanwhile."""
    out: dict[str, Any] = {}
    async with owner.preview(_READER):
        pacer = Pacer()
        for part in export_slices(owner.state):
            out = part
            await pacer.pause()
    return out


async def import_project(
    owner: ProjectOwner, data: Any, actor: Actor, dry_run: bool = False
) -> dict[str, Any]:
    """Bring a file into a project, all of it or nothing, in one step.

    Raises Invalid naming every bad value, and Cycle; then nothing was applied. What refers to
    something that does not exist is left out and told in ``skipped``. Changes of what exists
    already become versions, and travel in one run (``run_id``), which is on its way when this
    answers.
    """
    run = None
    async with (owner.preview if dry_run else owner.step)(actor) as tx:
        warnings = _take_header(tx, read_header(data))
        prepared = await asyncio.to_thread(prepare, tx, data)
        importer = Importer(owner, tx, prepared)
        await importer.make()
        skipped = [*prepared.project.skipped, *importer.skipped]
        report: dict[str, Any] = {
            "created": importer.created,
            "updated": importer.updated,
            "unchanged": importer.unchanged,
            "removed": [],
            "skipped": [one._asdict() for one in skipped],
            "warnings": [*warnings, *prepared.project.warnings],
        }
        if not dry_run and not tx.is_empty:
            run = owner.run_for(tx, importer.proposals, "import")
            told = {key: report[key] for key in ("created", "updated", "unchanged")}
            tx.audit("imported", {**told, "skipped": len(skipped)}, run_id=run.id if run else None)
    return {**report, "run_id": run.id if run else None}


def _take_header(tx: Transaction, header: Header) -> list[str]:
    """An empty project becomes the file's; any other keeps its own, and only learns new kinds."""
    state, old = tx.state, tx.state.record
    empty = not state.entities and not state.deleted
    errors = [
        FieldError(f"project.{one.field}", one.message)
        for one in settings_errors(header.settings or {}, frozenset())
    ]
    if header.errors or errors:
        raise Invalid("The file is not valid; nothing was imported", [*header.errors, *errors])
    warnings: list[str] = []
    name, settings, rules = old.name, dict(old.settings), list(old.rules)
    registry = state.kinds
    if empty:
        name = header.name.strip() if header.name else name
        settings = {**DEFAULT_SETTINGS, **settings, **(header.settings or {})}
        rules = rules if header.rules is None else list(header.rules)
        registry = header.kinds or registry
    else:
        if header.settings is not None and {**settings, **header.settings} != settings:
            warnings.append("The file has other project settings; this project keeps its own")
        if header.rules is not None and header.rules != [
            one.to_json() for one in state.rules.rules
        ]:
            warnings.append("The file has other rules; this project keeps its own")
        registry = _with_new_kinds(registry, header.kinds, warnings)
    record = ProjectRecord(old.id, name, old.created_at, settings, registry.to_json(), rules)
    if record != ProjectRecord(
        old.id, old.name, old.created_at, dict(old.settings), state.kinds.to_json(), list(old.rules)
    ):
        tx.put_project(record)
        _audit_header(tx, old, record, registry)
        tx.tell({"type": "project_changed", "timestamp": tx.at}, None)
    return warnings


def _audit_header(
    tx: Transaction, old: ProjectRecord, new: ProjectRecord, registry: KindRegistry
) -> None:
    """What a file made of the project itself, by the actions by which people change the same."""
    before, after = dict(old.settings), dict(new.settings)
    differing = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    if differing or old.name != new.name:
        tx.audit(
            "project_changed",
            {
                "before": {"name": old.name, "settings": {k: before.get(k) for k in differing}},
                "after": {"name": new.name, "settings": {k: after.get(k) for k in differing}},
            },
        )
    kinds = kinds_changed(tx.state.kinds, registry)
    if kinds["after"]:
        tx.audit("kinds_changed", kinds)
    audit_rules(tx, tx.state.rules.rules, tx.rules.rules)


def _with_new_kinds(
    here: KindRegistry, given: KindRegistry | None, warnings: list[str]
) -> KindRegistry:
    """A project's kinds, and after them those that only the file has."""
    kinds = list(here)
    for kind in given or ():
        if kind.name not in here:
            kinds.append(kind)
        elif kind != here.get(kind.name):
            warnings.append(
                f"The file declares the kind {kind.name} differently; this project keeps its own"
            )
    return KindRegistry(kinds)
