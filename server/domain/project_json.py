"""The mission's project JSON: lists of entities by kind, edges named where they are used.

    {"characters": [{"id", "name", …}], "wardrobes": [{"id", "worn_by"}], …,
     "props": [{"id", "used_in"}], "assets": [{"id", "type", …}], "sequences": [{"sequence_id"}],
     "scenes": [{"scene_id"}], "shots": [{"shot_id", "sequence_id", "scene_id", "visual_prompt":
     {"character_references": […]}}]}

A kind's list is its name with an ``s``. An entry of ``assets`` adds to the one with the same id, or
makes it. What is not structural is a field of the entity; what a ``visual_prompt`` says besides its
references is a visual one. A reference is an id, or an object with ``asset_id`` and what else is to
be said. On top of that shape, any entry may have ``fields``, ``references``, ``visual_fields``,
``versions`` and ``deleted``, and the file a ``project``: with them an export loses nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain.default_kinds import default_kinds
from server.domain.entities import POLICIES
from server.domain.ids import id_problem, is_order
from server.domain.kinds import KindRegistry
from server.domain.project_data import (
    EntityData,
    ProjectData,
    ReferenceData,
    Skipped,
    VersionData,
)

__all__ = ["list_name", "read_edges", "read_nodes", "read_project"]

_HOLDERS = {"shot": ("scene", "sequence"), "scene": ("sequence",)}
_SUFFIX = "_references"
_REFERENCE_KEYS = frozenset(
    {
        "source",
        "asset_id",
        "id",
        "target",
        "role",
        "policy",
        "version",
        "overrides",
        "order",
        "pinned_by",
    }
)


def list_name(kind: str) -> str | None:
    """The key of a kind's list; ``None`` where it is taken: then ``assets`` holds the kind."""
    name = f"{kind}s"
    return None if name in ("assets", "project") else name


def read_nodes(data: Any) -> Iterator[tuple[str, str, str]]:
    """``(id, kind, category)`` of every entity that can be read; unknown kinds are assets."""
    kinds = default_kinds()
    for entity in _read(data, None).entities.values():
        category = kinds.get(entity.kind).category if entity.kind in kinds else "asset"
        yield entity.id, entity.kind, category


def read_edges(data: Any) -> Iterator[tuple[str, str, str]]:
    """``(source, target, role)`` of every edge whose two ends can be read, each once."""
    project = _read(data, None)
    entities = project.entities
    seen: set[tuple[str, str, str]] = set()
    joined: set[tuple[str, str]] = set()
    for one in sorted(project.references, key=lambda one: one.plain):
        if one.source not in entities or one.target not in entities:
            continue
        edge = one.source, one.target, one.role or entities[one.source].kind
        if edge in seen or (one.plain and edge[:2] in joined):
            continue
        seen.add(edge)
        joined.add(edge[:2])
        yield edge


def read_project(data: Any, kinds: KindRegistry) -> ProjectData:
    """All of a file, its values checked against these kinds; ``errors`` names every problem."""
    return _read(data, kinds)


def _read(data: Any, kinds: KindRegistry | None) -> ProjectData:
    reader = _Reader(kinds)
    reader.file(data)
    return reader.project


