"""Storage adapters: what implements the storage ports."""

from server.storage.sqlite import SqliteStorage

__all__ = ["SqliteStorage"]
