"""The shapes of what the API answers, for its documentation; tests hold real answers to them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from server.web.rest.shapes import Shape


class Problem(BaseModel):
    """An error (RFC 9457). ``code`` is stable; further members depend on it."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class Me(Shape):
    user: str
    role: Literal["viewer", "editor", "approver", "owner"]
    project_id: str | None
    colour: str
    expires_at: str | None


class Token(Shape):
    token: str
    user: str
    role: str
    project_id: str | None
    expires_at: str | None


class Project(Shape):
    id: str
    name: str
    created_at: str
    settings: dict[str, Any]


class KindField(Shape):
    name: str
    label: str
    type: Literal["prose", "text", "number", "choice", "colour", "picture", "list"]
    facet: Literal["visual", "metadata"]
    choices: list[str] = Field(default_factory=list)


class Kind(Shape):
    name: str
    label: str
    plural: str
    category: Literal["asset", "shot", "scene", "sequence"]
    icon: str
    colour: str
    fields: list[KindField]


class Kinds(Shape):
    kinds: list[Kind]


class Reference(Shape):
    id: str
    source: str
    target: str
    role: str
    policy: Literal["latest", "approved", "pinned"]
    version: int
    order: str
    overrides: dict[str, Any]


class LastOutcome(Shape):
    outcome: str
    reason: str
    source: str
    source_version: int
    run_id: str
    at: str


class CurrentPicture(Shape):
    """An entity's newest picture. It is stale when its entity looks different now."""

    id: str
    url: str
    thumbnails: dict[Literal["320", "640"], str]
    width: int
    height: int
    stale: bool
    stale_reasons: list[str]


class MadeFrom(Shape):
    """The version of an entity, and of everything that it resolved to."""

    versions: dict[str, int]


class Picture(CurrentPicture):
    made_from: MadeFrom
    author: str
    created_at: str


class PictureLeft(Shape):
    """What is an entity's picture after one was taken away."""

    picture: Picture | None


class Entity(Shape):
    id: str
    project_id: str
    kind: str
    name: str
    fields: dict[str, Any]
    status: str
    version: int
    approved_version: int | None
    references: list[Reference]
    stale: bool
    stale_reasons: list[str]
    last_outcome: LastOutcome | None
    hash: str
    visual_hash: str
    picture: CurrentPicture | None
    created_at: str
    updated_at: str


class ResolvedReference(BaseModel):
    """One reference at its resolved version, overrides applied; nested as deep as it was built."""

    id: str
    source: str
    kind: str
    name: str
    role: str
    policy: str
    version: int
    latest_version: int
    order: str
    overrides: dict[str, Any]
    fields: dict[str, Any]
    references: list[ResolvedReference] = Field(default_factory=list)


class Use(Shape):
    id: str
    target: str
    kind: str
    role: str
    order: str
    policy: str
    version: int


class Resolved(BaseModel):
    """An entity as it looks now."""

    id: str
    project_id: str
    kind: str
    name: str
    status: str
    version: int
    fields: dict[str, Any]
    references: list[ResolvedReference]
    used_by: list[Use]
    prompt: str
    hash: str
    visual_hash: str
    stale: bool
    stale_reasons: list[str]
    picture: CurrentPicture | None
    last_outcome: LastOutcome | None


class AnswerA(Shape):
    """What a change led to. ``affected_entities`` counts the outcomes other than ``unchanged``."""

    status: Literal["success", "conflict", "pending_approval", "accepted"]
    affected_entities: int
    version: str
    run_id: str | None
    counts: dict[str, int]
    conflicts: list[dict[str, Any]]
    requires_intervention: bool
    superseded_run_id: str | None = None


class RolledBack(AnswerA):
    success: bool
    new_current_version: str
    restored_from: str


class ChangedEntity(Entity):
    run_id: str | None
    propagation: AnswerA


class ChangedReference(Reference):
    run_id: str | None
    propagation: AnswerA


class ChangedReferences(AnswerA):
    references: list[Reference]
    unchanged: list[Reference]


class ImpactOutcome(Shape):
    entity_id: str
    kind: str
    outcome: str
    reason: str


class ImpactPhase(Shape):
    """``realtime``: what people look at, in scenes and sequences that they look at, what is marked
    ``critical``, each behind what it is built on. ``batch``: the other assets and shots.
    ``background``: scenes and sequences, which close after their last shot, and what was put off.
    """

    phase: str
    entities: list[str]


class Impact(BaseModel):
    """The plan of a change, uncommitted. Its ``plan_hash`` can be sent with the change, which is
    then made only if it still is what was shown.
    """

    affected_shots: int
    affected_sequences: int
    affected_entities: int
    shots: list[str]
    sequences: list[str]
    phases: list[ImpactPhase]
    outcomes: list[ImpactOutcome]
    counts: dict[str, int]
    conflicts: list[dict[str, Any]]
    estimated_processing_time: float
    memory_impact: int
    can_be_batch_processed: bool
    classification: dict[str, Any]
    plan_hash: str


class Dependent(Shape):
    id: str
    kind: str
    depth: int
    path: list[str]


class Dependencies(Shape):
    asset_id: str
    depth: int | None
    dependencies: list[Dependent]
    total: int
    next_cursor: str | None = None


class Node(Shape):
    id: str
    kind: str
    name: str
    status: str
    version: int


class Graph(Shape):
    nodes: list[Node]
    edges: list[Reference]
    next_cursor: str | None = None


class BuiltOn(Shape):
    id: str
    source: str
    role: str
    policy: str
    version: int
    order: str
    overrides: dict[str, Any]


class Version(Shape):
    id: str
    asset_id: str
    number: int
    name: str
    status: str
    changes: dict[str, Any]
    previous_version: str | None
    timestamp: str
    author: str
    checksum: str
    message: str
    cause: str
    run_id: str | None
    fields: dict[str, Any]
    references: list[BuiltOn]


class Words(Shape):
    """A stretch of prose: joined, what is ``equal`` or ``insert`` is the newer text, and what is
    ``equal`` or ``delete`` the older one.
    """

    op: Literal["equal", "insert", "delete"]
    text: str


class FieldDiff(Shape):
    """``words`` is there where the field is prose."""

    from_: Any = Field(alias="from")
    to: Any
    words: list[Words] | None = None


class Diff(Shape):
    """What differs between two versions, whichever is the older, field by field."""

    asset_id: str
    from_: int = Field(alias="from")
    to: int
    fields: dict[str, FieldDiff]
    references: dict[str, list[Any]]
    name: dict[str, str] | None = None
    status: dict[str, str] | None = None


class AuditEntry(Shape):
    number: int
    at: str
    actor: str
    via: str
    action: str
    entity_id: str | None
    run_id: str | None
    detail: dict[str, Any]
    previous: str
    hash: str


class Production(BaseModel):
    """A whole project in the mission's shape."""


class LoggedOut(Shape):
    logged_out: bool
