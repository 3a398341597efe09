"""The rooms of all projects, and the live side's face to the core and to the web."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from protocol.errors import TABLE, Forbidden, RipplecutError, Unauthenticated
from server.domain.events import Event
from server.ports import DocumentStore, OpenProject
from server.rooms.access import Admission, Gatekeeper, Grant, Revocation
from server.rooms.connection import Connection
from server.rooms.document import encode_stored
from server.rooms.outbox import Write
from server.rooms.plain import PlainSession
from server.rooms.room import Room
from server.rooms.session import Session
from server.rooms.settings import RoomSettings
from server.rooms.timers import LoopTimers, Timers

__all__ = ["RealTimeSyncManager"]

logger = logging.getLogger(__name__)

_COLLECT_AFTER = 200
"""Connections. What they leave behind (the web server's objects more than ours) holds itself in
cycles, and is too old for all but full collections, which would not come by themselves in days."""


class RealTimeSyncManager:
    """Owns every room; to the core it is the ``Drafts`` and the ``LiveProject``.

    A project's room is opened by its first connection that is let in; concurrent ones await the
    same opening.
    """

    def __init__(
        self,
        *,
        open_core: OpenProject,
        store: DocumentStore,
        gate: Gatekeeper,
        settings: RoomSettings | None = None,
        timers: Timers | None = None,
    ) -> None:
        self._open_core = open_core
        self._store = store
        self._gate = gate
        self._settings = settings or RoomSettings()
        self._own_timers = LoopTimers() if timers is None else None
        self._timers: Timers = timers or self._own_timers or LoopTimers()
        self._rooms: dict[str, Room] = {}
        self._opening: dict[str, asyncio.Task[Room]] = {}
        self._connections: dict[str, Connection] = {}
        self._admissions: set[Admission] = set()
        self._gone = 0

    @property
    def connections(self) -> int:
        return len(self._connections)

    @contextmanager
    def admission(self) -> Iterator[Admission]:
        """Around finding out who somebody is, which takes time: what is revoked meanwhile counts.

        Ask ``check`` in the step of the loop in which the grant begins to count here.
        """
        admission = Admission()
        self._admissions.add(admission)
        try:
            yield admission
        finally:
            self._admissions.discard(admission)

    def attach(self, project_id: str, write: Write, grant: Grant | None = None) -> Connection:
        """Begin a connection on an accepted socket; ``grant`` is who it is, where that is known."""
        return self._attach(project_id, write, Session(self._settings, grant))

    def attach_document(self, project_id: str, name: str, write: Write, grant: Grant) -> Connection:
        """Begin a connection that is about one document, without the envelope's login."""
        return self._attach(project_id, write, PlainSession(self._settings, grant, name))

    def _attach(self, project_id: str, write: Write, session: Session) -> Connection:
        connection = Connection(
            project_id,
            write,
            gate=self._gate,
            open_room=self._room,
            timers=self._timers,
            settings=self._settings,
            session=session,
            admission=self.admission,
            on_left=self._left,
        )
        self._connections[connection.id] = connection
        return connection

    def revoke(self, predicate: Revocation, error: RipplecutError | None = None) -> int:
        """Put out every connection that speaks for somebody whom ``predicate`` names.

        ``error`` is Unauthenticated (a token that is no longer good, 4401; the default) or
        Forbidden (a member who was removed or whose role changed, 4403). Returns how many
        connections were put out.
        """
        reason = error or Unauthenticated("The token was revoked; log in again")
        for admission in self._admissions:
            admission.revoke(predicate, reason)
        named = [
            connection
            for connection in self._connections.values()
            if any(predicate(grant.identity, connection.project_id) for grant in connection.grants)
        ]
        for connection in named:
            connection.revoke(reason)
        return len(named)

    def remove_member(self, project_id: str, user: str) -> int:
        """Put out whoever is in a project as ``user``, after their right to be there changed."""
        return self.revoke(
            lambda identity, project: identity.user == user and project == project_id,
            Forbidden("Your role in this project was changed; connect again"),
        )

    async def draft_state(self, project_id: str, entity_id: str) -> bytes:
        room = self._rooms.get(project_id)
        if room is not None:
            return await room.draft_state(entity_id)
        return await encode_stored(await self._store.load_document(project_id, entity_id))

    def merge_committed(self, project_id: str, entity_id: str, update: bytes) -> None:
        room = self._rooms.get(project_id)
        if room is not None:
            room.merge_committed(entity_id, update)

    def viewed(self, project_id: str) -> frozenset[str]:
        room = self._rooms.get(project_id)
        return room.viewed() if room is not None else frozenset()

    def publish(self, project_id: str, events: Sequence[Event]) -> None:
        room = self._rooms.get(project_id)
        if room is not None:
            room.publish(events)

    def tell(
        self, project_id: str, frame: Mapping[str, Any], concerns: frozenset[str] | None
    ) -> None:
        room = self._rooms.get(project_id)
        if room is not None:
            room.tell(frame, concerns)

    async def aclose(self) -> None:
        """Say goodbye with 1012, then wait until everything that was typed is durable.

        Gives up on a store that goes on failing; what it did not take was never acknowledged.
        """
        for connection in list(self._connections.values()):
            connection.close(TABLE["unavailable"].close, "The server is restarting")
        try:
            async with asyncio.timeout(self._settings.flush_patience):
                await asyncio.gather(*(room.aclose() for room in self._rooms.values()))
        except TimeoutError:
            logger.error("Closing with updates that the store did not take")
        if self._own_timers is not None:
            await self._own_timers.aclose()

    async def _room(self, project_id: str) -> Room:
        room = self._rooms.get(project_id)
        if room is not None:
            return room
        opening = self._opening.get(project_id)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._open(project_id))
            self._opening[project_id] = opening
        return await asyncio.shield(opening)

    async def _open(self, project_id: str) -> Room:
        try:
            core = await self._open_core(project_id)
            # No await from here on: an event that is published after this finds its room.
            room = self._rooms[project_id] = Room(core, self._store, self._timers, self._settings)
            return room
        finally:
            del self._opening[project_id]

    def _left(self, connection: Connection) -> None:
        self._connections.pop(connection.id, None)
        self._gone += 1
        if self._gone >= max(_COLLECT_AFTER, len(self._connections)):
            self._gone = 0
            self._timers.call_later(self._settings.unload_after, _collect)


def _collect() -> None:
    gc.collect()
