"""Pictures at rest: a row for each, and their bytes apart, once however many pictures have them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from sys import intern
from typing import Any

from protocol.errors import NotFound
from server.domain.commit import Commit
from server.domain.pictures import Part, Picture
from server.storage.sqlite.bulk import MARKS, fetch_one, put
from server.storage.sqlite.packing import Row, json_text
from server.storage.sqlite.paging import matching, newest_first

__all__ = [
    "PICTURE_COLUMNS",
    "read_blob",
    "read_picture",
    "read_pictures",
    "to_picture",
    "write_pictures",
]

_FILES = {"full": "file_full", "640": "file_640", "320": "file_320"}
"""The column of each size."""

PICTURE_COLUMNS = (
    "entity_id, number, id, width, height, media_type, "
    + ", ".join(f"lower(hex({column}))" for column in _FILES.values())
    + ", json(made_from), hex(visual_hash), author, created_at"
)

_ADD_BLOBS = f"INSERT INTO blobs (hash, data) {MARKS} ON CONFLICT DO NOTHING"
_ADD_PICTURES = (
    "INSERT INTO pictures (project_id, id, entity_id, width, height, media_type, "
    f"{', '.join(_FILES.values())}, made_from, visual_hash, author, created_at) {MARKS}"
)
_REMOVE_PICTURE = (
    f"DELETE FROM pictures WHERE project_id = ? AND id = ? RETURNING {', '.join(_FILES.values())}"
)
_UNUSED = " AND ".join(
    f"NOT EXISTS (SELECT 1 FROM pictures WHERE {column} = blobs.hash)" for column in _FILES.values()
)
_REMOVE_BLOB = f"DELETE FROM blobs WHERE hash = ? AND {_UNUSED}"


def write_pictures(connection: sqlite3.Connection, commit: Commit) -> None:
    """Write the pictures that a commit adds and takes away; bytes that nobody has any more go."""
    for name, data in commit.blobs.items():
        # Apart, because a statement cannot be larger than SQLite's limit for all it is given.
        put(connection, _ADD_BLOBS, [(bytes.fromhex(name), data)])
    rows = [_picture_row(commit.project_id, one) for one in commit.pictures]
    put(connection, _ADD_PICTURES, rows)
    for removed in commit.pictures_removed:
        files = connection.execute(_REMOVE_PICTURE, (commit.project_id, removed.id)).fetchall()
        for name in {name for row in files for name in row}:
            connection.execute(_REMOVE_BLOB, (name,))


def _picture_row(project_id: str, one: Picture) -> Row:
    return (
        project_id,
        one.id,
        one.entity_id,
        one.width,
        one.height,
        one.media_type,
        *(bytes.fromhex(one.files[size]) for size in _FILES),
        json_text([tuple(part) for part in one.parts]),
        one.visual,
        one.author,
        one.created_at,
    )


def to_picture(row: Sequence[Any]) -> Picture:
    entity_id, _, id_, width, height, media_type, *rest = row
    files, (parts, visual, author, created_at) = rest[: len(_FILES)], rest[len(_FILES) :]
    return Picture(
        id_,
        intern(entity_id),
        width,
        height,
        intern(media_type),
        dict(zip(_FILES, files, strict=True)),
        tuple(Part(intern(source), intern(place), *more) for source, place, *more in parts),
        bytes.fromhex(visual),
        intern(author),
        created_at,
    )


def read_picture(connection: sqlite3.Connection, project_id: str, picture_id: str) -> Picture:
    source = "SELECT * FROM pictures WHERE project_id = ? AND id = ?"
    missing = f"There is no picture {picture_id!r} in {project_id!r}"
    return to_picture(
        fetch_one(connection, PICTURE_COLUMNS, source, (project_id, picture_id), missing)
    )


def read_pictures(
    connection: sqlite3.Connection,
    project_id: str,
    entity_id: str,
    limit: int,
    cursor: str | None,
) -> tuple[list[Picture], str | None]:
    tests = {"project_id = ?": project_id, "entity_id = ?": entity_id}
    columns = f"number, {PICTURE_COLUMNS}"
    rows, following = newest_first(connection, "pictures", columns, matching(tests), limit, cursor)
    return [to_picture(row[1:]) for row in rows], following


def read_blob(connection: sqlite3.Connection, hash_: str) -> bytes:
    query = "SELECT data FROM blobs WHERE hash = ?"
    row = connection.execute(query, (bytes.fromhex(hash_),)).fetchone()
    if row is None:
        raise NotFound("There are no such bytes")
    return bytes(row[0])
