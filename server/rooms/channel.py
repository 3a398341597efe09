"""One open document of a room: who has it open, and how an update passes between them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from protocol import frames, hocuspocus
from protocol.errors import Invalid, RipplecutError, TooLarge, Unavailable
from protocol.frames import saved
from protocol.update_scan import UpdateScan
from protocol.ysync import EMPTY_STATE_VECTOR, AwarenessEntry
from server.domain.conflicts import Clash
from server.ports import DocumentStore, StoredDocument
from server.rooms.access import Grant
from server.rooms.awareness import AwarenessBoard
from server.rooms.crdt import merge_in_chunks, scan_foreign
from server.rooms.document import DraftDocument, Spoilt
from server.rooms.draft_state import Gone, Loading
from server.rooms.log import Entry, UpdateLog
from server.rooms.outbox import Item, Overflow, document_update
from server.rooms.participant import Participant
from server.rooms.settings import RoomSettings
from server.rooms.tally import is_dear
from server.rooms.timers import Cancellable, Throttle, Timers

__all__ = ["Attachment", "Channel"]

logger = logging.getLogger(__name__)

_READ_LIKE_ONE = 100
"""Bytes of an update that take as long to read as an update by itself does."""


@dataclass(eq=False, slots=True)
class Attachment:
    """A document that a connection has open under a routing key. Known by identity, not by name.

    ``expelled`` is called with an error when the document cannot be had any more. ``refused_at`` is
    when a write of a reader was refused last.
    """

    participant: Participant
    key: str
    grant: Grant
    expelled: Callable[[RipplecutError], None]
    refused_at: float = float("-inf")


class Channel:
    """A draft and its attachments: merge, fan out, commit, acknowledge.

    Updates of one round of the loop go to the others as one frame; each is then acknowledged to its
    sender exactly once, in order, after its commit. ``on_changed`` is called after each fan-out
    with the attachment that wrote last, or ``None`` for the server; ``on_grown`` when many updates
    are stored, with what is to be told how large the state is that was made of them; ``on_clash``
    with what two people set at once.
    """

    def __init__(
        self,
        project_id: str,
        entity_id: str,
        store: DocumentStore,
        timers: Timers,
        settings: RoomSettings,
        on_changed: Callable[[Channel, Attachment | None], None],
        on_grown: Callable[[str, Callable[[int], None]], None],
        on_clash: Callable[[str, Sequence[Clash]], None] = lambda *_: None,
    ) -> None:
        self.entity_id = entity_id
        self._project_id = project_id
        self._store = store
        self._on_changed = on_changed
        self._on_grown = on_grown
        self._on_clash = on_clash
        self._settings = settings
        self._stored = 0
        self._base = 0
        self._joined: tuple[bytes, str, Item] | None = None
        self._attachments: dict[Attachment, None] = {}
        self._clocks: dict[Participant, int] = {}
        self._log = UpdateLog[Attachment](
            self._append, self._durable, timers, settings, self._failing
        )
        self._board = AwarenessBoard[Attachment](settings.awareness_clients)
        self._relay = Throttle(timers, settings.awareness_interval, self._tell_awareness)
        self._timers = timers
        self._round: list[tuple[bytes, Attachment | None]] = []
        self._due: Cancellable | None = None
        self.document = DraftDocument(self._load, limit=settings.document_limit)

    @property
    def gone(self) -> bool:
        return isinstance(self.document.state, Gone)

    @property
    def unattended(self) -> bool:
        return not self._attachments

    @property
    def idle(self) -> bool:
        """Nobody has it open, nothing is on its way to the disk."""
        return (
            not self._attachments
            and self._log.idle
            and not self._round
            and not isinstance(self.document.state, Loading)
        )

    @property
    def worth_compacting(self) -> bool:
        """Whether enough updates rest in the store to make one state of them as it is put away."""
        return self._stored >= self._settings.least_at_rest(self._base)

    async def attach(self, attachment: Attachment) -> None:
        """Load if needed and let somebody in; raises NotFound or Unavailable."""
        await self.document.ready()
        self._attachments[attachment] = None
        self._clocks.setdefault(attachment.participant, 0)
        self.announce_scope(attachment)
        if present := self._board.snapshot():
            frame = hocuspocus.encode_awareness_frame(attachment.key, present)
            attachment.participant.send(Item(frame, Overflow.DROP))
        if self._log.failing:
            attachment.participant.say(self._unsaved())

    def announce_scope(self, attachment: Attachment) -> None:
        frame = hocuspocus.encode_authenticated(
            attachment.key, read_only=attachment.grant.read_only
        )
        attachment.participant.send(Item(frame))

    def detach(self, attachment: Attachment) -> None:
        """Let somebody out; what they introduced of themselves goes with them."""
        if attachment not in self._attachments:
            return
        del self._attachments[attachment]
        if not any(other.participant is attachment.participant for other in self._attachments):
            self._clocks.pop(attachment.participant, None)
        if self._board.drop(attachment):
            self._relay.touch()

    async def answer_step_one(
        self, attachment: Attachment, state_vector: bytes, *, counter: bool
    ) -> None:
        """Ask for what the server lacks, then send what the client lacks, even if nothing."""
        await self.document.ready()
        missing = self.document.diff(state_vector)
        if counter:
            attachment.participant.send(
                Item(hocuspocus.encode_step_one(attachment.key, self.document.state_vector()))
            )
        if state_vector == EMPTY_STATE_VECTOR:
            attachment.participant.send(self._whole(attachment.key, missing))
        else:
            attachment.participant.send(Item(hocuspocus.encode_step_two(attachment.key, missing)))

    def _whole(self, key: str, state: bytes) -> Item:
        """Those who join while nothing changes are sent the very same frame."""
        if self._joined is None or self._joined[0] is not state or self._joined[1] != key:
            self._joined = (state, key, Item(hocuspocus.encode_step_two(key, state)))
        return self._joined[2]

    async def apply(self, attachment: Attachment, update: bytes) -> None:
        """Take a step 2 or an update and see that exactly one sync status answers it.

        Raises Invalid or TooLarge for one that is refused, after having arranged for its status 0.
        """
        await self._log.below_limit()
        try:
            scan = await scan_foreign(update)
        except Invalid:
            if attachment in self._attachments:
                self._log.add(Entry(attachment, None, applied=False))
            raise
        await self._ready_for(scan)
        if attachment not in self._attachments:
            return
        if attachment.grant.read_only:
            new = self._holds_something_new(attachment, update, scan)
            self._log.add(Entry(attachment, None, applied=not new))
            return
        try:
            lacking = await self._merged(update, scan, attachment.grant.identity.user)
        except (Invalid, TooLarge):
            self._log.add(Entry(attachment, None, applied=False))
            raise
        if lacking is None:
            self._log.add(Entry(attachment, None))
            return
        self._log.add(Entry(attachment, update))
        self._fan_out_soon(lacking, attachment)
        if self.document.clashes:
            clashes, self.document.clashes = self.document.clashes, []
            self._on_clash(self.entity_id, clashes)

    def merge_committed(self, update: bytes) -> None:
        """Merge and fan out what the server wrote and committed."""
        self.document.merge_committed(update)
        self._grown(update)
        self._fan_out_soon(update, None)

    def relay_awareness(self, attachment: Attachment, entries: Iterable[AwarenessEntry]) -> None:
        if attachment in self._attachments and self._board.introduce(
            attachment, attachment.grant.identity.user, entries
        ):
            self._relay.touch()

    def answer_query(self, attachment: Attachment) -> None:
        frame = hocuspocus.encode_awareness_frame(attachment.key, self._board.snapshot())
        attachment.participant.send(Item(frame, Overflow.DROP))

    async def durable_state(self) -> bytes:
        """The state as it is now, once it is durable; raises Unavailable where the disk fails."""
        await self.document.ready()
        state = self.document.encoded()
        await self._log.durable()
        return state

    def fan_out_now(self) -> None:
        """Do what was put off to the loop's next round."""
        if self._due is not None:
            self._due.cancel()
            self._fan_out()

    async def settled(self) -> None:
        """Wait until all that was taken so far is acknowledged; raises Unavailable where the disk
        fails.
        """
        await self._log.durable()

    async def drain(self) -> None:
        """Take nothing more, wait until all is durable, and be gone."""
        self.document.drain()
        self.stop()
        await self._log.drained()
        self.document.unload()

    def expel(self, error: RipplecutError) -> None:
        """Put everybody out, because the document is not there any more."""
        self.document.unload()
        for attachment in list(self._attachments):
            self.detach(attachment)
            attachment.expelled(error)
        self.stop()

    def stop(self) -> None:
        self._relay.cancel()
        if self._due is not None:
            self._due.cancel()
            self._due = None

    async def _ready_for(self, scan: UpdateScan) -> None:
        await self.document.ready()
        if is_dear(scan):
            await self.document.counted(scan)
            await self.document.ready()
        if scan.settings:
            await self.document.charted()
            await self.document.ready()

    async def _merged(self, update: bytes, scan: UpdateScan, by: str) -> bytes | None:
        try:
            return self.document.apply(update, scan, by)
        except Spoilt:
            await self.document.ready()
            return self.document.apply(update, scan, by)

    def _holds_something_new(self, attachment: Attachment, update: bytes, scan: UpdateScan) -> bool:
        now = self._timers.now()
        exact = now - attachment.refused_at >= self._settings.exact_checks_every
        try:
            new = self.document.would_change(update, scan, exact=exact)
        except Invalid:
            new = True
        if new and exact:
            attachment.refused_at = now
        return new

    async def _load(self) -> StoredDocument:
        # After a panic the instance is dropped; what it had merged must be on the disk before it is
        # read again.
        await self._log.drained()
        stored = await self._store.load_document(self._project_id, self.entity_id)
        self._stored = 0
        self._base = len(stored.state)
        self._grown(*stored.updates)
        return stored

    async def _append(self, update: bytes) -> None:
        await self._store.append_update(self._project_id, self.entity_id, update)
        self._grown(update)

    def _grown(self, *updates: bytes) -> None:
        self._stored += sum(1 + len(update) // _READ_LIKE_ONE for update in updates)
        most = self._settings.compact_at + self._base // self._settings.compact_share
        if self._stored > most:
            self._stored = 0
            self._on_grown(self.entity_id, self._compacted)

    def _compacted(self, size: int) -> None:
        self._base = size

    def _fan_out_soon(self, update: bytes, sender: Attachment | None) -> None:
        self._round.append((update, sender))
        if self._due is None:
            self._due = self._timers.call_later(0, self._fan_out)

    def _fan_out(self) -> None:
        self._due = None
        round_, self._round = self._round, []
        senders = {sender for _, sender in round_}
        # One writer gets nothing of this back; where several wrote at once, an echo harms none of
        # them.
        only = next(iter(senders)) if len(senders) == 1 else None
        updates = merge_in_chunks([update for update, _ in round_])
        frames: dict[str, list[Item]] = {}
        for attachment in self._attachments:
            if attachment is only:
                continue
            items = frames.get(attachment.key)
            if items is None:
                items = frames[attachment.key] = [
                    document_update(attachment.key, update) for update in updates
                ]
            for item in items:
                attachment.participant.send(item)
        writer = next((sender for _, sender in reversed(round_) if sender is not None), None)
        self._on_changed(self, writer)

    def _durable(self, entries: Sequence[Entry[Attachment]]) -> None:
        stored = 0
        for entry in entries:
            stored += entry.update is not None
            if entry.sender in self._attachments:
                frame = hocuspocus.encode_sync_status(entry.sender.key, applied=entry.applied)
                entry.sender.participant.send(Item(frame))
        if stored:
            for participant in self._clocks:
                self._clocks[participant] += stored
                participant.say(saved(self.entity_id, self._clocks[participant]))

    def _failing(self) -> None:
        for participant in self._clocks:
            participant.say(self._unsaved())

    def _unsaved(self) -> str:
        said = f"The disk does not take what is typed in {self.entity_id!r}; it is tried again"
        return frames.error(Unavailable.code, said, fatal=False)

    def _tell_awareness(self) -> None:
        fresh = self._board.take_fresh()
        if not fresh:
            return
        frames: dict[str, Item] = {}
        for attachment in self._attachments:
            # Their own states too: the echo is what keeps an idle provider from taking the line for
            # dead.
            item = frames.get(attachment.key)
            if item is None:
                frame = hocuspocus.encode_awareness_frame(attachment.key, fresh)
                item = frames[attachment.key] = Item(frame, Overflow.DROP)
            attachment.participant.send(item)
