"""Frames that no client would send, made by chance from a seed.

``python -m tests.end_to_end.hostile`` is a program of its own, so that making them does not hold
up the healthy client whose round trips are measured meanwhile. It prints as JSON how its sockets
ended.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pycrdt import Array, Doc, Map, Text

from protocol import hocuspocus
from protocol.codec import var_bytes, var_string, var_uint
from protocol.ysync import AwarenessEntry
from tests.end_to_end.sockets import BINARY, CLOSE, TEXT, RawSocket, open_socket

__all__ = ["KNOWN_CODES", "POISON", "Attack", "Mutator"]

KNOWN_CODES = {1002, 1007, 1008, 1009, 1013, 4401}
"""How the server may end a socket for what came over it, by SPEC and RFC 6455."""
BURST = 12
SOCKETS = 6


def _one(content: bytes, client: int = 4711) -> bytes:
    """An update of one struct."""
    return b"\x01\x01" + var_uint(client) + b"\x00" + content + b"\x00"


def _crowded(count: int) -> bytes:
    """One key, set so many times by somebody who says to have never seen it."""
    item = b"\x28\x01" + var_string("storm") + var_string("k") + b"\x01\x7e"
    return b"\x01" + var_uint(count) + var_uint(4712) + b"\x00" + item * count + b"\x00"


POISON: Sequence[bytes] = [
    # The library panics while it merges; cannot encode what it has merged; has an item without a
    # parent; nests until its stack is full; reserves what is announced; walks a list for each item.
    bytes.fromhex("0100eca7fcf795a6b5060004010174010101740161006100"),
    bytes.fromhex("0101faf299e6aadde1050100000088faf299e6aadde105000176019c7875017c3f80000000"),
    bytes.fromhex("0102b1dab9f1a90b00270101660163020400b1dab9f1a90b00066e657374656400"),
    bytes.fromhex("01028592c0cee0f195040101028592c0cee0f19504002801660162000004010174016100"),
    _one(
        b"\x28\x01" + var_string("storm") + var_string("x") + b"\x01" + b"\x75\x01" * 5000 + b"\x7e"
    ),
    b"\x01" + var_uint(2**40) + var_uint(1) + b"\x00",
    b"\x00\x01\x05" + var_uint(2**31),
    _crowded(20_000),
]


class Mutator:
    """Everything comes from ``chance``."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._updates = [self._update() for _ in range(200)]

    def _update(self) -> bytes:
        """What a client that edits this and that would send."""
        chance, doc = self.chance, Doc[Any]()
        updates: list[bytes] = []
        doc.observe(lambda event: updates.append(event.update))
        text, fields, rows = (
            doc.get("storm", type=Text),
            doc.get("storm fields", type=Map),
            doc.get("storm rows", type=Array),
        )
        for _ in range(chance.randint(1, 5)):
            match chance.randrange(5):
                case 0:
                    text.insert(0, chance.choice(("a", "é🎬", "x" * 40)))
                case 1:
                    fields[chance.choice("abc")] = chance.choice((1, "s", None, [1, {"k": 2.5}]))
                case 2:
                    fields[chance.choice("abc")] = Text("nested")
                case 3:
                    rows.append(chance.choice((1, "v", {"x": [True]})))
                case _:
                    text += "end"
                    del text[0:1]
        return chance.choice([*updates, doc.get_update()])

    def update(self) -> bytes:
        pick = self.chance.random()
        if pick < 0.02:
            return self.chance.choice(POISON)
        return self.bent(self.chance.choice(self._updates)) if pick < 0.8 else self._update()

    def bent(self, data: bytes) -> bytes:
        """The same bytes but for a few bits, a cut, a length that is too large, a piece twice."""
        chance, bent = self.chance, bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.randrange(len(bent) + 1)
            match chance.randrange(6):
                case 0 if at < len(bent):
                    bent[at] ^= 1 << chance.randrange(8)
                case 1:
                    del bent[at:]
                case 2:
                    bent[at : at + 1] = var_uint(chance.choice((2**14, 2**31, 2**53 - 1)))
                case 3:
                    bent[at:at] = chance.choice(
                        (b"\xff" * 9, b"\x80" * 20, b"\x00", bytes(bent[:9]))
                    )
                case 4 if at < len(bent):
                    bent[at] = chance.randrange(256)
                case _:
                    del bent[at : at + chance.randint(1, 3)]
        return bytes(bent)

    def payload(self) -> bytes:
        """A frame without a name: sync, awareness, and what is neither."""
        chance = self.chance
        match chance.randrange(8):
            case 0 | 1 | 2 | 3:
                return b"\x00\x02" + var_bytes(self.update())
            case 4:
                return bytes((chance.choice((0, 4)), 1)) + var_bytes(self.update())
            case 5:
                return b"\x00\x00" + var_bytes(
                    chance.choice((b"\x00", b"", self.bent(b"\x01\x05\x09")))
                )
            case 6:
                entries = [AwarenessEntry(chance.randrange(9), chance.randrange(5), "{}")] * 3
                return hocuspocus.encode_awareness_frame("", entries)[1:]
            case _:
                return chance.choice(
                    (b"\x03", b"\x05\x01a", b"\x07", b"\x08\x01", b"\x02\x00\x01x")
                )

    def binary(self, keys: Sequence[str]) -> bytes:
        """A frame of the envelope; one in four is broken as a whole."""
        whole = var_string(self.chance.choice(keys)) + self.payload()
        return self.bent(whole) if self.chance.random() < 0.04 else whole

    def text(self) -> bytes:
        chance = self.chance
        whole = chance.choice(
            (
                '{"type": "ping", "id": "é"}',
                '{"type": "ping", "id": 9007199254740993}',
                '{"type": "hello", "subscribe": "all"}',
                '{"type": "subscribe", "entities": ["hero", "hero", 1]}',
                '{"type": "unsubscribe", "entities": "all"}',
                '{"type": "viewing", "entities": ["hero"]}',
                '{"type": "presence", "view": "storyboard", "entity": null, "name": "\\ud800"}',
                '{"type": "nothing"}',
                "[" * 3000,
                '{"type": "ping", "id": ' + "9" * 400 + "}",
                "\x00",
            )
        ).encode()
        return self.bent(whole) if chance.random() < 0.3 else whole

    def broken_frame(self) -> bytes:
        """What the WebSocket protocol itself forbids, or the server."""
        return self.chance.choice(
            (
                b"\x83\x80\x00\x00\x00\x00",
                b"\xc2\x80\x00\x00\x00\x00",
                b"\x82\x00",
                b"\x80\x81\x00\x00\x00\x00a",
                b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"a" * 126,
                b"\x82\xff" + b"\xff" * 8 + b"\x00" * 4,
                b"\x82\xff" + (2**24).to_bytes(8, "big") + b"\x00" * 4,
                b"\x88\x82\x00\x00\x00\x00\x00\x01",
                b"\x81\x82\x00\x00\x00\x00\xff\xfe",
            )
        )


