"""server/services/posting.py: where a request may go, and what becomes of it"""

from __future__ import annotations

import asyncio
import socket

import pytest

from server.services.delivering import NotSent
from server.services.posting import MOST_OF_AN_ANSWER, HttpPost, is_public


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.3.4", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_what_is_of_this_machine_or_its_network_is_not(address: str) -> None:
    assert not is_public(address)


async def post(url: str, *, private: bool = True) -> int:
    poster = HttpPost(private=private)
    try:
        return await poster(url, {"content-type": "application/json"}, b"{}")
    finally:
        await poster.aclose()


async def test_a_name_is_checked_by_what_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(host: str, port: int, **_: object) -> list[object]:
        assert host == "hook.example"
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("93.184.216.34", port)), (*kind, ("10.0.0.7", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found, raising=False)
    with pytest.raises(NotSent, match="not an address of the internet"):
        await post("http://hook.example/", private=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1", "gopher://x/"])
async def test_what_cannot_be_sent_says_why(url: str) -> None:
    with pytest.raises(NotSent, match=r"\w"):
        await post(url)


async def test_no_more_of_an_answer_is_read_than_is_needed() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * MOST_OF_AN_ANSWER)
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await post(f"http://127.0.0.1:{port}/") == 200
    server.close()
