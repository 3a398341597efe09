"""The contract of the storage ports, continued: people, what they follow, what they are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.errors import Invalid
from server.domain.people import Follow, Member, Mute, Notice
from server.ports import StoredPeople
from server.storage import SqliteStorage
from server.storage.sqlite.people import NOTICES_KEPT
from tests.storage.factories import LATER, NOW, PROJECT, creation, step, token

INES = Member("ines 🎬", "editor", NOW, "mara")


def notice(id_: str, user: str = "ines", **changes: Any) -> Notice:
    values: dict[str, Any] = {
        "kind": "digest",
        "text": "Mara v2: 1 shot \u2028",
        "entity_id": "mara",
        "run_id": None,
        "detail": {"counts": {"updated": 1}},
        "created_at": NOW,
        "project_id": PROJECT,
    }
    return Notice(id_, user, **{**values, **changes})


async def ids(storage: SqliteStorage, user: str = "ines", **more: Any) -> list[str]:
    given: dict[str, Any] = {"unread": False, "limit": 10_000, "hidden": (), **more}
    found, _ = await storage.notices(
        user, PROJECT, given["hidden"], given["unread"], given["limit"], None
    )
    return [one.id for one in found]


async def test_members_are_kept_and_their_roles_by_person(storage: SqliteStorage) -> None:
    await storage.commit(creation(members=[INES]))
    await storage.commit(creation(project_id="other", members=[INES._replace(role="owner")]))
    assert await storage.members(PROJECT) == [INES]
    assert await storage.roles(INES.user) == {PROJECT: "editor", "other": "owner"}
    gone = INES._replace(role=None, since=LATER)
    await storage.commit(step(members=[gone]))
    assert await storage.members(PROJECT) == [gone]
    assert await storage.roles(INES.user) == {PROJECT: None, "other": "owner"}
    assert await storage.roles("nobody") == {}


async def test_tokens_follow_a_role_and_go_with_their_member(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    whole = token("aa" * 32, user="ines", project_id=PROJECT)
    narrow = token("bb" * 32, user="ines", project_id=PROJECT, role="viewer")
    everywhere = token("cc" * 32, user="ines")
    for one in (whole, narrow, everywhere):
        await storage.add_token(one)
    (member,) = await storage.members(PROJECT)
    assert (member.user, member.role) == ("ines", "editor")
    await storage.commit(step(members=[member._replace(role="approver")]))
    assert await storage.token(whole.hash) == replace(whole, role="approver")
    assert await storage.token(narrow.hash) == narrow
    follow = Follow("ines", "mara", True)
    await storage.commit(step(follows=[follow], mutes=[Mute("ines", "kind", "digest")]))
    await storage.commit(step(members=[member._replace(role=None)]))
    assert await storage.token(whole.hash) is await storage.token(narrow.hash) is None
    assert await storage.token(everywhere.hash) == everywhere
    assert await storage.people(PROJECT) == StoredPeople([], [], [])


async def test_a_token_lets_in_with_its_role_at_least(storage: SqliteStorage) -> None:
    await storage.commit(creation(members=[INES]))
    for number, (role, then) in enumerate(
        [("viewer", "editor"), ("owner", "owner"), ("editor", "owner")]
    ):
        await storage.add_token(
            token(f"{number:064x}", user=INES.user, role=role, project_id=PROJECT)
        )
        assert (await storage.roles(INES.user))[PROJECT] == then
    await storage.commit(step(members=[INES._replace(role=None)]))
    session = token("aa" * 32, user=INES.user, project_id=PROJECT, purpose="session")
    await storage.add_token(session)
    assert (await storage.roles(INES.user))[PROJECT] is None
    await storage.add_token(replace(session, purpose="api"))
    assert (await storage.roles(INES.user))[PROJECT] == "editor"


async def test_follows_and_mutes_are_kept_the_last_wish_counts(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    mute = Mute("ines", "entity", "ma'ra")
    await storage.commit(step(follows=[Follow("ines", "mara", True)], mutes=[mute, mute]))
    await storage.commit(creation(project_id="other"))
    found = await storage.people(PROJECT)
    assert found == StoredPeople([Follow("ines", "mara", True)], [mute], [])
    no = Follow("ines", "mara", False)
    await storage.commit(step(follows=[no], mutes=[mute._replace(wanted=False)]))
    assert await storage.people(PROJECT) == StoredPeople([no], [], [])


async def test_a_thousand_follows_and_more_are_all_loaded(storage: SqliteStorage) -> None:
    many = [Follow(user, f"s{number:04}", True) for user in ("a", "b") for number in range(1000)]
    await storage.commit(creation(follows=[*many, Follow("c", "mara", True)]))
    found = (await storage.people(PROJECT)).follows
    assert found == [*many, Follow("c", "mara", True)]


async def test_notifications_are_paged_read_and_counted_by_person(storage: SqliteStorage) -> None:
    mine = [notice(f"n{number}") for number in range(5)]
    await storage.commit(creation(notices=[*mine, notice("other", "mara")]))
    elsewhere = notice("x", project_id="other")
    await storage.commit(creation(project_id="other", notices=[elsewhere]))
    page, cursor = await storage.notices("ines", PROJECT, (), False, 3, None)
    assert page == [mine[4], mine[3], mine[2]]
    assert await storage.notices("ines", PROJECT, (), False, 3, cursor) == (
        [mine[1], mine[0]],
        None,
    )
    assert await storage.unread("ines", PROJECT, ()) == 5
    assert await storage.unread("ines", None, ()) == 6
    assert await storage.unread("ines", None, ("other",)) == 5
    assert await storage.mark_read("ines", None, ["n1", "other"], LATER) == 1
    assert await storage.mark_read("ines", None, ["n1"], NOW) == 0
    found, _ = await storage.notices("ines", None, (), False, 10, None)
    assert [one.read_at for one in found if one.id == "n1"] == [LATER]
    assert await ids(storage, unread=True) == ["n4", "n3", "n2", "n0"]
    assert await storage.mark_read("ines", PROJECT, None, LATER) == 4
    assert await storage.unread("ines", None, ()) == 1
    assert await storage.unread("mara", None, ()) == 1
    with pytest.raises(Invalid):
        await storage.notices("ines", None, (), False, 10, "not a cursor")


async def test_of_too_many_notifications_the_oldest_that_were_read_go(
    storage: SqliteStorage,
) -> None:
    first = [notice(f"a{number:04}") for number in range(NOTICES_KEPT)]
    await storage.commit(creation(notices=[*first, notice("mara's", "mara")]))
    read = ["a0010", "a0400"]
    await storage.mark_read("ines", PROJECT, read, LATER)
    await storage.commit(step(notices=[notice("b")]))
    left = await ids(storage)
    assert len(left) == NOTICES_KEPT
    assert "a0010" not in left
    await storage.commit(step(notices=[notice("c"), notice("d")]))
    left = await ids(storage)
    assert left[:2] == ["d", "c"]
    assert "a0400" not in left
    assert "a0000" not in left  # none that was read is left, so it is an unread one's turn
    assert len(left) == NOTICES_KEPT
    assert await ids(storage, "mara") == ["mara's"]
