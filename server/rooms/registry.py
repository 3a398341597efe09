"""The rooms of all projects, and the live side's face to the core and to the web."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from protocol.errors import (
    TABLE,
    Forbidden,
    NotFound,
    RipplecutError,
    Unauthenticated,
    Unavailable,
)
from server.domain.events import Event
from server.ports import DocumentStore, OpenProject
from server.rooms.access import Admission, Gatekeeper, Grant, Identity, Revocation
from server.rooms.compaction import Compaction
from server.rooms.connection import Connection
from server.rooms.outbox import Write
from server.rooms.plain import PlainSession
from server.rooms.room import Room
from server.rooms.session import Session
from server.rooms.settings import RoomSettings
from server.rooms.timers import Cancellable, LoopTimers, Timers

__all__ = ["RealTimeSyncManager"]

logger = logging.getLogger(__name__)

_RESTARTING = "The server is restarting"
_RECHECKED_AT_ONCE = 16
"""One question that hangs holds up no more than these."""


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
        self._compaction = Compaction(store, self._timers, self._settings)
        self._rooms: dict[str, Room] = {}
        self._opening: dict[str, asyncio.Task[Room]] = {}
        self._connections: dict[str, Connection] = {}
        self._strangers: dict[str, Connection] = {}
        self._admissions: set[Admission] = set()
        self._draining = False
        self._rechecking = False
        self._unloading: dict[str, Cancellable] = {}

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
        """Begin a connection on an accepted socket; ``grant`` is who it is, where that is known.

        Raises Unavailable while the server stops.
        """
        return self._attach(project_id, write, Session(self._settings, grant))

    def attach_document(self, project_id: str, name: str, write: Write, grant: Grant) -> Connection:
        """Begin a connection that is about one document, without the envelope's login.

        Raises Unavailable while the server stops.
        """
        return self._attach(project_id, write, PlainSession(self._settings, grant, name))

    def _attach(self, project_id: str, write: Write, session: Session) -> Connection:
        if self._draining:
            raise Unavailable(_RESTARTING)
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
        if (due := self._unloading.pop(project_id, None)) is not None:
            due.cancel()
        self._recheck_later()
        if not connection.known:
            self._strangers[connection.id] = connection
            self._bound_strangers()
        return connection

    def _bound_strangers(self) -> None:
        if len(self._strangers) <= self._settings.strangers:
            return
        self._strangers = {key: one for key, one in self._strangers.items() if not one.known}
        if len(self._strangers) > self._settings.strangers:
            waiting = (key for key, one in self._strangers.items() if not one.being_checked)
            longest = next(waiting, next(iter(self._strangers)))
            self._strangers.pop(longest).crowd_out()

    def revoke(self, predicate: Revocation, error: RipplecutError | None = None) -> int:
        """End what rests on a right of somebody whom ``predicate`` names: documents that were
        opened by a token of their own, or a whole connection.

        ``error`` is Unauthenticated (a token that is no longer good, 4401; the default) or
        Forbidden (a member who was removed, 4403). Returns how many connections it concerned.
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
            connection.revoke(predicate, reason)
        return len(named)

    async def recheck(self, concerns: Revocation = lambda *_: True) -> None:
        """Ask again whether everybody may still be here, and as what; happens by itself, too.

        ``concerns`` narrows it to some. Whose token ends soon is asked for another one. A gate that
        fails changes nothing.
        """
        here: dict[tuple[Identity, str], list[Connection]] = {}
        for connection in self._connections.values():
            for grant in connection.grants:
                if not concerns(grant.identity, connection.project_id):
                    continue
                here.setdefault((grant.identity, connection.project_id), []).append(connection)
        for (identity, _), connections in here.items():
            left = self._gate.expires_in(identity)
            if left is not None and 0 < left <= self._settings.renew_ahead:
                for connection in connections:
                    connection.ask_again(identity, left)
        asked = list(here.items())
        for start in range(0, len(asked), _RECHECKED_AT_ONCE):
            some = asked[start : start + _RECHECKED_AT_ONCE]
            await asyncio.gather(*(self._recheck_one(*key, them) for key, them in some))

    async def _recheck_one(
        self, identity: Identity, project_id: str, connections: Sequence[Connection]
    ) -> None:
        try:
            async with asyncio.timeout(self._settings.recheck_patience):
                role = await self._gate.authorise(identity, project_id)
        except (Unauthenticated, Forbidden, NotFound) as error:
            _put_out(connections, identity, error)
        except Exception:
            logger.exception("It could not be found out what %r may do", identity.user)
        else:
            for connection in connections:
                connection.regrade(Grant(identity, role))

    def _recheck_later(self) -> None:
        if not self._rechecking and self._connections:
            self._rechecking = True
            self._timers.call_later(
                self._settings.recheck_every, lambda: self._timers.spawn(self._recheck())
            )

    async def _recheck(self) -> None:
        try:
            await self.recheck()
        finally:
            self._rechecking = False
            self._recheck_later()

    async def draft_state(self, project_id: str, entity_id: str) -> bytes:
        room = self._rooms.get(project_id)
        if room is not None:
            return await room.draft_state(entity_id)
        return await self._compaction.state_at_rest(project_id, entity_id)

    def editor(self, project_id: str, entity_id: str) -> str:
        room = self._rooms.get(project_id)
        return room.editor(entity_id) if room is not None else ""

    def merge_committed(self, project_id: str, entity_id: str, update: bytes) -> None:
        room = self._rooms.get(project_id)
        if room is not None:
            room.merge_committed(entity_id, update)

    def viewed(self, project_id: str) -> frozenset[str]:
        room = self._rooms.get(project_id)
        return room.attention.all() if room is not None else frozenset()

    def viewed_since(self, project_id: str, version: int) -> tuple[int, Iterable[str]]:
        room = self._rooms.get(project_id)
        if room is None:
            return 0, ()
        return room.attention.version, room.attention.since(version)

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

    async def drain(self) -> None:
        """Let nobody in any more, and close with 1012, one connection after the other, each once
        what it sent is acknowledged.

        They stay usable until their turn comes. Where the store goes on failing they are all closed
        at once; what it did not take was never acknowledged.
        """
        self._draining = True
        leaving = list(self._connections.values())
        window, pause = self._settings.drain_window, self._settings.drain_pause
        pause = min(pause, window / max(len(leaving), 1))
        try:
            async with asyncio.timeout(self._settings.flush_patience):
                for number, connection in enumerate(leaving):
                    if number:
                        await self._timers.sleep(pause)
                    await connection.settled()
                    connection.close(TABLE["unavailable"].close, _RESTARTING)
        except (TimeoutError, Unavailable):
            logger.error("Closing connections before all of what they sent was stored")
        finally:
            for connection in list(self._connections.values()):
                connection.close(TABLE["unavailable"].close, _RESTARTING)

    async def aclose(self) -> None:
        """Drain, then publish what waits for it, and wait until everything is durable.

        Gives up on a store that goes on failing.
        """
        await self.drain()
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
            # All who wait may leave, and nobody is there any more who would see how it failed.
            opening.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._opening[project_id] = opening
        await asyncio.wait([opening])
        return opening.result()

    async def _open(self, project_id: str) -> Room:
        try:
            core = await self._open_core(project_id)
            # No await from here on: an event that is published after this finds its room.
            room = self._rooms[project_id] = Room(
                core, self._store, self._timers, self._settings, self._compaction
            )
            return room
        finally:
            del self._opening[project_id]
            self._unload_later(project_id)  # who wanted it may have left meanwhile

    def _left(self, connection: Connection) -> None:
        self._connections.pop(connection.id, None)
        self._strangers.pop(connection.id, None)
        self._unload_later(connection.project_id)

    def _unload_later(self, project_id: str) -> None:
        if project_id in self._unloading or project_id not in self._rooms:
            return
        if not (self._draining or self._attended(project_id)):
            self._unloading[project_id] = self._timers.call_later(
                self._settings.unload_after, lambda: self._unload_if_idle(project_id)
            )

    def _unload_if_idle(self, project_id: str) -> None:
        self._unloading.pop(project_id, None)
        room = self._rooms.get(project_id)
        if room is None or self._draining or self._attended(project_id):
            return
        if room.idle:
            del self._rooms[project_id]
            room.put_away()
        else:
            self._unload_later(project_id)

    def _attended(self, project_id: str) -> bool:
        return any(one.project_id == project_id for one in self._connections.values())


def _put_out(connections: Iterable[Connection], identity: Identity, error: RipplecutError) -> None:
    for connection in connections:
        connection.revoke(lambda who, _: who == identity, error)
