"""A run over 5,000 dependents of every sort: each has exactly its outcome, and why, and whoever
follows hears of it once.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from server.domain.actors import Actor
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.services import notifications
from server.services.entities import create_entities
from server.system import AssetPropagationSystem

ME = Actor("mara", "test")
COUNTS = {"final": 100, "pinned": 50, "over": 20, "clash": 5, "free": 4825}
OUTCOMES = {
    "final": "awaiting_approval",
    "pinned": "pinned",
    "over": "unchanged",
    "clash": "conflict",
    "free": "updated",
}
REASONS = {
    "final": (
        "Coat v2 waits for approval to reach this shot, which is final "
        "(rule “Final shots and assets wait for approval”)"
    ),
    "pinned": "pinned to Coat v1 by mara; Coat_ does not reach it".replace("Coat_", "v2"),
    "over": "looks the same after Coat v2, Lamp v2",
    "clash": "its override of bulb has nothing to override in Lamp v2; follows Coat v2 and Lamp v2",
    "free": "follows Coat v2",
}


def shots() -> list[NewEntity]:
    uses = {
        "pinned": [NewReference("coat", version=1)],
        "over": [NewReference("coat", overrides={"colour": "#123456"})],
        "clash": [NewReference("coat"), NewReference("lamp", overrides={"bulb": "red"})],
    }
    return [
        NewEntity(
            "shot",
            f"{sort}-{number:04d}",
            {},
            f"{sort}-{number:04d}",
            "final" if sort == "final" else "wip",
            uses.get(sort, [NewReference("coat")]),
        )
        for sort, count in COUNTS.items()
        for number in range(count)
    ]


async def test_each_of_5000_has_its_outcome_and_each_follower_one_digest(tmp_path: Path) -> None:
    async with AssetPropagationSystem("film", path=tmp_path / "film.db") as system:
        owner = await system.owner()
        await system.create_entity("wardrobe", "Coat", {"colour": "#ffee00"}, id="coat")
        await system.create_entity("prop", "Lamp", {"bulb": "white"}, id="lamp")
        news = shots()
        for start in range(0, len(news), 1000):
            await create_entities(owner, news[start : start + 1000], ME)
        followers = {"ann": "coat", "ben": "final-0007", "cleo": "clash-0001", "dora": "over-0000"}
        for user, entity_id in followers.items():
            await notifications.follow(owner, entity_id, Actor(user, "test"), True)

        done = await system.propagate_batch(
            [("coat", {"colour": "#204060"}), ("lamp", {"bulb": None})]
        )

        assert done.counts == {OUTCOMES[sort]: count for sort, count in COUNTS.items()}
        assert (done.status, done.requires_intervention) == ("success", True)
        assert len(done.conflicts) == COUNTS["clash"]
        told: Counter[tuple[str, str, str]] = Counter()
        cursor: str | None = None
        while True:
            page, cursor = await owner.storage.outcomes(done.run_id or "", 500, cursor)
            told.update((one.entity_id[:-5], one.outcome, one.reason) for one, _ in page)
            if cursor is None:
                break
        assert told == {(sort, OUTCOMES[sort], REASONS[sort]): n for sort, n in COUNTS.items()}
        waiting = (await system.list_conflicts())["items"]
        assert {one["entity_id"] for one in waiting} == {f"clash-{n:04d}" for n in range(5)}
        assert len(owner.state.approvals) == COUNTS["final"]
        digest = "Coat v2 and 1 more: 4,980 shots: 4,825 updated, 50 pinned, 105 need you"
        for user in followers:
            page_, _ = await owner.storage.notices(user, "film", [], False, 50, None)
            heard = [(one.kind, one.text) for one in page_ if one.run_id == done.run_id]
            # What an override hides from its shot is no news of that shot.
            assert heard == ([] if user == "dora" else [("digest", digest)]), user
