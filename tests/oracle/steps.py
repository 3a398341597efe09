"""Steps: what people can do, drawn at random from what there is in a film.

Each step knows what to do to the system, and what that means for the film.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

from protocol.errors import Cycle
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from tests.oracle.film import Film
from tests.oracle.things import HELD, SHOWN, Use

__all__ = ["ALL", "CAST", "People", "Step", "Steps"]

ASSETS = ("character", "wardrobe", "prop", "location", "style")
CAST = (
    ("mara", "character"),
    ("otto", "character"),
    ("quay", "location"),
    ("coat", "wardrobe"),
    ("lamp", "prop"),
    ("noir", "style"),
    ("sh1", "shot"),
    ("sh2", "shot"),
    ("sh3", "shot"),
    ("sc1", "scene"),
    ("seq1", "sequence"),
)
ALWAYS = ("character", "wardrobe", "sequence")
"""Kinds that no film is without."""
COLOURS = ("#111111", "#222222")
TEXTS = ("", "Tall.", "Tall, in a wet coat.")
ALL = {"id": "all", "name": "all", "verdict": "update"}
RULES: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"verdict": "block", "source_kinds": ["character"], "target_kinds": ["shot"]},),
    ({"verdict": "pin", "source_kinds": ["location", "character"]},),
    ({"verdict": "mark_stale", "change_classes": ["metadata"]}, {"verdict": "pin"}),
    ({"verdict": "notify", "target_kinds": ["wardrobe", "scene"]},),
    (
        {"verdict": "require_approval", "change_classes": ["relationship"]},
        {"verdict": "block", "target_statuses": ["final"]},
    ),
)


class People(Protocol):
    """Who does it, and in which way: through the services and a store, or in memory."""

    async def create(self, news: Sequence[NewEntity]) -> object: ...

    async def change(self, id_: str, data: Mapping[str, Any]) -> object: ...

    async def change_together(self, given: Sequence[tuple[str, Mapping[str, Any]]]) -> object: ...

    async def set_status(self, id_: str, status: str) -> object: ...

    async def link(self, target: str, new: NewReference) -> object: ...

    async def relink(
        self, reference_id: str, policy: Any, overrides: Mapping[str, Any] | None
    ) -> object: ...

    async def unlink(self, reference_id: str) -> object: ...

    async def approve(self, id_: str, number: int) -> object: ...

    async def delete(self, id_: str) -> object: ...

    async def restore(self, id_: str) -> object: ...

    async def roll_back(self, id_: str, number: int) -> object: ...


class Step(NamedTuple):
    """What somebody does, to the system and to the film.

    ``film`` is given the roots of the run in their order, and answers which there must be, and the
    classes of the change; ``None`` where there must be no run.
    """

    words: str
    system: Callable[[People], Awaitable[object]]
    film: Callable[[Sequence[str]], tuple[Sequence[str], set[str]] | None]


class Steps:
    """Draws steps from a seed."""

    def __init__(self, chance: random.Random, film: Film) -> None:
        self.chance = chance
        self.film = film
        self.alone = True
        """Whether nobody does anything else meanwhile: then it is known what is refused."""
        self._count = 0

    def beginning(self) -> Step:
        """A film to begin with: some of the cast, each built on some of those before it."""
        chance, film = self.chance, self.film
        cast_ = [one for one in CAST if one[1] in ("shot", *ALWAYS) or chance.random() < 0.6]
        news = []
        for position, (id_, kind) in enumerate(cast_):
            fields = self._fields(kind)
            film.create(id_, kind, id_.capitalize(), fields)
            uses = [self._use(source, id_) for source in self._sources(kind, cast_[:position])]
            for one in uses:
                film.link(one)
            film.created(id_)
            references = [_reference(one) for one in uses]
            news.append(NewEntity(kind, id_.capitalize(), fields, id_, references=references))
        return Step("begin", lambda people: people.create(news), lambda roots: None)

    def _sources(self, kind: str, before: Sequence[tuple[str, str]]) -> list[str]:
        """What it is built on from the start, of what there is before it."""
        assets = [one for one, other in before if other in ASSETS]
        if kind == "sequence":
            wanted = [one for one, other in before if other in HELD]
        elif kind == "scene":
            wanted = [one for one, other in before if other == "shot"]
            wanted += self.chance.sample(assets, 1)
        else:
            most = 3 if kind == "shot" else 2
            return self.chance.sample(assets, min(len(assets), self.chance.randint(0, most)))
        return [one for one in wanted if self.chance.random() < 0.7]

    def _use(self, source: str, target: str) -> Use:
        chance = self.chance
        self._count += 1
        number = f"{self._count:04d}"
        policy = chance.choice(("latest", "latest", "latest", "approved", "pinned"))
        if self.film.things[source].kind in HELD:
            policy = "latest"
        version = chance.choice(sorted(self.film.things[source].versions))
        overrides = self._overrides(source) if chance.random() < 0.3 else {}
        order = f"a{chance.randint(0, 9)}"
        role = f"role {number}" if chance.random() < 0.2 else self.film.things[source].kind
        for one in self.film.used_by(target):
            if (one.source, one.role) == (source, role):
                role = f"role {number}"
        return Use(f"ref{number}", source, target, role, policy, version, order, overrides)

    def _overrides(self, source: str) -> dict[str, Any]:
        if self.film.things[source].kind in HELD:
            return {}
        return self._fields(self.film.things[source].kind)

    def _fields(self, kind: str) -> dict[str, Any]:
        """One or two fields: some that show, some that do not, some that no kind declares."""
        names = sorted({*SHOWN[kind], "notes", "mood"} - {"pattern", "framing"})
        found: dict[str, Any] = {}
        for name in self.chance.sample(names, self.chance.randint(1, 2)):
            values: tuple[Any, ...] = TEXTS if name in ("description", "notes") else COLOURS
            found[name] = self.chance.choice(values)
        return found

    # -- what can happen ---------------------------------------------------------------------------

    def drawn(self) -> Step:
        draw: Sequence[tuple[Callable[[], Step | None], int]] = (
            (self._edit, 6),
            (self._batch, 2),
            (self._status, 3),
            (self._link, 3),
            (self._relink, 4),
            (self._unlink, 2),
            (self._approve, 2),
            (self._delete, 2),
            (self._restore, 3),
            (self._roll_back, 3),
            (self._create, 1),
        )
        makers, weights = zip(*draw, strict=True)
        while True:
            step = self.chance.choices(makers, weights)[0]()
            if step is not None:
                return cast("Step", step)

    def _change(self, id_: str) -> tuple[dict[str, Any], dict[str, Any]]:
        kind = self.film.things[id_].kind
        fields = self._fields(kind)
        if self.chance.random() < 0.2 and "mood" in fields:
            return {k: v for k, v in fields.items() if k != "mood"}, {"mood": fields["mood"]}
        if self.chance.random() < 0.1:
            fields["mood"] = None
        return fields, {}

    def _edit(self) -> Step:
        id_ = self.chance.choice(self.film.alive())
        fields, visual = self._change(id_)
        name = self.chance.choice((None, None, None, "Other", id_.capitalize()))
        data: dict[str, Any] = dict(fields)
        if visual:
            data["visual_changes"] = visual
        if name:
            data["name"] = name

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]] | None:
            classes = self.film.edit(id_, fields, visual, name)
            return ([id_], classes) if classes else None

        return Step(
            f"change {id_}: {data}",
            lambda people: people.change(id_, data),
            film,
        )

    def _batch(self) -> Step:
        ids = self.chance.sample(self.film.alive(*ASSETS, "shot"), 2)
        wanted = [(id_, *self._change(id_)) for id_ in ids]
        given: list[tuple[str, Mapping[str, Any]]] = [
            (id_, {**fields, "visual_changes": visual} if visual else fields)
            for id_, fields, visual in wanted
        ]

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]] | None:
            found, classes = [], set()
            for id_, fields, visual in wanted:
                if of_this := self.film.edit(id_, fields, visual):
                    found.append(id_)
                    classes |= of_this
            return (found, classes) if found else None

        return Step(
            f"change together: {given}",
            lambda people: people.change_together(given),
            film,
        )

    def _status(self) -> Step:
        id_ = self.chance.choice(self.film.alive())
        status = self.chance.choice(("final", "final", "wip", "approved"))

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]] | None:
            classes = self.film.edit(id_, {}, {}, status=status)
            return ([id_], classes) if classes else None

        return Step(
            f"{id_} is {status}",
            lambda people: people.set_status(id_, status),
            film,
        )

    def _link(self) -> Step | None:
        film, chance = self.film, self.chance
        target = chance.choice(film.alive())
        kind = film.things[target].kind
        kinds = {"scene": (*ASSETS, "shot"), "sequence": (*ASSETS, *HELD)}.get(kind, ASSETS)
        sources = [one for one in film.alive(*kinds) if one != target]
        if not sources:
            return None
        source = chance.choice(sources)
        use = self._use(source, target)
        round_about = source in film.dependents([target])

        async def system(people: People) -> None:
            try:
                await people.link(target, _reference(use))
            except Cycle:
                assert round_about or not self.alone
            else:
                assert not (round_about and self.alone), "a cycle was made"

        def tell(roots: Sequence[str]) -> tuple[Sequence[str], set[str]] | None:
            if round_about:
                return None
            film.link(use)
            film.relate([target])
            return [target], {"relationship"}

        return Step(f"{target} uses {source}: {use}", system, tell)

    def _some_use(self) -> Use | None:
        return (
            self.chance.choice(found)
            if (found := sorted(self.film.uses.values(), key=lambda one: one.id))
            else None
        )

    def _relink(self) -> Step | None:
        use = self._some_use()
        if use is None:
            return None
        policy: Any = self.chance.choice(("latest", "approved", "pinned", "pinned", None))
        overrides = None
        if policy is None:
            overrides = self._overrides(use.source) if self.chance.random() < 0.6 else {}

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]] | None:
            if not self.film.relink(use.id, policy, overrides):
                return None
            self.film.relate([use.target])
            return [use.target], {"relationship"}

        return Step(
            f"{use.target} uses {use.source} ({use.id}) otherwise: {policy} {overrides}",
            lambda people: people.relink(use.id, policy, overrides),
            film,
        )

    def _unlink(self) -> Step | None:
        use = self._some_use()
        if use is None:
            return None

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]]:
            del self.film.uses[use.id]
            self.film.relate([use.target])
            return [use.target], {"relationship"}

        return Step(
            f"{use.target} no longer uses {use.source} ({use.id})",
            lambda people: people.unlink(use.id),
            film,
        )

    def _approve(self) -> Step:
        id_ = self.chance.choice(self.film.alive(*ASSETS))
        number = self.chance.choice(sorted(self.film.things[id_].versions))

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]] | None:
            approved = self.film.approve(id_, number)
            return ([id_], {"visual", "metadata"}) if approved else None

        return Step(
            f"v{number} of {id_} is approved",
            lambda people: people.approve(id_, number),
            film,
        )

    def _delete(self) -> Step | None:
        alive = self.film.alive()
        if len(alive) < 6:
            return None
        id_ = self.chance.choice(alive)

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]]:
            users = self.film.delete(id_)
            self.film.relate(roots)
            return sorted(users), {"relationship"}

        return Step(
            f"delete {id_}",
            lambda people: people.delete(id_),
            film,
        )

    def _restore(self) -> Step | None:
        gone = sorted(one.id for one in self.film.things.values() if one.deleted)
        if not gone:
            return None
        id_ = self.chance.choice(gone)

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]]:
            users = self.film.restore(id_)
            self.film.relate(roots)
            return users, {"relationship"}

        return Step(
            f"restore {id_}",
            lambda people: people.restore(id_),
            film,
        )

    def _roll_back(self) -> Step:
        id_ = self.chance.choice(self.film.alive())
        number = self.chance.choice(sorted(self.film.things[id_].versions))

        def film(roots: Sequence[str]) -> tuple[Sequence[str], set[str]] | None:
            classes = self.film.roll_back(id_, number)
            return ([id_], classes) if classes else None

        return Step(
            f"roll {id_} back to v{number}",
            lambda people: people.roll_back(id_, number),
            film,
        )

    def _create(self) -> Step:
        self._count += 1
        id_ = f"sh{self._count + 100}"
        fields = self._fields("shot")
        source = self.chance.choice(self.film.alive(*ASSETS) or [""])
        self.film.create(id_, "shot", id_, fields)
        uses = [self._use(source, id_)] if source else []
        del self.film.things[id_]
        new = NewEntity("shot", id_, fields, id_, references=[_reference(one) for one in uses])

        def film(roots: Sequence[str]) -> None:
            self.film.create(id_, "shot", id_, fields)
            for one in uses:
                self.film.link(one)
            self.film.created(id_)

        return Step(
            f"create {id_} with {uses}",
            lambda people: people.create([new]),
            film,
        )


def _reference(use: Use) -> NewReference:
    return NewReference(
        use.source,
        use.role,
        cast("Any", use.policy),
        use.version if use.policy == "pinned" else None,
        use.overrides,
        use.order,
        use.id,
    )
