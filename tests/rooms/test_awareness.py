"""server/rooms/awareness.py"""

from __future__ import annotations

from protocol.ysync import AwarenessEntry
from server.rooms.awareness import AwarenessBoard


def here(client: int, clock: int = 1, state: str = '{"user":"x"}') -> AwarenessEntry:
    return AwarenessEntry(client, clock, state)


def test_R24_a_state_is_kept_as_it_came() -> None:
    board = AwarenessBoard[str](10)
    entry = here(1, state='{ "odd" : "spacing" }')
    assert board.introduce("a", "ann", [entry])
    assert board.take_fresh() == [entry]
    assert board.take_fresh() == []
    assert board.snapshot() == [entry]


def test_R23_foreign_and_older_entries_are_ignored() -> None:
    board = AwarenessBoard[str](10)
    board.introduce("a", "ann", [here(1, 5)])
    board.take_fresh()
    assert not board.introduce("b", "bob", [here(1, 9)])
    assert not board.introduce("a", "ann", [here(1, 5), here(1, 4)])
    assert not board.introduce("b", "bob", [here(1, 5, "null"), here(2, 1, "null")])
    assert board.snapshot() == [here(1, 5)]


def test_R23_the_same_user_takes_an_id_over() -> None:
    board = AwarenessBoard[str](10)
    board.introduce("old", "ann", [here(1, 5)])
    board.introduce("new", "ann", [here(1, 5)])
    board.take_fresh()
    assert not board.drop("old")
    assert board.introduce("new", "ann", [here(1, 6)])


def test_R25_what_was_introduced_goes_with_its_owner() -> None:
    board = AwarenessBoard[str](10)
    board.introduce("a", "ann", [here(1, 5), here(2, 1)])
    board.introduce("b", "bob", [here(3)])
    board.take_fresh()
    assert board.drop("a")
    assert board.take_fresh() == [here(1, 6, "null"), here(2, 2, "null")]
    assert board.snapshot() == [here(3)]


def test_a_client_may_leave_by_itself() -> None:
    board = AwarenessBoard[str](10)
    board.introduce("a", "ann", [here(1, 5)])
    assert board.introduce("a", "ann", [here(1, 5, "null")])
    assert board.take_fresh() == [here(1, 5, "null")]
    assert board.snapshot() == []


def test_one_connection_introduces_so_many() -> None:
    board = AwarenessBoard[str](2)
    board.introduce("a", "ann", [here(client) for client in range(5)])
    assert len(board.snapshot()) == 2
