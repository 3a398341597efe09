"""One connection's conversation, without I/O: frames in, effects out.

JSON text frames and Hocuspocus documents share the socket and are two conversations: the first
begins with ``hello``, the second, for each document, with its auth frame. A client may hold only
one of them; nothing is ever sent as text before the client has sent text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from protocol import frames, hocuspocus
from protocol.errors import (
    TABLE,
    Forbidden,
    Malformed,
    RipplecutError,
    TooLarge,
    Unauthenticated,
)
from server.rooms.access import Grant, Identity
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
from server.rooms.settings import RoomSettings

__all__ = ["AwaitingHello", "Closing", "Effects", "Joined", "Session", "State"]

Effects = list[Effect]
_DocumentMessage = (
    hocuspocus.StepOne
    | hocuspocus.StepTwo
    | hocuspocus.Update
    | hocuspocus.Awareness
    | hocuspocus.QueryAwareness
    | hocuspocus.Stateless
)


@dataclass(frozen=True, slots=True)
class AwaitingHello:
    """No hello yet; ``grant`` is who the socket is, as far as that is known already."""

    grant: Grant | None


@dataclass(frozen=True, slots=True)
class Joined:
    grant: Grant


@dataclass(frozen=True, slots=True)
class Closing:
    code: int


State = AwaitingHello | Joined | Closing

_NOBODY = "Log in first: the connection carries no token"


@dataclass(slots=True)
class _Waiting:
    """A document whose auth frame has not come: what came instead."""

    messages: list[_DocumentMessage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Granted:
    """``follows``: it rests on the socket's identity, and not on a token of its own."""

    follows: bool


@dataclass(frozen=True, slots=True)
class _Denied:
    """What a client goes on to send for this document is dropped, until it authenticates anew."""


