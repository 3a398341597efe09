"""One socket at work: its session says what to do, and this does it, in order."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import assert_never

from protocol import frames
from protocol.errors import Invalid, Malformed, RipplecutError
from protocol.hocuspocus import document_name
from server.rooms.access import Admission, Gatekeeper, Grant, Identity, Revocation
from server.rooms.channel import Attachment, Channel
from server.rooms.effects import (
    AnswerPing,
    AnswerQuery,
    AnswerStepOne,
    ApplyUpdate,
    Authenticate,
    ChangeSubscription,
    Close,
    Detach,
    Effect,
    Join,
    MovePresence,
    Open,
    RelayAwareness,
    SendBytes,
    SendText,
    View,
)
from server.rooms.outbox import Item, Outbox, Overflow, Write
from server.rooms.participant import Participant
from server.rooms.room import Room
from server.rooms.session import Effects, Session
from server.rooms.settings import RoomSettings
from server.rooms.subscriptions import Subscription
from server.rooms.timers import Cancellable, Timers

__all__ = ["Connection"]

logger = logging.getLogger(__name__)


class Connection:
    """Performs a session's effects.

    Frames are taken one after the other: while one waits for the store, the next stays in the
    socket, which is what bounds them.

    ``on_left`` is called once, when the connection is over for the room, however that came.
    """

    def __init__(
        self,
        project_id: str,
        write: Write,
        *,
        gate: Gatekeeper,
        open_room: Callable[[str], Awaitable[Room]],
        timers: Timers,
        settings: RoomSettings,
        session: Session,
        admission: Callable[[], AbstractContextManager[Admission]],
        on_left: Callable[[Connection], None],
    ) -> None:
        self.project_id = project_id
        self._gate = gate
        self._open_room = open_room
        self._timers = timers
        self._session = session
        self._outbox = Outbox(
            write, timers, limit=settings.outbox_limit, on_dead=self.leave, on_overflow=self.leave
        )
        self._participant = Participant(self._outbox, Subscription(settings.subscription_limit))
        self._room: Room | None = None
        self._open: dict[str, tuple[Attachment, Channel]] = {}
        self._asked: set[Identity] = set()
        self._being_checked = False
        self._admission = admission
        self._keep_alive = settings.keep_alive
        self._sign: Cancellable | None = None
        self._left = False
        self._on_left = on_left
        self._deadline: Cancellable | None = None
        if session.grant is None:
            self._deadline = timers.call_later(settings.login_deadline, self.crowd_out)

    @property
    def id(self) -> str:
        return self._participant.id

    @property
    def known(self) -> bool:
        """Whether somebody has logged in on it."""
        return self._session.grant is not None

    @property
    def being_checked(self) -> bool:
        """Whether a token that somebody sent on it is being looked up."""
        return self._being_checked

    @property
    def grants(self) -> list[Grant]:
        """Everybody whom this connection speaks for."""
        grants = {attachment.grant: None for attachment, _ in self._open.values()}
        own = self._session.grant
        return list(grants if own is None else {**grants, own: None})

    def crowd_out(self) -> None:
        """Close it where still nobody has logged in: for too long, or while too many wait to."""
        self._emit_all(self._session.expired())

    async def begin(self) -> None:
        """To be called once, before the first frame is handed in."""
        await self._perform_all(self._session.opening())

    async def receive_text(self, text: str) -> None:
        await self._perform_all(self._session.receive_text(text))

    async def receive_bytes(self, data: bytes) -> None:
        await self._perform_all(self._session.receive_bytes(data))

    def revoke(self, predicate: Revocation, error: RipplecutError) -> None:
        """End what rests on a right that somebody lost, saying why: documents, or all of it."""
        own = self._session.grant
        if own is not None and predicate(own.identity, self.project_id):
            self._emit_all(self._session.revoked(error))
            return
        for key, (attachment, _) in list(self._open.items()):
            if predicate(attachment.grant.identity, self.project_id):
                self._detach(key)
                self._emit_all(self._session.document_revoked(key, error))

    def ask_again(self, identity: Identity, seconds: float) -> None:
        """Ask, once, for another token in place of one that ends in so many seconds."""
        if identity not in self._asked:
            self._asked.add(identity)
            keys = [key for key, (one, _) in self._open.items() if one.grant.identity == identity]
            self._emit_all(self._session.expiring(identity, keys, seconds))

    def regrade(self, grant: Grant) -> None:
        """Somebody whom this connection speaks for has this role now."""
        own = self._session.grant
        if own is not None and own != grant and own.identity == grant.identity:
            self._emit_all(self._session.replaced(grant))
        for key, (attachment, _) in self._open.items():
            before = attachment.grant
            if before.identity == grant.identity:
                attachment.grant = grant
                if before.read_only != grant.read_only:
                    self._emit_all(self._session.regraded(key, grant))

    async def settled(self) -> None:
        """Wait until what it sent is acknowledged; raises Unavailable where the disk fails."""
        for _, channel in list(self._open.values()):
            await channel.settled()

    def close(self, code: int, reason: str) -> None:
        self._outbox.close(code, reason)
        self.leave()

    def leave(self) -> None:
        """It is over: take it, and what it introduced, out of the room. Can be called again."""
        if self._left:
            return
        self._left = True
        self._no_deadline()
        if self._sign is not None:
            self._sign.cancel()
        for key in list(self._open):
            self._detach(key)
        if self._room is not None:
            self._room.leave(self._participant)
        self._on_left(self)

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def gone(self) -> None:
        """The socket is closed."""
        self._outbox.abandon()
        self.leave()

    async def _perform_all(self, effects: Effects) -> None:
        for effect in effects:
            if self._left:
                return
            try:
                await self._perform(effect)
            except Malformed as error:
                self._emit_all(self._session.broken(error))
            except RipplecutError as error:
                harmful = isinstance(effect, ApplyUpdate) and isinstance(error, Invalid)
                tell = self._session.harmed if harmful else self._session.failed
                self._emit_all(tell(error))
            except Exception:
                logger.exception("A frame could not be handled")
                self._emit_all(
                    self._session.broken(RipplecutError("Something went wrong on our side"))
                )

    async def _perform(self, effect: Effect) -> None:
        match effect:
            case SendText() | SendBytes() | Close():
                self._emit(effect)
            case Authenticate():
                await self._authenticate(effect)
            case Join(grant, hello):
                await self._join(grant, hello)
            case Open(key, grant):
                await self._open_document(key, grant)
            case AnswerPing() | ChangeSubscription() | View() | MovePresence():
                self._perform_text(effect)
            case AnswerStepOne() | ApplyUpdate() | RelayAwareness() | AnswerQuery() | Detach():
                await self._perform_document(effect)
            case other:
                assert_never(other)

    def _perform_text(self, effect: AnswerPing | ChangeSubscription | View | MovePresence) -> None:
        match effect:
            case AnswerPing(identifier):
                position = self._room.position if self._room is not None else 0
                self._participant.say(frames.pong(identifier, position))
            case ChangeSubscription(entities, wanted):
                change = (
                    self._participant.subscription.add
                    if wanted
                    else self._participant.subscription.remove
                )
                change(entities)
            case View(entities):
                if self._room is not None:
                    self._room.look(self._participant, entities)
            case MovePresence(frame):
                if self._room is not None:
                    self._room.presence.move(
                        self.id, view=frame.view, entity=frame.entity, name=frame.name
                    )
            case other:
                assert_never(other)

    async def _perform_document(
        self, effect: AnswerStepOne | ApplyUpdate | RelayAwareness | AnswerQuery | Detach
    ) -> None:
        opened = self._open.get(effect.key)
        if opened is None:
            return
        attachment, channel = opened
        match effect:
            case AnswerStepOne(_, state_vector, counter):
                await channel.answer_step_one(attachment, state_vector, counter=counter)
            case ApplyUpdate(_, update):
                await channel.apply(attachment, update)
            case RelayAwareness(_, entries):
                channel.relay_awareness(attachment, entries)
            case AnswerQuery():
                channel.answer_query(attachment)
            case Detach(key):
                self._detach(key)
            case other:
                assert_never(other)

    async def _authenticate(self, request: Authenticate) -> None:
        self._being_checked = True
        with self._admission() as admission:
            try:
                identity = await self._gate.authenticate(request.token)
                role = await self._gate.authorise(identity, self.project_id)
                admission.check(identity, self.project_id)
            except RipplecutError as error:
                effects = self._session.refused(request, error)
            else:
                # No await between the check and this: from here on ``grants`` names them.
                effects = self._welcomed(request, Grant(identity, role))
            finally:
                self._being_checked = False
        if self.known:
            self._no_deadline()
        await self._perform_all(effects)

    def _welcomed(self, request: Authenticate, grant: Grant) -> Effects:
        own = self._session.grant
        renews = (
            own is not None
            and own.identity in self._asked
            and own.identity.user == grant.identity.user
            and isinstance(request.wanted, str)
        )
        # A document's new token stands for the socket's old one, which is about to end.
        effects = self._session.replaced(grant) if renews else []
        return [*effects, *self._session.authenticated(request, grant)]

    async def _open_document(self, key: str, grant: Grant) -> None:
        opened = self._open.get(key)
        if opened is not None:
            attachment, channel = opened
            attachment.grant = grant
            channel.announce_scope(attachment)
            return
        attachment = Attachment(
            self._participant, key, grant, lambda error: self._expelled(key, error)
        )
        with self._admission() as admission:
            try:
                room = await self._entered()
                channel = await room.open(attachment, document_name(key))
            except RipplecutError as error:
                self._emit_all(self._session.unopened(key, error))
                return
            if self._left:
                room.detach(attachment, channel)
                return
            try:
                admission.check(grant.identity, self.project_id)
            except RipplecutError as error:
                room.detach(attachment, channel)
                self._emit_all(self._session.unopened(key, error))
                return
        self._open[key] = (attachment, channel)
        if self._sign is None:
            self._sign = self._timers.call_later(self._keep_alive, self._give_sign)

    def _give_sign(self) -> None:
        """Send something now and then, for a client that takes silence for a dead line."""
        self._outbox.push(Item(self._session.sign_of_life, Overflow.DROP))
        self._sign = self._timers.call_later(self._keep_alive, self._give_sign)

    async def _join(self, grant: Grant, hello: frames.Hello) -> None:
        try:
            room = await self._entered()
        except RipplecutError as error:
            self._emit_all(self._session.broken(error))
        else:
            await room.join(self._participant, grant, hello)

    async def _entered(self) -> Room:
        if self._room is None:
            room = await self._open_room(self.project_id)
            self._room = room
            if not self._left:
                room.enter(self._participant)
        return self._room

    def _detach(self, key: str) -> None:
        attachment, channel = self._open.pop(key)
        if self._room is not None:
            self._room.detach(attachment, channel)

    def _expelled(self, key: str, error: RipplecutError) -> None:
        self._open.pop(key, None)
        self._emit_all(self._session.unopened(key, error))

    def _emit_all(self, effects: Effects) -> None:
        """Perform those of them that only send."""
        for effect in effects:
            if isinstance(effect, SendText | SendBytes | Close):
                self._emit(effect)

    def _emit(self, effect: SendText | SendBytes | Close) -> None:
        match effect:
            case SendText(text):
                self._outbox.push(Item(text))
            case SendBytes(data):
                self._outbox.push(Item(data))
            case Close(code, reason):
                self.close(code, reason)
            case other:
                assert_never(other)
