"""Rules: what a change does to what depends on it; as JSON, and as YAML for people."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from starlette.datastructures import Headers

from protocol.errors import FieldError, Invalid
from server.domain.changes import ChangeClass
from server.domain.rule_reader import Verdict
from server.domain.rules import MOST_RULES, Question, Rule, RulesEngine, check_size
from server.domain.runs import Phase
from server.formats.yaml import YAML, YAML_TYPES, write_yaml
from server.propagation.links import default_role
from server.propagation.project import ProjectOwner
from server.rooms.access import Role
from server.services import rule_trials, rules
from server.services.rule_trials import Wanted
from server.web.bodies import Body, Id
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import JSON, Rendered, Reply
from server.web.rest import rule_answers as answers
from server.web.rest.queries import Limit
from server.web.rest.runs import run_of
from server.web.rest.shapes import Page

__all__ = ["OPERATIONS"]

Position = Annotated[int, Field(ge=0, le=1_000_000)]
_MOST_FIELDS = 500
FieldName = Annotated[str, Field(max_length=128)]
Words = list[str] | None
AuthorRole = Literal["viewer", "editor", "approver", "owner"]


class RuleBody(Body):
    """A condition that is left out holds always. ``position`` 0 is asked first."""

    id: str | None = None
    name: str | None = None
    verdict: Verdict
    change_classes: list[ChangeClass] | None = None
    source_kinds: Words = None
    target_kinds: Words = None
    target_statuses: Words = None
    fields: Words = None
    roles: Words = None
    affected_over: int | None = None
    author_roles: list[AuthorRole] | None = None
    enabled: bool = True
    phase: Phase | None = None
    position: Position | None = None

    def rule(self) -> dict[str, Any]:
        return self.model_dump(exclude={"position"})


class RulesBody(Body):
    """The whole list, in its order: a list, or an object with it as ``rules``."""

    bare: ClassVar[str | None] = "rules"
    rules: list[RuleBody] = Field(max_length=MOST_RULES)


class TargetKind(Body):
    """A target that need not be there."""

    kind: str
    status: str = "wip"


class ChangeBody(Body):
    """A change of an asset that is there (``asset_id`` and ``change_data``), or a described one; of
    at most 500 fields, for each pattern of every rule is held against each of them.
    """

    asset_id: Id | None = None
    change_data: Annotated[dict[str, Any], Field(max_length=_MOST_FIELDS)] | None = None
    classes: list[ChangeClass] = Field(default_factory=list)
    source_kind: str | None = None
    fields: list[FieldName] = Field(default_factory=list, max_length=_MOST_FIELDS)
    role: str | None = None
    author_role: AuthorRole | None = None
    affected: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _one_way(self) -> ChangeBody:
        if self.asset_id is None and self.source_kind is None:
            raise ValueError("needs an asset_id with change_data, or a source_kind with classes")
        return self


class TestBody(Body):
    """One of ``change``, ``run_id`` and ``version`` (``mara_v4``) says what comes. ``rule``, or
    ``rules`` for the whole list, is what the project's own are compared with.
    """

    change: ChangeBody | None = None
    run_id: str | None = None
    version: str | None = None
    target: Id | TargetKind | None = None
    rule: RuleBody | None = None
    rules: list[RuleBody] | None = Field(default=None, max_length=MOST_RULES)
    limit: Limit = 100


async def list_rules(call: Call[Body, NoQuery]) -> Reply | Rendered:
    """The rules in the order in which they are asked: the first that holds decides.

    As YAML for whoever asks for ``application/yaml``.
    """
    found = rules.list_rules(await call.project())
    if not _wants_yaml(Headers(scope=call.scope).get("accept", "")):
        content = {"items": found, "next_cursor": None}
        return Reply(content, headers={"vary": "accept"})
    plain = [_in_short(rule) for rule in found]
    content_ = await asyncio.to_thread(write_yaml, {"rules": plain})
    return Rendered(200, content_, {"vary": "accept"}, media=YAML)


async def add_rule(call: Call[RuleBody, NoQuery]) -> Reply:
    """Add a rule. Without a ``position`` it is asked first."""
    owner, body = await call.project(), call.body
    made = await rules.add_rule(owner, body.rule(), body.position, call.actor)
    return Reply(made, 201)


async def put_rule(call: Call[RuleBody, NoQuery]) -> Reply:
    """Replace a rule; with a ``position`` it moves there."""
    owner, body, rule_id = await call.project(), call.body, call.path["rule_id"]
    found = await rules.put_rule(owner, rule_id, body.rule(), body.position, call.actor)
    return Reply(found)


async def put_rules(call: Call[RulesBody, NoQuery]) -> Reply:
    """Replace the whole list: its order is the order in which the rules are asked."""
    items = [one.rule() for one in call.body.rules]
    found = await rules.put_rules(await call.project(), items, call.actor)
    return Reply({"items": found, "next_cursor": None})


async def delete_rule(call: Call[Body, NoQuery]) -> Reply:
    """Take a rule away. Answers what it was."""
    return Reply(await rules.remove_rule(await call.project(), call.path["rule_id"], call.actor))


async def test_rules(call: Call[TestBody, NoQuery]) -> Reply:
    """Which rule decides for a change and a target, and why; nothing is changed by it.

    With a ``rule`` (or ``rules``) also what that would do instead, target by target; with a
    ``run_id`` or a ``version``, to a change that was made before.
    """
    owner, body = await call.project(), call.body
    given = [key for key in ("change", "run_id", "version") if getattr(body, key) is not None]
    if len(given) != 1:
        problem = FieldError("body", "must name one of: change, run_id, version")
        raise Invalid("The test is not valid", [problem])
    target = body.target if isinstance(body.target, str) else None
    wanted = Wanted(_candidate(owner, body), target, body.limit)
    if body.run_id is not None:
        run, owner_of_run = await run_of(call, body.run_id)
        if owner_of_run is not owner:
            problem = FieldError("run_id", "must be a run of this project")
            raise Invalid("The test is not valid", [problem])
        found = await rule_trials.try_past(owner, run.roots, run, wanted, call.actor)
    elif body.version is not None:
        roots = await rule_trials.roots_of_version(owner, body.version)
        found = await rule_trials.try_past(owner, roots, None, wanted, call.actor)
    else:
        found = await _of_change(owner, body, wanted, call)
    return Reply(found)


async def _of_change(
    owner: ProjectOwner, body: TestBody, wanted: Wanted, call: Call[Any, Any]
) -> dict[str, Any]:
    change, target = body.change, body.target
    if change is None:
        raise Invalid("The test is not valid", [FieldError("change", "must be there")])
    if change.asset_id is not None and not isinstance(target, TargetKind):
        data = change.change_data or {}
        return await rule_trials.try_change(owner, change.asset_id, data, wanted, call.actor)
    return rule_trials.try_question(owner, _question(owner, change, target), wanted)


def _question(owner: ProjectOwner, change: ChangeBody, target: str | TargetKind | None) -> Question:
    """The question that a described change is, or one to a target that need not be there."""
    if target is None:
        problem = FieldError("target", "must be there: an id, or a kind and a status")
        raise Invalid("The test is not valid", [problem])
    if isinstance(target, str):
        entity = owner.state.entity(target)
        target = TargetKind(kind=entity.kind, status=entity.status)
    owner.state.kinds.get(target.kind)
    affected: tuple[tuple[str, int], ...] = ((target.kind, change.affected),)
    classes, fields = set(change.classes), frozenset(change.fields)
    if change.asset_id is not None:
        asset = owner.state.entity(change.asset_id)
        kind, affected = asset.kind, owner.state.dependents(asset.id)
        fields |= frozenset(change.change_data or {})
        declared = owner.state.kind(asset)
        for name in () if classes else fields:
            classes.add("visual" if declared.is_visual(name) else "metadata")
    else:
        kind = owner.state.kinds.get(str(change.source_kind)).name
    authors = frozenset({change.author_role} if change.author_role else ())
    role = change.role or default_role(kind, target.kind)
    names: tuple[str, ...] = tuple(sorted(classes))
    return Question(names, kind, target.kind, target.status, role, fields, affected, authors)


def _candidate(owner: ProjectOwner, body: TestBody) -> RulesEngine | None:
    if body.rules is not None:
        return _engine(rules.read_rules([one.rule() for one in body.rules]))
    if body.rule is None:
        return None
    here = owner.state.rules.rules
    try:
        rule = rules.read_rule(body.rule.rule(), here)
    except Invalid as error:
        named = [FieldError(f"rule.{one.field}", one.message) for one in error.errors]
        raise Invalid("The rule is not valid", named) from None
    return _engine(rules.with_rule(here, rule, body.rule.position))


def _engine(candidate: Sequence[Rule]) -> RulesEngine:
    check_size(candidate)
    return RulesEngine(candidate)


def _wants_yaml(accept: str) -> bool:
    """Whether YAML is named, and before JSON."""
    for one in accept.split(","):
        media, _, parameters = one.partition(";")
        if parameters.replace(" ", "").startswith("q=0") and "q=0." not in parameters:
            continue
        media = media.strip().lower()
        if media in YAML_TYPES:
            return True
        if media == JSON:
            return False
    return False


def _in_short(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as somebody would write it: without what is empty or as always."""
    left_out = {"position"} | ({"enabled"} if rule["enabled"] else set())
    return {
        key: value
        for key, value in rule.items()
        if key not in left_out and value not in (None, [], "")
    }


_ALL = "/projects/{project_id}/rules"
_ONE = _ALL + "/{rule_id}"
_TAKES = (JSON, YAML)
OPERATIONS: list[Operation] = [
    operation("GET", _ALL, list_rules, answer=Page[answers.Rule], gives=(YAML,)),
    operation(
        "POST",
        _ALL,
        add_rule,
        body=RuleBody,
        role=Role.OWNER,
        answer=answers.Rule,
        status=201,
        accepts=_TAKES,
    ),
    operation(
        "PUT",
        _ALL,
        put_rules,
        body=RulesBody,
        role=Role.OWNER,
        answer=Page[answers.Rule],
        accepts=_TAKES,
    ),
    operation(
        "POST",
        f"{_ALL}/test",
        test_rules,
        body=TestBody,
        role=Role.VIEWER,
        answer=answers.RuleTest,
        accepts=_TAKES,
        long=True,
    ),
    operation(
        "PUT",
        _ONE,
        put_rule,
        body=RuleBody,
        role=Role.OWNER,
        answer=answers.Rule,
        accepts=_TAKES,
    ),
    operation("DELETE", _ONE, delete_rule, role=Role.OWNER, answer=answers.Rule),
]
