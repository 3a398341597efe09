"""Files into a project and out of it, whoever holds the data folder."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from protocol.errors import NotFound
from server.datadir import DataDir, DataDirInUse
from server.domain.actors import Actor
from server.failures import Failed
from server.folder import opened, run_out, server_of
from server.formats.fountain import import_screenplay, read_fountain
from server.formats.json import export_quietly, import_project
from server.formats.screenplay import Screenplay
from server.propagation.project import ProjectOwner
from server.services.projects import Projects
from server.storage import SqliteStorage
from server.web.auth import local_user

__all__ = ["ExportFormat", "ImportFormat", "export_file", "format_of", "import_file"]


class ImportFormat(StrEnum):
    AUTO = "auto"
    JSON = "json"
    FOUNTAIN = "fountain"


class ExportFormat(StrEnum):
    JSON = "json"


def format_of(file: Path, content: bytes) -> ImportFormat:
    """By the name's ending where that tells, else JSON is what begins as an object does."""
    match file.suffix.lower():
        case ".fountain" | ".spmd":
            return ImportFormat.FOUNTAIN
        case ".json":
            return ImportFormat.JSON
    begins = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return ImportFormat.JSON if begins in (b"{", b"[", b"") else ImportFormat.FOUNTAIN


async def import_file(
    folder: DataDir, content: bytes, project: str, format_: ImportFormat, dry_run: bool
) -> dict[str, Any]:
    try:
        with folder.locked():
            async with opened(folder) as store:
                return await _into(store, content, project, format_, dry_run)
    except DataDirInUse:
        pass
    async with server_of(folder) as remote:
        if not await asyncio.to_thread(remote.has_project, project):
            if dry_run:
                return await _nowhere(content, project, format_)
            await _parsed(content, format_)
            await asyncio.to_thread(remote.create_project, project)
        return await asyncio.to_thread(remote.import_file, project, content, format_.value, dry_run)


async def _into(
    store: SqliteStorage, content: bytes, project: str, format_: ImportFormat, dry_run: bool
) -> dict[str, Any]:
    if dry_run and all(one.id != project for one in await store.projects()):
        return await _nowhere(content, project, format_)
    projects = Projects(store)
    actor = Actor(local_user(), "cli", "owner")
    try:
        parsed = await _parsed(content, format_)
        try:
            owner = await projects.open(project)
        except NotFound:
            owner = await projects.create(project, project, actor)
        found = await _bring_in(owner, parsed, actor, dry_run)
        await run_out(owner)
        return found
    finally:
        await projects.close()


async def _bring_in(
    owner: ProjectOwner, parsed: Any, actor: Actor, dry_run: bool
) -> dict[str, Any]:
    if isinstance(parsed, Screenplay):
        return await import_screenplay(owner, parsed, actor, dry_run)
    return await import_project(owner, parsed, actor, dry_run)


async def _nowhere(content: bytes, project: str, format_: ImportFormat) -> dict[str, Any]:
    """What an import would do to a project that is not there yet."""
    store = await SqliteStorage.open(None)
    try:
        projects, actor = Projects(store), Actor(local_user(), "cli", "owner")
        owner = await projects.create(project, project, actor)
        return await _bring_in(owner, await _parsed(content, format_), actor, True)
    finally:
        await store.close()


async def export_file(folder: DataDir, project: str) -> bytes:
    try:
        with folder.locked():
            async with opened(folder) as store:
                owner = await Projects(store).open(project)
                content = await export_quietly(owner)
                await owner.close()
    except DataDirInUse:
        async with server_of(folder) as remote:
            content = await asyncio.to_thread(remote.export_json, project)
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


async def _parsed(content: bytes, format_: ImportFormat) -> Any:
    if format_ is ImportFormat.FOUNTAIN:
        return await read_fountain(content)
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Failed(f"The file is not valid JSON: {error}") from None
