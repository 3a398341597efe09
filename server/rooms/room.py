"""The live side of one project: its people, its open documents, its stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from protocol import frames
from protocol.errors import Invalid, NotFound, RipplecutError, Unavailable
from protocol.frames import Hello, encode_frame
from server.domain.events import Event
from server.ports import DocumentStore, ProjectCore
from server.rooms.access import Grant
from server.rooms.attention import Attention
from server.rooms.channel import Attachment, Channel
from server.rooms.clashing import Clashing
from server.rooms.compaction import Compaction
from server.rooms.draft_state import Ready
from server.rooms.lifecycle import LifeCycle
from server.rooms.outbox import Item, Overflow
from server.rooms.participant import Participant
from server.rooms.presence import Presence
from server.rooms.publishing import Editor, Publishing
from server.rooms.settings import RoomSettings
from server.rooms.timers import Cancellable, Timers

__all__ = ["Room"]

_REPLAY_AT_ONCE = 200


class Room:
    """What happens live in a project goes through its room; everything here runs on one loop."""

    def __init__(
        self,
        core: ProjectCore,
        store: DocumentStore,
        timers: Timers,
        settings: RoomSettings,
        compaction: Compaction,
    ) -> None:
        self.core = core
        self._store = store
        self._timers = timers
        self._settings = settings
        self._position = core.seq
        self._participants: dict[Participant, None] = {}
        self.attention = Attention()
        self._channels: dict[str, Channel] = {}
        self._unloads: dict[str, Cancellable] = {}
        self.state = LifeCycle.READY
        self.presence = Presence(timers, settings.presence_interval, self._announce_presence)
        self._compaction = compaction
        self._clashing = Clashing(core, timers, settings)
        self._publishing = Publishing(
            core,
            timers,
            settings,
            values=self._values,
            tell=self.tell,
        )

    @property
    def position(self) -> int:
        """The ``seq`` up to which the stream has been fanned out."""
        return self._position

    @property
    def idle(self) -> bool:
        """Nobody is here, no document is open, nothing is under way."""
        return not self._participants and not self._channels and self._clashing.idle

    def enter(self, participant: Participant) -> None:
        self._participants[participant] = None

    def leave(self, participant: Participant) -> None:
        self.look(participant, ())
        self._participants.pop(participant, None)
        self.presence.leave(participant.id)

    async def join(self, participant: Participant, grant: Grant, hello: Hello) -> None:
        """Welcome somebody who said hello: with what they missed, and from then on all.

        The position and the subscription are taken in one step of the loop, so nothing falls
        between.
        """
        participant.subscription.add(hello.subscribe)
        participant.user = grant.identity.user
        missed = None
        position = self._position
        if (
            hello.resume is not None
            and hello.resume.epoch == self.core.epoch
            and hello.resume.seq <= position
        ):
            missed = await self.core.events_after(hello.resume.seq)
        resumed = missed is not None
        participant.position = (
            hello.resume.seq if missed is not None and hello.resume is not None else self._position
        )
        participant.outbox.push(
            Item(
                frames.welcome(
                    epoch=self.core.epoch,
                    seq=participant.position,
                    user=grant.identity.user,
                    role=grant.role.label,
                    resumed=resumed,
                    session=participant.id,
                )
            )
        )
        if missed is not None:
            await self._replay(participant, missed, position)
        if participant in self._participants:
            participant.live = True
            self.presence.enter(participant.id, grant.identity)

    async def _replay(self, participant: Participant, missed: Sequence[Event], target: int) -> None:
        """Send what was missed, and what was fanned out meanwhile, until nothing is missing.

        The core may answer with a part at a time. ``target`` is the room's position before
        ``missed`` was read: as long as the room has moved on since, there may be more.
        """
        reached = participant.position
        while True:
            for number, event in enumerate(missed, 1):
                self._say_event(participant, event, event.encode().decode())
                reached = max(reached, event.seq)
                await participant.outbox.low()
                if number % _REPLAY_AT_ONCE == 0:
                    await self._timers.sleep(0)
            # Nothing at all between here and a position that has not moved: then there is nothing.
            if reached >= self._position or (not missed and self._position == target):
                return
            target = self._position
            more = await self.core.events_after(reached)
            if more is None:
                lost = frames.resync("The stream moved on faster than it could be replayed")
                participant.outbox.push(Item(lost))
                participant.position = self._position
                return
            missed = more

    async def open(self, attachment: Attachment, entity_id: str) -> Channel:
        """Open a document for somebody; raises NotFound or Unavailable."""
        if self.state is not LifeCycle.READY:
            raise Unavailable("The server is restarting")
        if not self.core.has_entity(entity_id):
            raise NotFound(f"There is no {entity_id!r} in this project")
        channel = self._channels.get(entity_id)
        if channel is None or channel.gone:
            channel = self._channels[entity_id] = Channel(
                self.core.project_id,
                entity_id,
                self._store,
                self._timers,
                self._settings,
                self._changed,
                partial(self._compaction.start, self.core.project_id),
                self._clashing.add,
            )
        loaded = isinstance(channel.document.state, Ready)
        self._keep(entity_id)
        try:
            await channel.attach(attachment)
            if not loaded:
                self._publishing.opened(entity_id)
        finally:
            self._unload_later(channel)
        return channel

    def detach(self, attachment: Attachment, channel: Channel) -> None:
        channel.detach(attachment)
        self._unload_later(channel)

    def publish(self, events: Sequence[Event]) -> None:
        """Fan committed events out, in order."""
        for event in events:
            encoded = event.encode().decode()
            for participant in self._addressed(event):
                if participant.live:
                    self._say_event(participant, event, encoded)
            self._position = max(self._position, event.seq)
        if any(event.type == "entity_changed" for event in events):
            self._expel_deleted()

    def tell(self, frame: Mapping[str, Any], concerns: frozenset[str] | None) -> None:
        """Fan an ephemeral frame out."""
        item = Item(encode_frame(frame))
        for participant in self._participants:
            if participant.live and participant.subscription.wants(concerns):
                participant.send(item)

    def look(self, participant: Participant, entities: Sequence[str]) -> None:
        """Somebody has these on screen now, and nothing else. Who has left has nothing."""
        if participant in self._participants:
            self.attention.move(participant.viewing, entities)
            participant.viewing = frozenset(entities)

    async def draft_state(self, entity_id: str) -> bytes:
        """The state of a draft, all of it durable; raises Unavailable where the disk fails."""
        channel = self._channels.get(entity_id)
        if channel is not None and not channel.gone:
            return await channel.durable_state()
        return await self._compaction.state_at_rest(self.core.project_id, entity_id)

    def editor(self, entity_id: str) -> str:
        return self._publishing.editor(entity_id)

    def merge_committed(self, entity_id: str, update: bytes) -> None:
        channel = self._channels.get(entity_id)
        if channel is not None and not channel.gone:
            channel.merge_committed(update)

    async def aclose(self) -> None:
        """Publish what waits for it, stop the timers, wait until all that was typed is durable."""
        self.state = LifeCycle.DRAINING
        self.presence.stop()
        for channel in list(self._channels.values()):
            channel.fan_out_now()
        await self._clashing.flush()
        await self._publishing.flush()
        self._clashing.stop()
        self._publishing.stop()
        await asyncio.gather(*(channel.drain() for channel in self._channels.values()))
        self.state = LifeCycle.GONE

    def put_away(self) -> None:
        """To be called on an idle room that nobody will find any more."""
        self.presence.stop()
        self.state = LifeCycle.GONE

    def _addressed(self, event: Event) -> Iterable[Participant]:
        """Everybody, or only the connections of the person whom it is for."""
        if event.person is None:
            return self._participants
        return [one for one in self._participants if one.user == event.person]

    def _say_event(self, participant: Participant, event: Event, encoded: str) -> None:
        if event.person not in (None, participant.user):
            return
        if event.seq > participant.position and participant.subscription.wants(event.concerns):
            participant.say_event(event.seq, encoded)

    def _announce_presence(self, text: str) -> None:
        item = Item(text, Overflow.DROP)
        for participant in self._participants:
            if participant.live:
                participant.send(item)

    def _values(self, entity_id: str) -> dict[str, Any] | None:
        channel = self._channels.get(entity_id)
        loaded = channel is not None and isinstance(channel.document.state, Ready)
        return channel.document.values() if channel is not None and loaded else None

    def _changed(self, channel: Channel, writer: Attachment | None) -> None:
        editor = None
        if writer is not None:
            participant = writer.participant

            def complain(error: RipplecutError) -> None:
                participant.say(frames.error(error.code, _in_words(error), fatal=False))

            grant = writer.grant
            editor = Editor(grant.identity.user, complain, grant.role.label)
        self._publishing.changed(channel.entity_id, editor)

    def _expel_deleted(self) -> None:
        for entity_id, channel in list(self._channels.items()):
            if not self.core.has_entity(entity_id):
                channel.expel(NotFound(f"{entity_id!r} was deleted"))
                self._unload(channel)

    def _unload_later(self, channel: Channel) -> None:
        """Once nobody has had it open for a while: who comes back begins the time anew."""
        if self._channels.get(channel.entity_id) is not channel:
            return
        self._keep(channel.entity_id)
        if channel.unattended:
            self._unloads[channel.entity_id] = self._timers.call_later(
                self._settings.unload_after, lambda: self._unload_if_idle(channel)
            )

    def _keep(self, entity_id: str) -> None:
        if (due := self._unloads.pop(entity_id, None)) is not None:
            due.cancel()

    def _unload_if_idle(self, channel: Channel) -> None:
        if self._channels.get(channel.entity_id) is not channel:
            return
        if not (channel.idle and self._publishing.idle(channel.entity_id)):
            self._unload_later(channel)
            return
        channel.document.unload()
        self._unload(channel)
        if channel.worth_compacting:
            self._compaction.start(self.core.project_id, channel.entity_id)

    def _unload(self, channel: Channel) -> None:
        channel.stop()
        self._keep(channel.entity_id)
        self._publishing.forget(channel.entity_id)
        if self._channels.get(channel.entity_id) is channel:
            del self._channels[channel.entity_id]


def _in_words(error: RipplecutError) -> str:
    """An error's text with the fields that it names: a frame has no other place for them."""
    named = (
        [f"{one.field}: {one.message}" for one in error.errors]
        if isinstance(error, Invalid)
        else []
    )
    return "; ".join([error.detail, *named])
