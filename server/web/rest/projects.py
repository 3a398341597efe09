"""Projects, their settings, their kinds, and their files in and out."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from pydantic import Field

from protocol.errors import FieldError, Forbidden, Invalid
from server.formats.fountain import import_screenplay, read_fountain
from server.formats.json import export_quietly, import_project
from server.rooms.access import Role
from server.services.projects import project_json, put_kinds, update_settings
from server.web.bodies import Body, Query, parse
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Rendered, Reply
from server.web.rest import answers
from server.web.rest.import_answers import Imported
from server.web.rest.queries import PageQuery
from server.web.rest.shapes import Page

__all__ = ["OPERATIONS"]


class NewProject(Body):
    name: str
    id: str | None = None


class ProjectChange(Body):
    name: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class KindsBody(Body):
    kinds: list[Any]


class FormatQuery(Query):
    format: Literal["json"]


class ImportQuery(Query):
    format: Literal["json", "fountain"]
    dry_run: bool = False


async def create_project(call: Call[NewProject, NoQuery]) -> Reply:
    """Create a project, with the default kinds, rules and settings."""
    wanted = call.body.id
    if call.caller.project_id is not None:
        raise Forbidden("This token is for one project; a new one needs a token without a project")
    owner = await call.web.projects.create(call.body.name, wanted, call.actor)
    return Reply(project_json(owner.state.record), 201)


async def list_projects(call: Call[Body, PageQuery]) -> Reply:
    """The projects that the caller may see, by id."""
    query = call.query
    records = sorted(
        (
            one
            for one in await call.web.store.projects()
            if call.caller.sees(one.id) and (query.cursor is None or one.id > query.cursor)
        ),
        key=lambda one: one.id,
    )
    page = records[: query.limit]
    following = page[-1].id if len(records) > len(page) else None
    return Reply({"items": [project_json(one) for one in page], "next_cursor": following})


async def read_project(call: Call[Body, NoQuery]) -> Reply:
    """One project with its settings."""
    return Reply(project_json((await call.project()).state.record))


async def change_project(call: Call[ProjectChange, NoQuery]) -> Reply:
    """Change a project's name or settings; settings that are not named stay."""
    change = call.body
    owner = await call.project()
    if change.name is None and not change.settings:
        problem = FieldError("body", "must name at least one of: name, settings")
        raise Invalid("The change is empty", [problem])
    return Reply(await update_settings(owner, call.actor, change.name, change.settings))


async def read_kinds(call: Call[Body, NoQuery]) -> Reply:
    """The registry of kinds: their fields, icons and colours."""
    return Reply((await call.project()).state.kinds.to_json())


async def replace_kinds(call: Call[KindsBody, NoQuery]) -> Reply:
    """Replace the registry. The default kinds stay, and so do fields that entities rest on."""
    owner = await call.project()
    return Reply(await put_kinds(owner, {"kinds": call.body.kinds}, call.actor))


async def import_file(call: Call[Body, ImportQuery]) -> Reply:
    """Import the file in the body: all or nothing. With ``dry_run`` only say what would happen.

    ``fountain`` is a screenplay as plain text. Over an earlier draft it omits, moves, rewrites and
    renames; ``screenplay`` in the answer lists that, and the shots that hang on changed scenes.
    """
    owner = await call.project()
    if call.query.format == "fountain":
        play = await read_fountain(call.raw)
        return Reply(await import_screenplay(owner, play, call.actor, call.query.dry_run))
    data, warnings = parse(call.raw), []
    if call.caller.role < Role.OWNER and isinstance(data, dict) and data.pop("project", None):
        warnings.append("Only an owner's import takes over the project's name, settings and kinds")
    found = await import_project(owner, data, call.actor, call.query.dry_run)
    return Reply({**found, "warnings": [*warnings, *found["warnings"]]})


async def export_file(call: Call[Body, FormatQuery]) -> Rendered:
    """The project as a file; importing it elsewhere gives the same project, without pictures."""
    owner = await call.project()
    content = orjson.dumps(await export_quietly(owner), option=orjson.OPT_INDENT_2)
    return Rendered(200, content, {"content-disposition": 'attachment; filename="project.json"'})


_ONE = "/projects/{project_id}"
OPERATIONS: list[Operation] = [
    operation(
        "POST", "/projects", create_project, body=NewProject, answer=answers.Project, status=201
    ),
    operation("GET", "/projects", list_projects, query=PageQuery, answer=Page[answers.Project]),
    operation("GET", _ONE, read_project, answer=answers.Project),
    operation(
        "PATCH", _ONE, change_project, body=ProjectChange, role=Role.OWNER, answer=answers.Project
    ),
    operation("GET", f"{_ONE}/kinds", read_kinds, answer=answers.Kinds),
    operation(
        "PUT",
        f"{_ONE}/kinds",
        replace_kinds,
        body=KindsBody,
        role=Role.OWNER,
        answer=answers.Kinds,
    ),
    operation(
        "POST",
        f"{_ONE}/import",
        import_file,
        query=ImportQuery,
        answer=Imported,
        file=True,
    ),
    operation(
        "GET",
        f"{_ONE}/export",
        export_file,
        query=FormatQuery,
        answer=answers.Production,
        long=True,
    ),
]
