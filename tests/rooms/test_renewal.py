"""Tokens that end, are renewed or revoked, and roles that change, while somebody is connected."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from protocol import ywebsocket
from protocol.codec import var_string
from protocol.errors import Forbidden, NotFound, RipplecutError, Unauthenticated
from server.rooms.access import Identity, Role
from server.rooms.outbox import CloseFrame
from tests.rooms.fakes import Wire, grant
from tests.rooms.live import Socket, Stage

ENDED = Unauthenticated("This token has expired; log in again")


async def plain(stage: Stage, user: str = "ann") -> tuple[Any, Wire]:
    """A y-websocket client's socket."""
    wire = Wire()
    connection = stage.manager.attach_document("film", "hero", wire.write, grant(user))
    await connection.begin()
    await stage.timers.advance()
    wire.take()
    return connection, wire


async def provider(stage: Stage, token: str, key: str = "hero") -> Socket:
    """A socket of nobody whose document brought its token."""
    socket = stage.socket(None)
    await socket.auth(key, token)
    socket.wire.take()
    return socket


@pytest.mark.parametrize(
    ("error", "code"), [(ENDED, 4401), (Forbidden("no"), 4403), (NotFound("gone"), 4404)]
)
async def test_R47_what_no_longer_holds_ends_within_five_seconds(
    error: RipplecutError, code: int
) -> None:
    stage = Stage()
    text, documents, bob = (
        await stage.joined(),
        await stage.opened_by(),
        await stage.opened_by("bob"),
    )
    _, wire = await plain(stage)
    stage.gate.lost["token-ann"] = error
    await stage.timers.advance(5.1)
    assert text.told[-1]["code"] == error.code
    assert text.told[-1]["fatal"] is True
    assert documents.heard == [f"denied: {error.detail}", f"close: {error.detail}"]
    assert text.wire.closed_with() == documents.wire.closed_with() == code
    assert wire.frames[-1] == CloseFrame(code, error.detail)
    assert bob.wire.closed_with() is None
    assert stage.manager.connections == 1


async def test_R47_a_gate_that_fails_puts_nobody_out() -> None:
    stage = Stage()
    ann = await stage.opened_by()

    async def broken(identity: Identity, project_id: str) -> Role:
        raise OSError("the disk is gone")

    stage.gate.authorise = broken  # type: ignore[method-assign]
    await stage.timers.advance(11)
    assert ann.wire.closed_with() is None


async def test_R60_a_question_that_hangs_holds_up_nobody_elses() -> None:
    stage = Stage(recheck_patience=0.05)
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    authorise = stage.gate.authorise

    async def hanging(identity: Identity, project_id: str) -> Role:
        if identity.user == "ann":
            await asyncio.Event().wait()
        return await authorise(identity, project_id)

    stage.gate.authorise = hanging  # type: ignore[method-assign]
    for role, scope in ((Role.VIEWER, "readonly"), (Role.EDITOR, "read-write")):
        stage.gate.roles["token-bob"] = role
        await stage.timers.advance(5.1)
        while stage.timers.tasks:
            await asyncio.wait(stage.timers.tasks)
        assert bob.heard[-1] == scope
    assert ann.wire.closed_with() is None


async def test_R47_nobody_is_asked_about_once_all_have_left() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    ann.connection.gone()
    asked: list[str] = []

    async def authorise(identity: Identity, project_id: str) -> Role:
        asked.append(identity.user)
        return Role.EDITOR

    stage.gate.authorise = authorise  # type: ignore[method-assign]
    await stage.timers.advance(60)
    assert asked == []
    await stage.joined("bob")
    await stage.timers.advance(6)
    assert asked == ["bob"]


async def test_R11_a_documents_own_token_ends_that_document_alone() -> None:
    stage = Stage()
    ann = await stage.opened_by()
    await ann.auth("hero\x00two", "bob")
    ann.wire.take()
    stage.gate.lost["token-bob"] = ENDED
    await stage.timers.advance(5.1)
    assert ann.heard == [f"denied: {ENDED.detail}", f"close: {ENDED.detail}"]
    assert ann.wire.closed_with() is None
    ann.wire.take()
    bob = await stage.opened_by("cleo")
    await bob.send(bob.yjs.type("x"))
    await stage.timers.advance()
    assert ann.heard == ["update"]


async def test_R48_a_provider_is_asked_once_and_goes_on_with_its_new_token() -> None:
    stage = Stage()
    ann = await provider(stage, "ann.1")
    stage.gate.expiries["token-ann.1"] = 29.0
    await stage.timers.advance(11)
    assert ann.heard == ["token?"]
    ann.wire.take()
    await ann.auth(token="ann.2")
    assert ann.heard == ["read-write"]
    stage.gate.lost["token-ann.1"] = ENDED
    await stage.timers.advance(11)
    assert ann.wire.closed_with() is None
    await ann.send(ann.yjs.type("x"))
    await stage.timers.advance()
    assert ann.heard[-1] == "status 1"


