"""SqliteDeliveries: the port of the webhooks' outbox over one file."""

from __future__ import annotations

from collections.abc import Sequence

from server.domain.webhooks import Delivery
from server.storage.sqlite import outbox
from server.storage.sqlite.file import SMALL, SqliteFile

__all__ = ["SqliteDeliveries"]


class SqliteDeliveries(SqliteFile):
    """Implements ``ports.DeliveryStore``."""

    async def projects_with_webhooks(self) -> Sequence[str]:
        return await self._read(outbox.projects_with_webhooks)

    async def due(
        self, now: str, limit: int, busy: Sequence[str]
    ) -> Sequence[tuple[str, Delivery]]:
        return await self._read(lambda c: outbox.read_due(c, now, limit, busy))

    async def next_due(self) -> str | None:
        return await self._read(outbox.next_due)

    async def delivery(self, project_id: str, webhook_id: str, id_: str) -> Delivery:
        return await self._read(lambda c: outbox.read_delivery(c, project_id, webhook_id, id_))

    async def deliveries(
        self, project_id: str, webhook_id: str, limit: int, cursor: str | None
    ) -> tuple[Sequence[Delivery], str | None]:
        return await self._read(
            lambda c: outbox.read_deliveries(c, project_id, webhook_id, limit, cursor)
        )

    async def save_delivery(self, project_id: str, delivery: Delivery) -> None:
        await self._writer.submit(lambda c: outbox.write_delivery(c, project_id, delivery), SMALL)
