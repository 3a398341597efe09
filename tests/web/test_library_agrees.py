"""The library and REST are two doors to one thing: for the same history they answer the same.

What happens is drawn from one seed. Every answer is compared whole, errors too, and in the end all
that can be read; only times are left out. Ids that are made by chance come out of the same hat on
both sides.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import orjson
import pytest

from protocol.errors import RipplecutError
from server import AssetPropagationSystem
from server.domain.actors import Actor
from server.services import entities
from tests.web.conftest import Web, running

PROJECT = "/api/v1/projects/film"
ROOT = "root"
"""Who the administrator's token says that one is; the library is told so."""
CAST = {
    "mara": "character",
    "coat": "wardrobe",
    "hat": "wardrobe",
    "quay": "location",
    "lamp": "prop",
    "sh010": "shot",
    "sh020": "shot",
    "sh030": "shot",
    "sc1": "scene",
    "seq1": "sequence",
}
"""In this order: what comes later may use what comes before."""
BUILT_ON = {
    "coat": ["mara"],
    "hat": ["mara"],
    "lamp": ["quay"],
    "sh010": ["coat", "quay"],
    "sh020": ["hat"],
    "sh030": ["lamp"],
    "sc1": ["quay", "sh010"],
    "seq1": ["sh010", "sh020"],
}
TIMES = {
    *("timestamp", "updated_at", "created_at", "started_at", "finished_at", "since", "at"),
    *("estimated_processing_time", "memory_impact"),
}
Answer = tuple[str, Any]


class Hat:
    """In place of ``secrets``: on both sides a step draws the same ids in the same order."""

    _of: ContextVar[random.Random] = ContextVar("hat")

    def fill(self, step: int) -> None:
        """For what is called from here on."""
        self._of.set(random.Random(step))

    def token_hex(self, size: int) -> str:
        return self._of.get().randbytes(size).hex()


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


Side = Rest | Library
Step = tuple[str, Callable[[Side], Awaitable[Any]]]