async def test_R48_who_does_not_renew_is_put_out_when_the_token_ends() -> None:
    stage = Stage()
    ann = await provider(stage, "ann.1")
    stage.gate.expiries["token-ann.1"] = 29.0
    await stage.timers.advance(6)
    await ann.auth(token="ann.1")
    stage.gate.lost["token-ann.1"] = ENDED
    await stage.timers.advance(5)
    assert ann.wire.closed_with() == 4401


async def test_R48_what_rests_on_the_socket_is_renewed_with_it() -> None:
    stage = Stage()
    ann = stage.socket(None)
    await ann.say("hello", token="ann.1", subscribe="all")
    await ann.open()
    ann.wire.take()
    stage.gate.expiries["token-ann.1"] = 20.4
    await stage.timers.advance(6)
    assert ann.of_type("token") == [{"type": "token", "expires_in": 20}]
    assert ann.heard == ["token?"]
    ann.wire.take()
    await ann.say("token", token="ann.2")
    assert ann.of_type("role") == [{"type": "role", "role": "editor"}]
    assert ann.heard == ["read-write"]
    stage.gate.lost["token-ann.1"] = ENDED
    await stage.timers.advance(6)
    assert ann.wire.closed_with() is None


async def test_R48_one_documents_new_token_stands_for_the_socket_that_is_about_to_end() -> None:
    stage = Stage()
    ann = await provider(stage, "ann.1")
    await ann.auth("hero\x00two")
    stage.gate.expiries["token-ann.1"] = 20.0
    await stage.timers.advance(6)
    await ann.auth(token="ann.2")
    stage.gate.lost["token-ann.1"] = ENDED
    await stage.timers.advance(6)
    assert ann.wire.closed_with() is None


async def test_R48_a_document_may_have_a_shorter_token_than_its_socket() -> None:
    stage = Stage()
    ann = await stage.joined()
    await ann.auth(token="ann.1")
    stage.gate.lost["token-ann.1"] = ENDED
    await stage.timers.advance(6)
    assert ann.heard[-1] == f"close: {ENDED.detail}"
    assert ann.wire.closed_with() is None


@pytest.mark.parametrize(("token", "code"), [("wrong", "unauthenticated"), ("bob", "forbidden")])
async def test_R48_a_token_that_will_not_do_changes_nothing(token: str, code: str) -> None:
    stage = Stage()
    ann = await stage.joined()
    await ann.say("token", token=token)
    assert [(one["code"], one["fatal"]) for one in ann.told] == [(code, False)]
    await stage.timers.advance(6)
    assert ann.wire.closed_with() is None
    nobody = stage.socket(None)
    await nobody.say("token", token="ann")
    assert nobody.told[-1]["code"] == "invalid"


async def test_R13_a_refresh_that_is_denied_ends_the_document() -> None:
    stage = Stage()
    ann, bob = await stage.opened_by(), await stage.opened_by("bob")
    await ann.auth(token="wrong")
    assert ann.heard == ["denied: This token is not known"]
    await bob.send(bob.yjs.type("not for ann"))
    await ann.send(ann.yjs.type("not from ann"))
    await stage.timers.advance()
    assert len(ann.heard) == 1
    assert len(stage.store.appended) == 1
    assert ann.wire.closed_with() is None


async def test_R49_who_may_only_read_now_is_told_and_refused() -> None:
    stage = Stage()
    ann = await stage.joined()
    await ann.open()
    ann.wire.take()
    stage.gate.roles["token-ann"] = Role.VIEWER
    await stage.timers.advance(5.1)
    assert ann.of_type("role") == [{"type": "role", "role": "viewer"}]
    assert ann.heard == ["readonly"]
    await ann.send(ann.yjs.type("too late"))
    assert ann.heard[-1] == "status 0"
    assert stage.store.appended == []
    del stage.gate.roles["token-ann"]
    ann.wire.take()
    await stage.timers.advance(5.1)
    assert ann.heard[0] == "read-write"
    assert ann.of_type("role") == [{"type": "role", "role": "editor"}]


async def test_R49_a_token_with_fewer_rights_makes_the_document_read_only() -> None:
    stage = Stage()
    ann = await provider(stage, "ann.1")
    stage.gate.roles["token-ann.2"] = Role.VIEWER
    await ann.auth(token="ann.2")
    await ann.send(ann.yjs.type("too late"))
    assert ann.heard == ["readonly", "status 0"]


async def test_R49_a_y_websocket_client_is_told_permission_denied() -> None:
    stage = Stage()
    connection, wire = await plain(stage)
    stage.gate.roles["token-ann"] = Role.VIEWER
    await stage.timers.advance(5.1)
    (frame,) = wire.take()
    assert isinstance(frame, bytes)
    assert ywebsocket.plain(frame) == b"\x02\x00" + var_string("You may only read this now")
    stage.gate.roles["token-ann"] = Role.EDITOR
    await stage.timers.advance(5.1)
    assert wire.take() == []
    connection.gone()
