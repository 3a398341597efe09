"""A property: exporting a project and importing it elsewhere gives the same project."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import Cycle, Invalid, RipplecutError
from server.domain.drafts import read_values
from server.formats.json import export_project, import_project
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.services import changes, entities
from server.services.projects import Projects
from server.storage import SqliteStorage
from server.verify import verify_project
from tests.formats.world import ME, looks

KINDS = ("character", "wardrobe", "prop", "shot", "shot", "scene", "sequence")
POLICIES = ("latest", "pinned", "approved")
Step = tuple[str, int, int, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["create"] * 3
            + ["link", "change"] * 2
            + ["pin", "unpin", "override", "approve", "final", "visual", "rename"]
            + ["delete", "restore", "unlink"]
        ),
        st.integers(0, 30),
        st.integers(0, 30),
        st.integers(0, 30),
    ),
    min_size=6,
    max_size=40,
)


def _pick(items: Sequence[Any], number: int) -> Any:
    return items[number % len(items)]


async def _play(owner: ProjectOwner, step: Step, number: int) -> None:
    """One thing that somebody does; what the project refuses is no part of the story."""
    what, a, b, c = step
    ids = sorted(owner.state.entities)
    edges = sorted(owner.state.references.values(), key=lambda one: (one.target, one.source))
    references = [one.id for one in edges]
    if what == "create" or not ids:
        fields = {"description": f"d{b}"}
        entity = NewEntity(_pick(KINDS, a), f"N{number}", fields, f"e{number}")
        await entities.create_entity(owner, entity, ME)
    elif what == "link":
        new = NewReference(_pick(ids, b), policy=_pick(POLICIES, c))
        try:
            await entities.link(owner, _pick(ids, a), new, ME)
        except (Cycle, Invalid):
            new = replace(new, source=_pick(ids, a))
            await entities.link(owner, _pick(ids, b), new, ME)
    elif what in ("change", "visual"):
        data = {"description": f"d{b}"} if what == "change" else {"visual_changes": {"mood": b}}
        await changes.propagate_asset_change(owner, _pick(ids, a), data, ME)
    elif what == "approve":
        asset_id = _pick(ids, a)
        newest = owner.state.entity(asset_id).current.number
        await changes.approve(owner, asset_id, 1 + b % newest, ME)
    elif what == "final":
        await entities.patch_entity(owner, _pick(ids, a), ME, status="final")
    elif what == "rename":
        await entities.patch_entity(owner, _pick(ids, a), ME, name=f"R{b}")
    elif what == "delete":
        await entities.delete_entity(owner, _pick(ids, a), ME, force=True)
    elif what == "restore" and owner.state.deleted:
        await entities.restore_entity(owner, _pick(sorted(owner.state.deleted), a), ME)
    elif references:
        await _change_reference(owner, what, _pick(references, a), b)


async def _change_reference(owner: ProjectOwner, what: str, reference_id: str, b: int) -> None:
    reference = owner.state.references[reference_id]
    newest = owner.state.entity(reference.source).current.number
    if what == "pin":
        await entities.relink(owner, reference_id, ME, policy="pinned", version=1 + b % newest)
    elif what == "unpin":
        await entities.relink(owner, reference_id, ME, policy="latest")
    elif what == "override":
        await entities.relink(owner, reference_id, ME, overrides={"description": f"o{b % 3}"})
    elif what == "unlink":
        await entities.unlink(owner, reference_id, ME)


async def _check(story: list[Step]) -> dict[str, Any]:
    """Play a story, export it, import it elsewhere, and hold the two together; answers the file."""
    storage = await SqliteStorage.open(None)
    projects = Projects(storage)
    try:
        here = await projects.create("Here", "here", ME)
        for number, step in enumerate(story):
            try:
                await _play(here, step, number)
            except RipplecutError:
                continue
        file: dict[str, Any] = orjson.loads(orjson.dumps(export_project(here)))
        there = await projects.create("There", "there", ME)
        report = await import_project(there, file, ME)
        assert report["skipped"] == []
        assert report["warnings"] == []
        assert looks(there) == looks(here)
        assert orjson.loads(orjson.dumps(export_project(there))) == file
        again = await import_project(there, file, ME)
        assert again["unchanged"] == len(here.state.entities)
        # What was stored is what is in memory, and drafts hold what was published.
        fresh = await Projects(storage).open("there")
        assert looks(fresh) == looks(there)
        assert orjson.loads(orjson.dumps(export_project(fresh))) == file
        for entity in fresh.state.entities.values():
            draft = await fresh.draft_state(entity.id)
            assert fresh.draft_changes(entity.id, read_values(draft)) == {}
        said: list[str] = []
        for project_id in ("here", "there"):
            await verify_project(storage, project_id, said.append)
        assert said == []
        return file
    finally:
        await projects.close()
        await storage.close()


@settings(max_examples=25)
@given(steps)
def test_an_import_elsewhere_gives_the_same_project(story: list[Step]) -> None:
    asyncio.run(_check(story))


def test_what_was_approved_of_something_deleted_stays_approved() -> None:
    """It was lost, where an older version of something else still shows it."""
    story = [("create", 0, 0, 0)] * 3
    story += [("link", 2, 1, 0), ("link", 0, 2, 1), ("approve", 1, 0, 0), ("delete", 1, 0, 0)]
    asyncio.run(_check(story))


@pytest.mark.soak
@settings(max_examples=200)
@given(steps)
def test_two_hundred_imports_elsewhere_give_the_same_project(story: list[Step]) -> None:
    asyncio.run(_check(story))


def test_a_pin_on_what_is_older_and_partly_deleted_survives_the_way() -> None:
    story = [
        ("create", 0, 1, 0),
        ("create", 1, 1, 0),
        ("link", 1, 0, 0),
        ("create", 3, 1, 0),
        ("link", 2, 1, 0),
        ("change", 0, 5, 0),
        ("change", 1, 6, 0),
        ("pin", 1, 0, 0),
        ("change", 1, 7, 0),
        ("approve", 1, 1, 0),
        ("delete", 0, 0, 0),
    ]
    file = asyncio.run(_check(story))
    assert [one["number"] for one in file["wardrobes"][0]["versions"]] == [1, 2, 6]
    assert file["characters"][0]["deleted"]
