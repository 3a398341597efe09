"""Idempotency: a write with an ``Idempotency-Key`` is done once, however often it is sent."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any

from protocol.errors import Conflict, FieldError, Invalid
from server.ports import TokenStore
from server.web.replies import Rendered

__all__ = ["Idempotency", "fingerprint"]

log = logging.getLogger("ripplecut.web")

_UNDER_WAY = 0
"""The status of a record without an answer; its body is the boot id of who made it."""

_NOT_DONE = frozenset({429, 503})
"""Answers that say that nothing was changed: the request may be sent again."""

_REPLAYED = {"idempotency-replayed": "true"}
_MAX_KEY = 255


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> str:
    """What makes two requests the same one."""
    digest = sha256()
    for part in (method.encode(), path.encode(errors="surrogatepass"), query, body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


class Idempotency:
    """Remembers answers for a day, and lets a repeated request wait for the one that is under way.

    A record without an answer is kept before the work, and the answer after it. Where only the
    first is found and nothing is under way, nobody knows whether the work was done: a repeat is
    told so, and never does it a second time.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._boot = secrets.token_hex(8).encode()
        self._under_way: dict[str, tuple[str, asyncio.Task[Rendered]]] = {}

    async def once(
        self,
        owner: tuple[str | None, ...],
        key: str,
        print_: str,
        work: Callable[[], Coroutine[Any, Any, Rendered]],
    ) -> Rendered:
        """The answer of ``work``, or the one that was given to the same request before.

        ``owner`` is whose key it is: a user with the rights of the token that was sent. Raises
        Invalid where the key was used for another request, Conflict where the first may have been
        carried out and its answer is lost.
        """
        if not 1 <= len(key) <= _MAX_KEY or not key.isprintable():
            problem = f"must have 1 to {_MAX_KEY} printable characters"
            raise Invalid("The key is not valid", [FieldError("Idempotency-Key", problem)])
        name = json.dumps([*owner, key])
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
            if kept[1] == _UNDER_WAY:
                raise self._lost(kept[2])
            return _replayed(Rendered(kept[1], kept[2]))
        await self._store.remember_answer(name, print_, _UNDER_WAY, self._boot)
        done = await work()
        try:
            if done.status in _NOT_DONE:
                await self._store.forget_answer(name)
            else:
                await self._store.remember_answer(name, print_, done.status, done.body)
        except Exception:
            # The write stands, and whoever asked for it must hear so.
            log.exception("the answer to a request with an Idempotency-Key could not be kept")
        return done

    def _lost(self, boot: bytes) -> Conflict:
        """What a repeat is told when the first request has left no answer."""
        when = "and its answer could not be kept"
        if boot != self._boot:
            when = "before the server stopped"
        return Conflict(
            f"The first request with this key may have been carried out {when}; "
            "look before you repeat it with another key"
        )


def _replayed(done: Rendered) -> Rendered:
    return Rendered(done.status, done.body, {**done.headers, **_REPLAYED})


def _check(known: str, print_: str) -> None:
    if known != print_:
        problem = "was used for another request already"
        raise Invalid(
            "This Idempotency-Key belongs to another request",
            [FieldError("Idempotency-Key", problem)],
        )