class Story:
    """What happens, drawn from one seed; some of it cannot, and is refused."""

    def __init__(self, seed: int, seen: Seen) -> None:
        self._chance = random.Random(seed)
        self._seen = seen
        self._ids = list(CAST)

    def beginning(self) -> list[Step]:
        return [self._created(id_, kind) for id_, kind in CAST.items()]

    def next(self) -> Step:
        chance, id_ = self._chance, self._any()
        match chance.randrange(24):
            case 0:
                return self._created(chance.choice([id_, "new", "two words"]), chance.choice(KINDS))
            case 1 | 2:
                given = [(one, self._data()) for one in chance.sample(self._ids, 3)]
                return f"batch {given}", lambda side: side.batch(given)
            case 3 | 4:
                data = self._data()
                return f"impact {id_} {data}", lambda side: side.impact(id_, data)
            case 5 | 6:
                return self._linked()
            case 7 | 8 | 9 if self._seen.references:
                return self._relinked()
            case 10 if self._seen.references:
                reference = chance.choice(self._seen.references)
                return f"unlink {reference}", lambda side: side.unlink(reference)
            case 11 | 12:
                force = chance.random() < 0.5
                return f"delete {id_} {force}", lambda side: side.delete(id_, force)
            case 13 | 14:
                return f"restore {id_}", lambda side: side.restore(id_)
            case 15:
                status = chance.choice(["final", "final", "wip", "approved", "no such"])
                return f"status {id_} {status}", lambda side: side.set_status(id_, status)
            case 16 | 17:
                number = chance.randint(1, 4)
                return f"roll back {id_} {number}", lambda side: side.roll_back(id_, number)
            case 18:
                decision = chance.choice(["approve", "reject"])
                return f"{decision} what waits", lambda side: side.decide(decision)
            case _:
                data, base = self._data(), chance.choice([None, None, 1, 2, 99])
                return f"change {id_} {data} {base}", lambda side: side.change(id_, data, base)

    def _any(self) -> str:
        return self._chance.choice([*self._ids, "nobody"])

    def _data(self) -> dict[str, Any]:
        colour = self._chance.choice(["#112233", "#445566", "#778899"])
        words = " ".join(self._chance.choices(["tall", "wet", "dark"], k=3))
        return self._chance.choice(
            [
                {"description": words},
                {"description": words},
                {"colour": colour, "note": words},
                {"visual_changes": {"mood": words}},
                {"note": None},
                {"name": words},
                {"colour": "no colour at all"},
                {"description": ["no", "text"]},
                {},
            ]
        )

    def _created(self, id_: str, kind: str) -> Step:
        uses: list[Any] = [{"source": one} for one in BUILT_ON.get(id_, ())]
        if id_ not in self._ids and id_ not in CAST:
            self._ids.append(id_)
            uses = [{"source": "mara", "policy": self._chance.choice(["latest", "pinned"])}]
        fields = {"description": f"{id_}, as first described"}
        return f"create {id_} {kind}", lambda side: side.create(id_, kind, fields, uses)

    def _linked(self) -> Step:
        """Mostly from what comes before to what comes later; other ways tend to be cycles."""
        chance = self._chance
        early, late = sorted(chance.sample(range(len(self._ids)), 2))
        if chance.random() < 0.2:
            early, late = late, early
        source, target = self._ids[early], self._ids[late]
        options: dict[str, Any] = chance.choice(
            [
                {},
                {"policy": "approved"},
                {"version": chance.randint(1, 3)},
                {"overrides": {"colour": "#ffffff"}, "role": "worn"},
                {"policy": "latest", "version": 1},
            ]
        )
        return f"link {source} {target} {options}", lambda side: side.link(source, target, options)

    def _relinked(self) -> Step:
        reference = self._chance.choice(self._seen.references)
        change: dict[str, Any] = self._chance.choice(
            [
                {"policy": "pinned"},
                {"policy": "pinned", "version": self._chance.randint(1, 3)},
                {"policy": "latest"},
                {"policy": "approved"},
                {"overrides": {"description": "Here only"}},
                {"overrides": {}},
            ]
        )
        return f"relink {reference} {change}", lambda side: side.relink(reference, change)


KINDS = [*sorted(set(CAST.values())), "no such kind"]


async def compared(folder: Path, hat: Hat, seed: int, length: int) -> None:
    """Live through one history on both sides, and hold all answers against each other."""
    told = [f"seed {seed}"]
    hat.fill(0)
    async with running(folder) as web, AssetPropagationSystem("film", user=ROOT) as system:
        await web.make("film")
        rest, library = Rest(web), Library(system)
        story = Story(seed, rest.seen)
        steps = story.beginning()
        try:
            for number in range(len(steps) + length):
                words, step = steps[number] if number < len(steps) else story.next()
                told.append(words)
                answers = []
                for side in (library, rest):
                    hat.fill(number)
                    answers.append((await step(side), await side.run()))
                assert answers[0] == answers[1]
            for id_ in [*CAST, "new", "two words", "nobody"]:
                told.append(f"read {id_}")
                assert await library.read(id_) == await rest.read(id_)
                assert await library.affected_shots(id_) == await rest.affected_shots(id_)
            told.append("read what waits")
            assert await library.approvals() == await rest.approvals()
        except AssertionError as error:
            error.add_note("\n".join(told))
            raise


@pytest.fixture
def hat(monkeypatch: pytest.MonkeyPatch) -> Hat:
    made = Hat()
    monkeypatch.setattr("server.domain.ids.secrets", made)
    return made


@pytest.mark.parametrize("seed", range(3))
async def test_the_library_and_rest_answer_the_same_for_the_same_history(
    tmp_path: Path, hat: Hat, seed: int
) -> None:
    await compared(tmp_path, hat, seed, 60)


@pytest.mark.soak
async def test_they_answer_the_same_for_many_histories(
    tmp_path: Path, hat: Hat, soak_seconds: float
) -> None:
    end = time.monotonic() + soak_seconds
    while time.monotonic() < end:
        await compared(tmp_path, hat, random.randrange(2**32), 60)
