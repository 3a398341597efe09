"""What people have on screen, counted over those who look, with what came last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.rooms.attention import Attention
from tests.rooms.live import Stage


def test_what_came_onto_a_screen_is_told_in_order_and_once() -> None:
    attention = Attention()
    attention.move(frozenset(), ["b", "a"])
    first = attention.version
    assert attention.since(0) == ["b", "a"]
    attention.move(frozenset("ab"), ["a", "c", "d"])
    assert attention.since(first) == ["c", "d"]
    assert attention.all() == frozenset("acd")
    assert list(attention.since(attention.version)) == []


def test_who_looks_where_others_do_already_is_news_and_leaving_is_not() -> None:
    attention = Attention()
    attention.move(frozenset(), ["a", "b"])
    before = attention.version
    attention.move(frozenset(), ["a"])
    assert attention.since(before) == ["a"]
    before = attention.version
    attention.move(frozenset("a"), [])
    assert attention.version != before
    assert attention.since(before) == []
    assert attention.all() == frozenset("ab"), "somebody else still looks"


def test_looking_at_the_same_is_no_change() -> None:
    attention = Attention()
    attention.move(frozenset(), ["a", "b"])
    before = attention.version
    attention.move(frozenset("ab"), ["b", "a"])
    assert attention.version == before


@given(st.lists(st.tuples(st.integers(0, 2), st.lists(st.sampled_from("abcd"), max_size=4))))
def test_it_is_the_union_of_all_screens(moves: list[tuple[int, list[str]]]) -> None:
    attention = Attention()
    screens: list[frozenset[str]] = [frozenset()] * 3
    for who, now in moves:
        known, before = attention.version, attention.all()
        came = frozenset(now) - screens[who]
        attention.move(screens[who], now)
        screens[who] = frozenset(now)
        assert attention.all() == frozenset().union(*screens)
        assert frozenset(attention.since(known)) == came
        assert frozenset(attention.since(0)) == attention.all()
        assert (attention.version == known) <= (attention.all() == before)


async def test_what_came_since_is_told_of_a_room_and_never_of_the_one_before_it() -> None:
    stage = Stage()
    manager = stage.manager
    assert manager.viewed_since("film", 0) == (0, ())
    ann = await stage.joined()
    await ann.say("viewing", entities=["sh010", "sh020"])
    version, viewed = manager.viewed_since("film", 0)
    assert list(viewed) == ["sh010", "sh020"]
    assert manager.viewed_since("film", version) == (version, ())
    ann.connection.gone()
    await ann.say("viewing", entities=["sh030"])
    assert manager.viewed("film") == frozenset(), "who has left looks at nothing"
    await stage.timers.advance(600)
    assert manager.viewed_since("film", version) == (0, ()), "the room is put away"
    bob = await stage.joined("bob")
    await bob.say("viewing", entities=["sh010"])
    later, viewed = manager.viewed_since("film", version)
    assert later > version
    assert list(viewed) == ["sh010"]
