"""server/rooms/session.py"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from protocol import hocuspocus
from protocol.codec import var_string
from protocol.errors import Forbidden, NotFound, Unauthenticated
from protocol.frames import Hello
from server.rooms.effects import (
    AnswerPing,
    AnswerStepOne,
    ApplyUpdate,
    Authenticate,
    ChangeSubscription,
    Close,
    Detach,
    Effect,
    Join,
    Open,
    SendBytes,
    SendText,
    View,
)
from server.rooms.session import AwaitingHello, Closing, Joined, Session, State
from server.rooms.settings import RoomSettings
from tests.rooms.fakes import grant

ANN = grant("ann")
HELLO = '{"type":"hello"}'
STEP_ONE = hocuspocus.encode_step_one("hero", b"\x00")


def auth(key: str = "hero", token: str = "") -> bytes:
    return var_string(key) + b"\x02\x00" + var_string(token) + var_string("4.8.0")


def errors(effects: Iterable[Effect]) -> list[dict[str, Any]]:
    return [json.loads(effect.text) for effect in effects if isinstance(effect, SendText)]


def state_of(session: Session) -> State:
    return session.state


def known(**bounds: int) -> Session:
    return Session(RoomSettings(**bounds), ANN)


def unknown(**bounds: int) -> Session:
    return Session(RoomSettings(**bounds))


def test_hello_on_a_known_socket_joins() -> None:
    session = known()
    assert session.receive_text(HELLO) == [Join(ANN, Hello("hello"))]
    assert state_of(session) == Joined(ANN)


def test_hello_with_a_token_authenticates_first() -> None:
    session = unknown()
    request = Authenticate("secret", Hello("hello", "secret"))
    assert session.receive_text('{"type":"hello","token":"secret"}') == [request]
    assert state_of(session) == AwaitingHello(None)
    assert session.authenticated(request, ANN) == [Join(ANN, Hello("hello", "secret"))]
    assert state_of(session) == Joined(ANN)


def test_R27_hello_from_nobody_is_told_why_and_closed() -> None:
    session = unknown()
    said, close = session.receive_text(HELLO)
    assert errors([said])[0]["fatal"] is True
    assert errors([said])[0]["code"] == "unauthenticated"
    assert isinstance(close, Close)
    assert close.code == 4401
    assert state_of(session) == Closing(4401)
    assert session.receive_text(HELLO) == []
    assert session.receive_bytes(b"\x09") == []


@pytest.mark.parametrize(("error", "code"), [(Unauthenticated("?"), 4401), (Forbidden("!"), 4403)])
def test_R27_a_bad_hello_token_closes(error: Unauthenticated | Forbidden, code: int) -> None:
    session = unknown()
    (request,) = session.receive_text('{"type":"hello","token":"secret"}')
    assert isinstance(request, Authenticate)
    assert [type(effect) for effect in session.refused(request, error)] == [SendText, Close]
    assert state_of(session) == Closing(code)


def test_R27_hello_comes_first_and_once() -> None:
    session = known()
    assert errors(session.receive_text('{"type":"ping"}'))[0]["code"] == "invalid"
    session.receive_text(HELLO)
    assert errors(session.receive_text(HELLO))[0]["fatal"] is False


def test_the_other_text_frames() -> None:
    session = known()
    session.receive_text(HELLO)
    assert session.receive_text('{"type":"ping","id":"a"}') == [AnswerPing("a")]
    assert session.receive_text('{"type":"viewing","entities":["a"]}') == [View(("a",))]
    assert session.receive_text('{"type":"subscribe","entities":"all"}') == [
        ChangeSubscription("all", wanted=True)
    ]
    assert session.receive_text('{"type":"unsubscribe","entities":["a"]}') == [
        ChangeSubscription(("a",), wanted=False)
    ]


def test_R37_malformed_text_is_forgiven_twenty_times() -> None:
    session = known()
    for _ in range(20):
        assert errors(session.receive_text("{"))[0] == {
            "type": "error",
            "code": "malformed",
            "message": errors(known().receive_text("{"))[0]["message"],
            "fatal": False,
        }
    assert isinstance(session.receive_text("{")[-1], Close)
    assert state_of(session) == Closing(1007)


@pytest.mark.parametrize("text", ["x" * 65, "é" * 33])
def test_R37_a_text_frame_over_the_bound_closes(text: str) -> None:
    session = known(text_frame_limit=64)
    session.receive_text(text)
    assert state_of(session) == Closing(1009)


def test_R5_malformed_bytes_close_and_nothing_is_said_to_who_sent_no_text() -> None:
    session = known()
    (close,) = session.receive_bytes(b"\xff")
    assert isinstance(close, Close)
    assert close.code == 1007


def test_R5_malformed_bytes_are_explained_to_who_sent_text() -> None:
    session = known()
    session.receive_text(HELLO)
    said, _ = session.receive_bytes(b"\xff")
    assert errors([said])[0]["code"] == "malformed"


def test_R5_a_binary_frame_over_the_bound_closes() -> None:
    session = known(binary_frame_limit=10)
    session.receive_bytes(STEP_ONE * 3)
    assert state_of(session) == Closing(1009)


def test_R4_ping_is_answered() -> None:
    assert known().receive_bytes(b"\x09") == [SendBytes(b"\x0a")]
    assert known().receive_bytes(b"\x0a") == []


def test_R8_an_empty_token_is_the_sockets_identity() -> None:
    assert known().receive_bytes(auth()) == [Open("hero", ANN)]


def test_R8_an_empty_token_on_a_socket_of_nobody_is_denied() -> None:
    session = unknown()
    (denied,) = session.receive_bytes(auth())
    assert isinstance(denied, SendBytes)
    assert denied.data.startswith(var_string("hero") + b"\x02\x01")
    assert state_of(session) == AwaitingHello(None)
    assert session.receive_bytes(STEP_ONE) == []


def test_R7_a_documents_token_says_who_the_socket_is() -> None:
    session = unknown()
    (request,) = session.receive_bytes(auth(token="secret"))
    assert request == Authenticate("secret", "hero")
    assert isinstance(request, Authenticate)
    assert session.authenticated(request, ANN) == [Open("hero", ANN)]
    assert session.receive_text(HELLO) == [Join(ANN, Hello("hello"))]


def test_R12_a_bad_token_denies_one_document() -> None:
    session = known()
    (request,) = session.receive_bytes(auth(token="wrong"))
    assert isinstance(request, Authenticate)
    (denied,) = session.refused(request, Unauthenticated("no"))
    assert denied == SendBytes(hocuspocus.encode_denied("hero", "no"))
    assert session.receive_bytes(auth("prop")) == [Open("prop", ANN)]


def test_R10_what_came_too_early_is_handled_after_the_auth_frame() -> None:
    session = known()
    update = hocuspocus.encode_update("hero", b"u")
    assert session.receive_bytes(update) == []
    assert session.receive_bytes(STEP_ONE) == []
    assert session.receive_bytes(auth()) == [
        Open("hero", ANN),
        ApplyUpdate("hero", b"u"),
        AnswerStepOne("hero", b"\x00", counter=True),
    ]


def test_R10_too_much_before_the_auth_frame_denies_the_document() -> None:
    session = known(waiting_frames=3)
    for _ in range(3):
        assert session.receive_bytes(STEP_ONE) == []
    (denied,) = session.receive_bytes(STEP_ONE)
    assert isinstance(denied, SendBytes)
    assert session.receive_bytes(STEP_ONE) == []
    assert session.receive_bytes(auth()) == [Open("hero", ANN)]


def test_R9_too_much_before_anybody_logged_in_closes() -> None:
    session = unknown(before_login_limit=30)
    for _ in range(4):
        session.receive_bytes(STEP_ONE)
    assert state_of(session) == Closing(1009)


def test_R9_the_deadline_closes_who_has_not_logged_in() -> None:
    assert known().expired() == []
    (close,) = unknown().expired()
    assert isinstance(close, Close)
    assert close.code == 4401


def test_R52_a_socket_of_nobody_names_few_documents() -> None:
    session = unknown(documents_before_login=2)
    for key in ("a", "b"):
        session.receive_bytes(auth(key))
    (denied,) = session.receive_bytes(auth("c"))
    assert denied == SendBytes(
        hocuspocus.encode_denied("c", "Too many documents are open on this connection")
    )
    assert session.receive_bytes(hocuspocus.encode_step_one("d", b"\x00")) == []
    (request,) = session.receive_bytes(auth("a", "secret"))
    assert isinstance(request, Authenticate)
    session.authenticated(request, ANN)
    assert session.receive_bytes(auth("c")) == [Open("c", ANN)]


def test_R21_close_detaches_and_a_later_auth_opens_again() -> None:
    session = known()
    session.receive_bytes(auth())
    assert session.receive_bytes(var_string("hero") + b"\x07") == [Detach("hero")]
    assert session.receive_bytes(var_string("hero") + b"\x07") == []
    assert session.receive_bytes(auth()) == [Open("hero", ANN)]


def test_documents_of_one_socket_are_bounded() -> None:
    session = known(documents_per_socket=2)
    for name in ("a", "b"):
        session.receive_bytes(auth(name))
    (denied,) = session.receive_bytes(auth("c"))
    assert isinstance(denied, SendBytes)
    assert session.receive_bytes(hocuspocus.encode_step_one("d", b"\x00")) == []
    assert session.receive_bytes(auth("a")) == [Open("a", ANN)]
    # A denied one counts until it is closed.
    session.unopened("b", NotFound("gone"))
    assert isinstance(session.receive_bytes(auth("c"))[0], SendBytes)
    session.receive_bytes(hocuspocus.encode_close("b", ""))
    assert session.receive_bytes(auth("c")) == [Open("c", ANN)]


def test_R11_revoking_says_so_on_every_conversation() -> None:
    session = known()
    session.receive_text(HELLO)
    session.receive_bytes(auth())
    denied, closed, said, close = session.revoked(Unauthenticated("revoked"))
    assert denied == SendBytes(hocuspocus.encode_denied("hero", "revoked"))
    assert closed == SendBytes(hocuspocus.encode_close("hero", "revoked"))
    assert errors([said])[0]["fatal"] is True
    assert close == Close(4401, "revoked")
    assert session.revoked(Unauthenticated("again")) == []


def test_R26_failures_are_told_only_to_who_sent_text() -> None:
    session = known()
    assert session.failed(Forbidden("no")) == []
    session.receive_text(HELLO)
    assert errors(session.failed(Forbidden("no")))[0]["code"] == "forbidden"
