"""Breakdown: what a draft of a screenplay makes of a project, before anything is made.

Characters and locations become entities, scenes too, and references say who speaks in a scene and
where it plays. A reference that an import made has a role of its own, ``speaks_in`` or
``plays_at``: only those are taken away again when a later draft no longer has them. Where somebody
used the character or location in the scene already, in whatever role, nothing is added, and nothing
will be taken away.

What people changed by hand stays: a field is set only where the script says something else than the
draft before did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fractional_indexing import generate_n_keys_between

from server.domain.entities import STATUSES, Reference
from server.domain.project_data import Skipped
from server.domain.revisions import REVISED_AT, REVISION, shots_on
from server.domain.transaction import Transaction
from server.formats.casting import Casting
from server.formats.earlier_draft import OMITTED, ORDER, SCRIPT, EarlierDraft, EarlierScene
from server.formats.redraft import look_alike, match_scenes, renamed, standing
from server.formats.rewriting import Rewriting
from server.formats.screenplay import Scene, Screenplay, name_key, spoken_name, times_of

__all__ = ["Breakdown", "break_down"]

SPEAKS, PLAYS = "speaks_in", "plays_at"
_MAX_NAME = 300
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_DELETED = "it is deleted in this project; restore it first"


@dataclass(slots=True)
class Breakdown:
    """``data`` is in the project's JSON shape, ``removed`` the references that go, by target.

    ``report`` is what the answer says of the screenplay.
    """

    data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    removed: dict[str, list[Reference]] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    """One scene of the new draft: what it was before, and what it is to be."""

    scene: Scene
    position: int
    id: str
    time: str | None
    before: EarlierScene | None = None
    number: str = ""
    order: str = ""
    moved_from: int | None = None

    @property
    def label(self) -> dict[str, Any]:
        return {"id": self.id, "number": self.number, "heading": self.scene.heading}


def break_down(tx: Transaction, play: Screenplay, earlier: EarlierDraft) -> Breakdown:
    """Hold a draft against a project. Reads only, and takes its time: run it on a thread."""
    return _Breaking(tx, play, earlier).all()


class _Breaking:
    def __init__(self, tx: Transaction, play: Screenplay, earlier: EarlierDraft) -> None:
        self.tx = tx
        self.play = play
        self.earlier = earlier
        self.out = Breakdown(warnings=list(play.warnings))
        self.people = Casting(tx, "character", earlier.named)
        self.places = Casting(tx, "location", earlier.named)
        self.date = play.date or f"{int(tx.at[8:10])} {_MONTHS[int(tx.at[5:7]) - 1]}"
        self.lists: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("added", "omitted", "moved", "rewritten")
        }
        self.shots: dict[str, list[str]] = {}
        self._statuses = tx.settings.get("statuses") or STATUSES

    def all(self) -> Breakdown:
        parts = self._parts()
        people = self._cast(parts)
        locations = self._settle_places(parts)
        self.out.data = {
            "characters": [self._entry(self.people, id_) for id_ in self._in_use(self.people)],
            "locations": [self._location(id_) for id_ in self._in_use(self.places)],
            "scenes": [one for part in parts if (one := self._scene(part)) is not None],
        }
        for old in self._left_out(parts):
            if OMITTED in self._statuses:
                self.out.data["scenes"].append(self._omit(old))
            else:
                reason = f"the draft has it no more, and this project has no status {OMITTED}"
                self.out.skipped.append(Skipped(old.entity.id, reason))
        self.out.report = {
            "title": self.play.title,
            "scenes": self.lists,
            "people": people,
            "locations": locations,
            "affected_shots": [
                {"id": id_, "name": self.tx.name_of(id_), "reason": "; ".join(reasons)}
                for id_, reasons in self.shots.items()
            ],
        }
        return self.out

    # -- scenes known again ------------------------------------------------------------------------

    def _parts(self) -> list[_Part]:
        """The scenes of the draft with what each was before, its id, number and order."""
        scenes, olds = self.play.scenes, self.earlier.scenes
        found = self._match(scenes)
        ids = _free_scene_ids(self.tx)
        parts: list[_Part] = []
        for position, (scene, time) in enumerate(zip(scenes, times_of(scenes), strict=True)):
            before = olds[found[position]] if position in found else None
            id_ = before.entity.id if before else next(ids)
            number = scene.number or str(position + 1)
            parts.append(_Part(scene, position, id_, time, before, number))
        self._put_in_order(parts)
        return parts

    def _match(self, scenes: Sequence[Scene]) -> dict[int, int]:
        """The scenes of the last draft first; what is left may be one that was omitted before."""
        olds = self.earlier.scenes
        live = [index for index, one in enumerate(olds) if not one.omitted]
        found = {b: live[a] for b, a in match_scenes([olds[a].scene for a in live], scenes).items()}
        gone = [index for index, one in enumerate(olds) if one.omitted]
        rest = [index for index in range(len(scenes)) if index not in found]
        back = match_scenes([olds[a].scene for a in gone], [scenes[b] for b in rest])
        return found | {rest[b]: gone[a] for b, a in back.items()}

    def _put_in_order(self, parts: Sequence[_Part]) -> None:
        """Say which scenes moved, and give a place in the order to each that needs one."""
        played = self.earlier.played
        ranks = {id(one): rank for rank, one in enumerate(played)}
        known = [one for one in parts if one.before and id(one.before) in ranks]
        kept = standing([ranks[id(one.before)] for one in known])
        for place, part in enumerate(known):
            before = part.before
            if place not in kept:
                part.moved_from = ranks[id(before)] + 1
            elif before is not None and before.key is not None:
                part.order = before.key
        low: str | None = None
        waiting: list[_Part] = []
        for one in parts:
            if one.order and (low is None or one.order > low):
                _number(waiting, low, one.order)
                low, waiting = one.order, []
            else:
                waiting.append(one)
        _number(waiting, low, None)

    # -- people and places -------------------------------------------------------------------------

    def _cast(self, parts: Sequence[_Part]) -> dict[str, list[Any]]:
        """Settle who everybody is; answers who came, went, goes by another name, or may be one."""
        played = self.earlier.played
        old = {name_key(name): name for one in played for name in one.scene.speakers}
        new = {name_key(name): name for one in parts for name in one.scene.speakers}
        gone = [key for key in old if key not in new]
        came = [key for key in new if key not in old and self.people.named(key) is None]
        ranks = {id(one): rank for rank, one in enumerate(played)}
        pairs = {
            part.position: ranks[id(part.before)]
            for part in parts
            if part.before is not None and id(part.before) in ranks
        }
        olds = [one.scene for one in played]
        names: list[dict[str, str]] = []
        spoken: dict[str, str] = {}
        used = {self.people.named(key) for key in new}
        for key, before in renamed(olds, self.play.scenes, pairs, gone, came).items():
            id_ = self.people.meant(old[before])
            if id_ is not None and id_ not in used and self.tx.exists(id_):
                used.add(id_)
                self.people.claim(new[key], id_)
                spoken[before] = key
                names.append({"id": id_, "from": self.tx.name_of(id_), "to": spoken_name(new[key])})
        self.renamed = {one["id"]: one["to"] for one in names}
        self.people.settle(new.values())
        self.people.names |= self.renamed
        self.rewriting = Rewriting(self.people, spoken)
        ids = {self.people.ids[key]: name for key, name in new.items()}
        were = {id_ for name in old.values() if (id_ := self.people.meant(name)) is not None}
        return {
            "added": [
                {"id": id_, "name": self.people.names[id_], "created": id_ in self.people.new}
                for id_ in ids
                if id_ not in were and not self.people.is_deleted(id_)
            ],
            "renamed": names,
            "gone": [
                {"id": id_, "name": self.tx.name_of(id_)}
                for id_ in dict.fromkeys(map(self.people.meant, old.values()))
                if id_ is not None and id_ not in ids and self.tx.exists(id_)
            ],
            "offered": [
                {"a": self._person(a), "b": self._person(b), "reason": reason}
                for a, b, reason in look_alike(list(ids.values()))
            ],
        }

    def _person(self, name: str) -> dict[str, str]:
        id_ = self.people.id_of(name)
        return {"id": id_, "name": self.people.names[id_]}

    def _settle_places(self, parts: Sequence[_Part]) -> dict[str, list[Any]]:
        """One location for a place, inside and outside of it: they share a look and a name."""
        old = {name_key(one): one for part in self.earlier.played for one in part.scene.says.places}
        new = {name_key(one): one for part in parts for one in part.scene.says.places}
        self.places.settle(new.values())
        self.settings: dict[str, set[str | None]] = {}
        for says in (part.scene.says for part in parts):
            for place in says.places:
                self.settings.setdefault(self.places.id_of(place), set()).add(says.setting)
        ids = {self.places.ids[key] for key in new}
        were = dict.fromkeys(map(self.places.meant, old.values()))
        return {
            "added": [
                {"id": id_, "name": self.places.names[id_], "created": id_ in self.places.new}
                for id_ in dict.fromkeys(self.places.ids[key] for key in new)
                if id_ not in were and not self.places.is_deleted(id_)
            ],
            "gone": [
                {"id": id_, "name": self.tx.name_of(id_)}
                for id_ in were
                if id_ is not None and id_ not in ids and self.tx.exists(id_)
            ],
        }

    def _in_use(self, casting: Casting) -> Iterable[str]:
        return dict.fromkeys(casting.ids.values())

    def _entry(self, casting: Casting, id_: str) -> dict[str, Any]:
        new = id_ in casting.new or id_ in self.renamed
        return {"id": id_, "name": casting.names[id_][:_MAX_NAME]} if new else {"id": id_}

    def _location(self, id_: str) -> dict[str, Any]:
        entry = self._entry(self.places, id_)
        settings = self.settings[id_]
        if id_ in self.places.new and len(settings) == 1 and (setting := settings.pop()):
            entry["fields"] = self._fitting("location", {"setting": setting})
        return entry

    # -- one scene ---------------------------------------------------------------------------------

    def _scene(self, part: _Part) -> dict[str, Any] | None:
        """The scene as the file's entry, its changes told in the lists."""
        fields = self._fields(part)
        if part.before is None:
            self.lists["added"].append(part.label)
            references = [
                {"asset_id": id_, "role": role} for id_, role in self._uses(part.scene).items()
            ]
            return {
                "id": part.id,
                "name": _name(part.scene),
                "fields": self._fitting("scene", fields),
                "references": references,
            }
        if part.before.deleted:
            self.out.skipped.append(Skipped(part.id, _DELETED))
            return None
        return self._again(part, part.before, fields)

    def _fields(self, part: _Part) -> dict[str, Any]:
        scene = part.scene
        return {
            "number": part.number,
            "heading": scene.heading,
            "setting": scene.says.setting,
            "time_of_day": part.time,
            "length_eighths": scene.length_eighths,
            SCRIPT: scene.script,
            ORDER: part.order,
        }

    def _again(self, part: _Part, before: EarlierScene, wanted: dict[str, Any]) -> dict[str, Any]:
        """A scene that was there before: what is different, and what people did stays."""
        old, new, here = before.scene, part.scene, before.entity.current.fields
        said = {
            "setting": old.says.setting,
            "time_of_day": before.time,
            "length_eighths": old.length_eighths,
        }
        fields = {
            name: value
            for name, value in wanted.items()
            if value != here.get(name) and (name not in said or value != said[name])
        }
        entry: dict[str, Any] = {"id": part.id, "references": self._relate(part)}
        if before.entity.name == _name(old) != _name(new):
            entry["name"] = _name(new)
        what = self.rewriting.what(before, part.scene, part.time)
        if part.moved_from is not None:
            places = {"from": part.moved_from, "to": part.position + 1}
            self.lists["moved"].append({**part.label, **places})
        if before.omitted:
            known = before.came_from in self._statuses
            entry["status"] = before.came_from if known else STATUSES[0]
            self.lists["added"].append(part.label)
            fields |= self._revise(part.id, "Back in", what)
        elif what:
            self.lists["rewritten"].append({**part.label, "what": ", ".join(what)})
            fields |= self._revise(part.id, "Rewritten in", what)
        return {**entry, "fields": self._fitting("scene", fields)}

    def _revise(self, id_: str, how: str, what: Sequence[str]) -> dict[str, Any]:
        """Mark a scene as revised, and with it the shots that hang on it."""
        reason = f"{how} the draft of {self.date}" + (f": {', '.join(what)}" if what else "")
        for shot in shots_on(self.tx.state, id_):
            self.shots.setdefault(shot, []).append(reason)
        return {REVISED_AT: self.tx.at, REVISION: reason}

    def _fitting(self, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Those values that the project's own kinds allow; the others are told and left out."""
        out: dict[str, Any] = {}
        for name, value in fields.items():
            spec = self.tx.kinds.get(kind).field(name)
            problem = spec.problem(value) if spec and value is not None else None
            if problem:
                warning = f"{kind}.{name} was left out where it {problem}"
                if warning not in self.out.warnings:
                    self.out.warnings.append(warning)
            else:
                out[name] = value
        return out

    # -- references --------------------------------------------------------------------------------

    def _uses(self, scene: Scene) -> dict[str, str]:
        """What a scene is built on, and in which role; what is deleted stays out."""
        places = {self.places.id_of(one): PLAYS for one in scene.says.places}
        people = {self.people.id_of(one): SPEAKS for one in scene.speakers}
        gone = self.tx.state.deleted
        return {id_: role for id_, role in (places | people).items() if id_ not in gone}

    def _relate(self, part: _Part) -> list[dict[str, str]]:
        """The references that are missing; those that an import made and the draft left go."""
        wanted = self._uses(part.scene)
        here = self.tx.inputs(part.id)
        leaving = [one for one in here if one.role in (SPEAKS, PLAYS) and one.source not in wanted]
        if leaving:
            self.out.removed[part.id] = leaving
        there = {one.source for one in here}
        return [{"asset_id": id_, "role": role} for id_, role in wanted.items() if id_ not in there]

    # -- scenes that the draft no longer has -------------------------------------------------------

    def _left_out(self, parts: Sequence[_Part]) -> list[EarlierScene]:
        """Those that it omits now. What a person omitted or deleted is so already."""
        used = {part.id for part in parts}
        return [
            one
            for one in self.earlier.played
            if one.entity.id not in used and not one.deleted and one.entity.status != OMITTED
        ]

    def _omit(self, old: EarlierScene) -> dict[str, Any]:
        id_ = old.entity.id
        number = str(old.entity.current.fields.get("number") or "")
        self.lists["omitted"].append({"id": id_, "number": number, "heading": old.scene.heading})
        fields = self._fitting("scene", self._revise(id_, "Omitted in", []))
        return {"id": id_, "status": OMITTED, "fields": fields}


def _name(scene: Scene) -> str:
    return scene.heading[:_MAX_NAME].strip() or "Scene"


def _number(waiting: Sequence[_Part], low: str | None, high: str | None) -> None:
    """Give scenes a place in the order, between two that have one."""
    keys = generate_n_keys_between(low, high, len(waiting))
    for part, key in zip(waiting, keys, strict=True):
        part.order = key


def _free_scene_ids(tx: Transaction) -> Iterator[str]:
    """``scene-001`` and on, after the highest number that an id of the project has."""
    taken = [*tx.state.entities, *tx.state.deleted]
    numbers = [one.removeprefix("scene-") for one in taken if one.startswith("scene-")]
    number = max((int(one) for one in numbers if one.isdecimal() and len(one) < 10), default=0)
    while True:
        number += 1
        yield f"scene-{number:03d}"
