"""The audit trail of a project, as JSON pages, or whole as JSON lines or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from protocol.errors import FieldError, Invalid
from server.domain.commit import AuditEntry
from server.ports import AuditFilter, Storage
from server.web.bodies import Body, Id
from server.web.operations import Call, Operation, operation
from server.web.replies import Reply, names_tag
from server.web.rest import answers
from server.web.rest.queries import PageQuery
from server.web.rest.shapes import Page

__all__ = ["OPERATIONS"]

_AT_ONCE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class AuditQuery(PageQuery):
    """``since`` is an ISO time, inclusive, ``until`` one that is not. ``jsonl`` and ``csv`` come
    whole.
    """

    entity: Id | None = None
    actor: str | None = None
    run: str | None = None
    since: str | None = None
    until: str | None = None
    format: Literal["json", "jsonl", "csv"] = "json"


async def read_audit(call: Call[Body, AuditQuery]) -> Reply | Response:
    """Who did what, newest first; every entry is linked to the one before it by its hash."""
    owner, query = await call.project(), call.query
    since, until = _time("since", query.since), _time("until", query.until)
    wanted = AuditFilter(query.entity, query.actor, query.run, since, until)
    if query.format == "json":
        found, following = await owner.storage.audit(
            owner.project_id, wanted, query.limit, query.cursor
        )
        items = [_entry_json(one) for one in found]
        return Reply({"items": items, "next_cursor": following})
    lines, media = (_csv, "text/csv") if query.format == "csv" else (_jsonl, "application/jsonl")
    number, hash_ = await owner.storage.audit_head(owner.project_id)
    tag = f'"{sha256(call.scope["query_string"] + hash_.encode()).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if names_tag(Headers(scope=call.scope).get("if-none-match", ""), tag):
        return Response(None, 304, headers)
    headers["content-disposition"] = f'attachment; filename="audit.{query.format}"'
    head = _csv_row(AuditEntry._fields) if query.format == "csv" else ""
    body = _whole(owner.storage, owner.project_id, wanted, number, head, lines)
    return StreamingResponse(body, 200, headers, media)


async def _whole(
    storage: Storage,
    project_id: str,
    wanted: AuditFilter,
    last: int,
    head: str,
    lines: Callable[[Sequence[AuditEntry]], str],
) -> AsyncIterator[str]:
    """Everything up to the entry ``last``: what is written meanwhile belongs to another tag."""
    yield head
    cursor: str | None = str(last + 1)
    while True:
        found, cursor = await storage.audit(project_id, wanted, _AT_ONCE, cursor)
        yield lines(found)
        if cursor is None:
            return


def _time(key: str, text: str | None) -> str | None:
    """An ISO time in the form in which times are kept; without an offset: UTC. Raises Invalid."""
    if text is None:
        return None
    try:
        # A plus that was not escaped arrives as a space: 2026-05-01T12:00:00 02:00.
        head, space, offset = text.strip().rpartition(" ")
        plus = "T" in head and space != ""
        moment = datetime.fromisoformat(f"{head}+{offset}" if plus else text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        problem = "must be an ISO time such as 2026-05-01T12:00:00Z"
        raise Invalid("The query is not valid", [FieldError(key, problem)]) from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _entry_json(entry: AuditEntry) -> dict[str, Any]:
    return entry._asdict()


def _jsonl(entries: Sequence[AuditEntry]) -> str:
    return "".join(orjson.dumps(_entry_json(one)).decode() + "\n" for one in entries)


def _csv(entries: Sequence[AuditEntry]) -> str:
    return "".join(
        _csv_row([*one[:7], orjson.dumps(one.detail).decode(), *one[8:]]) for one in entries
    )


def _csv_row(cells: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(_harmless(cell) for cell in cells)
    return out.getvalue()


def _harmless(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + cell if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


OPERATIONS: list[Operation] = [
    operation(
        "GET",
        "/projects/{project_id}/audit",
        read_audit,
        query=AuditQuery,
        answer=Page[answers.AuditEntry],
        gives=("application/jsonl", "text/csv"),
    ),
]
