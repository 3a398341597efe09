"""The query parameters that several routes share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from server.web.bodies import Id, Query

__all__ = ["AssetQuery", "AssetWait", "Limit", "PageQuery", "Wait"]

Limit = Annotated[int, Field(ge=1, le=500)]
_Seconds = Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]


class Wait(Query):
    """How long to wait for the run before answering 202."""

    wait: _Seconds = 10.0


class AssetQuery(Query):
    """Which project an asset is in; needed where several have its id."""

    project_id: Id | None = None


class AssetWait(AssetQuery):
    wait: _Seconds = 10.0


class PageQuery(Query):
    limit: Limit = 100
    cursor: str | None = None
