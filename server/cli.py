"""The command line. Exit codes: 0 done, 1 failed, 2 wrong usage."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from protocol.errors import Invalid, NotFound, RipplecutError
from server.config import Settings, SettingsError
from server.datadir import DataDir, DataDirInUse
from server.domain.actors import Actor
from server.failures import Failed
from server.formats.fountain import import_screenplay, read_fountain
from server.formats.json import export_quietly, import_project
from server.formats.screenplay import Screenplay
from server.formats.telling import told
from server.propagation.project import ProjectOwner
from server.remote import Remote
from server.rooms.access import Role
from server.services.projects import Projects, utc_now
from server.storage import SqliteStorage
from server.verify import verify_project
from server.web.auth import Authority, duration, local_user, role_of

__all__ = ["main"]

program = typer.Typer(
    name="ripplecut",
    help="Change a character, a prop or a style once: every shot that depends on it follows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class ImportFormat(StrEnum):
    AUTO = "auto"
    JSON = "json"
    FOUNTAIN = "fountain"


class ExportFormat(StrEnum):
    JSON = "json"


class LogLevel(StrEnum):
    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


class RoleName(StrEnum):
    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    OWNER = "owner"


Data = Annotated[
    Path | None, typer.Option("--data", help="The data folder (RIPPLECUT_DATA; ./data).")
]
Project = Annotated[str, typer.Option("--project", help="The project's id.")]


# -- serve -----------------------------------------------------------------------------------------


@program.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0: any free one.")] = None,
    data: Data = None,
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo production.")] = False,
    log_level: Annotated[LogLevel | None, typer.Option(help="What to log.")] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; prints one line with the URL to open when ready."""
    from server.serve import serve as serve_until_signal

    settings = Settings.read(
        os.environ,
        host=host,
        port=port,
        data=data,
        demo=demo or None,
        log_level=log_level.value if log_level else None,
    )
    serve_until_signal(settings)


# -- files in and out ------------------------------------------------------------------------------


@program.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The file; - reads standard input.")],
    project: Project,
    format: Annotated[ImportFormat, typer.Option(help="What the file is.")] = ImportFormat.AUTO,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    data: Data = None,
) -> None:
    """Import a file into a project, which is made where it does not exist: all or nothing.

    A screenplay (Fountain) over an earlier draft of it changes what is there.
    """
    content = _read(file)
    given = _format_of(file, content) if format is ImportFormat.AUTO else format
    with _working("Importing …"):
        found = asyncio.run(_import(_data_dir(data), content, project, given, dry_run))
    for one in found["skipped"]:
        print(f"skipped: {orjson.dumps(one).decode()}", file=sys.stderr)
    for one in found["warnings"]:
        print(
            f"warning: {one if isinstance(one, str) else orjson.dumps(one).decode()}",
            file=sys.stderr,
        )
    for line in told(found.get("screenplay")):
        print(line)
    counts = ", ".join(f"{found[name]} {name}" for name in ("created", "updated", "unchanged"))
    removed = f", {len(found['removed'])} removed" if found["removed"] else ""
    print(f"{'Would be: ' if dry_run else ''}{counts}{removed}")


@program.command()
def export(
    project: Project,
    format: Annotated[ExportFormat, typer.Option(help="What to write.")],
    out: Annotated[Path | None, typer.Option(help="Where to; standard output without.")] = None,
    data: Data = None,
) -> None:
    """Write a project as a file that can be imported elsewhere."""
    with _working("Exporting …"):
        content = asyncio.run(_export(_data_dir(data), project))
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        _write(out, content)


def _format_of(file: Path, content: bytes) -> ImportFormat:
    """By the name's ending where that tells, else JSON is what begins as an object does."""
    match file.suffix.lower():
        case ".fountain" | ".spmd":
            return ImportFormat.FOUNTAIN
        case ".json":
            return ImportFormat.JSON
    begins = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return ImportFormat.JSON if begins in (b"{", b"[", b"") else ImportFormat.FOUNTAIN


async def _import(
    folder: DataDir, content: bytes, project: str, format_: ImportFormat, dry_run: bool
) -> dict[str, Any]:
    try:
        with folder.locked():
            async with _opened(folder) as store:
                return await _import_into(store, content, project, format_, dry_run)
    except DataDirInUse:
        pass
    async with _remote(folder) as remote:
        if not await asyncio.to_thread(remote.has_project, project):
            if dry_run:
                return await _import_nowhere(content, project, format_)
            await _parsed(content, format_)
            await asyncio.to_thread(remote.create_project, project)
        return await asyncio.to_thread(remote.import_file, project, content, format_.value, dry_run)


async def _import_into(
    store: SqliteStorage, content: bytes, project: str, format_: ImportFormat, dry_run: bool
) -> dict[str, Any]:
    if dry_run and all(one.id != project for one in await store.projects()):
        return await _import_nowhere(content, project, format_)
    projects = Projects(store)
    actor = Actor(local_user(), "cli", "owner")
    try:
        parsed = await _parsed(content, format_)
        try:
            owner = await projects.open(project)
        except NotFound:
            owner = await projects.create(project, project, actor)
        found = await _bring_in(owner, parsed, actor, dry_run)
        await _run_out(owner)
        return found
    finally:
        await projects.close()


async def _bring_in(
    owner: ProjectOwner, parsed: Any, actor: Actor, dry_run: bool
) -> dict[str, Any]:
    if isinstance(parsed, Screenplay):
        return await import_screenplay(owner, parsed, actor, dry_run)
    return await import_project(owner, parsed, actor, dry_run)


