"""Why an entity looks as it does now, in one request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from server.services.story import story
from server.web.bodies import Body, Query
from server.web.operations import Call, Operation, operation
from server.web.replies import Reply
from server.web.rest.rule_answers import RuleName
from server.web.rest.shapes import Shape

__all__ = ["OPERATIONS"]


class StoryQuery(Query):
    """``limit`` bounds the outcomes."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20


class StoryEntity(Shape):
    id: str
    kind: str
    name: str
    status: str


class StoryChange(Shape):
    """A version, and what it changed: ``@name``, ``@status`` and ``@references`` are no fields."""

    id: str
    entity_id: str
    name: str
    number: int
    author: str
    timestamp: str
    message: str
    cause: str
    run_id: str | None
    changes: list[str]


class StorySince(Shape):
    """``how``: a ``run`` brought it, or somebody ``added``, ``changed`` or ``pinned`` the
    reference.
    """

    at: str
    by: str
    how: str
    run_id: str | None


class StoryBehind(Shape):
    """What is newer, and why it is not shown; ``verdict`` where rules were asked."""

    version: int
    verdict: str | None
    rule: RuleName | None
    why: str


class StoryOverride(Shape):
    field: str
    value: Any
    instead_of: Any


class StoryReference(Shape):
    """``change`` made the version that is shown, or set off the run that did."""

    id: str
    source: str
    name: str
    kind: str
    role: str
    policy: str
    version: int
    latest_version: int
    why: str
    since: StorySince | None
    change: StoryChange
    behind: StoryBehind | None
    overrides: list[StoryOverride]


class StoryOutcome(Shape):
    outcome: str
    reason: str
    source: str
    source_name: str
    source_version: int
    at: str
    run_id: str
    author: str
    cause: str
    message: str


class StoryPicture(Shape):
    stale: bool
    stale_reasons: list[str]


class Story(Shape):
    """``members`` counts the shots and scenes that stand in it: each has a story of its own."""

    entity: StoryEntity
    version: StoryChange
    references: list[StoryReference]
    more_references: int
    members: int
    picture: StoryPicture | None
    outcomes: list[StoryOutcome]


async def read_story(call: Call[Body, StoryQuery]) -> Reply:
    """Why an entity looks as it does now: each reference with the version that is shown and why it
    is that one, what it is behind and what holds it there, and its last outcomes, newest first.
    """
    owner = await call.project()
    return Reply(await story(owner, call.path["entity_id"], call.query.limit))


OPERATIONS: list[Operation] = [
    operation(
        "GET",
        "/projects/{project_id}/entities/{entity_id}/story",
        read_story,
        query=StoryQuery,
        answer=Story,
    ),
]
