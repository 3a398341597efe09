"""The counts of a project."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from server.services.analytics import analytics
from server.web.bodies import Body, Query
from server.web.operations import Call, Operation, operation
from server.web.replies import Reply
from server.web.rest.shapes import Shape

__all__ = ["OPERATIONS"]


class DaysQuery(Query):
    """How many days back, today (UTC) included."""

    days: Annotated[int, Field(ge=1, le=366)] = 30


class RunCounts(Shape):
    total: int
    by_status: dict[str, int]


class Day(Shape):
    """The runs that began on a day, and what they did to how many dependents."""

    day: str
    runs: int
    outcomes: dict[str, int]


class UsedAsset(Shape):
    """How many references to it there are, and how many different dependents."""

    id: str
    kind: str
    name: str
    references: int
    dependents: int


class ShotCounts(Shape):
    """``stale`` and ``waiting`` (by why) are what the last run that reached them left."""

    total: int
    by_status: dict[str, int]
    stale: int
    waiting: dict[str, int]


class Analytics(Shape):
    """``storage`` counts rows of the project, its pictures' bytes, and the bytes of the whole
    database.
    """

    since: str
    runs: RunCounts
    outcomes: dict[str, int]
    days: list[Day]
    most_used: list[UsedAsset]
    shots: ShotCounts
    storage: dict[str, int]


async def read_analytics(call: Call[Body, DaysQuery]) -> Reply:
    """Runs and outcomes over time, most used assets, stale and waiting shots, what is stored.

    Counting takes two seconds at most; past that the answer is 503 `unavailable`.
    """
    now = call.web.authority.after(0)
    return Reply(await analytics(await call.project(), now, call.query.days))


OPERATIONS: list[Operation] = [
    operation(
        "GET",
        "/projects/{project_id}/analytics",
        read_analytics,
        query=DaysQuery,
        answer=Analytics,
        long=True,
    ),
]
