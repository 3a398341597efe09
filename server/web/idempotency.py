"""Idempotency: a write with an ``Idempotency-Key`` is done once, however often it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any

from protocol.errors import FieldError, Invalid
from server.ports import TokenStore
from server.web.replies import Rendered

__all__ = ["Idempotency", "fingerprint"]

_REPLAYED = {"idempotency-replayed": "true"}
_MAX_KEY = 255


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> str:
    """What makes two requests the same one."""
    digest = sha256()
    for part in (method.encode(), path.encode(errors="surrogatepass"), query, body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class Idempotency:
    """Remembers answers for a day, and lets a repeated request wait for the one that is under way.

    What is kept is the answer, after the write: where the process dies between the two, the
    repeated request is done again.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._under_way: dict[str, tuple[str, asyncio.Task[Rendered]]] = {}

    async def once(
        self,
        user: str,
        key: str,
        print_: str,
        work: Callable[[], Coroutine[Any, Any, Rendered]],
    ) -> Rendered:
        """The answer of ``work``, or the one that was given to the same request before.

        Raises Invalid where the key was used for another request.
        """
        if not 1 <= len(key) <= _MAX_KEY or not key.isprintable():
            problem = f"must have 1 to {_MAX_KEY} printable characters"
            raise Invalid("The key is not valid", [FieldError("Idempotency-Key", problem)])
        name = f"{user}\n{key}"
        running = self._under_way.get(name)
        if running is not None:
            _check(running[0], print_)
            return _replayed(await asyncio.shield(running[1]))
        task = asyncio.ensure_future(self._work(name, print_, work))
        self._under_way[name] = (print_, task)
        task.add_done_callback(lambda _: self._under_way.pop(name, None))
        return await asyncio.shield(task)

    async def _work(
        self, name: str, print_: str, work: Callable[[], Coroutine[Any, Any, Rendered]]
    ) -> Rendered:
        kept = await self._store.answer(name)
        if kept is not None:
            _check(kept[0], print_)
            return _replayed(Rendered(kept[1], kept[2]))
        done = await work()
        if done.status < 500:
            await self._store.remember_answer(name, print_, done.status, done.body)
        return done


def _replayed(done: Rendered) -> Rendered:
    return Rendered(done.status, done.body, {**done.headers, **_REPLAYED})


def _check(known: str, print_: str) -> None:
    if known != print_:
        problem = "was used for another request already"
        raise Invalid(
            "This Idempotency-Key belongs to another request",
            [FieldError("Idempotency-Key", problem)],
        )
