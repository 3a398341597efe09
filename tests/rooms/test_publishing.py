"""server/rooms/publishing.py"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocol.errors import Invalid, RipplecutError, Unavailable
from server.ports import Actor
from server.rooms.publishing import Editor, Publishing
from server.rooms.settings import RoomSettings
from tests.rooms.fakes import FakeCore, FakeTimers


class Desk:
    """A draft of ``hero`` that a test types into, and what came of it."""

    def __init__(self, *, prose_quiet: float = 30.0) -> None:
        self.timers = FakeTimers()
        self.core = FakeCore(description="old", age=30, hair="red")
        self.core.prose_quiet = prose_quiet
        self.values: dict[str, Any] | None = dict(self.core.fields["hero"])
        self.told: list[tuple[float, Mapping[str, Any], frozenset[str]]] = []
        self.complaints: list[RipplecutError] = []
        self.publishing = Publishing(
            self.core,
            self.timers,
            RoomSettings(),
            values=lambda _: self.values,
            tell=lambda frame, whom: self.told.append((round(self.timers.now(), 3), frame, whom)),
        )
        self.editor = Editor("ann", self.complaints.append)

    async def edit(self, after: float = 0.0, **values: Any) -> None:
        assert self.values is not None
        self.values.update(values)
        self.publishing.changed("hero", self.editor)
        await self.timers.advance(after)

    @property
    def announced(self) -> list[tuple[float, dict[str, Any]]]:
        return [(when, frame["values"]) for when, frame, _ in self.told]


async def test_R34_first_and_last_change_are_told_and_ten_a_second_between() -> None:
    desk = Desk()
    for age in range(31, 56):
        await desk.edit(0.01, age=age)
    await desk.timers.advance(1)
    assert desk.announced == [
        (0.0, {"age": 31}),
        (0.1, {"age": 40}),
        (0.2, {"age": 50}),
        (0.3, {"age": 55}),
    ]


async def test_R34_a_preview_names_its_dependents() -> None:
    desk = Desk()
    await desk.edit(description="new")
    _, frame, whom = desk.told[0]
    assert {**frame, "timestamp": ""} == {
        "type": "asset_update",
        "stage": "draft",
        "asset_id": "hero",
        "change_type": "visual",
        "values": {"description": "new"},
        "affected_entities": ("sh010", "sh020"),
        "affected_count": 2,
        "timestamp": "",
    }
    assert frame["timestamp"].endswith("Z")
    assert whom == {"hero", "sh010", "sh020"}


async def test_R34_at_most_500_ids_a_frame() -> None:
    desk = Desk()
    desk.core.dependents = tuple(f"sh{number}" for number in range(1100))
    await desk.edit(age=31)
    assert [len(frame["affected_entities"]) for _, frame, _ in desk.told] == [500, 500, 100]
    assert {frame["affected_count"] for _, frame, _ in desk.told} == {1100}
    assert all("hero" in whom for _, _, whom in desk.told)
    desk.core.dependents = ()
    await desk.edit(1, age=32)
    assert desk.told[-1][1]["affected_entities"] == ()


async def test_what_does_not_differ_is_not_told() -> None:
    desk = Desk()
    await desk.edit(1, age=30)
    assert desk.told == []


async def test_what_is_changed_back_is_told_and_not_published() -> None:
    desk = Desk()
    await desk.edit(0.15, age=31)
    await desk.edit(1, age=30)
    assert desk.announced == [(0.0, {"age": 31}), (0.15, {"age": 30})]
    assert desk.core.published == []


async def test_after_publishing_the_next_change_alone_is_told() -> None:
    desk = Desk()
    await desk.edit(1, age=31)
    desk.core.fields["hero"]["age"] = 31
    await desk.edit(1, hair="grey")
    assert desk.announced[1:] == [(1.0, {"hair": "grey"})]


async def test_R35_a_discrete_field_publishes_once_it_rests() -> None:
    desk = Desk()
    for age in range(31, 51):
        await desk.edit(0.05, age=age)
    assert desk.core.published == []
    await desk.timers.advance(0.35)
    assert desk.core.published == [("hero", ("age",), Actor("ann", "page"))]
    await desk.timers.advance(60)
    assert len(desk.core.published) == 1


async def test_R35_prose_publishes_after_quiet() -> None:
    desk = Desk()
    await desk.edit(20, description="a")
    await desk.edit(29.9, description="ab")
    assert desk.core.published == []
    assert not desk.publishing.idle("hero")
    await desk.timers.advance(0.2)
    assert desk.core.published == [("hero", None, Actor("ann", "page"))]
    assert desk.publishing.idle("hero")


async def test_R35_zero_means_by_hand() -> None:
    desk = Desk(prose_quiet=0)
    await desk.edit(3600, description="a")
    assert desk.core.published == []


async def test_prose_that_was_published_by_hand_is_not_published_again() -> None:
    desk = Desk()
    await desk.edit(5, description="a")
    desk.core.fields["hero"]["description"] = "a"
    await desk.timers.advance(60)
    assert desk.core.published == []


async def test_R35_what_cannot_be_published_is_told_to_its_author_once() -> None:
    desk = Desk()
    desk.core.refusal = Invalid("age must be a number")
    await desk.edit(60, age="old")
    assert desk.complaints == [desk.core.refusal]
    desk.core.refusal = None
    await desk.edit(60, hair="grey")
    assert desk.core.published == [("hero", ("hair",), Actor("ann", "page"))]


async def test_what_the_server_wrote_is_told_and_not_published() -> None:
    desk = Desk()
    assert desk.values is not None
    desk.values["age"] = 31
    desk.publishing.changed("hero", None)
    await desk.timers.advance(60)
    assert desk.announced == [(0.0, {"age": 31})]
    assert desk.core.published == []


async def test_forgotten_drafts_and_unloaded_ones_are_silent() -> None:
    desk = Desk()
    await desk.edit(0.2, age=31)
    desk.values = None
    await desk.timers.advance(60)
    desk.publishing.changed("hero", desk.editor)
    await desk.timers.advance(1)
    desk.publishing.stop()
    assert desk.publishing.idle("hero")
    assert desk.core.published == []
    assert len(desk.told) == 1


async def test_a_project_that_publishes_by_hand_only_previews() -> None:
    desk = Desk()
    desk.core.publishes_automatically = False
    await desk.edit(hair="blue", description="new", after=60)
    assert desk.told
    assert not desk.core.published


async def test_what_the_store_could_not_take_is_published_later() -> None:
    desk = Desk()
    desk.core.refusal = Unavailable("The disk is full")
    await desk.edit(1, age=31)
    await desk.edit(30.5, description="new")
    assert not desk.publishing.idle("hero")
    desk.core.refusal = None
    await desk.timers.advance(60)
    assert ("hero", ("age",), Actor("ann", "page")) in desk.core.published
    assert ("hero", None, Actor("ann", "page")) in desk.core.published
    assert desk.complaints == []
    assert desk.publishing.idle("hero")


async def test_any_failure_is_survived_told_once_and_tried_again() -> None:
    desk = Desk()
    desk.core.refusal = RuntimeError("a defect")
    await desk.edit(10, age=31)
    assert [error.code for error in desk.complaints] == ["internal"]
    desk.core.refusal = None
    await desk.timers.advance(60)
    assert desk.core.published == [("hero", ("age",), Actor("ann", "page"))]


async def test_what_rests_is_not_published_once_that_is_switched_off() -> None:
    desk = Desk()
    await desk.edit(0.1, age=31)
    await desk.edit(0.1, description="new")
    desk.core.publishes_automatically = False
    await desk.timers.advance(60)
    await desk.edit(0.1, age=32)
    await desk.publishing.flush()
    desk.publishing.opened("hero")
    await desk.timers.advance(60)
    assert desk.core.published == []


async def test_a_failing_flush_does_not_keep_others_from_theirs() -> None:
    desk = Desk()
    desk.core.refusal = RuntimeError("a defect")
    await desk.edit(0.1, age=31)
    await desk.publishing.flush()
    assert desk.core.published == []
