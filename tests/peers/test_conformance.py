"""Unmodified clients of every family, against the real program on a real socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from protocol.errors import Forbidden
from tests.peers.peers import FAMILIES, HocuspocusPeer, Peer, ScriptPeer, World
from tests.peers.plain import y_py

PATIENCE = 30.0
"""Nothing here takes so long; a test that hangs should say where."""

needs_ypy = pytest.mark.skipif(y_py is None, reason="y-py has no wheel for this interpreter")
EVERY = [
    pytest.param(family, marks=needs_ypy if family == "ypy" else ())
    for family in FAMILIES
    if family != "pycrdt, short ids"
]
TOGETHER = [family for family in FAMILIES if family != ("ypy" if y_py is None else "pycrdt")]
"""All that can be in one document: y-py cuts pycrdt's ids off."""


async def converge(name: str, words: list[str], peers: list[Peer]) -> str:
    """Everybody has the same prose, with each of the words in it exactly once."""
    texts = await asyncio.gather(*(peer.has(name, *words) for peer in peers))
    assert set(texts) == {texts[0]}
    for word in [*words, "END"]:
        assert texts[0].count(word) == 1, (word, texts[0])
    assert len(texts[0]) == sum(map(len, words)) + len("END")
    return texts[0]


@pytest.mark.parametrize("family", EVERY)
async def test_two_of_a_family_sync_both_ways_in_several_documents(
    world: World, family: str
) -> None:
    names = [world.entity(), world.entity(f"Zoë·沙漠 🎬 {family}")]
    async with asyncio.timeout(PATIENCE):
        ann = await world.join(family, *names, user="Änne 🎬")
        bob = await world.join(family, *names, user="bob")
        for name in names:
            await ann.write(name, f"«Mara 🎬 {name}»")
            await bob.write(name, "«ëxtra 沙漠 e\u0301»")
        for name in names:
            words = [f"«Mara 🎬 {name}»", "«ëxtra 沙漠 e\u0301»"]
            late = await world.join("script", name, user="late")
            await converge(name, words, [ann, bob, late])
        await asyncio.gather(ann.saved(), bob.saved())


@pytest.mark.parametrize("family", EVERY)
async def test_R25_who_is_there_is_seen_and_gone_when_they_leave(world: World, family: str) -> None:
    name, user = world.entity(), f"Änne 沙漠 🎬 {family}"
    async with asyncio.timeout(PATIENCE):
        bob = await world.join(family, name, user="bob")
        ann = await world.join(family, name, user=user)
        await ann.point(name, user)
        await bob.sees(name, user)
        late = await world.join(family, name, user="late")
        await late.sees(name, user)
        await ann.leave()
        await bob.sees(name, user, wanted=False)
        await late.sees(name, user, wanted=False)


async def test_R24_the_yjs_families_see_each_other(world: World) -> None:
    name = world.entity()
    families = [family for family in TOGETHER if family != "script"]
    async with asyncio.timeout(PATIENCE):
        peers = [await world.join(family, name, user=family) for family in families]
        for family, peer in zip(families, peers, strict=True):
            await peer.point(name, family)
        for peer in peers:
            for family in families:
                await peer.sees(name, family)


@pytest.mark.parametrize("family", EVERY)
async def test_R41_a_reader_reads_and_is_not_heard(world: World, family: str) -> None:
    name = world.entity()
    async with asyncio.timeout(PATIENCE):
        eve = await world.join(family, name, user="eve", role="viewer")
        ann = await world.join(family, name, user="ann")
        await eve.write(name, "«vandal»")
        await ann.write(name, "«by ann»")
        await eve.has(name, "«by ann»", "«vandal»")
        late = await world.join("script", name, user="late")
        await converge(name, ["«by ann»"], [ann, late])
        if isinstance(eve, HocuspocusPeer):
            await eve.scope(name, "readonly")
            assert await eve.unsynced(name) == 1
        if isinstance(eve, ScriptPeer):
            with pytest.raises(Forbidden):
                await eve.saved()


async def killed_and_back(world: World, meanwhile: Any) -> None:
    await asyncio.to_thread(world.server.kill)
    await meanwhile
    await asyncio.to_thread(world.server.start)


async def test_everybody_converges_through_kills_between_edits(world: World) -> None:
    """Two peers of each family in one document. What was acknowledged in another one, whose only
    writers never come back, is there too.
    """
    name, left = world.entity(), world.entity("沙漠 verlassen")
    words: list[str] = []
    promised: list[str] = []

    async def everybody_writes(when: str) -> None:
        for family, peer in everybody:
            words.append(f"«{family} {len(words)} {when} é🎬»")
            await peer.write(name, words[-1])

    async with asyncio.timeout(2 * PATIENCE):
        everybody = [
            (family, await world.join(family, name, user=f"{family} {number}"))
            for family in TOGETHER
            for number in (1, 2)
        ]
        peers = [peer for _, peer in everybody]
        for kill in range(2):
            await everybody_writes("before")
            leavers = [await world.join(family, left) for family in ("hocuspocus", "script")]
            for leaver in leavers:
                promised.append(f"«promised {len(promised)}»")
                await leaver.write(left, promised[-1])
            for peer in [*peers, *leavers]:
                await peer.saved()

            async def meanwhile(leavers: list[Peer] = leavers, kill: int = kill) -> None:
                await asyncio.gather(*(leaver.leave() for leaver in leavers))
                await everybody_writes(f"while away {kill}")

            await killed_and_back(world, meanwhile())
            await everybody_writes("after")
            await converge(name, words, peers)
            await asyncio.gather(*(peer.saved() for peer in peers))
        late = await world.join("script", name, left, user="late")
        await converge(name, words, [*peers, late])
        await converge(left, promised, [late])
