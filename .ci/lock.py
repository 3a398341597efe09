"""Writes the lock files: what pip resolves today, as exact pins to use as constraints.

`requirements.lock` pins what the program needs, `requirements-dev.lock` that and the tools. Run it
on the oldest Python supported: that is where most packages apply.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

# Started by its path: the project's own modules are not importable by themselves.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from static.page import NODE_WHEEL

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Exact versions, used as pip constraints; `make lock` writes this file.\n"


def resolve(requirements: list[str], constraints: Path | None = None) -> dict[str, str]:
    """Name to version of everything that pip would install for these into an empty place."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        command += ["--dry-run", "--ignore-installed", "--prefer-binary"]
        command += ["--report", str(report)]
        if constraints is not None:
            command += ["-c", str(constraints)]
        subprocess.run([*command, *requirements], check=True)
        installs = json.loads(report.read_text())["install"]
    metadata = [install["metadata"] for install in installs]
    return {str(entry["name"]).lower(): str(entry["version"]) for entry in metadata}


def write(path: Path, pins: dict[str, str]) -> None:
    """The pins, one a line, in alphabetical order."""
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items())]
    path.write_text(HEADER + "".join(lines))
    print(f"{path.name}: {len(lines)} packages")


def main() -> None:
    """Refresh both lock files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, dev = project["dependencies"], project["optional-dependencies"]["dev"]
    lock = ROOT / "requirements.lock"
    write(lock, resolve(runtime))
    write(ROOT / "requirements-dev.lock", resolve([*runtime, *dev, NODE_WHEEL], lock))


if __name__ == "__main__":
    main()
