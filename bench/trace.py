"""A session of two people who type in one text at once: a recorded one, or one that is made up.

A step of it is typed again in front of exactly what its author had on the screen.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from pathlib import Path
from typing import Any, NamedTuple

from pycrdt import Doc, Map, Text, TransactionEvent

from protocol.draft import Draft

__all__ = ["FIELD", "TRACE", "Author", "Step", "Trace", "made_up", "recorded", "type_session"]

TRACE = Path(__file__).resolve().parents[2] / "shared/data/traces/friendsforever.json.gz"
FIELD = "description"
WORDS = ("the night line ", "runs on, ", "past the quay ", "and nobody ", "gets off. ")


class Step(NamedTuple):
    """One thing that an author typed, when they had so many of the other's things on the screen."""

    author: int
    seen: int
    patches: list[tuple[int, int, str]]


class Trace(NamedTuple):
    steps: list[Step]
    end: str


def recorded(most: int | None = None) -> Trace | None:
    """The recorded session, or its first ``most`` steps (then without its end); ``None`` where it
    is not there. Its parents tell who has seen what: whoever's step it is has seen their whole
    past.
    """
    if not TRACE.is_file():
        return None
    recording = json.loads(gzip.decompress(TRACE.read_bytes()))
    typed = [0, 0]
    known: list[tuple[int, int]] = []  # how much of each author's is behind each step, with it
    steps: list[Step] = []
    for one in recording["txns"][:most]:
        author: int = one["agent"]
        behind = [max((known[p][who] for p in one["parents"]), default=0) for who in (0, 1)]
        assert behind[author] == typed[author]
        typed[author] += 1
        steps.append(Step(author, behind[1 - author], one["patches"]))
        behind[author] += 1
        known.append((behind[0], behind[1]))
    return Trace(steps, recording["endContent"] if most is None else "")


def made_up(seed: int, count: int) -> Trace:
    """A session of so many steps: each author lags behind the other, types and takes back."""
    chance = random.Random(seed)
    screens: list[Doc[Any]] = [Doc(client_id=1), Doc(client_id=2)]
    texts: list[Text] = []
    start: Doc[Any] = Doc(client_id=3)
    start.get("fields", type=Map)[FIELD] = Text()
    for screen in screens:
        screen.apply_update(start.get_update())
        texts.append(screen.get("fields", type=Map)[FIELD])
    typed: list[list[bytes]] = [[], []]
    seen, steps = [0, 0], []
    for _ in range(count):
        author = chance.randrange(2)
        others = typed[1 - author]
        upto = chance.randint(max(seen[author], len(others) - 12), len(others))
        for update in others[seen[author] : upto]:
            screens[author].apply_update(update)
        seen[author] = upto
        text = texts[author]
        at = chance.randint(0, len(text))
        deleted = chance.randint(1, 8) if chance.random() < 0.2 else 0
        patch = (at, min(deleted, len(text) - at), "" if deleted else chance.choice(WORDS))
        before = screens[author].get_state()
        with screens[author].transaction():
            _patch(text, patch)
        typed[author].append(screens[author].get_update(before))
        steps.append(Step(author, upto, [patch]))
    for update in typed[1]:
        screens[0].apply_update(update)
    return Trace(steps, str(texts[0]))


def _patch(text: Text, patch: tuple[int, int, str]) -> None:
    position, deleted, inserted = patch
    if deleted:
        del text[position : position + deleted]
    if inserted:
        text.insert(position, inserted)


async def type_session(drafts: tuple[Draft, Draft], trace: Trace) -> int:
    """Type a session over two clients; answers how many steps were typed beside something of the
    other's that had not come yet. Both see the same in the end.
    """
    authors = [Author(number, draft) for number, draft in enumerate(drafts)]
    beside = 0
    for step in trace.steps:
        author, other = authors[step.author], authors[1 - step.author]
        beside += step.seen < other.typed
        other.send(step.seen)
        await author.see(step.seen)
        author.type(step)
    for author in authors:
        author.send()
    for author, other in (authors, authors[::-1]):
        await author.see(other.typed)
        await author.draft.saved()
    texts = {str(author.text) for author in authors} | {str(one[FIELD]) for one in drafts}
    assert len(texts) == 1, "the two authors do not see the same"
    assert not trace.end or texts == {trace.end}, "the session did not end as it did"
    return beside


class Author:
    """What somebody sees and types (the screen), and a client that carries it (the draft).

    The two are apart so that the screen lags behind the line exactly as it did when the session was
    recorded. Between authors everything goes through the server.
    """

    def __init__(self, number: int, draft: Draft) -> None:
        self.draft = draft
        # Of two who typed in one place at once, Yjs puts the smaller id first; the recording's end
        # has the first author's words first.
        self.screen: Doc[Any] = Doc(client_id=1 + number)
        self._number = number
        self._typed: list[bytes] = []
        self._sent = 0
        self._seen = 0
        self._heard = asyncio.Event()
        self._progress: Map[int] = draft.doc.get("progress", type=Map)
        self.look()
        self._subscriptions = (
            self.screen.observe(self._on_screen),
            draft.doc.observe(lambda _: self._heard.set()),
        )
        self._looking = False

    @property
    def text(self) -> Text:
        fields: Map[Any] = self.screen.get("fields", type=Map)
        text: Text = fields[FIELD]
        return text

    def look(self) -> None:
        """Bring what came over the line to the screen."""
        self._looking = True
        self.screen.apply_update(self.draft.doc.get_update(self.screen.get_state()))
        self._looking = False

    def type(self, step: Step) -> None:
        """In one transaction with the count of steps, so that who has the count has the step and
        all before it, in whatever pieces and order they come.
        """
        with self.screen.transaction():
            count: Map[int] = self.screen.get("progress", type=Map)
            count[str(self._number)] = self.typed + 1
            for patch in step.patches:
                _patch(self.text, (patch[0], patch[1], patch[2]))

    def send(self, count: int | None = None) -> None:
        """Hand over the first ``count`` steps, also without a line."""
        count = len(self._typed) if count is None else count
        for update in self._typed[self._sent : count]:
            self.draft.doc.apply_update(update)
        self._sent = max(self._sent, count)

    async def see(self, count: int) -> None:
        """Wait until exactly so many of the other's steps are here, and look."""
        if count <= self._seen:
            return
        other = str(1 - self._number)
        while (here := self._progress.get(other, 0)) < count:
            self._heard.clear()
            await self._heard.wait()
        assert here == count
        self._seen = count
        self.look()

    @property
    def typed(self) -> int:
        return len(self._typed)

    def _on_screen(self, event: TransactionEvent) -> None:
        if not self._looking:
            self._typed.append(event.update)
