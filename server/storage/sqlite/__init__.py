"""Storage in one SQLite file, or in memory: nothing to install, nothing to start."""

from server.storage.sqlite.store import SqliteStorage

__all__ = ["SqliteStorage"]