async def _import_nowhere(content: bytes, project: str, format_: ImportFormat) -> dict[str, Any]:
    """What an import would do to a project that is not there yet."""
    store = await SqliteStorage.open(None)
    try:
        projects, actor = Projects(store), Actor(local_user(), "cli", "owner")
        owner = await projects.create(project, project, actor)
        return await _bring_in(owner, await _parsed(content, format_), actor, True)
    finally:
        await store.close()


async def _run_out(owner: ProjectOwner) -> None:
    """Wait for the end of every run of a project."""
    while (run := owner.engine.active) is not None or owner.engine.queued:
        if run is None:
            await asyncio.sleep(0)
        else:
            await owner.engine.wait(run.id, None)


async def _export(folder: DataDir, project: str) -> bytes:
    try:
        with folder.locked():
            async with _opened(folder) as store:
                owner = await Projects(store).open(project)
                content = await export_quietly(owner)
                await owner.close()
    except DataDirInUse:
        async with _remote(folder) as remote:
            content = await asyncio.to_thread(remote.export_json, project)
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


async def _parsed(content: bytes, format_: ImportFormat) -> Any:
    if format_ is ImportFormat.FOUNTAIN:
        return await read_fountain(content)
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Failed(f"The file is not valid JSON: {error}") from None


# -- tokens ----------------------------------------------------------------------------------------


@program.command()
def token(
    user: Annotated[str, typer.Option(help="Whose token it is.")],
    project: Annotated[str | None, typer.Option(help="For this project only.")] = None,
    role: Annotated[RoleName, typer.Option(help="What it allows.")] = RoleName.EDITOR,
    expires: Annotated[str, typer.Option(help="When it ends: 12h, 7d, 4w …")] = "7d",
    data: Data = None,
) -> None:
    """Make a token, and print it: this once, for only its hash is kept."""
    try:
        seconds = duration(expires)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--expires") from None
    if not user.strip():
        raise typer.BadParameter("must not be empty", param_hint="--user")
    print(asyncio.run(_token(_data_dir(data), user.strip(), project, role.value, seconds)))


async def _token(folder: DataDir, user: str, project: str | None, role: str, seconds: float) -> str:
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with _opened(folder) as store:
        if project is not None and all(one.id != project for one in await store.projects()):
            raise NotFound(f"There is no project {project!r}")
        authority = _authority(store)
        wanted = role_of(role)
        return await authority.issue(user, wanted, project, "api", authority.after(seconds))


def _authority(store: SqliteStorage) -> Authority:
    """What makes tokens; it is never asked who somebody is."""

    async def exists(project_id: str) -> None:
        return None

    return Authority(
        store, admin_token="", admin_user=local_user(), clock=utc_now, project_exists=exists
    )


# -- verify ----------------------------------------------------------------------------------------


@program.command()
def verify(data: Data = None) -> None:
    """Check the store's invariants and the audit chain; exit code 1 where something is broken."""
    broken = asyncio.run(_verify(_data_dir(data)))
    if broken:
        raise typer.Exit(1)


async def _verify(folder: DataDir) -> int:
    if not folder.database.is_file():
        raise Failed(f"There is no database in {folder.path}")
    problems: list[str] = []
    async with _opened(folder) as store:
        for record in await store.projects():
            with _working(f"Checking {record.id} …"):
                found: list[str] = []
                versions = await verify_project(store, record.id, found.append)
            problems += found
            state = f"{len(found)} broken" if found else "intact"
            print(f"{record.id}: {versions} versions, {state}")
            for one in found:
                print(f"{record.id}: {one}", file=sys.stderr)
    return len(problems)


# -- what the commands share -----------------------------------------------------------------------


def _data_dir(given: Path | None) -> DataDir:
    settings = Settings.read(os.environ, data=given)
    return DataDir(settings.data or Path("data"))


@asynccontextmanager
async def _opened(folder: DataDir) -> AsyncIterator[SqliteStorage]:
    store = await SqliteStorage.open(folder.database)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _remote(folder: DataDir) -> AsyncIterator[Remote]:
    """The server that holds the folder, with a token that ends with the command."""
    url = folder.server_url()
    if url is None:
        raise Failed(f"The data folder {folder.path} is in use; its server is not ready yet.")
    async with _opened(folder) as store:
        authority = _authority(store)
        text = await authority.issue(local_user(), Role.OWNER, None, "api", authority.after(3600))
        try:
            yield Remote(url, text)
        finally:
            await authority.end_session(text)


@contextmanager
def _working(text: str) -> Iterator[None]:
    """Something that moves, on a terminal only."""
    from rich.console import Console  # two megabytes that a server does not need

    console = Console(stderr=True)
    with console.status(text) if console.is_terminal else nullcontext():
        yield


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failed(f"Cannot read {file}: {error.strerror}") from None


def _write(out: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        with tempfile.NamedTemporaryFile(
            dir=out.parent, prefix=f".{out.name}.", delete=False
        ) as file:
            file.write(content)
        Path(file.name).replace(out)
    except OSError as error:
        raise Failed(f"Cannot write {out}: {error.strerror}") from None


def _explained(error: RipplecutError) -> str:
    lines = [error.detail]
    if isinstance(error, Invalid):
        lines += [f"  {one.field}: {one.message}" for one in error.errors]
    return "\n".join(lines)


def main() -> None:
    """The entry point."""
    try:
        program()
    except SettingsError as error:
        _leave(str(error), 2)
    except RipplecutError as error:
        _leave(_explained(error), 1)
    except Failed as error:
        _leave(str(error), 1)
    except OSError as error:
        _leave(f"{error.filename or ''}: {error.strerror or error}".lstrip(": "), 1)


def _leave(text: str, code: int) -> None:
    print(f"ripplecut: {text}", file=sys.stderr)
    raise SystemExit(code)
