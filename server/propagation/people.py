"""ProjectPeople: who is to hear of each step of a project, and which webhooks are to be told."""

from __future__ import annotations

import asyncio

from server.domain.commit import Commit
from server.domain.notices import (
    Reached,
    default_follows,
    run_notices,
    step_notices,
)
from server.domain.people import Following
from server.domain.project import ProjectState
from server.domain.runs import Run
from server.domain.transaction import Transaction
from server.domain.webhooks import Webhook, deliveries_of
from server.ports import Storage, StoredPeople

__all__ = ["ProjectPeople"]

_PAGE = 500


class ProjectPeople:
    """Adds to each step, before it commits, whom it is told to. Runs are told once, at their end:
    until then it remembers whom they concern.

    The caller adds what was stored of follows: there may be one for every entity.
    """

    def __init__(self, state: ProjectState, storage: Storage, stored: StoredPeople) -> None:
        self.following = Following()
        self.following.take((), stored.mutes)
        self.webhooks: dict[str, Webhook] = {one.id: one for one in stored.webhooks}
        self._state = state
        self._storage = storage
        self._reached: dict[str, Reached] = {}

    async def add_to(self, tx: Transaction) -> None:
        """Complete a step that is about to commit: new follows, notices, and the events of those.

        The events come last, so that what they tell of stands in the stream before them.
        """
        versions = tx.commit.versions
        for position in range(0, len(versions), _PAGE):
            part = versions[position : position + _PAGE]
            tx.commit.follows += default_follows(tx.author.user, part, self.following)
            if len(part) == _PAGE:
                await asyncio.sleep(0)
        notices = step_notices(tx, self.following)
        run = tx.commit.run
        if run is not None:
            reached = await self._reach(run, tx)
            if run.finished:
                members = await self._storage.members(self._state.id)
                notices += run_notices(tx, run, reached, self.following, members)
        tx.commit.notices += notices
        for notice in notices:
            tx.tell(notice.frame(), None)

    def seal(self, commit: Commit) -> None:
        """Put what webhooks are to be told into the outbox of a sealed step."""
        if self.webhooks and commit.events:
            commit.deliveries += deliveries_of(
                commit.project_id, commit.at, commit.events, self.webhooks.values()
            )

    def apply(self, commit: Commit) -> None:
        """Make a durable commit true here."""
        self.following.take(commit.follows, commit.mutes)
        for member in commit.members:
            if member.role is None:
                self.following.forget(member.user)
        for webhook in commit.webhooks:
            self.webhooks[webhook.id] = webhook
        for id_ in commit.webhooks_removed:
            self.webhooks.pop(id_, None)
        if commit.run is not None and commit.run.finished:
            self._reached.pop(commit.run.id, None)

    async def _reach(self, run: Run, tx: Transaction) -> Reached:
        """What a run has come to with this step; where it began in an earlier process, what it came
        to there too.
        """
        reached = self._reached.get(run.id)
        shots = frozenset(one.name for one in self._state.kinds if one.category == "shot")
        if reached is None:
            reached = self._reached[run.id] = Reached()
            if run.processed > len(tx.commit.outcomes):
                cursor: str | None = None
                while True:
                    page, cursor = await self._storage.outcomes(run.id, _PAGE, cursor)
                    reached.take((one for one, _ in page), self.following, shots)
                    if cursor is None:
                        break
        reached.take(tx.commit.outcomes, self.following, shots)
        return reached
