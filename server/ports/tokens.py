"""The port of tokens and remembered answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from server.domain.commit import StoredToken

__all__ = ["StoredToken", "TokenStore"]


class TokenStore(Protocol):
    """Where tokens and remembered answers rest."""

    async def add_token(self, token: StoredToken) -> None:
        """Keep a token. Whoever is given one for a project (``api``) is in it from then on, with
        its role at least.
        """
        ...

    async def token(self, hash_: str) -> StoredToken | None: ...

    async def holder(self, hash_: str) -> tuple[StoredToken, Mapping[str, str | None]] | None:
        """A token, and its person's role by project, ``None`` where they were removed."""
        ...

    async def remove_token(self, hash_: str) -> None: ...

    async def remember_answer(self, key: str, fingerprint: str, status: int, body: bytes) -> None:
        """Keep the answer to a request with an Idempotency-Key; ``key`` holds the caller too.

        The status 0 says that the request is under way; its answer replaces that.
        """
        ...

    async def forget_answer(self, key: str) -> None:
        """Forget what is kept under a key, so that the request can be sent again."""
        ...

    async def answer(self, key: str) -> tuple[str, int, bytes] | None:
        """``(fingerprint, status, body)`` of what was remembered in the last 24 hours."""
        ...