class _Reader:
    """Reads one file. Without kinds it takes any kind, and values as they are."""

    def __init__(self, kinds: KindRegistry | None) -> None:
        self.kinds = kinds
        self.project = ProjectData()
        self._lists = {
            key: kind.name for kind in kinds or default_kinds() if (key := list_name(kind.name))
        }
        self._categories = {kind.name: kind.category for kind in kinds or default_kinds()}

    def bad(self, path: str, message: str) -> None:
        self.project.errors.append(FieldError(path, message))

    # -- the file ----------------------------------------------------------------------------------

    def file(self, data: Any) -> None:
        if not isinstance(data, dict):
            self.bad("body", "must be an object with lists of entities")
            return
        for key, value in data.items():
            if key in ("project", "assets"):
                continue
            kind = self._lists.get(key)
            if kind is None and self.kinds is None and key.endswith("s"):
                kind = key[:-1]
            if kind is not None:
                for path, item in self.items(value, key):
                    self.entry(kind, item, path)
            elif isinstance(value, list):
                reason = f"there is no kind {key.removesuffix('s')!r} in this project"
                self.project.skipped.append(Skipped(key, reason))
            else:
                self.project.unknown[key] += 1
        for path, item in self.items(data.get("assets"), "assets"):
            self.asset(item, path)

    def items(self, value: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if value is None:
            return
        if not isinstance(value, list):
            if self.kinds is not None or key in self._lists:
                self.bad(key, "must be a list")
            return
        for index, item in enumerate(value):
            path = f"{key}.{index}"
            if isinstance(item, dict):
                yield path, item
            else:
                self.bad(path, "must be an object")

    def entry(self, kind: str, item: dict[str, Any], path: str) -> None:
        entity_id = self.id_of(item, kind, path)
        if entity_id is None:
            return
        if entity_id in self.project.entities:
            self.bad(path, f"{entity_id} stands there twice")
            return
        entity = self.project.entities[entity_id] = EntityData(kind, entity_id, path)
        self.fill(
            entity,
            {
                key: value
                for key, value in item.items()
                if value != kind or key not in ("type", "kind")
            },
        )

    def asset(self, item: dict[str, Any], path: str) -> None:
        given = item.get("type", item.get("kind"))
        entity_id = self.id_of(item, "asset", path)
        if entity_id is None:
            return
        known = self.project.entities.get(entity_id)
        kind = given if given is not None else known.kind if known else "asset"
        if not isinstance(kind, str) or (self.kinds is not None and kind not in self.kinds):
            names = ", ".join(self._categories)
            self.bad(f"{path}.type", f"must be one of: {names}")
            return
        if known is None:
            known = self.project.entities[entity_id] = EntityData(kind, entity_id, path)
        elif known.kind != kind:
            self.bad(f"{path}.type", f"{entity_id} is a {known.kind} elsewhere in the file")
            return
        known.path = path
        self.fill(known, {key: value for key, value in item.items() if key not in ("type", "kind")})

    def id_of(self, item: Mapping[str, Any], kind: str, path: str) -> str | None:
        keys = [key for key in (f"{kind}_id", "id", "asset_id") if item.get(key) is not None]
        if not keys:
            self.bad(f"{path}.id", "must be there")
            return None
        return self.id(item[keys[0]], f"{path}.{keys[0]}")

    def id(self, value: Any, path: str) -> str | None:
        problem = id_problem(value)
        if problem is not None:
            self.bad(path, problem)
            return None
        return unicodedata.normalize("NFC", value)

    # -- one entry ---------------------------------------------------------------------------------

    def fill(self, entity: EntityData, item: Mapping[str, Any]) -> None:
        """Take in what an entry says. What is not structural is a field."""
        path, own = entity.path, (f"{entity.kind}_id", "id", "asset_id")
        fields: dict[str, Any] = {}
        for key, value in item.items():
            if key in own or self.structural(entity, key, value, f"{path}.{key}"):
                continue
            fields[key] = value
        prompt = item.get("visual_prompt")
        if prompt is not None:
            self.prompt(entity, prompt, f"{path}.visual_prompt", fields)
        self.fields(entity, fields, path)
        nested = item.get("fields")
        if isinstance(nested, dict):
            self.fields(entity, nested, f"{path}.fields")
        elif nested is not None:
            self.bad(f"{path}.fields", "must be an object")

    def structural(self, entity: EntityData, key: str, value: Any, path: str) -> bool:
        """Take in what is no field; False where it is one."""
        match key:
            case "name" | "status":
                if isinstance(value, str):
                    setattr(entity, key, value)
                elif value is not None:
                    self.bad(path, "must be text")
            case "fields" | "visual_prompt":
                pass
            case "references":
                self.mentions(entity.id, value, path)
            case "visual_fields" if isinstance(value, list):
                entity.visual_fields |= {str(name) for name in value}
            case "versions" if isinstance(value, list):
                self.versions(entity, value, path)
            case "deleted" if isinstance(value, bool):
                entity.deleted = value
            case "worn_by" | "used_in" if self.category(entity) == "asset":
                self.mentions(entity.id, value, path, key)
            case _ if key.endswith(_SUFFIX) and isinstance(value, list):
                self.mentions(entity.id, value, path)
            case _:
                return self.holder(entity, key, value, path)
        return True

    def holder(self, entity: EntityData, key: str, value: Any, path: str) -> bool:
        """Take in which scene or sequence something stands in; False where a key does not say."""
        if key.removesuffix("_id") not in _HOLDERS.get(entity.kind, ()) or key[-3:] != "_id":
            return False
        if value is not None and (holder := self.id(value, path)) is not None:
            self.project.references.append(ReferenceData(entity.id, holder, path, True))
        return True

    def category(self, entity: EntityData) -> str:
        return self._categories.get(entity.kind, "asset")

    def prompt(self, entity: EntityData, value: Any, path: str, fields: dict[str, Any]) -> None:
        """References by kind; anything else that a prompt says is a visual field."""
        if isinstance(value, str):
            value = {"description": value}
        if not isinstance(value, dict):
            self.bad(path, "must be an object")
            return
        for key, item in value.items():
            if key.endswith(_SUFFIX):
                self.mentions(entity.id, item, f"{path}.{key}")
            elif key not in fields:
                fields[key] = item
                entity.visual_fields |= {key}

    def fields(self, entity: EntityData, fields: Mapping[str, Any], path: str) -> None:
        entity.fields.update(self.checked(entity.kind, fields, path))

    def checked(self, kind: str, fields: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        if self.kinds is None:
            return fields
        try:
            return self.kinds.get(kind).check(fields, path)
        except Invalid as error:
            self.project.errors.extend(error.errors)
            return {}

    # -- references --------------------------------------------------------------------------------

    def mentions(self, target: str, value: Any, path: str, role: str | None = None) -> None:
        """One reference or a list of them, each an id or an object."""
        if value is None:
            return
        if not isinstance(value, list):
            value, paths = [value], [path]
        else:
            paths = [f"{path}.{index}" for index in range(len(value))]
        for item, where in zip(value, paths, strict=True):
            reference = self.reference(target, item, where, role)
            if reference is not None:
                self.project.references.append(reference)

    def reference(
        self, target: str, item: Any, path: str, role: str | None
    ) -> ReferenceData | None:
        if not isinstance(item, dict):
            source = self.id(item, path)
            return None if source is None else ReferenceData(source, target, path, True, role)
        key = next((key for key in ("source", "asset_id", "id") if item.get(key) is not None), None)
        if key is None:
            self.bad(f"{path}.asset_id", "must be there")
            return None
        source = self.id(item[key], f"{path}.{key}")
        if source is None or not self.fits(item, path):
            return None
        for other in item.keys() - _REFERENCE_KEYS:
            self.project.unknown[f"“{other}” of a reference"] += 1
        said = {
            name: item[name]
            for name in ("role", "policy", "version", "overrides", "order", "pinned_by")
            if item.get(name) is not None
        }
        if key != "id" and item.get("id") is not None:
            said["id"] = item["id"]
        plain = not said
        if role is not None:
            said.setdefault("role", role)
        return ReferenceData(source, target, path, plain, **said)

    def fits(self, item: Mapping[str, Any], path: str) -> bool:
        """Whether what a reference says is of the right type."""
        before = len(self.project.errors)
        for name in ("role", "pinned_by", "id"):
            value = item.get(name)
            if value is not None and not (isinstance(value, str) and 0 < len(value) <= 200):
                self.bad(f"{path}.{name}", "must be a short text")
        if item.get("policy") not in (None, *POLICIES):
            self.bad(f"{path}.policy", "must be one of: " + ", ".join(POLICIES))
        if item.get("version") is not None and not _is_number(item["version"]):
            self.bad(f"{path}.version", "must be a version number")
        if item.get("overrides") is not None and not isinstance(item["overrides"], dict):
            self.bad(f"{path}.overrides", "must be an object")
        if item.get("order") is not None and not is_order(item["order"]):
            self.bad(f"{path}.order", "must be a fractional index")
        return len(self.project.errors) == before

    # -- versions ----------------------------------------------------------------------------------

    def versions(self, entity: EntityData, items: list[Any], path: str) -> None:
        """The versions that a file tells of: the newest is the entry itself, others are whole."""
        entity.restored = True
        numbers: set[int] = set()
        for index, item in enumerate(items):
            where = f"{path}.{index}"
            if not isinstance(item, dict) or not _is_number(item.get("number")):
                self.bad(where, "must be an object with a number")
                continue
            number = item["number"]
            if number in numbers:
                self.bad(where, f"version {number} stands there twice")
            numbers.add(number)
            if item.get("approved"):
                entity.approved = number
            if "fields" in item:
                self.version(entity, number, item, where)
        entity.number = max(numbers, default=1)

    def version(self, entity: EntityData, number: int, item: Mapping[str, Any], path: str) -> None:
        if not isinstance(item["fields"], dict):
            self.bad(f"{path}.fields", "must be an object")
            return
        visual, references = item.get("visual_fields") or [], item.get("references") or []
        if not isinstance(visual, list) or not isinstance(references, list):
            self.bad(path, "has lists of visual_fields and references")
            return
        read = [
            self.reference(entity.id, one, f"{path}.references.{index}", None)
            for index, one in enumerate(references)
        ]
        entity.versions[number] = VersionData(
            number,
            str(item.get("name") or entity.id),
            str(item.get("status") or "wip"),
            self.checked(entity.kind, item["fields"], f"{path}.fields"),
            frozenset(map(str, visual)),
            [one for one in read if one is not None],
            str(item.get("message") or ""),
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 2**53
