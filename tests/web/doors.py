"""Two doors to a project, the library and REST: the same methods, answers to be compared."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import orjson

from protocol.errors import RipplecutError
from server import AssetPropagationSystem
from server.domain.actors import Actor
from server.services import entities
from tests.web.conftest import Web

__all__ = ["ROOT", "Library", "Rest", "Seen"]

PROJECT = "/api/v1/projects/film"
ROOT = "root"
"""Who the administrator's token says that one is; the library is told so."""
TIMES = {
    *("timestamp", "updated_at", "created_at", "started_at", "finished_at", "since", "at"),
    *("estimated_processing_time", "memory_impact"),
}
Answer = tuple[str, Any]


class Seen:
    """What the answers of one side named so far."""

    def __init__(self) -> None:
        self.references: list[str] = []
        self.run_id: str | None = None
        """The run of the last answer."""

    def plain(self, value: Any) -> Any:
        """An answer without its times."""
        if isinstance(value, Mapping):
            self.run_id = value.get("run_id", self.run_id)
            is_reference = {"id", "source", "target", "role"} <= value.keys()
            if is_reference and value["id"] not in self.references:
                self.references.append(value["id"])
            return {
                key: "then" if key in TIMES and one is not None else self.plain(one)
                for key, one in value.items()
            }
        return [self.plain(one) for one in value] if isinstance(value, list) else value


