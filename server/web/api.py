"""The API as one list: the router, the OpenAPI document and the documentation are made of it."""

from __future__ import annotations

from server.web.operations import Operation
from server.web.rest import (
    access,
    assets,
    audit,
    entities,
    pictures,
    projects,
    references,
    rules,
    runs,
    story,
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
    *rules.OPERATIONS,
    *audit.OPERATIONS,
    *story.OPERATIONS,
)
