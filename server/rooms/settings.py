"""The bounds and rhythms of the live side. Bytes and seconds."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RoomSettings"]


@dataclass(frozen=True, slots=True)
class RoomSettings:
    document_limit: int = 2 * 1024 * 1024
    """The largest encoded state of one document."""
    text_frame_limit: int = 64 * 1024
    binary_frame_limit: int = 4 * 1024 * 1024
    before_login_limit: int = 16 * 1024
    """All that one socket may send before it is known who it is."""
    documents_before_login: int = 16
    strangers: int = 256
    """Sockets on which nobody has logged in; past it the one that waits longest is closed."""
    waiting_limit: int = 256 * 1024
    waiting_frames: int = 64
    """What a known socket may send for documents whose auth frame has not come yet."""
    documents_per_socket: int = 256
    outbox_limit: int = 4 * 1024 * 1024
    unsaved_limit: int = 8 * 1024 * 1024
    """Updates of one document that wait for the disk; past it their senders wait too."""
    malformed_frames: int = 20
    subscription_limit: int = 50_000
    awareness_clients: int = 64
    """Yjs clients that one document of one connection may introduce."""
    login_deadline: float = 60.0
    recheck_every: float = 5.0
    """How soon it is noticed that a token ended or that a role changed."""
    recheck_patience: float = 5.0
    """How long one such question may take."""
    renew_ahead: float = 30.0
    """So long before a token ends its client is asked for another."""
    keep_alive: float = 15.0
    """Yjs clients take 30 s without a message for a dead line."""
    awareness_interval: float = 0.05
    presence_interval: float = 0.1
    draft_interval: float = 0.1
    discrete_rest: float = 0.25
    unload_after: float = 30.0
    flush_patience: float = 10.0
    """How long closing waits for a disk that does not take what was typed."""
    drain_pause: float = 0.005
    """Between the closes of one connection and the next, so that they do not come back at once."""
    drain_window: float = 2.0
    """How long the closes of all of them may take."""
    durable_patience: float = 5.0
    """How long a writer on top of a draft waits for what was typed to reach the disk."""
    compact_at: int = 500
    """So many stored updates of a document are made into one state while it is open. A long update
    counts as one for every hundred bytes: that is about what it takes to read."""
    compact_at_rest: int = 20
    """So many when it is put away, or is read while nobody has it open."""
    compact_share: int = 400
    """One more for each so many bytes of the state (a tenth of that at rest): to make a long state
    anew takes longer, and must be worth it."""
    exact_checks_every: float = 1.0
    """How often a reader whose writes were refused is looked at closely."""
    retry_first: float = 0.5
    retry_longest: float = 30.0

    def least_at_rest(self, base: int) -> int:
        """How many updates on top of a state of so many bytes are worth making one state of, where
        nobody has the document open.
        """
        return self.compact_at_rest + base // (10 * self.compact_share)
