"""The wire of Ripplecut: what passes between a client and the server, without knowledge of either.

``SPEC.md`` beside this file says what the two promise each other.
"""

from protocol.codec import Reader, var_bytes, var_string, var_uint
from protocol.errors import TABLE, RipplecutError
from protocol.frames import ClientFrame, decode_frame, encode_frame
from protocol.hocuspocus import ClientMessage, decode, document_name
from protocol.ysync import AwarenessEntry, SyncStep

__all__ = [
    "TABLE",
    "AwarenessEntry",
    "ClientFrame",
    "ClientMessage",
    "Reader",
    "RipplecutError",
    "SyncStep",
    "decode",
    "decode_frame",
    "document_name",
    "encode_frame",
    "var_bytes",
    "var_string",
    "var_uint",
]