class Session:
    """The state machine of one connection. Methods return effects, to be performed in order."""

    def __init__(self, settings: RoomSettings, grant: Grant | None = None) -> None:
        self._settings = settings
        self._state: State = AwaitingHello(grant)
        self._documents: dict[str, _Waiting | _Granted | _Denied] = {}
        self._heard_text = False
        self._malformed = 0
        self._before_login = 0
        self._waiting_bytes = 0
        self._waiting_frames = 0

    @property
    def state(self) -> State:
        return self._state

    @property
    def grant(self) -> Grant | None:
        return None if isinstance(self._state, Closing) else self._state.grant

    @property
    def sign_of_life(self) -> bytes:
        """What a client who has documents open hears now and then."""
        return hocuspocus.PING

    def opening(self) -> Effects:
        """What is to be done before the first frame comes."""
        return []

    def receive_text(self, text: str) -> Effects:
        if isinstance(self._state, Closing):
            return []
        self._heard_text = True
        size = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
        if size > self._settings.text_frame_limit:
            return self._fail(TooLarge(f"A text frame of {size} bytes is over the bound"))
        if too_much := self._count_before_login(size):
            return too_much
        try:
            frame = frames.decode_frame(text)
        except Malformed as error:
            self._malformed += 1
            if self._malformed > self._settings.malformed_frames:
                return self._fail(error)
            return [self._error(error.code, error.detail)]
        return self._text_frame(frame)

    def receive_bytes(self, data: bytes) -> Effects:
        if isinstance(self._state, Closing):
            return []
        if len(data) > self._settings.binary_frame_limit:
            return self._fail(TooLarge(f"A binary frame of {len(data)} bytes is over the bound"))
        if too_much := self._count_before_login(len(data)):
            return too_much
        try:
            message = hocuspocus.decode(data)
        except (Malformed, TooLarge) as error:
            return self._fail(error)
        match message:
            case hocuspocus.Ping():
                return [SendBytes(hocuspocus.PONG)]
            case hocuspocus.Pong():
                return []
            case hocuspocus.AuthToken(key, token):
                return self._auth_frame(key, token)
            case hocuspocus.CloseDocument(key):
                return self._close_document(key)
            case _:
                return self._document_message(message, len(data))

    def authenticated(self, request: Authenticate, grant: Grant) -> Effects:
        """The token of ``request`` is good."""
        match self._state:
            case Closing():
                return []
            case AwaitingHello(None):
                # The first who proves anything is who the socket is.
                self._state = AwaitingHello(grant)
            case AwaitingHello() | Joined():
                pass
            case other:
                assert_never(other)
        match request.wanted:
            case str() as key:
                return self._granted(key, grant, follows=False)
            case frames.TokenFrame():
                return self._renewed(grant)
            case frames.Hello() as hello:
                self._state = Joined(grant)
                return [Join(grant, hello)]
            case unknown:
                assert_never(unknown)

    def replaced(self, grant: Grant) -> Effects:
        """The socket rests on another grant from now on; so does what was opened on its identity.

        Who listens for text is told their role where that has changed.
        """
        before = self.grant
        if before is None:
            return []
        told: Effects = []
        if isinstance(self._state, Joined):
            self._state = Joined(grant)
            if before.role != grant.role:
                told.append(SendText(frames.role(grant.role.label)))
        else:
            self._state = AwaitingHello(grant)
        following = [
            Open(key, grant)
            for key, document in self._documents.items()
            if isinstance(document, _Granted) and document.follows
        ]
        return [*told, *following]

    def expiring(self, identity: Identity, keys: Iterable[str], seconds: float) -> Effects:
        """A token ends soon: ask for another, in the conversations that rest on it."""
        asked: Effects = [SendBytes(hocuspocus.encode_token_request(key)) for key in keys]
        if isinstance(self._state, Joined) and self._state.grant.identity == identity:
            asked.append(SendText(frames.token_wanted(seconds)))
        return asked

    def refused(self, request: Authenticate, error: RipplecutError) -> Effects:
        """The token of ``request`` is not good, or not for this project."""
        if isinstance(self._state, Closing):
            return []
        match request.wanted:
            case str() as key:
                opened = isinstance(self._documents.get(key), _Granted)
                return [*([Detach(key)] if opened else []), *self.unopened(key, error)]
            case frames.TokenFrame():
                return [self._error(error.code, error.detail)]
            case frames.Hello():
                return self._fail(error)
            case unknown:
                assert_never(unknown)

    def unopened(self, key: str, error: RipplecutError) -> Effects:
        """A document could not be opened: that is said of it alone, and the socket stays."""
        if isinstance(self._state, Closing):
            return []
        self._forget_waiting(key)
        self._documents[key] = _Denied()
        return [SendBytes(hocuspocus.encode_denied(key, error.detail))]

    def expired(self) -> Effects:
        """The deadline for logging in has passed."""
        if isinstance(self._state, AwaitingHello) and self._state.grant is None:
            return self._fail(Unauthenticated("Nobody logged in on this connection in time"))
        return []

    def revoked(self, error: RipplecutError) -> Effects:
        """The right to be here was taken away."""
        if isinstance(self._state, Closing):
            return []
        farewell: Effects = []
        for key, document in self._documents.items():
            if isinstance(document, _Granted):
                farewell.append(SendBytes(hocuspocus.encode_denied(key, error.detail)))
                farewell.append(SendBytes(hocuspocus.encode_close(key, error.detail)))
        return farewell + self._fail(error)

    def document_revoked(self, key: str, error: RipplecutError) -> Effects:
        """The right to one document was taken away, and the socket's own was not."""
        return [*self.unopened(key, error), SendBytes(hocuspocus.encode_close(key, error.detail))]

    def regraded(self, key: str, grant: Grant) -> Effects:
        """Somebody may do other things with an open document than before."""
        return [SendBytes(hocuspocus.encode_authenticated(key, read_only=grant.read_only))]

    def broken(self, error: RipplecutError) -> Effects:
        """The conversation cannot go on: say why, where that may be said, and close."""
        return [] if isinstance(self._state, Closing) else self._fail(error)

    def failed(self, error: RipplecutError) -> Effects:
        """What was asked for cannot be done: say so, if the client listens for text."""
        if isinstance(self._state, Closing) or not self._heard_text:
            return []
        return [self._error(error.code, error.detail)]

    def harmed(self, error: RipplecutError) -> Effects:
        """An update could not be merged: that is forgiven as often as text that cannot be read."""
        if isinstance(self._state, Closing):
            return []
        self._malformed += 1
        if self._malformed > self._settings.malformed_frames:
            return self._fail(Malformed(error.detail))
        return self.failed(error)

    def _text_frame(self, frame: frames.ClientFrame) -> Effects:
        if isinstance(frame, frames.Hello):
            return self._hello(frame)
        if not isinstance(self._state, Joined):
            return [self._error("invalid", "Say hello first")]
        match frame:
            case frames.PingFrame():
                return [AnswerPing(frame.id)]
            case frames.Subscribe():
                return [ChangeSubscription(frame.entities, wanted=True)]
            case frames.Unsubscribe():
                return [ChangeSubscription(frame.entities, wanted=False)]
            case frames.Viewing():
                return [View(frame.entities)]
            case frames.PresenceFrame():
                return [MovePresence(frame)]
            case frames.TokenFrame(_, token):
                return [Authenticate(token, frame)]
            case other:
                assert_never(other)

    def _hello(self, hello: frames.Hello) -> Effects:
        match self._state:
            case Joined():
                return [self._error("invalid", "Hello was said already")]
            case AwaitingHello(grant):
                return self._first_hello(hello, grant)
            case Closing():
                return []
            case other:
                assert_never(other)

    def _first_hello(self, hello: frames.Hello, grant: Grant | None) -> Effects:
        if hello.token:
            return [Authenticate(hello.token, hello)]
        if grant is None:
            return self._fail(Unauthenticated(_NOBODY))
        self._state = Joined(grant)
        return [Join(grant, hello)]

    def _auth_frame(self, key: str, token: str) -> Effects:
        if key not in self._documents and self._full:
            return [
                SendBytes(
                    hocuspocus.encode_denied(key, "Too many documents are open on this connection")
                )
            ]
        if token:
            return [Authenticate(token, key)]
        grant = self.grant
        if grant is None:
            return self.unopened(key, Unauthenticated(_NOBODY))
        return self._granted(key, grant, follows=True)

    def _renewed(self, grant: Grant) -> Effects:
        own = self.grant
        if own is not None and own.identity.user != grant.identity.user:
            error = Forbidden(f"This connection is {own.identity.user}'s; open another one")
            return [self._error(error.code, error.detail)]
        told = self.replaced(grant)
        if not any(isinstance(effect, SendText) for effect in told):
            told.append(SendText(frames.role(grant.role.label)))
        return told

    def _granted(self, key: str, grant: Grant, *, follows: bool) -> Effects:
        waiting = self._forget_waiting(key)
        self._documents[key] = _Granted(follows)
        return [
            Open(key, grant),
            *(effect for message in waiting for effect in _document_effects(message)),
        ]

    def _close_document(self, key: str) -> Effects:
        self._forget_waiting(key)
        known = self._documents.pop(key, None)
        return [Detach(key)] if isinstance(known, _Granted) else []

    def _document_message(self, message: _DocumentMessage, size: int) -> Effects:
        match self._documents.get(message.key):
            case _Granted():
                return _document_effects(message)
            case _Denied():
                return []
            case _Waiting() as waiting:
                return self._keep(waiting, message, size)
            case None:
                if self._full:
                    return []
                waiting = self._documents[message.key] = _Waiting()
                return self._keep(waiting, message, size)
            case other:
                assert_never(other)

    @property
    def _full(self) -> bool:
        known = self.grant is not None
        bound = (
            self._settings.documents_per_socket if known else self._settings.documents_before_login
        )
        return len(self._documents) >= bound

    def _keep(self, waiting: _Waiting, message: _DocumentMessage, size: int) -> Effects:
        self._waiting_bytes += size
        self._waiting_frames += 1
        waiting.messages.append(message)
        over_bytes = self._waiting_bytes > self._settings.waiting_limit
        if over_bytes or self._waiting_frames > self._settings.waiting_frames:
            return self.unopened(message.key, TooLarge("Too much was sent before the auth frame"))
        return []

    def _forget_waiting(self, key: str) -> list[_DocumentMessage]:
        """What waited for this document's auth frame. The bounds start anew once none waits."""
        document = self._documents.get(key)
        if not isinstance(document, _Waiting):
            return []
        self._documents[key] = _Denied()
        if not any(isinstance(other, _Waiting) for other in self._documents.values()):
            self._waiting_bytes = self._waiting_frames = 0
        return document.messages

    def _count_before_login(self, size: int) -> Effects:
        if self.grant is None:
            self._before_login += size
            if self._before_login > self._settings.before_login_limit:
                return self._fail(TooLarge("Too much was sent before anybody logged in"))
        return []

    def _error(self, code: str, message: str, *, fatal: bool = False) -> SendText:
        return SendText(frames.error(code, message, fatal=fatal))

    def _fail(self, error: RipplecutError) -> Effects:
        code = TABLE[error.code].close
        self._state = Closing(code)
        said: Effects = (
            [self._error(error.code, error.detail, fatal=True)] if self._heard_text else []
        )
        return [*said, Close(code, error.detail)]


def _document_effects(message: _DocumentMessage) -> Effects:
    match message:
        case hocuspocus.StepOne(key, state_vector, counter):
            return [AnswerStepOne(key, state_vector, counter)]
        case hocuspocus.StepTwo(key, update) | hocuspocus.Update(key, update):
            return [ApplyUpdate(key, update)]
        case hocuspocus.Awareness(key, entries):
            return [RelayAwareness(key, entries)]
        case hocuspocus.QueryAwareness(key):
            return [AnswerQuery(key)]
        case hocuspocus.Stateless():
            return []
        case other:
            assert_never(other)
