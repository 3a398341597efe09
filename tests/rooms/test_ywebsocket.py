"""The unmodified y-websocket 3.1 against a real server on a real socket, and the bytes between."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import hocuspocus, ywebsocket
from protocol.errors import Malformed
from server.rooms.access import Grant
from server.rooms.outbox import CloseFrame
from tests.rooms.conftest import Served
from tests.rooms.fakes import Wire, grant
from tests.rooms.live import Stage


async def run(
    served: Served, scenario: str, name: str = "hero", project: str = "film", **more: str
) -> dict[str, Any]:
    return await served.run("ywebsocket.mjs", f"/yjs/{project}", scenario, name, **more)


async def test_R40_offline_edits_arrive(served: Served) -> None:
    assert (await run(served, "offline_edits"))["text"] == "offline "


async def test_R40_edits_on_both_sides_of_a_broken_line_are_kept_once(served: Served) -> None:
    assert (await run(served, "reconnect"))["length"] == len("away here ")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": "nowhere"}, 4404),
        ({"name": "n" * 2000}, 4404),
        ({"project": "elsewhere"}, 4404),
        ({"token": ""}, 4401),
        ({"token": "wrong"}, 4401),
        ({"token": "mallory"}, 4403),
    ],
)
async def test_R42_a_refusal_stops_the_client(
    served: Served, more: dict[str, str], code: int
) -> None:
    assert (await run(served, "refused", **more))["code"] == code


def test_R39_only_what_the_protocol_knows_passes() -> None:
    assert hocuspocus.decode(ywebsocket.enveloped("é", b"\x03")) == hocuspocus.QueryAwareness("é")
    for frame in (b"", b"\x02\x00\x00", b"\x05\x01a", b"\x09", b"\x08\x01", b"\xff"):
        with pytest.raises(Malformed):
            ywebsocket.enveloped("hero", frame)
    assert (
        ywebsocket.plain(hocuspocus.encode_update("hero", b"\x00\x00")) == b"\x00\x02\x02\x00\x00"
    )
    assert ywebsocket.plain(hocuspocus.encode_denied("hero", "no")) == b"\x02\x00\x02no"
    for frame in (
        hocuspocus.encode_authenticated("hero", read_only=True),
        hocuspocus.encode_sync_status("hero", applied=True),
        hocuspocus.encode_close("hero", "gone"),
    ):
        assert ywebsocket.plain(frame) is None


def attached(stage: Stage, who: Grant) -> tuple[Any, Wire]:
    wire = Wire()
    return stage.manager.attach_document("film", "hero", wire.write, who), wire


async def test_R43_an_idle_line_is_kept_alive() -> None:
    stage = Stage()
    connection, wire = attached(stage, grant("ann"))
    await connection.begin()
    for _ in range(3):
        wire.take()
        await stage.timers.advance(15.0)
        frame = wire.take()[-1]
        assert isinstance(frame, bytes)
        assert ywebsocket.plain(frame) == b"\x01\x01\x00"
    connection.gone()
    await stage.timers.advance(60.0)
    assert wire.take() == []


async def test_R39_text_and_foreign_frames_end_the_socket() -> None:
    for send in ("text", "binary"):
        stage = Stage()
        connection, wire = attached(stage, grant("ann"))
        await connection.begin()
        if send == "text":
            await connection.receive_text("{}")
        else:
            await connection.receive_bytes(b"\x02\x00\x00")
        assert isinstance(wire.take()[-1], CloseFrame)
