"""Shown: what everything in a project looks like, and should look like, worked out from nothing.

- A *look* is everything that shows of something, in full, down to the last thing that it is built
  on. Equal looks get the same number (``Looks``), so two states look the same exactly when their
  numbers are equal.
- A pin holds all the way down: a version of an asset embeds which versions it was built on.
- What is shown is what the pointers say; what *should* be shown is what the policies say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.things import HELD, SHOWN, Looks, Pair, Row, Thing, Use

__all__ = ["Shown"]


@dataclass
class Shown:
    """The whole of a project, to be asked how something looks and what the rules say of it."""

    looks: Looks
    rules: Sequence[Mapping[str, Any]]
    things: dict[str, Thing] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    dormant: dict[str, Use] = field(default_factory=dict)
    _known: dict[Any, Pair] = field(default_factory=dict)

    def forget(self) -> None:
        """Other versions may have these numbers now."""
        self._known.clear()

    def settle(self) -> None:
        """Work out how everything looks, from nothing."""
        for id_ in self.things:
            self.things[id_].seen = self.look(id_)

    # -- looking -----------------------------------------------------------------------------------

    def alive(self, *kinds: str) -> list[str]:
        return sorted(
            one.id
            for one in self.things.values()
            if not one.deleted and (not kinds or one.kind in kinds)
        )

    def used_by(self, target: str) -> list[Use]:
        """What a thing is built on."""
        found = [one for one in self.uses.values() if one.target == target]
        return sorted(found, key=lambda one: (one.order, one.id))

    def users_of(self, source: str) -> list[Use]:
        return [one for one in self.uses.values() if one.source == source]

    def holds(self, use: Use) -> bool:
        """Whether it says that a shot or scene stands somewhere."""
        return self.things[use.source].kind in HELD

    def _own(self, id_: str, row: Row, overrides: Mapping[str, Any]) -> Pair:
        key = (id_, row.number, "own", json.dumps(overrides, sort_keys=True) if overrides else "")
        if key not in self._known:
            self._known[key] = self._own_of(self.things[id_].kind, row, overrides)
        return self._known[key]

    def _own_of(self, kind: str, row: Row, overrides: Mapping[str, Any]) -> Pair:
        fields = {**row.fields, **overrides}
        shown = {k: v for k, v in fields.items() if k in SHOWN[kind] or k in row.visual}
        extra = tuple(sorted(row.visual & fields.keys()))
        return Pair(
            self.looks.number(("own", kind, json.dumps(shown, sort_keys=True))),
            self.looks.number(("own", kind, row.name, json.dumps(fields, sort_keys=True), extra)),
        )

    def _whole(self, own: Pair, inputs: Iterable[tuple[str, str, Pair]], members: Any) -> Pair:
        inputs = list(inputs)
        return Pair(
            *(
                self.looks.number(
                    (
                        own[facet],
                        tuple(sorted((role, id_, look[facet]) for role, id_, look in inputs)),
                        tuple(sorted((id_, order, look[facet]) for id_, order, look in members)),
                    )
                )
                for facet in (0, 1)
            )
        )

    def look_of(self, id_: str, number: int, overrides: Mapping[str, Any] | None = None) -> Pair:
        """How a version looks to whoever uses it, all the way down. A version is for good, and so
        is this.
        """
        row = self.things[id_].versions[number]
        key = (id_, number, json.dumps(overrides, sort_keys=True) if overrides else "")
        if key not in self._known:
            below = [
                (one.role, one.source, self.look_of(one.source, one.version, one.overrides))
                for one in row.built_on
            ]
            own = self._own(id_, row, overrides or {})
            self._known[key] = self._whole(own, below, ())
        return self._known[key]

    def look(self, id_: str, *, as_told: bool = False) -> Pair:
        """How a thing looks now: itself, what it is built on, and what stands in it.

        ``as_told``: what stands in it looks as it did when that was last worked out.
        """
        thing = self.things[id_]
        inputs, members = [], []
        for one in self.used_by(id_):
            if self.holds(one):
                source = self.things[one.source]
                member = source.seen if as_told else self.look(one.source)
                members.append((one.source, one.order, member))
            else:
                shown = self.look_of(one.source, one.version, one.overrides)
                inputs.append((one.role, one.source, shown))
        return self._whole(self._own(id_, thing.now, {}), inputs, members)

    def wanted(self, use: Use) -> int:
        """The version that a policy asks for."""
        source = self.things[use.source]
        if use.policy == "latest":
            return source.now.number
        if use.policy == "approved":
            return source.approved or use.version
        return use.version

    def is_behind(self, use: Use) -> bool:
        """Whether what a policy asks for looks different from what is shown."""
        goal = self.wanted(use)
        return not self.holds(use) and self.look_of(
            use.source, goal, use.overrides
        ) != self.look_of(use.source, use.version, use.overrides)

    def left_behind(self) -> list[Use]:
        """References that should have moved: policy asks for it, and no rule holds them."""
        return [
            one
            for one in self.uses.values()
            if one.policy != "pinned"
            and self.is_behind(one)
            and {self._asked(one, set()), self._asked(one, {"relationship"})} == {"update"}
        ]

    def is_stale(self, id_: str) -> bool:
        return any(self.is_behind(one) for one in self.used_by(id_))

    def shown(self, id_: str) -> list[dict[str, Any]]:
        """The references of a thing as they are resolved, those below them too."""
        return [self._shown(one) for one in self.used_by(id_)]

    def _shown(self, use: Use) -> dict[str, Any]:
        source = self.things[use.source]
        held = self.holds(use)
        row = source.now if held else source.versions[use.version]
        return {
            "source": use.source,
            "name": row.name,
            "version": use.version,
            "fields": {**row.fields, **use.overrides},
            "references": [] if held else [self._shown(one) for one in row.built_on],
        }

    def verdict(self, classes: Iterable[str], source: str, target: str, status: str) -> str:
        """What the rules say: the first that fits decides, and without one things follow: behind
        those of a film there always is one that lets everything follow.
        """
        asked = {
            "change_classes": set(classes),
            "source_kinds": {source},
            "target_kinds": {target},
            "target_statuses": {status},
        }
        for rule in self.rules:
            if all(not rule.get(key) or set(rule[key]) & having for key, having in asked.items()):
                return str(rule["verdict"])
        return "update"

    def _loses(self, use: Use) -> bool:
        """Whether an override would have nothing to override in what the policy asks for."""
        versions = self.things[use.source].versions
        then, now = versions[use.version].fields, versions[self.wanted(use)].fields
        return any(name in then and name not in now for name in use.overrides)

    def _asked(self, use: Use, classes: set[str]) -> str:
        """The rules are asked with what lies between the version shown and the one to come."""
        shown = self.look_of(use.source, use.version, use.overrides)
        goal = self.look_of(use.source, self.wanted(use), use.overrides)
        asked = {"visual" if shown.visual != goal.visual else "metadata"}
        if "relationship" in classes:
            asked.add("relationship")
        target = self.things[use.target]
        return self.verdict(asked, self.things[use.source].kind, target.kind, target.now.status)

    def dependents(self, roots: Iterable[str]) -> set[str]:
        """All that is built on any of these, however far away."""
        found: set[str] = set()
        waiting = list(roots)
        while waiting:
            here = waiting.pop()
            for one in self.users_of(here):
                if one.target not in found:
                    found.add(one.target)
                    waiting.append(one.target)
        return found

    def in_order(self, ids: Iterable[str]) -> list[str]:
        """Each after everything that it is built on."""
        left, done = set(ids), []
        while left:
            free = sorted(
                id_ for id_ in left if not any(one.source in left for one in self.used_by(id_))
            )
            done += free
            left -= set(free)
        return done
