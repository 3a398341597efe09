"""The demo: what it promises to whoever opens it first."""

from __future__ import annotations

import re

from server.demo import DEMO_ID, load_demo, production
from server.domain.actors import Actor
from server.formats.json import import_project
from server.services import changes, reading
from server.services.projects import Projects
from server.storage import SqliteStorage

ME = Actor("mara", "cli")
COAT = "keepers-coat"


async def test_the_demo_is_whole_and_loaded_once() -> None:
    storage = await SqliteStorage.open(None)
    projects = Projects(storage)
    owner = await load_demo(projects, ME)
    counts: dict[str, int] = {}
    for entity in owner.state.entities.values():
        category = owner.state.category(entity.id)
        counts[category] = counts.get(category, 0) + 1
    assert counts == {"asset": 12, "sequence": 3, "scene": 6, "shot": 24}
    assert owner.project_id == DEMO_ID
    seq = owner.state.seq
    assert await load_demo(projects, ME) is owner
    assert (await import_project(owner, production(), ME))["unchanged"] == 45
    assert owner.state.seq == seq
    await projects.close()
    await storage.close()


async def test_every_field_of_every_kind_is_filled() -> None:
    storage = await SqliteStorage.open(None)
    projects = Projects(storage)
    owner = await load_demo(projects, ME)
    for entity in owner.state.entities.values():
        kind = owner.state.kind(entity)
        for spec in kind.fields:
            if spec.name in ("heading", "script", "script_order", "revised_at", "revision"):
                continue  # a screenplay fills these
            value = entity.current.fields.get(spec.name)
            assert value is not None, f"{entity.id}.{spec.name}"
            if spec.type == "colour":
                assert re.fullmatch(r"#[0-9a-f]{6}", value)
        assert len(entity.current.fields["description"]) > 40
    await projects.close()
    await storage.close()


async def test_changing_the_coat_is_a_show() -> None:
    storage = await SqliteStorage.open(None)
    projects = Projects(storage)
    owner = await load_demo(projects, ME)
    worn = [
        one
        for one in owner.state.references.values()
        if one.source == COAT and owner.state.category(one.target) == "shot"
    ]
    assert len(worn) >= 9
    for one in worn:
        assert any(ref.source == "edda" for ref in owner.state.inputs(one.target).values())
    pinned = {one.target: one.version for one in worn if one.policy == "pinned"}
    assert pinned == {"sh020": 1, "sh100": 2}
    assert reading.resolved(owner, "sh020")["prompt"].count("#66794f") == 1
    first = await reading.version_json(owner, COAT, 1)
    assert first["message"] == "First idea: company green"
    finals = [one for one in owner.state.entities.values() if one.status == "final"]
    assert len(finals) == 2
    assert any(one.overrides for one in owner.state.references.values())
    result = await changes.propagate_asset_change(owner, COAT, {"colour": "#224466"}, ME)
    assert result.counts["pinned"] == 2
    assert result.counts["awaiting_approval"] == 2
    assert result.counts["updated"] >= 9
    await projects.close()
    await storage.close()
