"""The API as one list: the router, the OpenAPI document and the documentation are made of it."""

from __future__ import annotations

from server.web.operations import Operation
from server.web.rest import (
    access,
    analytics,
    approvals,
    assets,
    audit,
    conflicts,
    entities,
    members,
    notifications,
    pictures,
    projects,
    references,
    restoring,
    rules,
    runs,
    story,
    webhooks,
)

__all__ = ["OPERATIONS"]

OPERATIONS: tuple[Operation, ...] = (
    *access.OPERATIONS,
    *projects.OPERATIONS,
    *entities.OPERATIONS,
    *pictures.OPERATIONS,
    *references.OPERATIONS,
    *assets.OPERATIONS,
    *runs.OPERATIONS,
    *restoring.OPERATIONS,
    *rules.OPERATIONS,
    *approvals.OPERATIONS,
    *conflicts.OPERATIONS,
    *audit.OPERATIONS,
    *story.OPERATIONS,
    *members.OPERATIONS,
    *notifications.OPERATIONS,
    *webhooks.OPERATIONS,
    *analytics.OPERATIONS,
)
