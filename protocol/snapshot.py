"""A snapshot by REST, for programs that follow a project over its socket."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

import orjson

from protocol.errors import (
    Forbidden,
    NotFound,
    RipplecutError,
    Unauthenticated,
    Unavailable,
)

__all__ = ["read_resolved"]

_PATIENCE = 60.0
_MEANS: dict[int, type[RipplecutError]] = {401: Unauthenticated, 403: Forbidden, 404: NotFound}


def read_resolved(project_url: str, entity_id: str, token: str) -> dict[str, Any]:
    """An entity as it looks now; blocks. ``project_url`` is ``http://…/api/v1/projects/my-film``.

    Raises NotFound, Forbidden, Unauthenticated, and Unavailable where nobody answers.
    """
    url = f"{project_url}/entities/{quote(entity_id, safe='')}/resolved"
    headers = {"authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - made by connect: http(s)
    # The socket goes past a proxy of the environment, and so does this.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_PATIENCE) as response:
            found: dict[str, Any] = orjson.loads(response.read())
            return found
    except urllib.error.HTTPError as error:
        with error:
            raise _MEANS.get(error.code, Unavailable)(_detail(error)) from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise Unavailable(f"The server does not answer: {error}") from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(orjson.loads(error.read())["detail"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return f"The server answered with status {error.code}"
