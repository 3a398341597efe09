"""server/rooms/stored.py"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pycrdt import Doc

from server.domain.drafts import merge_states, read_values
from server.ports import StoredDocument
from server.rooms.stored import encode_stored, open_stored
from tests.rooms.drafts import POISON, STATE, orphan
from tests.rooms.fakes import Client


async def test_a_stored_update_that_nests_too_deeply_is_left_out() -> None:
    client = Client(STATE)
    stored = StoredDocument(STATE, [POISON, client.type("hi")])
    opened = await open_stored(stored)
    assert (opened.skipped, opened.waiting) == (1, False)
    assert read_values(await encode_stored(stored))["description"] == "hi"
    assert read_values(merge_states([STATE, *stored.updates]))["description"] == "hi"


async def test_a_long_log_is_loaded_in_slices() -> None:
    client = Client(STATE)
    updates = [client.type("x") for _ in range(500)]
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    opened = await open_stored(StoredDocument(STATE, updates))
    counting.cancel()
    assert turns >= 8
    assert not opened.waiting
    assert (await open_stored(StoredDocument(STATE, updates[1:]))).waiting


@pytest.mark.parametrize("place", [0, 150, 299])
async def test_what_the_crdt_fails_on_is_found_without_encoding_for_each_update(
    monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    client = Client(STATE)
    updates = [client.type("x") for _ in range(300)]
    updates.insert(place, orphan())
    encoded = 0
    get_update = Doc.get_update

    def counted(doc: Doc[Any], *arguments: Any) -> bytes:
        nonlocal encoded
        encoded += 1
        return get_update(doc, *arguments)

    monkeypatch.setattr(Doc, "get_update", counted)
    opened = await open_stored(StoredDocument(STATE, updates))
    assert encoded < 30
    assert (opened.skipped, opened.waiting) == (1, False)
    assert read_values(opened.doc.get_update())["description"] == "x" * 300


async def test_what_waits_beside_what_fails_is_kept_until_it_can_come_in() -> None:
    client = Client(STATE)
    first, *updates = [client.type("x") for _ in range(40)]
    opened = await open_stored(StoredDocument(STATE, [*updates, orphan(), first]))
    assert (opened.skipped, opened.waiting) == (1, False)
    assert read_values(opened.doc.get_update())["description"] == "x" * 40
    lost = await open_stored(StoredDocument(STATE, [updates[0], orphan()]))
    assert lost.skipped == 2
