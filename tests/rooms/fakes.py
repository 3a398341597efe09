"""The world around the rooms, held still: a clock, a store and a core that do what a test says."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from pycrdt import Doc, Map, Text

from protocol.errors import (
    Forbidden,
    NotFound,
    RipplecutError,
    Unauthenticated,
    Unavailable,
)
from server.domain.conflicts import Clash
from server.domain.events import Event
from server.ports import Actor, StoredDocument
from server.rooms.access import Grant, Identity, Role
from server.rooms.outbox import CloseFrame, Frame


def seed(**fields: Any) -> bytes:
    """The state of a document; texts become Y.Text."""
    doc: Doc[Any] = Doc()
    root = doc.get("fields", type=Map)
    with doc.transaction():
        for name, value in fields.items():
            root[name] = Text(value) if isinstance(value, str) else value
    return doc.get_update()


class Client:
    """A Yjs client without a wire: a document, and the updates that its edits make."""

    def __init__(self, state: bytes = b"") -> None:
        self.doc: Doc[Any] = Doc()
        if state:
            self.doc.apply_update(state)
        self.updates: list[bytes] = []
        self.doc.observe(lambda event: self.updates.append(event.update))

    @property
    def fields(self) -> Map[Any]:
        fields: Map[Any] = self.doc.get("fields", type=Map)
        return fields

    def set(self, name: str, value: Any) -> bytes:
        self.fields[name] = value
        return self.updates[-1]

    def type(self, text: str, name: str = "description") -> bytes:
        self.fields[name].insert(0, text)
        return self.updates[-1]

    def text(self, name: str = "description") -> str:
        return str(self.fields[name])


class _Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeTimers:
    """A clock that stands still until ``advance``; work in the background runs on the real loop."""

    def __init__(self) -> None:
        self._now = 0.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, _Handle, Callable[[], None]]] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return self._now

    def call_later(self, delay: float, action: Callable[[], None]) -> _Handle:
        handle = _Handle()
        when = round(self._now + max(delay, 0.0), 6)
        heapq.heappush(self._due, (when, next(self._order), handle, action))
        return handle

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def sleep(self, delay: float) -> None:
        if delay <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self.call_later(delay, woken.set)
        await woken.wait()

    async def advance(self, seconds: float = 0.0) -> None:
        """Let that much time pass, and everything happen that falls into it."""
        end = round(self._now + seconds, 6)
        await settle()
        while self._due and self._due[0][0] <= end:
            when, _, handle, action = heapq.heappop(self._due)
            self._now = max(self._now, when)
            if not handle.cancelled:
                action()
            await settle()
        self._now = end


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


class FakeStore:
    """Documents in memory. ``hold`` makes appends wait, ``broken`` makes them fail."""

    def __init__(self, **documents: bytes) -> None:
        self.documents: dict[str, list[bytes]] = {key: [state] for key, state in documents.items()}
        self.loads = 0
        self.appended: list[bytes] = []
        self.compacted: list[tuple[str, int]] = []
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()

    async def load_document(self, project_id: str, entity_id: str) -> StoredDocument:
        self.loads += 1
        await asyncio.sleep(0)
        if entity_id not in self.documents:
            raise NotFound(f"There is no document of {entity_id!r}")
        state, *updates = self.documents[entity_id]
        return StoredDocument(state, updates)

    async def append_update(self, project_id: str, entity_id: str, update: bytes) -> None:
        await self.open.wait()
        if self.broken:
            raise Unavailable("The disk is full")
        if entity_id not in self.documents:
            raise NotFound(f"There is no document of {entity_id!r}")
        self.documents[entity_id].append(update)
        self.appended.append(update)

    async def compact_document(
        self, project_id: str, entity_id: str, state: bytes, count: int
    ) -> None:
        self.compacted.append((entity_id, count))
        self.documents[entity_id][: count + 1] = [state]


class FakeCore:
    """A project's owner with one character ``hero``, whose versions are ``fields``."""

    def __init__(self, **fields: Any) -> None:
        self.project_id = "film"
        self.epoch = "epoch-1"
        self.publishes_automatically = True
        self.prose_quiet = 30.0
        self.fields: dict[str, dict[str, Any]] = {"hero": dict(fields)}
        self.events: list[Event] = []
        self.dependents: tuple[str, ...] = ("sh010", "sh020")
        self.published: list[tuple[str, tuple[str, ...] | None, Actor]] = []
        self.kept: list[tuple[str, Clash]] = []
        self.refusal: Exception | None = None
        self.reading = asyncio.Event()
        self.reading.set()
        self.reach = 0
        self.page = 1000

    @property
    def seq(self) -> int:
        return self.events[-1].seq if self.events else 0

    def commit(self, kind: str = "entity_changed", *concerns: str) -> Event:
        event = Event(self.seq + 1, {"type": kind}, frozenset(concerns) or None)
        self.events.append(event)
        return event

    def has_entity(self, entity_id: str) -> bool:
        return entity_id in self.fields

    def draft_changes(self, entity_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        current = self.fields[entity_id]
        return {name: value for name, value in values.items() if current.get(name) != value}

    def is_prose(self, entity_id: str, field: str) -> bool:
        return field in {"description", "notes"}

    def change_type(self, entity_id: str, fields: Sequence[str]) -> str:
        return "visual"

    def previewed_in(self, entity_id: str) -> tuple[str, ...]:
        return self.dependents

    async def events_after(self, seq: int) -> Sequence[Event] | None:
        known = [event for event in self.events if event.seq > seq][: self.page]
        await self.reading.wait()
        return None if seq < self.reach else known

    async def keep_simultaneous(self, entity_id: str, clashes: Sequence[Clash]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.kept += [(entity_id, one) for one in clashes]

    async def publish_values(self, entity_id: str, fields: Sequence[str], actor: Actor) -> None:
        self._publish(entity_id, tuple(fields), actor)

    async def publish_draft(self, entity_id: str, actor: Actor) -> None:
        self._publish(entity_id, None, actor)

    def _publish(self, entity_id: str, fields: tuple[str, ...] | None, actor: Actor) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.published.append((entity_id, fields, actor))


def grant(user: str, role: Role = Role.EDITOR) -> Grant:
    return Grant(Identity(user, "#aabbcc", f"token-{user}"), role)


class FakeGate:
    """Everybody's token is their name, and a dot and more where they have several; ``eve`` may only
    read, ``mallory`` is not in the project. A test may change what is said of a token id.
    """

    def __init__(self) -> None:
        self.roles: dict[str, Role] = {}
        self.lost: dict[str, RipplecutError] = {}
        self.expiries: dict[str, float] = {}

    async def authenticate(self, token: str) -> Identity:
        if token == "wrong":
            raise Unauthenticated("This token is not known")
        return Identity(token.partition(".")[0], "#aabbcc", f"token-{token}")

    async def authorise(self, identity: Identity, project_id: str) -> Role:
        if identity.token_id in self.lost:
            raise self.lost[identity.token_id]
        if identity.user == "mallory":
            raise Forbidden("You are not in this project")
        if project_id != "film":
            raise NotFound(f"There is no project {project_id!r}")
        usual = Role.VIEWER if identity.user == "eve" else Role.EDITOR
        return self.roles.get(identity.token_id, usual)

    def expires_in(self, identity: Identity) -> float | None:
        return self.expiries.get(identity.token_id)


class Wire:
    """The other end of a connection: what was written to it. ``stall`` makes writes suspend."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.dead = False

    async def write(self, frame: Frame) -> None:
        await self.flowing.wait()
        if self.dead:
            raise OSError("The connection is gone")
        self.frames.append(frame)

    def stall(self) -> None:
        self.flowing.clear()

    def take(self) -> list[Frame]:
        taken, self.frames = self.frames, []
        return taken

    def closed_with(self) -> int | None:
        return next((frame.code for frame in self.frames if isinstance(frame, CloseFrame)), None)
