"""Screenplays in Fountain, in: a first draft makes a breakdown, each later one changes it.

{created, updated, unchanged, removed: [], skipped, warnings, run_id,
 screenplay: {title,
              scenes: {added, omitted, moved, rewritten},
              people: {added, renamed, gone, offered},
              locations: {added, gone},
              affected_shots}}
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain import drafts, revisions
from server.domain.actors import Actor
from server.domain.commit import ProjectRecord
from server.domain.default_kinds import default_kinds
from server.domain.kinds import KindRegistry
from server.domain.transaction import Transaction
from server.formats.breakdown import break_down
from server.formats.earlier_draft import read_earlier_draft
from server.formats.fountain_reader import read_screenplay
from server.formats.importing import Importer
from server.formats.preparing import prepare
from server.formats.screenplay import Screenplay
from server.propagation.project import ProjectOwner
from server.services.projects import kinds_changed

__all__ = ["import_screenplay", "read_fountain"]


async def read_fountain(content: bytes) -> Screenplay:
    """Read a file off the loop. Raises Invalid naming every line that is broken."""
    return await asyncio.to_thread(read_screenplay, content)


async def import_screenplay(
    owner: ProjectOwner, play: Screenplay, actor: Actor, dry_run: bool = False
) -> dict[str, Any]:
    """Bring a draft into a project, all of it or nothing, in one step.

    Raises Invalid where the project cannot hold it; then nothing was applied. A draft over an
    earlier one changes what is there: scenes that it no longer has are omitted, not deleted. What
    changed becomes versions and travels in one run (``run_id``), which also reaches the shots on
    changed scenes; it is on its way when this answers. The same draft again changes nothing.
    """
    run = None
    async with (owner.preview if dry_run else owner.step)(actor) as tx:
        await _declare(owner, tx)
        earlier = await read_earlier_draft(owner, tx)
        breakdown = await asyncio.to_thread(break_down, tx, play, earlier)
        prepared = await asyncio.to_thread(prepare, tx, breakdown.data)
        prepared.removed = breakdown.removed
        importer = Importer(owner, tx, prepared)
        await importer.make()
        skipped = [*breakdown.skipped, *prepared.project.skipped, *importer.skipped]
        report: dict[str, Any] = {
            "created": importer.created,
            "updated": importer.updated,
            "unchanged": importer.unchanged,
            "removed": [],
            "skipped": [one._asdict() for one in skipped],
            "warnings": breakdown.warnings,
            "screenplay": breakdown.report,
        }
        if not dry_run and not tx.is_empty:
            run = owner.run_for(tx, importer.proposals, revisions.CAUSE)
            told = {key: report[key] for key in ("created", "updated", "unchanged")}
            tx.audit("imported", {**told, "skipped": len(skipped)}, run_id=run.id if run else None)
    return {**report, "run_id": run.id if run else None}


async def _declare(owner: ProjectOwner, tx: Transaction) -> None:
    """Give a project that was made before there were screenplays the fields of a scene.

    What it declares by the same names stays, except where it could not hold the text. Scenes that
    exist get the prose in their drafts in the same step: two editors that each made the text
    themselves would lose one of the two.
    """
    here, wanted = tx.kinds.get("scene"), default_kinds().get("scene")
    script = here.field("script")
    if script is not None and script.type != "prose":
        problem = "is declared as something else than prose; rename that field first"
        raise Invalid("The project cannot hold a script", [FieldError("scene.script", problem)])
    missing = [spec for spec in wanted.fields if here.field(spec.name) is None]
    if not missing:
        return
    scene = replace(here, fields=(*here.fields, *missing))
    registry = KindRegistry(scene if kind.name == "scene" else kind for kind in tx.kinds)
    prose = [spec.name for spec in missing if spec.type == "prose"]
    for entity in list(owner.state.entities.values()) if prose else ():
        if entity.kind == "scene":
            update = drafts.declare_prose(await owner.draft_state(entity.id), prose)
            if update is not None:
                tx.update_document(entity.id, update)
    old = owner.state.record
    tx.put_project(
        ProjectRecord(old.id, old.name, old.created_at, old.settings, registry.to_json(), old.rules)
    )
    tx.audit("kinds_changed", kinds_changed(tx.state.kinds, registry))
    tx.tell({"type": "project_changed", "timestamp": tx.at}, None)
