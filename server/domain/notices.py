"""Notices: what people are told of a step, made of the step itself.

Nobody is told what they did themselves, except what needs them; of a run everybody is told once,
when it has ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from server.domain.conflicts import REFERENCES
from server.domain.entities import Version
from server.domain.ids import new_id
from server.domain.people import Follow, Following, Member, Notice
from server.domain.runs import Outcome, Run
from server.domain.transaction import Transaction

__all__ = ["NOTICE_KINDS", "Reached", "default_follows", "run_notices", "step_notices"]

NOTICE_KINDS = ("digest", "approval", "conflict", "failure", "removed", "restored")
"""Kinds of notification; each can be muted."""

NEEDS_YOU = ("awaiting_approval", "conflict", "blocked", "failed")
_APPROVERS = frozenset({"approver", "owner"})
_FOLLOWED = frozenset({"created", "edit", "api", "rollback", "import"})
_SAID = ("updated", "stale", "pinned", "notified", "cancelled")
_TOLD = {"deleted": "removed", "restored": "restored"}


@dataclass(slots=True)
class Reached:
    """What a run has come to so far, as its people need to know it."""

    followers: set[str] = field(default_factory=set)
    shots: Counter[str] = field(default_factory=Counter)

    def take(
        self, outcomes: Iterable[Outcome], following: Following, shots: frozenset[str]
    ) -> None:
        """Count further outcomes; ``shots`` are the kinds of entity that are shots."""
        for one in outcomes:
            if one.outcome == "unchanged":
                continue
            self.followers |= following.followers(one.entity_id)
            if one.kind in shots:
                self.shots[one.outcome] += 1


class _Wish(NamedTuple):
    """Why somebody would be told of a run; the first that they do not mute is what they get."""

    kind: str
    text: str


def default_follows(user: str, versions: Iterable[Version], following: Following) -> list[Follow]:
    """Whoever creates or publishes something follows it, unless they said that they do not; what a
    run made, as for a whole project that is restored, is nobody's own.
    """
    ids = {one.entity_id for one in versions if one.cause in _FOLLOWED and one.run_id is None}
    return [Follow(user, id_, True) for id_ in sorted(ids) if not following.has_choice(user, id_)]


def step_notices(tx: Transaction, following: Following) -> list[Notice]:
    """What the events of a step tell people: what they follow is gone or back, a conflict is
    theirs.
    """
    found: list[Notice] = []
    for body in tx.told:
        entity_id = str(body.get("entity_id", ""))
        if body["type"] == "entity_changed" and body.get("action") in _TOLD:
            kind = _TOLD[body["action"]]
            text = f"{tx.name_of(entity_id)} was {body['action']} by {tx.author.user}"
            users = following.followers(entity_id) - {tx.author.user}
        elif body["type"] in ("conflict_detected", "conflict_resolved") and entity_id:
            kind = "conflict"
            text, users = _of_conflict(tx, body)
        else:
            continue
        about = [(entity_id, str(body.get("kind", "")))]
        found += [
            _notice(tx, user, kind, text, entity_id, body.get("run_id"), {})
            for user in sorted(users)
            if not following.mutes(user, kind, about)
        ]
    return found


def _of_conflict(tx: Transaction, body: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    """What is told of one conflict, and to whom: of one that waits everybody whom it concerns, of
    one that was settled without asking whoever's value did not stay.
    """
    field = str(body.get("field", "")).removeprefix("@")
    name, where = tx.name_of(str(body["entity_id"])), f" in {field}" if field else ""
    users = frozenset(body.get("affected_users", ()))
    if body["type"] == "conflict_detected":
        return f"{name}: a conflict{where} waits for a decision", users
    if body.get("automatic"):
        lost = body["conflict_type"] == "simultaneous_edit" and body.get("theirs_by")
        said = f"{name}: {field} was {body['reason']}; the conflict has both"
        return said, frozenset({str(lost)} if lost else ())
    said = f"{name}: the conflict{where} is settled: {body['reason']}"
    return said, users - {tx.author.user}


def run_notices(
    tx: Transaction, run: Run, reached: Reached, following: Following, members: Iterable[Member]
) -> list[Notice]:
    """What people are told of a run that has ended: each at most one thing.

    Followers of what it started from or reached get its digest, approvers what waits for them, and
    its author what went wrong.
    """
    followers = set(reached.followers)
    for root in run.roots:
        followers |= following.followers(root.asset_id)
    followers.discard(run.author)
    removed = {one.user for one in members if one.role is None}
    wishes: dict[str, list[_Wish]] = {}
    title = _title(tx, run)
    if run.notify and (run.affected or run.status != "done"):
        digest = f"{title}: {_digest(run, reached)}"
        for user in followers:
            wishes.setdefault(user, []).append(_Wish("digest", digest))
    waiting = run.counts.get("awaiting_approval", 0)
    if waiting:
        asks = f"{title}: {_count(waiting, 'dependent')} {_wait(waiting)} for approval"
        for one in members:
            if one.role in _APPROVERS:
                wishes.setdefault(one.user, []).append(_Wish("approval", asks))
    for user, number in _contested(tx, run).items():
        said = f"{title}: {_count(number, 'conflict')} {_wait(number)} for a decision"
        wishes.setdefault(user, []).append(_Wish("conflict", said))
    for wish in _troubles(run, title):
        wishes.setdefault(run.author, []).append(wish)
    about = [
        (root.asset_id, tx.entity(root.asset_id).kind if tx.exists(root.asset_id) else "")
        for root in run.roots
    ]
    detail = {
        "author": run.author,
        "status": run.status,
        "counts": dict(run.counts),
        "shots": dict(reached.shots),
        "needs_you": _needs(run.counts),
        "versions": [f"{root.asset_id}_v{root.to_version}" for root in run.roots],
    }
    found: list[Notice] = []
    for user in sorted(wishes.keys() - removed):
        heard = [one for one in wishes[user] if not following.mutes(user, one.kind, about)]
        if heard:
            kind, text = heard[0]
            found.append(_notice(tx, user, kind, text, run.roots[0].asset_id, run.id, detail))
    return found


def _troubles(run: Run, title: str) -> Sequence[_Wish]:
    """What the author of a run must hear of it although it is their own."""
    failed, conflicts = run.counts.get("failed", 0), run.counts.get("conflict", 0)
    found: list[_Wish] = []
    if run.status == "failed":
        found.append(_Wish("failure", f"{title}: the run stopped before its end. Retry it"))
    elif failed:
        found.append(_Wish("failure", f"{title}: {_count(failed, 'dependent')} could not follow"))
    if conflicts:
        said = f"{title}: {_count(conflicts, 'conflict')} {_wait(conflicts)} for a decision"
        found.append(_Wish("conflict", said))
    return found


def _contested(tx: Transaction, run: Run) -> Counter[str]:
    """Whom but its author the conflicts concern that a run came upon, and how many."""
    if not run.counts.get("conflict"):
        return Counter()
    found = [one for one in tx.state.conflicts.of_run(run.id) if one.field == REFERENCES]
    users = Counter(user for one in found for user in one.affected_users)
    del users[run.author]
    return users


def _title(tx: Transaction, run: Run) -> str:
    first, more = run.roots[0], len(run.roots) - 1
    name = f"{tx.name_of(first.asset_id)} v{first.to_version}"
    return f"{name} and {more} more" if more else name


def _digest(run: Run, reached: Reached) -> str:
    """``23 shots: 18 updated, 3 pinned, 2 need you``: of shots where there are any."""
    counts: Mapping[str, int] = reached.shots or {
        name: n for name, n in run.counts.items() if name != "unchanged"
    }
    noun = "shot" if reached.shots else "dependent"
    parts = [f"{counts[name]:,} {name}" for name in _SAID if counts.get(name)]
    needs = _needs(counts)
    if needs:
        parts.append(f"{needs:,} need{'s' if needs == 1 else ''} you")
    said = _count(sum(counts.values()), noun) + (f": {', '.join(parts)}" if parts else "")
    ended = {"failed": "; stopped by an error", "cancelled": "; cancelled"}
    return said + ended.get(run.status, "")


def _needs(counts: Mapping[str, int]) -> int:
    return sum(counts.get(name, 0) for name in NEEDS_YOU)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"


def _notice(
    tx: Transaction,
    user: str,
    kind: str,
    text: str,
    entity_id: str | None,
    run_id: str | None,
    detail: Mapping[str, Any],
) -> Notice:
    id_, project = new_id("ntf"), tx.state.id
    return Notice(id_, user, kind, text, entity_id, run_id, detail, tx.at, project)
