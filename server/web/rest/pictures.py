"""Pictures: of a shot, of an asset, of anything; uploaded, listed, taken away, and their bytes."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.responses import Response

from protocol.errors import FieldError, Invalid
from server.domain.pictures import FULL, Size
from server.services import pictures
from server.web.bodies import Body, Query
from server.web.forms import FORM, file_of
from server.web.operations import Call, NoQuery, Operation, operation
from server.web.replies import Reply, names_tag
from server.web.rest import answers
from server.web.rest.queries import PageQuery
from server.web.rest.shapes import Page

__all__ = ["OPERATIONS"]

_ACCEPTED = ("image/png", "image/jpeg", "image/webp", "image/gif", FORM)
_FOR_EVER = "private, max-age=31536000, immutable"


class SizeQuery(Query):
    """The thumbnails are 320 and 640 pixels wide, or as wide as the picture where that is less."""

    size: Size = FULL


async def add_picture(call: Call[Body, NoQuery]) -> Reply:
    """Add a picture: an image as the body, or a form with it as ``file``.

    A PNG, JPEG, WebP or GIF (its first frame); what is kept is encoded afresh, without metadata.
    """
    owner, entity_id = await call.project(), call.path["entity_id"]
    owner.state.entity(entity_id)
    image = await call.web.images.read(await _file(call))
    return Reply(await pictures.add_picture(owner, entity_id, image, call.actor), 201)


async def _file(call: Call[Body, NoQuery]) -> bytes:
    """The image that was sent, whatever it says it is. Raises Invalid, Malformed."""
    content_type = Headers(scope=call.scope).get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM:
        return await asyncio.to_thread(file_of, call.raw, content_type, "file")
    if kind.startswith("image/"):
        return call.raw
    problem = FieldError("Content-Type", f"must be image/… or {FORM}")
    raise Invalid("The body is no picture", [problem])


async def list_pictures(call: Call[Body, PageQuery]) -> Reply:
    """The pictures of an entity, newest first; the first of them is its current one."""
    owner, query = await call.project(), call.query
    entity_id = call.path["entity_id"]
    return Reply(await pictures.picture_page(owner, entity_id, query.limit, query.cursor))


async def delete_picture(call: Call[Body, NoQuery]) -> Reply:
    """Take a picture away. Answers what is the entity's picture from then on."""
    owner, path = await call.project(), call.path
    found = await pictures.remove_picture(owner, path["entity_id"], path["picture_id"], call.actor)
    return Reply(found)


async def read_picture(call: Call[Body, SizeQuery]) -> Response:
    """The picture itself. It never changes: what a browser has it need not ask for again."""
    owner, size = await call.project(), call.query.size
    found = await pictures.picture(owner, call.path["picture_id"])
    tag = f'"{found.files[size]}"'
    headers = {"etag": tag, "cache-control": _FOR_EVER, "x-content-type-options": "nosniff"}
    if names_tag(Headers(scope=call.scope).get("if-none-match", ""), tag):
        return Response(None, 304, headers)
    data = await pictures.content(owner, found, size)
    return Response(data, 200, headers, found.media_type)


_ALL = "/projects/{project_id}/entities/{entity_id}/pictures"
OPERATIONS: list[Operation] = [
    operation(
        "POST",
        _ALL,
        add_picture,
        answer=answers.Picture,
        status=201,
        file=True,
        limit="picture_limit",
        accepts=_ACCEPTED,
    ),
    operation("GET", _ALL, list_pictures, query=PageQuery, answer=Page[answers.Picture]),
    operation("DELETE", f"{_ALL}/{{picture_id}}", delete_picture, answer=answers.PictureLeft),
    operation(
        "GET",
        "/projects/{project_id}/pictures/{picture_id}",
        read_picture,
        query=SizeQuery,
        gives=("image/webp", "image/jpeg"),
    ),
]
