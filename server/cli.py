"""The command line. Exit codes: 0 done, 1 failed, 2 wrong usage."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from protocol.errors import Invalid, NotFound, RipplecutError
from server.config import Settings, SettingsError
from server.datadir import DataDir
from server.failures import Failed
from server.folder import authority_over, opened
from server.formats.telling import told
from server.repairing import repair_folder
from server.transfer import ExportFormat, ImportFormat, export_file, format_of, import_file
from server.verify import verify_project
from server.web.auth import duration, role_of

__all__ = ["main"]

program = typer.Typer(
    name="ripplecut",
    help="Change a character, a prop or a style once: every shot that depends on it follows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
    given = format_of(file, content) if format is ImportFormat.AUTO else format
    with _working("Importing …"):
        found = asyncio.run(import_file(_data_dir(data), content, project, given, dry_run))
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
        content = asyncio.run(export_file(_data_dir(data), project))
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        _write(out, content)


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
    async with opened(folder) as store:
        if project is not None and all(one.id != project for one in await store.projects()):
            raise NotFound(f"There is no project {project!r}")
        authority = authority_over(store)
        wanted = role_of(role)
        return await authority.issue(user, wanted, project, "api", authority.after(seconds))


# -- verify ----------------------------------------------------------------------------------------


@program.command()
def verify(
    data: Data = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Work out hashes anew where they are wrong.")
    ] = False,
) -> None:
    """Check the store's invariants and the audit chain; exit code 1 where something is broken.

    What can be worked out anew (hashes, and where references point) can be repaired, in a step that
    stands in the audit. What was changed in versions or in the audit comes back from a backup only.
    """
    folder = _existing(_data_dir(data))
    if repair:
        asyncio.run(repair_folder(folder, print))
    broken = asyncio.run(_verify(folder))
    if broken:
        raise typer.Exit(1)


async def _verify(folder: DataDir) -> int:
    problems: list[str] = []
    async with opened(folder) as store:
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


def _existing(folder: DataDir) -> DataDir:
    """The folder, where there is a database in it."""
    if not folder.database.is_file():
        raise Failed(f"There is no database in {folder.path}")
    return folder


# -- what the commands share -----------------------------------------------------------------------


def _data_dir(given: Path | None) -> DataDir:
    settings = Settings.read(os.environ, data=given)
    return DataDir(settings.data or Path("data"))


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
