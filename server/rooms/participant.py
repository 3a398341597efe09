"""One connection as its room sees it."""

from __future__ import annotations

import secrets

from server.rooms.outbox import Item, Outbox
from server.rooms.subscriptions import Subscription

__all__ = ["Participant"]


class Participant:
    """A connection in a room, known by an id of its own and not by its user, who may have several.

    ``live`` is set once it said hello and has what it missed; ``position`` is the ``seq`` of the
    last durable frame sent on it, or of its welcome; ``user`` is who said hello.
    """

    __slots__ = ("id", "live", "outbox", "position", "subscription", "user", "viewing")

    def __init__(self, outbox: Outbox, subscription: Subscription) -> None:
        self.id = secrets.token_hex(8)
        self.outbox = outbox
        self.subscription = subscription
        self.viewing: frozenset[str] = frozenset()
        self.live = False
        self.position = 0
        self.user: str | None = None

    def send(self, item: Item) -> None:
        self.outbox.push(item)

    def say(self, text: str) -> None:
        """Send a text frame, if this connection listens for them."""
        if self.live:
            self.outbox.push(Item(text))

    def say_event(self, seq: int, encoded: str) -> None:
        """Send a durable event; ``encoded`` is its JSON without ``prev`` and the closing brace."""
        self.outbox.push(Item(f'{encoded},"prev":{self.position}}}'))
        self.position = seq
