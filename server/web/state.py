"""WebState: what the routes of a running server stand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, cast

from starlette.types import Scope

from server.config import Settings
from server.formats.images import Images
from server.ports import Storage, TokenStore
from server.rooms.registry import RealTimeSyncManager
from server.services.consistency import Watch
from server.services.delivering import WebhookSender
from server.services.projects import Projects
from server.web.auth import Authority
from server.web.idempotency import Idempotency
from server.web.turns import Turns

__all__ = ["Store", "WebState", "web_of"]


class Store(Storage, TokenStore, Protocol):
    """One store for everything."""


@dataclass(slots=True)
class WebState:
    """Made at start-up; ``ready`` from then until the shutdown begins."""

    settings: Settings
    store: Store
    projects: Projects
    manager: RealTimeSyncManager
    authority: Authority
    idempotency: Idempotency
    images: Images
    watch: Watch
    sender: WebhookSender
    turns: Turns = field(default_factory=Turns)
    ready: bool = field(default=False)


def web_of(scope: Scope) -> WebState:
    """The state of the application that a request came to."""
    return cast(WebState, scope["app"].state.web)
