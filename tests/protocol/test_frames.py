"""protocol/frames.py"""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import frames
from protocol.errors import Malformed


def test_hello_with_everything() -> None:
    text = json.dumps(
        {
            "type": "hello",
            "token": "t",
            "resume": {"epoch": "e", "seq": 3},
            "subscribe": ["a", "b"],
            "from the future": 1,
        }
    )
    assert frames.decode_frame(text) == frames.Hello(
        "hello", "t", frames.Resume("e", 3), ("a", "b")
    )


def test_hello_alone() -> None:
    assert frames.decode_frame('{"type":"hello"}') == frames.Hello("hello")


def test_the_other_frames() -> None:
    decode = frames.decode_frame
    assert decode('{"type":"subscribe","entities":"all"}') == frames.Subscribe("subscribe", "all")
    assert decode('{"type":"unsubscribe","entities":["é"]}') == frames.Unsubscribe(
        "unsubscribe", ("é",)
    )
    assert decode('{"type":"viewing","entities":[]}') == frames.Viewing("viewing", ())
    assert decode('{"type":"ping","id":7}') == frames.PingFrame("ping", 7)
    assert decode('{"type":"ping"}') == frames.PingFrame("ping")
    assert decode('{"type":"presence","view":"storyboard","entity":null}') == frames.PresenceFrame(
        "presence", "storyboard"
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            '{"type":"hello","resume":{"epoch":1,"seq":-1},"token":5}',
            ["resume.epoch", "resume.seq", "token"],
        ),
        ('{"type":"viewing"}', ["entities"]),
        ('{"type":"dance"}', ["dance"]),
        ("{}", ["type"]),
        ("[1]", ["frame"]),
        ("{", ["JSON"]),
        ('{"type":"viewing","entities":["' + "x" * 129 + '"]}', ["entities.0"]),
        ('{"type":"ping","id":"\\ud800"}', ["JSON"]),
        ("[" * 5000, ["recursion"]),
    ],
)
def test_R37_every_bad_field_is_named(text: str, named: list[str]) -> None:
    with pytest.raises(Malformed) as caught:
        frames.decode_frame(text)
    assert all(name in caught.value.detail for name in named), caught.value.detail


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Malformed):
        frames.decode_frame(text)


def test_what_the_server_says() -> None:
    assert json.loads(
        frames.welcome(epoch="e", seq=1, user="ann", role="editor", resumed=False, session="s")
    ) == {
        "type": "welcome",
        "epoch": "e",
        "seq": 1,
        "user": "ann",
        "role": "editor",
        "resumed": False,
        "session": "s",
    }
    assert json.loads(frames.error("invalid", "no", fatal=True))["fatal"] is True
    assert json.loads(frames.pong("a", 4)) == {"type": "pong", "id": "a", "seq": 4}
    assert json.loads(frames.saved("é", 2)) == {"type": "saved", "document": "é", "clock": 2}
    assert json.loads(frames.resync("gap")) == {"type": "resync", "reason": "gap"}
    assert json.loads(frames.presence([])) == {"type": "presence", "people": []}