@dataclass(frozen=True, slots=True)
class Attack:
    """Whom to storm. ``shared`` is the document that healthy clients have open."""

    url: str
    editor: str
    viewer: str
    shared: str
    others: Sequence[str]
    seed: int
    frames: int


class Storm:
    def __init__(self, attack: Attack) -> None:
        self._attack = attack
        self.sent = 0
        self.ended: Counter[int] = Counter()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(SOCKETS):
                chance = random.Random(f"{self._attack.seed} {number}")
                group.create_task(self._sockets(chance))

    async def _sockets(self, chance: random.Random) -> None:
        mutator = Mutator(chance)
        kinds: Sequence[Callable[[Mutator], Any]] = (
            *(self._editor,) * 8,
            *(self._plain,) * 3,
            *(self._nobody,) * 3,
            *(self._viewer,) * 2,
            *(self._breaker,) * 2,
        )
        while self.sent < self._attack.frames:
            await (self._crowd if chance.random() < 0.01 else chance.choice(kinds))(mutator)

    async def _editor(self, mutator: Mutator) -> None:
        await self._enveloped(mutator, self._attack.editor)

    async def _viewer(self, mutator: Mutator) -> None:
        await self._enveloped(mutator, self._attack.viewer)

    async def _enveloped(self, mutator: Mutator, token: str) -> None:
        chance, attack = mutator.chance, self._attack
        socket = await open_socket(f"{attack.url}/ws/projects/film?token={token}")
        keys = [attack.shared if chance.random() < 0.2 else chance.choice(attack.others)]
        keys += chance.sample(attack.others, 3)
        if chance.random() < 0.7:
            await socket.send(TEXT, b'{"type": "hello", "subscribe": "all"}')
        for key in keys[: chance.randint(1, 4)]:
            await socket.send(BINARY, hocuspocus.encode_auth_token(key, ""))
        await self._converse(
            socket,
            mutator,
            lambda: (
                (TEXT, mutator.text()) if chance.random() < 0.05 else (BINARY, mutator.binary(keys))
            ),
        )

    async def _plain(self, mutator: Mutator) -> None:
        chance, attack = mutator.chance, self._attack
        name = attack.shared if chance.random() < 0.2 else chance.choice(attack.others)
        socket = await open_socket(f"{attack.url}/yjs/film/{name}?token={attack.editor}")
        await self._converse(
            socket,
            mutator,
            lambda: (TEXT if chance.random() < 0.02 else BINARY, mutator.payload()),
        )

    async def _nobody(self, mutator: Mutator) -> None:
        chance = mutator.chance
        socket = await open_socket(f"{self._attack.url}/ws/projects/film")
        keys = [self._attack.shared, "é", "x" * chance.choice((1, 900, 1025))]
        makers: Sequence[Callable[[], tuple[int, bytes]]] = (
            lambda: (TEXT, mutator.text()),
            lambda: (BINARY, mutator.binary(keys)),
            lambda: (BINARY, hocuspocus.encode_auth_token(chance.choice(keys), "wrong" * 9)),
            lambda: (BINARY, bytes(chance.choice((3, 20_000, 100_000)))),
        )
        await self._converse(socket, mutator, lambda: chance.choice(makers)())  # noqa: PLW0108 - anew for each

    async def _crowd(self, mutator: Mutator) -> None:
        """Thousands of documents on one socket."""
        token = mutator.chance.choice(("", f"?token={self._attack.editor}"))
        socket = await open_socket(f"{self._attack.url}/ws/projects/film{token}")
        number = 0

        def make() -> tuple[int, bytes]:
            nonlocal number
            number += 1
            name = f"{self._attack.shared}\x00{number}"
            if number % 2:
                return BINARY, hocuspocus.encode_auth_token(name, "")
            return BINARY, hocuspocus.encode_step_one(name, b"\x00")

        await self._converse(socket, mutator, make, at_most=min(3000, self._attack.frames // 5))

    async def _breaker(self, mutator: Mutator) -> None:
        token = mutator.chance.choice(("", f"?token={self._attack.editor}"))
        socket = await open_socket(f"{self._attack.url}/ws/projects/film{token}")
        self.sent += 1
        if mutator.chance.random() < 0.3:
            # It may announce a frame that never ends.
            await socket.write(mutator.chance.randbytes(40))
            await socket.leave()
        else:
            await socket.write(mutator.broken_frame())
            await self._finish(socket)

    async def _converse(
        self,
        socket: RawSocket,
        mutator: Mutator,
        make: Callable[[], tuple[int, bytes]],
        at_most: int = 400,
    ) -> None:
        """Send bursts, each until the server has read it, until it has had enough."""
        for _ in range(mutator.chance.randint(at_most // 2, at_most) // BURST):
            burst = [make() for _ in range(BURST)]
            for opcode, payload in burst:
                await socket.send(opcode, payload)
            self.sent += BURST
            try:
                await socket.heard()
            except TimeoutError:
                shown = [(opcode, payload[:200]) for opcode, payload in burst]
                raise TimeoutError(f"the server does not read on after {shown}") from None
            if socket.code is not None or self.sent >= self._attack.frames:
                break
        await self._finish(socket)

    async def _finish(self, socket: RawSocket) -> None:
        """A socket that the server has not closed is closed here; half of them without a word."""
        if socket.code is None and self.sent % 2:
            await socket.leave()
            return
        await socket.send(CLOSE, b"\x03\xe8")
        code = await socket.ended()
        if code != 1000:
            self.ended[code] += 1


async def _main(attack: Attack) -> None:
    storm = Storm(attack)
    await storm.run()
    json.dump({"sent": storm.sent, "codes": dict(storm.ended)}, sys.stdout)


def command(attack: Attack) -> list[str]:
    return [sys.executable, "-m", "tests.end_to_end.hostile", json.dumps(asdict(attack))]


if __name__ == "__main__":
    asyncio.run(_main(Attack(**json.loads(sys.argv[1]))))
