"""One connection's conversation, without I/O: frames in, effects out.

JSON text frames and Hocuspocus documents share the socket and are two conversations: the first
begins with ``hello``, the second, for each document, with its auth frame. A client may hold only
one of them; nothing is ever sent as text before the client has sent text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
    Authenticate,
    ChangeSubscription,
    Close,
    Detach,
    Effect,
    Join,
    MovePresence,
    Open,
    SendBytes,
    SendText,
    View,
)
from server.rooms.naming import NamedDocuments
from server.rooms.settings import RoomSettings

__all__ = ["AwaitingHello", "Closing", "Effects", "Joined", "Session", "State"]

Effects = list[Effect]


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


class Session:
    """The state machine of one connection. Methods return effects, to be performed in order."""

    def __init__(self, settings: RoomSettings, grant: Grant | None = None) -> None:
        self._settings = settings
        self._state: State = AwaitingHello(grant)
        self._documents = NamedDocuments(settings)
        self._heard_text = False
        self._malformed = 0
        self._before_login = 0

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
                return self._documents.close(key)
            case _:
                stranger = self.grant is None
                return self._documents.receive(message, len(data), stranger=stranger)

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
                return self._documents.grant(key, grant, follows=False)
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
        return [*told, *(Open(key, grant) for key in self._documents.following())]

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
                detach: Effects = [Detach(key)] if self._documents.is_granted(key) else []
                return [*detach, *self.unopened(key, error)]
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
        return self._documents.deny(key, error)

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
        for key in self._documents.granted():
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
        if not self._documents.may_name(key, stranger=self.grant is None):
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
        return self._documents.grant(key, grant, follows=True)

    def _renewed(self, grant: Grant) -> Effects:
        own = self.grant
        if own is not None and own.identity.user != grant.identity.user:
            error = Forbidden(f"This connection is {own.identity.user}'s; open another one")
            return [self._error(error.code, error.detail)]
        told = self.replaced(grant)
        if not any(isinstance(effect, SendText) for effect in told):
            told.append(SendText(frames.role(grant.role.label)))
        return told

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
