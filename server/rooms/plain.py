"""The conversation of a y-websocket client: one document, and nothing else."""

from __future__ import annotations

from protocol import ywebsocket
from protocol.errors import Malformed, RipplecutError, TooLarge
from protocol.hocuspocus import encode_awareness_frame, encode_denied
from server.rooms.access import Grant
from server.rooms.effects import SendBytes
from server.rooms.session import Closing, Effects, Session
from server.rooms.settings import RoomSettings

__all__ = ["PlainSession"]


class PlainSession(Session):
    """A session whose frames come without the envelope, for one document that is open from the
    start.

    Its effects are those of the envelope; who writes them to the socket takes it off. What a
    provider of many documents is told about one of them ends this socket: its client has no other
    way to hear it.
    """

    def __init__(self, settings: RoomSettings, grant: Grant, key: str) -> None:
        super().__init__(settings, grant)
        self._grant = grant
        self._key = key

    @property
    def sign_of_life(self) -> bytes:
        return encode_awareness_frame(self._key, ())

    def opening(self) -> Effects:
        return self._documents.grant(self._key, self._grant, follows=True)

    def regraded(self, key: str, grant: Grant) -> Effects:
        # Its client knows no scopes; a refusal is the one thing that it can be told.
        if not grant.read_only:
            return []
        return [SendBytes(encode_denied(key, "You may only read this now"))]

    def receive_text(self, text: str) -> Effects:
        return self.broken(Malformed("Only binary frames belong here"))

    def receive_bytes(self, data: bytes) -> Effects:
        if len(data) > self._settings.binary_frame_limit:
            return self.broken(TooLarge(f"A binary frame of {len(data)} bytes is over the bound"))
        try:
            frame = ywebsocket.enveloped(self._key, data)
        except Malformed as error:
            return self.broken(error)
        return super().receive_bytes(frame)

    def unopened(self, key: str, error: RipplecutError) -> Effects:
        return [] if isinstance(self._state, Closing) else self._fail(error)
