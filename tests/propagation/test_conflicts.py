"""Conflicts on the real owner and the real store: dependencies that cannot be as somebody wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.errors import Conflict, Cycle, Forbidden, Invalid, NotFound, Unavailable
from server.domain import drafts
from server.domain.actors import Actor
from server.domain.commit import Commit
from server.domain.conflicts import Clash
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.services import conflicts, entities
from server.system import AssetPropagationSystem
from server.verify import verify_project
from tests.propagation.test_engine import rule, with_rules

ME = Actor("mara", "test")
EDITOR = Actor("ines", "test", "editor")


async def a_coat(system: AssetPropagationSystem, status: str = "wip", **overrides: Any) -> str:
    """A coat with a torn hem, and a shot of it; answers the reference."""
    fields = {"colour": "#ffee00", "hem": "torn"}
    await system.create_entity("wardrobe", "Coat", fields, id="coat")
    uses = [{"source": "coat", "overrides": overrides}]
    shot = await system.create_entity("shot", "sh1", id="sh1", status=status, references=uses)
    return str(shot["references"][0]["id"])


async def waiting(system: AssetPropagationSystem, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await system.list_conflicts(**wanted))["items"]
    return found


async def shown(system: AssetPropagationSystem, entity_id: str = "sh1") -> dict[str, Any]:
    (one,) = (await system.get_entity(entity_id))["references"]
    found: dict[str, Any] = one
    return found


async def whole(owner: ProjectOwner) -> None:
    problems: list[str] = []
    await verify_project(owner.storage, owner.project_id, problems.append)
    assert problems == []


# -- overrides of what is gone ---------------------------------------------------------------------


async def test_an_override_of_what_is_gone_survives_until_somebody_decides() -> None:
    async with AssetPropagationSystem("film") as system:
        await a_coat(system, hem="sewn")
        done = await system.propagate_asset_change("coat", {"colour": "#000000", "hem": None})
        assert done.counts == {"conflict": 1}
        assert (done.status, done.requires_intervention) == ("conflict", True)
        (one,) = await waiting(system)
        assert [dict(found) for found in done.conflicts] == [
            {key: one[key] for key in done.conflicts[0]}
        ]
        assert (one["type"], one["field"]) == ("dependency_conflict", "@references")
        assert one["ours"]["overrides"] == {"hem": "sewn"}
        assert one["theirs"]["overrides"] == {}
        assert one["reason"] == "its override of hem has nothing to override in Coat v2"
        assert one["run_id"] == done.run_id
        now = await shown(system)
        assert (now["version"], now["overrides"]) == (2, {"hem": "sewn"})
        dropped = await system.resolve_conflict(one["id"], "theirs")
        assert dropped.propagation.status == "success"
        assert (await shown(system))["overrides"] == {}
        await whole(await system.owner())


async def test_an_override_that_hides_its_own_loss_is_noticed() -> None:
    async with AssetPropagationSystem("film") as system:
        await a_coat(system, hem="sewn")
        done = await system.propagate_asset_change("coat", {"hem": None})
        assert done.counts == {"conflict": 1}
        (one,) = await waiting(system)
        await system.resolve_conflict(one["id"], "ours")
        assert (await shown(system))["overrides"] == {"hem": "sewn"}
        assert (await system.propagate_asset_change("coat", {"colour": "#111111"})).counts == {
            "updated": 1
        }


async def test_an_override_that_somebody_takes_away_needs_no_decision() -> None:
    async with AssetPropagationSystem("film") as system:
        id_ = await a_coat(system, hem="sewn")
        await system.propagate_asset_change("coat", {"hem": None})
        await entities.relink(await system.owner(), id_, ME, overrides={}, wait=None)
        assert await waiting(system) == []
        (one,) = await waiting(system, status="closed")
        assert one["reason"] == "it is so by now"
        with pytest.raises(Conflict, match="closed"):
            await system.resolve_conflict(one["id"], "theirs")


# -- what is final, and no rule about it -----------------------------------------------------------


async def test_a_final_shot_that_no_rule_is_about_waits_and_the_rest_goes_on() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await with_rules(owner, rule("assets", "update", target_kinds=["wardrobe"]))
        await a_coat(system, status="final")
        await system.create_test_shots(3, "coat")
        done = await system.propagate_asset_change("coat", {"colour": "#000000"})
        assert done.counts == {"conflict": 1, "updated": 3}
        (one,) = await waiting(system)
        assert (one["ours"]["version"], one["theirs"]["version"]) == (1, 2)
        assert one["resolution_options"] == ["ours", "theirs"]
        assert (await shown(system))["version"] == 1
        again = await system.propagate_asset_change("coat", {"colour": "#111111"})
        (later,) = await waiting(system)
        assert (later["id"], later["theirs"]["version"]) == (one["id"], 3)
        assert later["run_id"] == again.run_id
        with pytest.raises(Invalid):
            await system.resolve_conflict(one["id"], "merged")
        with pytest.raises(Forbidden):
            await conflicts.resolve_conflict(owner, one["id"], "theirs", EDITOR, wait=None)
        await system.resolve_conflict(one["id"], "theirs")
        assert (await shown(system))["version"] == 3
        await whole(owner)


async def test_ours_pins_what_is_final_to_what_it_shows() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await with_rules(owner)
        await a_coat(system, status="final")
        await system.propagate_asset_change("coat", {"colour": "#000000"})
        (one,) = await waiting(system)
        await conflicts.resolve_conflict(owner, one["id"], "ours", EDITOR, wait=None)
        now = await shown(system)
        assert (now["policy"], now["version"]) == ("pinned", 1)
        done = await system.propagate_asset_change("coat", {"colour": "#111111"})
        assert done.counts == {"pinned": 1}
        assert await waiting(system) == []


async def test_a_final_shot_that_is_unlocked_catches_up_and_needs_no_decision() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await with_rules(owner)
        await a_coat(system, status="final")
        await system.propagate_asset_change("coat", {"colour": "#000000"})
        await entities.patch_entity(owner, "sh1", ME, status="wip", wait=None)
        assert (await shown(system))["version"] == 2
        assert await waiting(system) == []


async def test_a_final_asset_that_no_rule_is_about_shields_what_is_below_it() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await with_rules(owner)
        await system.create_entity("character", "Mara", {"hair": "#111111"}, id="mara")
        uses = [{"source": "mara"}]
        await system.create_entity("wardrobe", "Coat", id="coat", status="final", references=uses)
        await system.create_entity("shot", "sh1", id="sh1", references=[{"source": "coat"}])
        done = await system.propagate_asset_change("mara", {"hair": "#222222"})
        assert done.counts == {"conflict": 1, "unchanged": 1}
        (one,) = await waiting(system)
        settled = await system.resolve_conflict(one["id"], "theirs")
        assert settled.propagation.counts == {"updated": 1}


# -- references that cannot be ---------------------------------------------------------------------


async def test_a_link_that_would_make_a_cycle_is_refused_and_kept() -> None:
    async with AssetPropagationSystem("film") as system:
        await system.create_entity("character", "Mara", id="mara")
        await system.create_entity("wardrobe", "Coat", id="coat", references=[{"source": "mara"}])
        for _ in range(3):
            with pytest.raises(Cycle):
                await system.add_reference("coat", "mara", overrides={"hem": "sewn"})
        (one,) = await waiting(system, status="resolved")
        assert (one["automatic"], one["resolution"]) == (True, "ours")
        assert one["theirs"]["overrides"] == {"hem": "sewn"}
        assert one["reason"].startswith("refused: This reference would make a cycle: coat → mara")
        with pytest.raises(Cycle):
            await system.resolve_conflict(one["id"], "theirs")
        reference = await shown(system, "coat")
        await entities.unlink(await system.owner(), reference["id"], ME, None)
        await system.resolve_conflict(one["id"], "theirs")
        assert (await shown(system, "mara"))["source"] == "coat"


async def test_a_link_to_what_somebody_deleted_meanwhile_is_refused_and_kept() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await system.create_entity("prop", "Lamp", id="lamp")
        await system.create_entity("shot", "sh1", id="sh1")
        await entities.delete_entity(owner, "lamp", ME, force=True, wait=None)
        for source in ("lamp", "nothing"):
            with pytest.raises(NotFound):
                await system.add_reference(source, "sh1")
        (one,) = await waiting(system, status="resolved")
        assert one["reason"] == "refused: Lamp was deleted"
        with pytest.raises(NotFound):
            await system.resolve_conflict(one["id"], "theirs")
        await entities.restore_entity(owner, "lamp", ME, None)
        await system.resolve_conflict(one["id"], "theirs")
        assert (await shown(system))["source"] == "lamp"


@pytest.mark.parametrize(("status", "version"), [("final", None), ("wip", 1)])
async def test_deleting_what_a_locked_shot_uses_waits_for_whoever_decides(
    status: str, version: int | None
) -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await system.create_entity("prop", "Lamp", id="lamp")
        uses = [{"source": "lamp", "version": version}]
        await system.create_entity("shot", "sh1", id="sh1", status=status, references=uses)
        await entities.delete_entity(owner, "lamp", ME, force=True, wait=None)
        (one,) = await waiting(system)
        assert (one["entity_id"], one["field"], one["severity"]) == ("lamp", "@deleted", "high")
        assert one["reason"] == "sh1 used it, pinned or final"
        await system.resolve_conflict(one["id"], "theirs")
        assert (await shown(system))["source"] == "lamp"


async def test_a_deletion_that_is_undone_by_hand_needs_no_decision() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await system.create_entity("prop", "Lamp", id="lamp")
        uses = [{"source": "lamp", "version": 1}]
        await system.create_entity("shot", "sh1", id="sh1", references=uses)
        await entities.delete_entity(owner, "lamp", ME, force=True, wait=None)
        await entities.restore_entity(owner, "lamp", ME, None)
        assert await waiting(system) == []


async def test_a_rollback_keeps_the_reference_that_it_cannot_bring_back() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await system.create_entity("character", "Mara", {"hair": "#111111"}, id="mara")
        uses = [{"source": "mara", "overrides": {"hair": "#333333"}}]
        await system.create_entity("wardrobe", "Coat", {}, id="coat", references=uses)
        await entities.delete_entity(owner, "mara", ME, force=True, wait=None)
        back = await system.rollback_to_version("coat", 1)
        assert back.success
        (one,) = await waiting(system, status="resolved")
        assert one["reason"] == "refused: Mara was deleted"
        assert one["theirs"]["overrides"] == {"hair": "#333333"}


# -- drafts, storage -------------------------------------------------------------------------------


async def test_what_was_set_in_a_draft_and_overtaken_by_a_script_is_kept() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await a_coat(system)
        kind = owner.state.kind(owner.state.entity("coat"))
        typed = drafts.edit_at_head(await owner.draft_state("coat"), kind, {"colour": "#00aa00"})
        async with owner.step(ME) as tx:
            tx.update_document("coat", typed.update)
            tx.audit("typed", {}, "coat")
        done = await system.propagate_asset_change("coat", {"colour": "#0000aa"})
        assert done.status == "success"
        (one,) = await waiting(system, status="resolved")
        assert (one["type"], one["ours"], one["theirs"]) == (
            "simultaneous_edit", "#0000aa", "#00aa00",
        )  # fmt: skip
        await system.resolve_conflict(one["id"], "theirs")
        assert (await system.get_entity("coat"))["fields"]["colour"] == "#00aa00"


async def test_what_was_replaced_in_a_draft_is_kept_unless_it_was_published() -> None:
    async with AssetPropagationSystem("film") as system:
        await a_coat(system)
        owner = await system.owner()
        published = Clash("colour", "#0000aa", "ines", "#ffee00", "theo", seen=True)
        await owner.keep_simultaneous("coat", [published])
        assert await waiting(system, status="any") == []
        await owner.keep_simultaneous("coat", [published, published._replace(lost="#00aa00")])
        (one,) = await waiting(system, status="any")
        assert (one["ours"], one["theirs"], one["automatic"]) == ("#0000aa", "#00aa00", True)
        assert one["reason"] == (
            "set by theo, and otherwise by ines before it was published; what ines set was kept"
        )
        await system.resolve_conflict(one["id"], "theirs")
        assert (await system.get_entity("coat"))["fields"]["colour"] == "#00aa00"
        await whole(owner)


async def test_what_waits_waits_after_a_restart_too(tmp_path: Path) -> None:
    path = tmp_path / "film.db"
    async with AssetPropagationSystem("film", path=path) as system:
        await a_coat(system, hem="sewn")
        await system.propagate_asset_change("coat", {"hem": None})
        before = await waiting(system)
    async with AssetPropagationSystem("film", path=path) as system:
        assert await waiting(system) == before
        assert len((await system.owner()).state.conflicts) == 1
        await system.resolve_conflict(before[0]["id"], "theirs")
        assert await waiting(system) == []


async def test_a_choice_that_the_store_does_not_take_is_not_made() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await a_coat(system, hem="sewn")
        await system.propagate_asset_change("coat", {"hem": None})
        (one,) = await waiting(system)
        commit = owner.storage.commit

        async def failing(_: Commit) -> None:
            raise Unavailable("The disk is full")

        setattr(owner.storage, "commit", failing)  # noqa: B010 - a method of a protocol
        with pytest.raises(Unavailable):
            await system.resolve_conflict(one["id"], "theirs")
        setattr(owner.storage, "commit", commit)  # noqa: B010
        assert await waiting(system) == [one]
        await system.resolve_conflict(one["id"], "theirs")


async def test_previews_record_nothing() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await a_coat(system, hem="sewn")
        seq = owner.seq
        plan = await system.calculate_change_impact("coat", {"hem": None})
        assert plan["counts"] == {"conflict": 1}
        assert (await waiting(system, status="any"), owner.seq) == ([], seq)
        done = await system.propagate_asset_change(
            "coat", {"hem": None}, plan_hash=plan["plan_hash"]
        )
        assert done.counts == plan["counts"]


async def test_many_conflicts_of_a_run_are_one_event_and_one_audit_entry() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        await a_coat(system, hem="sewn")
        over = [NewReference("coat", overrides={"hem": "sewn"})]
        news = [NewEntity("shot", f"s{n}", {}, f"s{n}", references=over) for n in range(20)]
        await entities.create_entities(owner, news, ME)
        seq = owner.seq
        await system.propagate_asset_change("coat", {"hem": None})
        events = [one for one in await owner.events_after(seq) or () if "conflict" in one.type]
        assert [len(one.body["entities"]) for one in events] == [21]
