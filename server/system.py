"""AssetPropagationSystem: Ripplecut as a library, without a web server.

    async with AssetPropagationSystem("my-film") as system:
        hero = await system.create_entity("character", "Mara", {"description": "…"})
        shot = await system.create_entity("shot", "sh010", references=[{"source": hero["id"]}])
        result = await system.propagate_asset_change(hero["id"], {"description": "…"})

It opens on first use; without a ``path`` everything is kept in memory. The parts that it ties
together are ``DependencyGraph``, ``ChangeDetector``, ``ConflictResolver``, ``VersionManager`` and
``PropagationEngine``.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from protocol.errors import FieldError, Invalid, NotFound
from server.domain.actors import Actor
from server.domain.ids import check_id
from server.domain.pictures import Size
from server.domain.runs import Phase, Run
from server.formats.images import Images
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.services import (
    approvals,
    changes,
    conflicts,
    consistency,
    entities,
    pictures,
    reading,
    runs,
)
from server.services.answers import PropagationResult, RollbackResult, RunRollback
from server.services.plans import Impact
from server.services.projects import Projects
from server.storage import SqliteStorage

__all__ = ["AssetPropagationSystem", "EntityView"]


class EntityView(dict[str, Any]):
    """An entity as the API shows it; a field can be read by its own name too:
    ``hero["description"]``.
    """

    def __missing__(self, key: str) -> Any:
        return self["fields"][key]


class AssetPropagationSystem:
    """One project, driven from Python. Methods raise the errors of ``protocol.errors``."""

    def __init__(
        self, project_id: str, path: str | Path | None = None, user: str = "library"
    ) -> None:
        self.project_id = check_id(project_id, "project_id")
        self._path = Path(path) if path is not None else None
        self._actor = Actor(user, "library", "owner")
        self._images = Images()
        self._opening = asyncio.Lock()
        self._storage: SqliteStorage | None = None
        self._projects: Projects | None = None
        self._owner: ProjectOwner | None = None
        self._finalizer: weakref.finalize[..., AssetPropagationSystem] | None = None

    async def __aenter__(self) -> Self:
        await self.owner()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def owner(self) -> ProjectOwner:
        """The project's owner; opens the store and creates the project where that has not
        happened.
        """
        async with self._opening:
            if self._owner is None:
                self._storage = await SqliteStorage.open(self._path)
                self._finalizer = weakref.finalize(self, self._storage.abandon)
                self._projects = Projects(self._storage)
                try:
                    self._owner = await self._projects.open(self.project_id)
                except NotFound:
                    self._owner = await self._projects.create(
                        self.project_id, self.project_id, self._actor
                    )
            return self._owner

    async def close(self) -> None:
        """End what is under way after its batch and close the store; the next use opens it
        again.
        """
        async with self._opening:
            if self._projects is not None:
                await self._projects.close()
            if self._storage is not None:
                await self._storage.close()
            if self._finalizer is not None:
                self._finalizer.detach()
            self._owner = self._projects = self._storage = None

    # -- entities ----------------------------------------------------------------------------------

    async def create_entity(
        self,
        kind: str,
        name: str,
        fields: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
        status: str = "wip",
        references: Sequence[Mapping[str, Any]] = (),
    ) -> EntityView:
        """Create an entity; ``references`` are ``{"source", "role"?, "policy"?, "version"?,
        "overrides"?}``.
        """
        new = NewEntity(
            kind, name, fields or {}, id, status, [_new_reference(one) for one in references]
        )
        return EntityView(await entities.create_entity(await self.owner(), new, self._actor))

    async def get_entity(self, entity_id: str) -> EntityView:
        return EntityView(reading.entity(await self.owner(), entity_id))

    async def get_resolved(self, entity_id: str) -> dict[str, Any]:
        """The entity as it looks now, every reference at its resolved version."""
        return reading.resolved(await self.owner(), entity_id)

    async def add_reference(
        self, source: str, target: str, **options: Any
    ) -> tuple[dict[str, Any], PropagationResult]:
        """Make ``target`` use ``source``; options are role, policy, version and overrides."""
        new = _new_reference({"source": source, **options})
        return await entities.link(await self.owner(), target, new, self._actor, None)

    # -- pictures ----------------------------------------------------------------------------------

    async def add_picture(self, entity_id: str, image: bytes) -> dict[str, Any]:
        """Make a PNG, JPEG, WebP or GIF the picture of an entity."""
        owner = await self.owner()
        owner.state.entity(entity_id)
        read = await self._images.read(image)
        return await pictures.add_picture(owner, entity_id, read, self._actor)

    async def get_pictures(self, entity_id: str, limit: int = 100) -> list[dict[str, Any]]:
        """The pictures of an entity, newest first; each says whether it is stale, and why."""
        page = await pictures.picture_page(await self.owner(), entity_id, limit, None)
        return list(page["items"])

    async def read_picture(self, picture_id: str, size: Size = "full") -> bytes:
        """A picture's bytes: WebP, or JPEG where it is large."""
        owner = await self.owner()
        return await pictures.content(owner, await pictures.picture(owner, picture_id), size)

    async def remove_picture(self, entity_id: str, picture_id: str) -> None:
        """Take a picture away; the one before it becomes the entity's picture again."""
        await pictures.remove_picture(await self.owner(), entity_id, picture_id, self._actor)

    # -- approvals ---------------------------------------------------------------------------------

    async def list_approvals(
        self,
        status: str | None = "open",
        *,
        source: str | None = None,
        target: str | None = None,
        limit: int = 500,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """A page of what waits for a yes or a no, with what would change and its ``plan_hash``."""
        return await approvals.approval_page(
            await self.owner(),
            status=status,
            source=source,
            target=target,
            limit=limit,
            cursor=cursor,
        )

    async def decide_approvals(
        self, ids: Sequence[str], decision: approvals.Choice, plan_hash: str, comment: str = ""
    ) -> approvals.Decided:
        """Approve or reject; ``plan_hash`` names what was shown, else StalePlan is raised."""
        return await approvals.decide_approvals(
            await self.owner(), ids, decision, plan_hash, self._actor, comment, None
        )

    # -- conflicts ---------------------------------------------------------------------------------

    async def list_conflicts(
        self,
        status: str | None = "open",
        *,
        entity_id: str | None = None,
        type_: str | None = None,
        limit: int = 500,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """A page of what waits for somebody to choose, with both sides and what is proposed."""
        return await conflicts.conflict_page(
            await self.owner(),
            status=status,
            entity_id=entity_id,
            type_=type_,
            limit=limit,
            cursor=cursor,
        )

    async def resolve_conflict(
        self, conflict_id: str, choice: str, value: Any = conflicts.NOT_GIVEN
    ) -> conflicts.ResolvedConflict:
        """Choose ``ours``, ``theirs`` or ``merged``; a ``value`` beside the last is what the field
        is to be instead of what was proposed.
        """
        return await conflicts.resolve_conflict(
            await self.owner(),
            conflict_id,
            choice,
            self._actor,
            value,
            wait=None,
        )

    # -- the mission's methods ---------------------------------------------------------------------

    async def propagate_asset_change(
        self,
        asset_id: str,
        change_data: Mapping[str, Any],
        *,
        propagation_mode: Phase = "realtime",
        base_version: int | None = None,
        message: str = "",
        plan_hash: str | None = None,
    ) -> PropagationResult:
        """Change an asset and bring everything that depends on it up to date; answers when that is
        done. With a ``plan_hash``: raises StalePlan where it would not do what that impact said.
        """
        return await changes.propagate_asset_change(
            await self.owner(),
            asset_id,
            change_data,
            self._actor,
            mode=propagation_mode,
            base_version=base_version,
            message=message,
            plan_hash=plan_hash,
            wait=None,
        )

    async def propagate_batch(
        self, asset_changes: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> PropagationResult:
        """Several changes in one run: all versions or none, each dependent touched once."""
        return await changes.propagate_batch(
            await self.owner(), asset_changes, self._actor, wait=None
        )

    async def rollback_to_version(
        self,
        asset_id: str,
        version_number: int | None = None,
        reason: str = "",
        *,
        original_version: int | None = None,
        plan_hash: str | None = None,
    ) -> RollbackResult:
        """Bring an asset back to how a version had it, as a new version, and propagate that."""
        number = version_number if version_number is not None else original_version
        if number is None:
            raise Invalid("Which version?", [FieldError("version_number", "must name a version")])
        return await changes.rollback_to_version(
            await self.owner(),
            asset_id,
            number,
            self._actor,
            reason,
            plan_hash=plan_hash,
            wait=None,
        )

    async def get_run(self, run_id: str) -> dict[str, Any]:
        """A run as the API shows it. Raises NotFound."""
        return (await self._run(run_id)).to_json()

    async def cancel_run(self, run_id: str) -> dict[str, Any]:
        """Stop a run after the batch that it is in; answers it when it has ended."""
        run = await self._run(run_id)
        return (await runs.cancel_run(await self.owner(), run, self._actor, None)).to_json()

    async def retry_run(self, run_id: str) -> dict[str, Any]:
        """Go over what failed in a run again; answers the run that did so. Raises Conflict where
        nothing failed.
        """
        run = await self._run(run_id)
        return (await runs.retry_run(await self.owner(), run, self._actor, None)).to_json()

    async def rollback_run(
        self, run_id: str, reason: str = "", *, plan_hash: str | None = None
    ) -> RunRollback:
        """Take back all that a run changed, under whatever came later; what overlaps is answered
        as ``conflict``, nothing applied, and waits in the conflicts.
        """
        return await runs.rollback_run(
            await self.owner(),
            await self._run(run_id),
            self._actor,
            reason,
            plan_hash=plan_hash,
            wait=None,
        )

    async def _run(self, run_id: str) -> Run:
        owner = await self.owner()
        run = owner.engine.known(run_id) or await owner.storage.run(run_id)
        if run.project_id != self.project_id:
            raise NotFound(f"There is no run {run_id!r}")
        return run

    async def get_dependencies(
        self, asset_id: str, depth: int | None = None, include_shots: bool = True
    ) -> dict[str, Any]:
        """Everything that depends on an asset, nearest first."""
        return reading.dependencies(await self.owner(), asset_id, depth, include_shots)

    async def get_affected_shots(self, asset_id: str) -> list[str]:
        """The ids of the shots that depend on an asset, in dependency order."""
        return (await self.owner()).state.graph.get_affected_shots(asset_id)

    async def calculate_change_impact(
        self, asset_id: str, change_data: Mapping[str, Any]
    ) -> Impact:
        """What a change would do, with an outcome and a reason for each dependent; nothing is
        applied.
        """
        return await changes.calculate_change_impact(
            await self.owner(), asset_id, change_data, self._actor
        )

    async def get_cache_status(self) -> dict[str, Any]:
        """How many resolved states are kept, and how often one was."""
        return (await self.owner()).cache.to_json()

    async def check_consistency(self) -> list[consistency.Difference]:
        """What is kept of entities otherwise than it follows from their versions and references:
        nothing, unless something was damaged.
        """
        return await consistency.check(await self.owner())

    async def repair_consistency(self) -> list[consistency.Difference]:
        """Put that right, in one audited step; answers what was wrong and what was done."""
        return await consistency.repair(await self.owner(), self._actor)

    async def benchmark_performance(self) -> dict[str, Any]:
        """Measure the mission's three scenarios on fresh in-memory projects, and say what
        follows.
        """
        from server.services.benchmark import benchmark_performance

        return await benchmark_performance(AssetPropagationSystem)

    # -- helpers that the mission's own tests use --------------------------------------------------

    async def create_test_asset(self, kind: str, name: str) -> EntityView:
        """An asset with a description, for trying things out."""
        return await self.create_entity(kind, name, {"description": f"{name}, as first described"})

    async def create_test_shots(self, n: int, asset_id: str) -> list[EntityView]:
        """``n`` shots that use an asset, created in one step."""
        owner = await self.owner()
        start = sum(1 for one in owner.state.entities.values() if one.kind == "shot")
        news = [
            NewEntity(
                "shot",
                f"Shot {number}",
                {"description": f"Shot {number} with {asset_id}"},
                id=f"shot-{number:05d}",
                references=[NewReference(asset_id)],
            )
            for number in range(start + 1, start + n + 1)
        ]
        created = await entities.create_entities(owner, news, self._actor)
        return [EntityView(one) for one in created]


def _new_reference(data: Mapping[str, Any]) -> NewReference:
    allowed = {"source", "role", "policy", "version", "overrides"}
    unknown = sorted(data.keys() - allowed)
    if unknown or "source" not in data:
        errors = [FieldError(f"references.{key}", "is not known") for key in unknown]
        if "source" not in data:
            errors.append(FieldError("references.source", "must name an entity"))
        raise Invalid("The reference is not valid", errors)
    return NewReference(**data)
