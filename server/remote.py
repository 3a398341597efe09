"""Remote: what the command line asks of a server that is running already."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

import orjson

from server.failures import Failed

__all__ = ["Remote", "RemoteError"]

_PATIENCE = 600


class RemoteError(Failed):
    """The server said no, or did not answer; the text says which and why."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class Remote:
    """A running server, spoken to over HTTP. Methods block and raise RemoteError."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        # A proxy of the environment has no business between us and a server on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def has_project(self, project: str) -> bool:
        try:
            self._ask("GET", f"/projects/{quote(project, safe='')}")
        except RemoteError as error:
            if error.code == "not_found":
                return False
            raise
        return True

    def create_project(self, project: str) -> None:
        self._ask("POST", "/projects", orjson.dumps({"id": project, "name": project}))

    def import_file(
        self, project: str, content: bytes, format_: str, dry_run: bool
    ) -> dict[str, Any]:
        query = f"?format={format_}" + ("&dry_run=true" if dry_run else "")
        path = f"/projects/{quote(project, safe='')}/import{query}"
        media = "application/json" if format_ == "json" else "text/plain; charset=utf-8"
        found: dict[str, Any] = self._ask("POST", path, content, media)
        return found

    def export_json(self, project: str) -> Any:
        return self._ask("GET", f"/projects/{quote(project, safe='')}/export?format=json")

    def repair(self, project: str) -> list[dict[str, str]]:
        found = self._ask("POST", f"/projects/{quote(project, safe='')}/repair", b"{}")
        repaired: list[dict[str, str]] = found["repaired"]
        return repaired

    def _ask(
        self, method: str, path: str, body: bytes | None = None, media: str = "application/json"
    ) -> Any:
        headers = {"authorization": f"Bearer {self._token}", "content-type": media}
        request = urllib.request.Request(  # noqa: S310 - the address is our own server's
            f"{self._url}/api/v1{path}", body, headers, method=method
        )
        try:
            with self._opener.open(request, timeout=_PATIENCE) as response:
                return orjson.loads(response.read())
        except urllib.error.HTTPError as error:
            raise _refused(error.code, error.read()) from None
        except (OSError, orjson.JSONDecodeError) as error:
            raise RemoteError(f"The server on {self._url} does not answer: {error}", "") from None


def _refused(status: int, body: bytes) -> RemoteError:
    try:
        problem = orjson.loads(body)
        lines = [str(problem["detail"])]
        lines += [f"  {one['field']}: {one['message']}" for one in problem.get("errors", [])]
        return RemoteError("\n".join(lines), str(problem["code"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return RemoteError(f"The server answered with status {status}", "")