class Rest:
    """A history over REST."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self.seen = Seen()

    async def _call(self, method: str, path: str, body: Any = None) -> Answer:
        answer = await self._web.client.request(method, path, json=body)
        content = answer.json()
        if answer.status_code >= 400:
            for key in ("type", "title", "status"):
                del content[key]
            return "refused", self.seen.plain(content)
        return "done", self.seen.plain(content)

    async def _wait(self, method: str, path: str, body: Any = None) -> Answer:
        return await self._call(method, f"{path}{'&' if '?' in path else '?'}wait=60", body)

    async def create(self, id_: str, kind: str, fields: Any, uses: list[Any]) -> Answer:
        body = {"id": id_, "kind": kind, "name": id_, "fields": fields, "references": uses}
        return await self._call("POST", f"{PROJECT}/entities", body)

    async def change(self, id_: str, data: Any, base: int | None) -> Answer:
        body = {"change_data": data, "base_version": base, "message": "So it was said"}
        return await self._wait("POST", f"/api/v1/assets/{id_}/propagate?project_id=film", body)

    async def batch(self, given: list[tuple[str, Any]]) -> Answer:
        rows = [{"asset_id": id_, "changes": data} for id_, data in given]
        body = {"asset_changes": rows, "project_id": "film"}
        return await self._wait("POST", "/api/v1/propagation/batch", body)

    async def impact(self, id_: str, data: Any) -> Answer:
        body = {"change_data": data}
        return await self._call("POST", f"/api/v1/assets/{id_}/impact?project_id=film", body)

    async def link(self, source: str, target: str, options: Any) -> Answer:
        body = {"source": source, "target": target, **options}
        return await self._wait("POST", f"{PROJECT}/references", body)

    async def relink(self, id_: str, change: Any) -> Answer:
        path = f"{PROJECT}/references/{id_}"
        return await self._wait("PATCH", path, change)

    async def unlink(self, id_: str) -> Answer:
        return await self._wait("DELETE", f"{PROJECT}/references/{id_}")

    async def delete(self, id_: str, force: bool) -> Answer:
        path = f"{PROJECT}/entities/{id_}?force={str(force).lower()}"
        return await self._wait("DELETE", path)

    async def restore(self, id_: str) -> Answer:
        kind, found = await self._wait("POST", f"{PROJECT}/entities/{id_}/restore")
        return kind, found["propagation"] if kind == "done" else found

    async def set_status(self, id_: str, status: str) -> Answer:
        return await self._wait("POST", f"{PROJECT}/statuses", {"ids": [id_], "status": status})

    async def roll_back(self, id_: str, number: int) -> Answer:
        body = {"version_number": number, "reason": "Better before"}
        return await self._wait("POST", f"/api/v1/assets/{id_}/rollback?project_id=film", body)

    async def decide(self, decision: str) -> Answer:
        path = f"{PROJECT}/approvals"
        page = (await self._web.client.get(path)).json()
        if not page["items"]:
            return "done", None
        group = page["groups"][0]
        ids = [one["id"] for one in page["items"] if one["run_id"] == group["run_id"]]
        body = {"ids": ids, "decision": decision, "plan_hash": group["plan_hash"]}
        return await self._wait("POST", f"{path}/decide", body)

    async def read(self, id_: str) -> list[Answer]:
        asset = f"/api/v1/assets/{id_}"
        paths = [f"{PROJECT}/entities/{id_}", f"{PROJECT}/entities/{id_}/resolved"]
        paths += [f"{asset}/dependencies?project_id=film&depth={depth}" for depth in (1, 9)]
        paths.append(f"{asset}/dependencies?project_id=film&depth=9&include_shots=false")
        return [await self._call("GET", path) for path in paths]

    async def affected_shots(self, id_: str) -> Answer:
        path = f"/api/v1/assets/{id_}/dependencies?project_id=film&depth=1000"
        kind, found = await self._call("GET", path)
        if kind == "refused":
            return kind, found
        return kind, sorted(one["id"] for one in found["dependencies"] if one["kind"] == "shot")

    async def run(self) -> Answer:
        run_id, self.seen.run_id = self.seen.run_id, None
        return await self._call("GET", f"/api/v1/runs/{run_id}") if run_id else ("done", None)

    async def approvals(self) -> Answer:
        return await self._call("GET", f"{PROJECT}/approvals?limit=500")


class Library:
    """The same history from Python. What the facade has no method for goes through its owner."""

    def __init__(self, system: AssetPropagationSystem) -> None:
        self._system = system
        self._actor = Actor(ROOT, "library", "owner")
        self.seen = Seen()

    async def _told(self, asking: Awaitable[Any]) -> Answer:
        try:
            found = await asking
        except RipplecutError as error:
            told = {"code": error.code, "detail": error.detail, **error.extras()}
            return "refused", self.seen.plain(orjson.loads(orjson.dumps(told)))
        if hasattr(found, "to_json"):
            found = found.to_json()
        return "done", self.seen.plain(orjson.loads(orjson.dumps(found)))

    async def _related(self, asking: Awaitable[tuple[dict[str, Any], Any]]) -> dict[str, Any]:
        reference, result = await asking
        return {**reference, "run_id": result.run_id, "propagation": result.to_json()}

    async def create(self, id_: str, kind: str, fields: Any, uses: list[Any]) -> Answer:
        made = self._system.create_entity(kind, id_, fields, id=id_, references=uses)
        return await self._told(made)

    async def change(self, id_: str, data: Any, base: int | None) -> Answer:
        say = "So it was said"
        change = self._system.propagate_asset_change(id_, data, base_version=base, message=say)
        return await self._told(change)

    async def batch(self, given: list[tuple[str, Any]]) -> Answer:
        return await self._told(self._system.propagate_batch(given))

    async def impact(self, id_: str, data: Any) -> Answer:
        return await self._told(self._system.calculate_change_impact(id_, data))

    async def link(self, source: str, target: str, options: Any) -> Answer:
        return await self._told(
            self._related(self._system.add_reference(source, target, **options))
        )

    async def relink(self, id_: str, change: Any) -> Answer:
        owner = await self._system.owner()
        relinked = entities.relink(owner, id_, self._actor, wait=None, **change)
        return await self._told(self._related(relinked))

    async def unlink(self, id_: str) -> Answer:
        owner = await self._system.owner()
        return await self._told(entities.unlink(owner, id_, self._actor, None))

    async def delete(self, id_: str, force: bool) -> Answer:
        owner = await self._system.owner()
        return await self._told(
            entities.delete_entity(owner, id_, self._actor, force=force, wait=None)
        )

    async def restore(self, id_: str) -> Answer:
        owner = await self._system.owner()
        return await self._told(entities.restore_entity(owner, id_, self._actor, None))

    async def set_status(self, id_: str, status: str) -> Answer:
        owner = await self._system.owner()
        return await self._told(entities.set_statuses(owner, [id_], status, self._actor, None))

    async def roll_back(self, id_: str, number: int) -> Answer:
        return await self._told(self._system.rollback_to_version(id_, number, "Better before"))

    async def decide(self, decision: str) -> Answer:
        page = await self._system.list_approvals()
        if not page["items"]:
            return "done", None
        group = page["groups"][0]
        ids = [one["id"] for one in page["items"] if one["run_id"] == group["run_id"]]
        choice: Any = decision
        return await self._told(self._system.decide_approvals(ids, choice, group["plan_hash"]))

    async def read(self, id_: str) -> list[Answer]:
        system = self._system
        return [
            await self._told(asking)
            for asking in (
                system.get_entity(id_),
                system.get_resolved(id_),
                system.get_dependencies(id_, 1),
                system.get_dependencies(id_, 9),
                system.get_dependencies(id_, 9, include_shots=False),
            )
        ]

    async def affected_shots(self, id_: str) -> Answer:
        kind, found = await self._told(self._system.get_affected_shots(id_))
        return kind, sorted(found) if kind == "done" else found

    async def run(self) -> Answer:
        run_id, self.seen.run_id = self.seen.run_id, None
        return await self._told(self._system.get_run(run_id)) if run_id else ("done", None)

    async def approvals(self) -> Answer:
        return await self._told(self._system.list_approvals())
