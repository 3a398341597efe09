"""Plans that were shown: what somebody agreed to, and what would be done otherwise by now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

__all__ = ["Difference", "Seen", "ShownPlan", "ShownPlans", "Subject", "differences"]

MOST_PLANS = 50
MOST_BYTES = 8 * 1024 * 1024
_BYTES_PER_OUTCOME = 128
_NAMED = 2
"""Up to so many that came or went are named, more are counted by kind."""

_NOW = {
    "updated": "would be updated now",
    "unchanged": "would not change any more",
    "notified": "would only be told of it now",
    "stale": "would be marked stale now",
    "pinned": "is pinned now",
    "awaiting_approval": "asks for approval now",
    "blocked": "is held back by a rule now",
}


class Subject(NamedTuple):
    """One entity that a plan starts from: the version that it was made on, and what is set."""

    entity_id: str
    version: int
    sets: Mapping[str, Any]


class Seen(NamedTuple):
    """What a plan says of one dependent; thousands share a few of these."""

    kind: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan as somebody saw it. ``outcomes`` is ``None`` where they were too many to be kept."""

    hash: str
    subjects: tuple[Subject, ...]
    outcomes: Mapping[str, Seen] | None

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return _BYTES_PER_OUTCOME * (1 + len(self.subjects) + len(self.outcomes or ()))


class ShownPlans:
    """The plans of one project that were shown lately: a bounded number of a bounded size."""

    def __init__(self, most: int = MOST_PLANS, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._plans: OrderedDict[str, ShownPlan] = OrderedDict()
        self._bytes = 0

    def remember(self, plan: ShownPlan) -> None:
        """Keep a plan; those that were shown longest ago make room."""
        if plan.size > self._most_bytes:
            plan = replace(plan, outcomes=None)
        old = self._plans.pop(plan.hash, None)
        self._bytes += plan.size - (old.size if old else 0)
        self._plans[plan.hash] = plan
        while len(self._plans) > self._most or self._bytes > self._most_bytes:
            _, oldest = self._plans.popitem(last=False)
            self._bytes -= oldest.size

    def get(self, hash_: str) -> ShownPlan | None:
        return self._plans.get(hash_)


class Difference(NamedTuple):
    """One thing that is not as it was when a plan was shown, in words."""

    entity_id: str | None
    what: Literal["version", "change", "added", "removed", "outcome"]
    text: str

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


Plural = Callable[[str, int], str]
"""Answers ``3 shots`` for the kind ``shot`` and 3."""


def differences(
    then: ShownPlan, now: ShownPlan, name_of: Callable[[str], str], plural: Plural
) -> list[Difference]:
    """What is different about a plan that is made again, what it starts from first."""
    found = list(_of_subjects(then.subjects, now.subjects, name_of))
    moved = any(one.what == "version" for one in found)
    if then.outcomes is None or now.outcomes is None:
        if not found:
            text = "something that depends on it is not as it was"
            found.append(Difference(None, "outcome", text))
        return found
    if any(one.sets for one in now.subjects) and not any(one.what == "change" for one in found):
        found.extend(_of_outcomes(then.outcomes, now.outcomes, name_of, plural, moved))
    return found


def _of_subjects(
    then: Sequence[Subject], now: Sequence[Subject], name_of: Callable[[str], str]
) -> Iterator[Difference]:
    before = {one.entity_id: one for one in then}
    after = {one.entity_id: one for one in now}
    if before.keys() != after.keys():
        named = ", ".join(name_of(id_) for id_ in list(before)[:3])
        yield Difference(None, "change", f"the plan was made for another change, of {named}")
        return
    for id_, one in after.items():
        name, old = name_of(id_), before[id_]
        if old.version != one.version:
            text = f"{name} is at v{one.version}, the plan was made on v{old.version}"
            yield Difference(id_, "version", text)
        elif old.sets != one.sets:
            fields = [key for key in {**old.sets, **one.sets} if _at(old, key) != _at(one, key)]
            named = ", ".join(key.removeprefix("@") for key in fields)
            yield Difference(
                id_, "change", f"the plan was made for another change of {name}: {named}"
            )


def _at(subject: Subject, key: str) -> Any:
    return subject.sets.get(key)


def _of_outcomes(
    then: Mapping[str, Seen],
    now: Mapping[str, Seen],
    name_of: Callable[[str], str],
    plural: Plural,
    moved: bool,
) -> Iterator[Difference]:
    """``moved``: what the plan starts from has other versions, so every reason names another."""
    for id_, one in now.items():
        old = then.get(id_)
        if old is None:
            continue
        if old.outcome != one.outcome:
            text = f"{name_of(id_)} {_NOW.get(one.outcome, one.outcome)}"
            yield Difference(id_, "outcome", text)
        elif old.reason != one.reason and not moved:
            yield Difference(id_, "outcome", f"{name_of(id_)} {one.outcome}: {one.reason}")
    came = {id_: one.kind for id_, one in now.items() if id_ not in then}
    went = {id_: one.kind for id_, one in then.items() if id_ not in now}
    yield from _counted(came, "added", ("was added", "were added"), name_of, plural)
    gone = ("is not reached any more", "are not reached any more")
    yield from _counted(went, "removed", gone, name_of, plural)


def _counted(
    those: Mapping[str, str],
    what: Literal["added", "removed"],
    said: tuple[str, str],
    name_of: Callable[[str], str],
    plural: Plural,
) -> Iterator[Difference]:
    by_kind: dict[str, list[str]] = {}
    for id_, kind in those.items():
        by_kind.setdefault(kind, []).append(id_)
    for kind, ids in by_kind.items():
        if len(ids) <= _NAMED:
            for id_ in ids:
                yield Difference(id_, what, f"{name_of(id_)} {said[0]}")
        else:
            yield Difference(None, what, f"{plural(kind, len(ids))} {said[1]}")
