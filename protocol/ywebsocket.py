"""The plain y-websocket protocol (3.1): one document on one socket.

Its frames are those of the Hocuspocus envelope without the name in front, as far as both know
them: 0 sync, 1 awareness, 3 query awareness. It has no login, no acknowledgements and no pings;
a refusal is ``2 0 varString(reason)``, and only the server says it.
"""

from __future__ import annotations

from protocol.codec import Reader, var_string
from protocol.errors import Malformed
from protocol.hocuspocus import MAX_KEY

__all__ = ["enveloped", "plain"]

_SYNC, _AWARENESS, _AUTH, _QUERY_AWARENESS = range(4)
_FROM_CLIENT = frozenset({_SYNC, _AWARENESS, _QUERY_AWARENESS})
_AUTH_DENIED = 1
_PERMISSION_DENIED = b"\x02\x00"


def enveloped(name: str, frame: bytes) -> bytes:
    """A client's frame in the Hocuspocus envelope; raises Malformed for one of another type."""
    if not frame or frame[0] not in _FROM_CLIENT:
        raise Malformed("A frame of this protocol is sync, awareness or a query of awareness")
    return var_string(name) + frame


def plain(frame: bytes) -> bytes | None:
    """A server's frame of the envelope without it; ``None`` for what this protocol does not say."""
    reader = Reader(frame)
    reader.var_string(MAX_KEY)
    body = reader.rest()
    if body[0] in (_SYNC, _AWARENESS):
        return body
    if body[0] == _AUTH and body[1] == _AUTH_DENIED:
        return _PERMISSION_DENIED + body[2:]
    return None
