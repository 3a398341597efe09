"""Film: what becomes of a project when people and runs do something, the long way round.

A second telling of the rules, written from their words and not from their code. It knows nothing of
transactions, graphs that are walked step by step, digests or caches: it keeps plain values, looks
at all of them whenever it is asked something, and compares whole pictures instead of hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.oracle.shown import Shown
from tests.oracle.things import (
    EVERY_CLASS,
    HELD,
    HOLDERS,
    PERSON,
    PROSE,
    SHOWN,
    Row,
    Thing,
    Told,
    Use,
)

__all__ = ["Film"]


class Film(Shown):
    """The whole of a project. Each method is something that people do, or that a run does."""

    # -- what people do: each answers what a run starts from, and the classes of the change --------

    def create(self, id_: str, kind: str, name: str, fields: Mapping[str, Any]) -> None:
        whole = {**dict.fromkeys(PROSE[kind], ""), **fields}
        row = Row(1, name, "wip", whole, frozenset(), (), "created")
        self.things[id_] = Thing(id_, kind, {1: row})

    def created(self, id_: str) -> None:
        """All that it uses is there: close its first version over that."""
        thing = self.things[id_]
        thing.versions[1] = replace(thing.versions[1], built_on=self._built_on(id_))
        self._settle(id_)

    def edit(
        self,
        id_: str,
        fields: Mapping[str, Any],
        visual: Mapping[str, Any],
        name: str | None = None,
        status: str | None = None,
    ) -> set[str]:
        """A change of fields, name or status; answers its classes, none where nothing differs."""
        thing = self.things[id_]
        row, given = thing.now, {**fields, **visual}
        after = {k: v for k, v in {**row.fields, **given}.items() if v is not None}
        changed = {k for k in {*after, *row.fields} if after.get(k) != row.fields.get(k)}
        named = name is not None and name != row.name
        moved = status is not None and status != row.status
        if not (changed or named or moved):
            return set()
        shown = {k for k in changed if k in SHOWN[thing.kind] or k in visual}
        classes = {"visual"} if shown else set()
        if named or moved or changed - shown:
            classes.add("metadata")
        if moved and status is not None:
            self._catch_up(id_, status)
        extra = row.visual | {k for k in visual if not self._is_declared(thing.kind, k)}
        self._cut(
            id_,
            "api",
            name=name if name is not None else row.name,
            status=status if status is not None else row.status,
            fields=after,
            visual=extra,
        )
        return classes

    def _is_declared(self, kind: str, name: str) -> bool:
        return name in SHOWN[kind] or name in PROSE[kind]

    def link(self, use: Use) -> None:
        """``use`` says where it stands only where it is a pin."""
        source = self.things[use.source]
        here = use.version
        if use.policy != "pinned":
            here = source.now.number
            if use.policy == "approved" and source.approved:
                here = source.approved
        by = PERSON if use.policy == "pinned" else None
        self.uses[use.id] = replace(use, version=here, pinned_by=by)

    def relink(self, id_: str, policy: str | None, overrides: Mapping[str, Any] | None) -> bool:
        """Another policy (a pin stays where it is) or other overrides; False: it had them."""
        before = now = self.uses[id_]
        if policy is not None:
            number = before.version
            if policy == "latest":
                number = self.things[before.source].now.number
            elif policy == "approved":
                source = self.things[before.source]
                number = source.approved or source.now.number
            by = PERSON if policy == "pinned" else None
            now = replace(now, policy=policy, version=number, pinned_by=by)
        if overrides is not None:
            now = replace(now, overrides=overrides)
        if now == before:
            return False
        self.uses[id_] = now
        self._catch_up(now.target, self.things[now.target].now.status)
        return True

    def relate(self, targets: Iterable[str]) -> None:
        """A version of each that came to use something else, or uses it otherwise."""
        for target in targets:
            self._cut(target, "reference")

    def delete(self, id_: str) -> set[str]:
        """Answers whoever used it."""
        self.things[id_].deleted = True
        gone = [one for one in self.uses.values() if id_ in (one.source, one.target)]
        for one in gone:
            self.dormant[one.id] = self.uses.pop(one.id)
        return {one.target for one in gone if one.source == id_}

    def restore(self, id_: str) -> list[str]:
        """Answers whoever uses it again. What would make a circle by now is gone, of what it uses
        sooner than of what uses it.
        """
        thing = self.things[id_]
        thing.deleted = False
        back = []
        for one in sorted(self.dormant.values(), key=lambda one: (one.source != id_, one.id)):
            ends = (one.source, one.target)
            if id_ not in ends or any(self.things[end].deleted for end in ends):
                continue
            del self.dormant[one.id]
            if one.source in self.dependents([one.target]) | {one.target}:
                continue
            self.uses[one.id] = one
            if one.source == id_:
                back.append(one.target)
        moved = self._catch_up(id_, thing.now.status)
        told = {one.id for one in thing.now.built_on}
        untold = told ^ {one.id for one in self.used_by(id_) if not self.holds(one)}
        if untold or (moved and thing.kind not in (*HELD, *HOLDERS)):
            self._cut(id_, "reference")
        users = list(dict.fromkeys(back))
        for user in users:
            self._catch_up(user, self.things[user].now.status)
        self._settle(id_)
        return users

    def approve(self, id_: str, number: int) -> bool:
        thing = self.things[id_]
        if thing.approved == number:
            return False
        thing.approved = number
        return True

    def roll_back(self, id_: str, number: int) -> set[str]:
        """A new version as an old one was: fields, name, and what it was built on."""
        thing = self.things[id_]
        row, goal = thing.now, thing.versions[number]
        changed = {
            k for k in {*row.fields, *goal.fields} if row.fields.get(k) != goal.fields.get(k)
        }
        shown = {k for k in changed if k in SHOWN[thing.kind] or k in goal.visual - row.visual}
        classes = {"visual"} if shown else set()
        if changed - shown or row.name != goal.name:
            classes.add("metadata")
        if self._use_again(id_, goal):
            classes.add("relationship")
        if classes:
            self._cut(
                id_,
                "rollback",
                name=goal.name,
                fields=dict(goal.fields),
                visual=row.visual | goal.visual,
            )
        return classes

    def _use_again(self, id_: str, goal: Row) -> bool:
        then = {one.id: one for one in goal.built_on}
        now = {one.id: one for one in self.used_by(id_) if not self.holds(one)}
        before = dict(now)
        for gone in now.keys() - then.keys():
            del self.uses[gone]
            del before[gone]
        changes = len(before) != len(now)
        for one in then.values():
            source = self.things[one.source]
            if source.deleted:
                continue
            here = one.version
            if one.policy == "latest":
                here = source.now.number
            elif one.policy == "approved":
                here = source.approved or source.now.number
            have = now.get(one.id)
            if have is None:
                if one.source in self.dependents([id_]) | {id_}:
                    continue
            else:
                moved = one.policy == "pinned" and have.version != one.version
                if have.like() == one.like() and not moved:
                    continue
            by = PERSON if one.policy == "pinned" else None
            self.uses[one.id] = replace(one, version=here, pinned_by=by)
            changes = True
        return changes

    # -- what a run does ---------------------------------------------------------------------------

    def run(
        self, roots: Sequence[str], classes: Iterable[str], reached: set[str] | None = None
    ) -> dict[str, Told]:
        """Bring everything that is built on the roots up to date; answers what each is told.

        With ``reached`` the run was cancelled after those.
        """
        classes = set(classes)
        dependents = self.dependents(roots)
        found: dict[str, Told] = {}
        for id_ in self.in_order(dependents):
            if reached is not None and id_ not in reached:
                before = self.things[id_].seen.all
                if self.things[id_].kind in HOLDERS:
                    self._settle(id_)
                after = self.things[id_].seen.all
                found[id_] = Told("cancelled" if before == after else "updated", before, after)
            else:
                found[id_] = self._reach(id_, dependents | set(roots), roots, classes)
        return found

    def _reach(
        self, id_: str, reachable: set[str], roots: Sequence[str], classes: set[str]
    ) -> Told:
        thing = self.things[id_]
        before = thing.seen.all
        moves: list[Use] = []
        held: dict[str, list[Use]] = {}
        pinned = False
        for one in self.used_by(id_):
            if one.source not in reachable or self.holds(one):
                continue
            if one.policy == "pinned":
                latest = self.things[one.source].now.number
                pinned = pinned or self.look_of(one.source, latest, one.overrides) != self.look_of(
                    one.source, one.version, one.overrides
                )
            elif self.is_behind(one) or self._loses(one):
                verdict = self._asked(one, classes)
                if verdict == "update":
                    moves.append(one)
                else:
                    held.setdefault(verdict, []).append(one)
        lost = any(self._loses(one) for one in moves)
        for one in moves:
            self.uses[one.id] = replace(one, version=self.wanted(one))
        for one in held.get("pin", ()):
            self.uses[one.id] = replace(one, policy="pinned", pinned_by="a rule")
        if thing.kind not in (*HELD, *HOLDERS) and (moves or "pin" in held):
            self._cut(id_, "run")
        if thing.kind in HOLDERS:
            self._point_at_members(id_, roots)
        if thing.kind in HOLDERS or moves:
            self._settle(id_)
        after = thing.seen.all
        outcome = self._outcome(set(held), bool(moves), before != after, pinned)
        if lost and outcome not in ("blocked", "awaiting_approval"):
            outcome = "conflict"
        return Told(outcome, before, after)

    def _outcome(self, held: set[str], moved: bool, differs: bool, pinned: bool) -> str:
        severest = {
            "block": "blocked",
            "require_approval": "awaiting_approval",
            "pin": "pinned",
            "mark_stale": "stale",
            "notify": "notified",
        }
        for verdict, outcome in severest.items():
            if verdict in held:
                return outcome
        if moved or differs:
            return "updated"
        return "pinned" if pinned else "unchanged"

    def _point_at_members(self, id_: str, roots: Sequence[str]) -> None:
        for one in self.used_by(id_):
            if self.holds(one) and one.source in roots and one.policy == "latest":
                self.uses[one.id] = replace(one, version=self.things[one.source].now.number)

    # -- versions ----------------------------------------------------------------------------------

    def _built_on(self, id_: str) -> tuple[Use, ...]:
        return tuple(one for one in self.used_by(id_) if not self.holds(one))

    def _cut(self, id_: str, cause: str, **changes: Any) -> None:
        thing = self.things[id_]
        row = thing.now
        number = row.number + 1
        thing.versions[number] = replace(
            row, number=number, built_on=self._built_on(id_), cause=cause, **changes
        )
        self._settle(id_)

    def _settle(self, id_: str) -> None:
        self.things[id_].seen = self.look(id_, as_told=True)

    def _catch_up(self, id_: str, status: str) -> bool:
        """Point where policies ask to, as far as the rules let it; whether anything moved."""
        moved = False
        for one in self.used_by(id_):
            source, goal = self.things[one.source], self.wanted(one)
            if self.holds(one) or goal == one.version:
                continue
            if self.verdict(EVERY_CLASS, source.kind, self.things[id_].kind, status) == "update":
                self.uses[one.id] = replace(one, version=goal)
                moved = True
        return moved
