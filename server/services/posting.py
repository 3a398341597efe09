"""Posting: one request to an address that somebody else chose.

No redirects, little time, little of the answer; and where that is not allowed, no address of this
machine or its network, whatever a name resolves to at that moment.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Mapping

import httpcore

from server.services.delivering import NotSent

__all__ = ["HttpPost", "is_public"]

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 15.0
MOST_OF_AN_ANSWER = 64 * 1024


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's, also one that hides another in it."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is not None:
            found = inner
        elif found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class HttpPost:
    """Sends with httpcore, over connections that go where they were checked to go."""

    def __init__(self, *, private: bool) -> None:
        backend = _Guarded(private)
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=8, keepalive_expiry=5.0, network_backend=backend
        )

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        seconds = {"connect": CONNECT_SECONDS, "read": WHOLE_SECONDS, "write": WHOLE_SECONDS}
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                async with self._pool.stream(
                    "POST",
                    url,
                    headers=list(headers.items()),
                    content=body,
                    extensions={"timeout": seconds},
                ) as response:
                    size = 0
                    async for part in response.aiter_stream():
                        size += len(part)
                        if size > MOST_OF_AN_ANSWER:
                            break
                    return int(response.status)
        except TimeoutError:
            raise NotSent(f"No answer within {WHOLE_SECONDS:.0f} s") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise NotSent(str(error) or type(error).__name__) from None
        except (httpcore.UnsupportedProtocol, ValueError, UnicodeError) as error:
            raise NotSent(f"The address cannot be used: {error}") from None

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Guarded(httpcore.AsyncNetworkBackend):
    """Looks a name up, checks every address, and connects to what it has checked."""

    def __init__(self, private: bool) -> None:
        self._private = private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except OSError:
            raise httpcore.ConnectError(f"{host} has no address") from None
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not self._private and not all(is_public(one) for one in addresses):
            raise httpcore.ConnectError(f"{host} is not an address of the internet")
        return await self._inner.connect_tcp(
            addresses[0], port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("Only addresses of the internet can be used")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
