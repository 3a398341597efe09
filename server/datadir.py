"""DataDir: the folder that a server keeps everything in, and who may use it right now."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from server.failures import Failed

__all__ = ["DataDir", "DataDirInUse"]


class DataDirInUse(Failed):
    """Another process works in the folder."""


class DataDir:
    """A folder with the database, the lock, the administrator's token, the address of its server.

    The lock is the kernel's (``flock``): it goes with the process that holds it, however that ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def database(self) -> Path:
        return self.path / "ripplecut.db"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, making it where it is absent. Raises DataDirInUse."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.path / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                url = self.server_url()
                by = f"by the server on {url}" if url else "by another process"
                raise DataDirInUse(f"The data folder {self.path} is in use {by}.") from None
            yield

    def admin_token(self) -> str:
        """The administrator's token, made when first asked for and readable by its owner only."""
        file = self.path / "admin.token"
        if not file.exists():
            made = self.path / f"admin.token.{secrets.token_hex(4)}"
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(f"rc_{secrets.token_urlsafe(32)}\n")
            made.replace(file)
        return file.read_text().strip()

    def announce(self, url: str) -> None:
        """Say where the server of this folder is; for whoever holds the lock."""
        (self.path / "server.json").write_bytes(orjson.dumps({"url": url, "pid": os.getpid()}))

    def retract(self) -> None:
        (self.path / "server.json").unlink(missing_ok=True)

    def server_url(self) -> str | None:
        """What was announced last, if it can be read. True only while the lock is held."""
        try:
            found = orjson.loads((self.path / "server.json").read_bytes())
            return str(found["url"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
