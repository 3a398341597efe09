"""The port of the webhooks' outbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from server.domain.webhooks import Delivery

__all__ = ["DeliveryStore"]


class DeliveryStore(Protocol):
    """The outbox of webhooks: what is to be delivered stands there until it was."""

    async def projects_with_webhooks(self) -> Sequence[str]: ...

    async def due(
        self, now: str, limit: int, busy: Sequence[str]
    ) -> Sequence[tuple[str, Delivery]]:
        """The longest due delivery of each webhook but the ``busy`` ones, with its project."""
        ...

    async def next_due(self) -> str | None:
        """When the next of all that waits is due."""
        ...

    async def delivery(self, project_id: str, webhook_id: str, id_: str) -> Delivery:
        """One delivery; raises NotFound."""
        ...

    async def deliveries(
        self, project_id: str, webhook_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Delivery], str | None]:
        """A page of a webhook's deliveries, newest first."""
        ...

    async def save_delivery(self, project_id: str, delivery: Delivery) -> None:
        """Keep what became of a delivery; one that is gone stays gone."""
        ...
