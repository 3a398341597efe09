"""The published providers while their tokens end, are renewed and are revoked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from protocol.client import connect
from protocol.errors import Unauthenticated
from server.rooms.access import Role
from tests.peers.peers import HocuspocusPeer, Node, YWebsocketPeer
from tests.rooms.conftest import Served

PATIENCE = 20.0
ENDED = Unauthenticated("This token has expired; log in again")


@dataclass
class Stand:
    """A server whose gate a test holds, and the Node process."""

    served: Served
    node: Node

    @property
    def url(self) -> str:
        return self.served.url


@pytest.fixture
async def stand(served: Served, node: str) -> AsyncIterator[Stand]:
    async with Node(node) as started:
        yield Stand(served, started)


async def test_R48_the_provider_sends_another_token_and_goes_on(stand: Stand) -> None:
    gate, manager = stand.served.gate, stand.served.manager
    async with asyncio.timeout(PATIENCE):
        ann, bob = HocuspocusPeer(stand, ["ann.1", "ann.2"]), HocuspocusPeer(stand, "bob")
        await ann.open("hero")
        await bob.open("hero")
        gate.expiries["token-ann.1"] = 20.0
        gate.roles["token-ann.2"] = Role.VIEWER
        await manager.recheck()
        await ann.scope("hero", "readonly")
        gate.lost["token-ann.1"] = ENDED
        await manager.recheck()
        await bob.write("hero", "«by bob»")
        await ann.has("hero", "«by bob»")
        assert manager.connections == 2
        await ann.write("hero", "«too late»")
        await bob.write("hero", "«after»")
        await ann.has("hero", "«after»")
        await bob.saved()
        assert await stand.served.stored_text("hero") == "«after»«by bob»"
        assert await ann.unsynced("hero") == 1


async def test_R48_the_client_for_scripts_sends_another_token_and_goes_on(served: Served) -> None:
    gate, manager, tokens = served.gate, served.manager, iter(["ann.1", "ann.2"])
    async with (
        asyncio.timeout(PATIENCE),
        connect(served.url, "film", token="bob") as bobs,
        connect(served.url, "film", token=lambda: next(tokens)) as film,
    ):
        hero, theirs = await film.open("hero"), await bobs.open("hero")
        gate.expiries["token-ann.1"] = 20.0
        gate.roles["token-ann.2"] = Role.VIEWER
        await manager.recheck()
        async for event in film.events():
            if event["type"] == "role":
                break
        assert film.welcome["role"] == "viewer"
        gate.lost["token-ann.1"] = ENDED
        await manager.recheck()
        changed = asyncio.Event()
        subscription = hero.doc.observe(lambda _: changed.set())
        theirs["description"] = "by bob"
        await changed.wait()
        hero.doc.unobserve(subscription)
        assert hero["description"] == "by bob"
        assert hero.read_only


async def test_R47_the_provider_is_denied_when_its_token_ends(stand: Stand) -> None:
    async with asyncio.timeout(PATIENCE):
        ann = HocuspocusPeer(stand, "ann.1")
        await ann.open("hero")
        stand.served.gate.lost["token-ann.1"] = ENDED
        await stand.served.manager.recheck()
        assert await ann.denied("hero") == ENDED.detail


async def test_R47_y_websocket_stops_when_its_token_ends(stand: Stand) -> None:
    async with asyncio.timeout(PATIENCE):
        ann, bob = YWebsocketPeer(stand, "ann"), YWebsocketPeer(stand, "bob")
        await ann.open("hero")
        await bob.open("hero")
        stand.served.gate.lost["token-ann"] = ENDED
        await stand.served.manager.recheck()
        assert await ann.stopped("hero") == 4401
        assert stand.served.manager.connections == 1


async def test_R49_y_websocket_goes_on_reading_when_it_may_not_write_any_more(stand: Stand) -> None:
    async with asyncio.timeout(PATIENCE):
        ann, bob = YWebsocketPeer(stand, "ann"), YWebsocketPeer(stand, "bob")
        await ann.open("hero")
        await bob.open("hero")
        stand.served.gate.roles["token-ann"] = Role.VIEWER
        await stand.served.manager.recheck()
        await ann.write("hero", "«too late»")
        await bob.write("hero", "«by bob»")
        await ann.has("hero", "«by bob»")
        assert await stand.served.stored_text("hero") == "«by bob»"
