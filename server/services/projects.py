"""Projects: every project of a store, opened when first asked for and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from protocol.errors import Ambiguous, Conflict, FieldError, Invalid, NotFound
from server.domain import drafts
from server.domain.actors import Actor
from server.domain.commit import ProjectRecord
from server.domain.consistency import containers_last
from server.domain.default_kinds import default_kinds
from server.domain.ids import check_id, slug
from server.domain.kind_reader import read_kinds
from server.domain.kinds import KindRegistry
from server.domain.people import Member
from server.domain.project import CONTAINERS, ProjectState
from server.domain.rules import default_rules
from server.domain.settings import DEFAULT_SETTINGS, settings_errors
from server.domain.transaction import Transaction
from server.ports import Clock, Drafts, LiveProject, Storage
from server.propagation.drafts import Silence, StoredDrafts
from server.propagation.project import ProjectOwner
from server.propagation.runs import RunTracker

__all__ = [
    "DEFAULT_SETTINGS",
    "Projects",
    "kinds_changed",
    "project_json",
    "put_kinds",
    "update_settings",
    "utc_now",
]


_SLICE = 5000
"""So many references are looked at before others have their turn."""


def utc_now() -> str:
    """The time now: ISO 8601 UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Projects:
    """Opens each project once: whoever asks while it loads waits for the same load."""

    def __init__(
        self,
        storage: Storage,
        drafts: Drafts | None = None,
        live: LiveProject | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.storage = storage
        self.tracker = RunTracker()
        self._drafts = drafts or StoredDrafts(storage)
        self._live = live or Silence()
        self._clock = clock
        self._owners: dict[str, asyncio.Future[ProjectOwner]] = {}

    async def open(self, project_id: str) -> ProjectOwner:
        """The owner of a project. Raises NotFound."""
        return await asyncio.shield(self._opening(project_id))

    def if_open(self, project_id: str) -> ProjectOwner | None:
        """The owner of a project that is open by now."""
        loading = self._owners.get(project_id)
        if loading is None or not loading.done() or loading.cancelled() or loading.exception():
            return None
        return loading.result()

    def _opening(self, project_id: str) -> asyncio.Future[ProjectOwner]:
        loading = self._owners.get(project_id)
        if loading is None:
            loading = asyncio.ensure_future(self._load(project_id))
            self._owners[project_id] = loading
            loading.add_done_callback(lambda done: self._forget_failed(project_id, done))
        return loading

    async def look(self, project_id: str, entity_id: str) -> Transaction:
        """Something to read one entity through. Of a project that is not open that is read out of
        the store by itself, while the project begins to open. Raises NotFound.
        """
        known = self._owners.get(project_id)
        if known is None or not known.done():
            # Before the project is: both on one core would take turns with every statement.
            stored = await self.storage.load_around(project_id, entity_id)
            self._opening(project_id)
            if stored is not None:
                state = ProjectState(stored.record, 0, 0, "")
                state.load(stored.entities)
                state.load_references(stored.references)
                state.load_versions(stored.versions)
                state.load_approvals(stored.approvals)
                return Transaction(state, Actor("", "read"), "")
        return (await self.open(project_id)).look()

    async def _load(self, project_id: str) -> ProjectOwner:
        return await ProjectOwner.open(
            project_id, self.storage, self._drafts, self._live, self._clock, self.tracker
        )

    def _forget_failed(self, project_id: str, done: asyncio.Future[ProjectOwner]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._owners.pop(project_id, None)

    def opened(self) -> list[ProjectOwner]:
        """The projects that are open now."""
        return [one.result() for one in self._owners.values() if one.done()]

    async def resume(self) -> None:
        """Open every project that has a run under way, so that it ends by itself after a crash."""
        for project_id in await self.storage.projects_with_open_runs():
            await self.open(project_id)

    async def create(self, name: str, project_id: str | None, actor: Actor) -> ProjectOwner:
        """A new project with the default kinds, rules and settings. Raises Conflict, Invalid."""
        if not name.strip() or len(name) > 300:
            raise Invalid(
                "The project needs a name", [FieldError("name", "must have 1 to 300 characters")]
            )
        wanted = check_id(project_id) if project_id is not None else slug(name)
        if any(record.id == wanted for record in await self.storage.projects()):
            raise Conflict(f"There is a project {wanted!r} already")
        at = self._clock()
        record = ProjectRecord(
            wanted,
            name.strip(),
            at,
            dict(DEFAULT_SETTINGS),
            default_kinds().to_json(),
            [rule.to_json() for rule in default_rules()],
        )
        tx = Transaction(ProjectState(record, 0, 0, ""), actor, at)
        tx.put_project(record)
        tx.audit("project_created", {"name": record.name})
        commit, _ = tx.seal()
        commit.project_is_new = True
        commit.members.append(Member(actor.user, "owner", at, actor.user))
        await self.storage.commit(commit)
        return await self.open(wanted)

    async def find(self, entity_id: str, sees: Callable[[str], bool]) -> ProjectOwner:
        """The one project that the caller sees with an entity of this id. Raises NotFound,
        Ambiguous.
        """
        found = [one for one in await self.storage.projects_with(entity_id) if sees(one)]
        if not found:
            raise NotFound(f"There is no {entity_id!r} in any project")
        if len(found) > 1:
            raise Ambiguous(
                f"{entity_id!r} is in {len(found)} projects; add ?project_id=", sorted(found)
            )
        return await self.open(found[0])

    async def close(self) -> None:
        """End all engines after their batch; the store stays open."""
        for owner in self.opened():
            await owner.close()


def project_json(record: ProjectRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "created_at": record.created_at,
        "settings": {**DEFAULT_SETTINGS, **record.settings},
    }


async def update_settings(
    owner: ProjectOwner, actor: Actor, name: str | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Change a project's name or settings. Raises Invalid naming every bad one."""
    if name is not None and (not name.strip() or len(name) > 300):
        raise Invalid(
            "The name is not valid", [FieldError("name", "must have 1 to 300 characters")]
        )
    async with owner.step(actor) as tx:
        checked = _check_settings(owner, settings)
        old = owner.state.record
        record = ProjectRecord(
            old.id,
            old.name if name is None else name.strip(),
            old.created_at,
            {**DEFAULT_SETTINGS, **old.settings, **checked},
            old.kinds,
            old.rules,
        )
        tx.commit.project = record
        before, after = project_json(old), project_json(record)
        changed = [key for key in checked if before["settings"].get(key) != checked[key]]
        tx.audit(
            "project_changed",
            {
                "before": _part(before, changed),
                "after": _part(after, changed),
            },
        )
        tx.tell({"type": "project_changed", "timestamp": tx.at}, None)
    return project_json(record)


def _part(project: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The name and some settings of a project, for the audit trail."""
    settings = {key: project["settings"].get(key) for key in keys}
    return {"name": project["name"], "settings": settings}


def _check_settings(owner: ProjectOwner, settings: Mapping[str, Any]) -> dict[str, Any]:
    used = {entity.status for entity in owner.state.entities.values()}
    errors = settings_errors(settings, used)
    if errors:
        raise Invalid("Some settings are not valid", errors)
    return dict(settings)


async def put_kinds(owner: ProjectOwner, data: Any, actor: Actor) -> dict[str, Any]:
    """Replace the registry. Raises Invalid, and Conflict where entities rest on what would go or
    change.

    Prose fields that are new are seeded in the drafts of all entities of the kind, in the same
    step: two editors that each made the text themselves would lose one of the two.
    """
    registry = read_kinds(data)
    async with owner.step(actor) as tx:
        _check_registry(owner, registry)
        old = owner.state.kinds
        for kind in registry:
            known = set(old.get(kind.name).prose) if kind.name in old else set()
            fresh = [name for name in kind.prose if name not in known]
            for entity in owner.state.entities.values() if fresh else ():
                if entity.kind == kind.name:
                    update = drafts.declare_prose(await owner.draft_state(entity.id), fresh)
                    if update is not None:
                        tx.update_document(entity.id, update)
        tx.put_project(replace(owner.state.record, kinds=registry.to_json()))
        await _look_again(tx)
        tx.audit("kinds_changed", kinds_changed(old, registry))
        tx.tell({"type": "project_changed", "timestamp": tx.at}, None)
    return registry.to_json()


async def _look_again(tx: Transaction) -> None:
    """Work the hashes out anew that rest on overrides: a field that is declared now may show."""
    overriding: set[str] = set()
    for number, reference in enumerate(tx.state.references.values()):
        if reference.overrides:
            overriding.add(reference.target)
        if number % _SLICE == 0:
            await asyncio.sleep(0)
    changed = [entity_id for entity_id in sorted(overriding) if tx.differs(entity_id)]
    if changed:
        for entity in containers_last(tx.state):
            if tx.kind(entity).category in CONTAINERS:
                tx.refresh(entity.id)


def kinds_changed(old: KindRegistry, new: KindRegistry) -> dict[str, Any]:
    """What the audit trail says of a registry that was replaced: the kinds that differ."""
    before = {kind["name"]: kind for kind in old.to_json()["kinds"]}
    after = {kind["name"]: kind for kind in new.to_json()["kinds"]}
    differing = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {
        "kinds": list(after),
        "before": {name: before.get(name) for name in differing},
        "after": {name: after.get(name) for name in differing},
    }


def _check_registry(owner: ProjectOwner, registry: KindRegistry) -> None:
    used = {entity.kind for entity in owner.state.entities.values()}
    used |= {entity.kind for entity in owner.state.deleted.values()}
    for old in owner.state.kinds:
        if old.name not in used:
            continue
        if old.name not in registry:
            raise Conflict(f"There are entities of the kind {old.name!r}; it must stay")
        new = registry.get(old.name)
        if new.category != old.category:
            raise Conflict(f"There are entities of the kind {old.name!r}; its category must stay")
        for spec in old.fields:
            found = new.field(spec.name)
            if found is None or (found.type, found.facet) != (spec.type, spec.facet):
                raise Conflict(
                    f"Entities rest on {old.name}.{spec.name}: its type and facet must stay"
                )
