"""Restoring a project to a moment: its impact first, then all of it in one step and one run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from protocol.errors import FieldError, Invalid, NotFound
from server.domain.actors import Actor
from server.domain.changes import Classification
from server.domain.digests import canonical
from server.domain.ids import new_id
from server.domain.past import Past
from server.domain.plan import Plan
from server.domain.runs import Run
from server.domain.shown import Seen, ShownPlan, Subject
from server.domain.transaction import Transaction
from server.propagation.project import ProjectOwner
from server.propagation.recording import record_at_once, tell_finished
from server.propagation.restoring import CAUSE, Restoration
from server.services.answers import PropagationResult, result_of
from server.services.plans import Impact, check_shown, impact_of, subject_of

__all__ = ["ProjectRestored", "restore_project", "restore_project_impact"]

_STEPS = 20
"""So many steps of the journal are read at once: a batch names up to 500 references."""
_VERSIONS = 200
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class ProjectRestored:
    """What restoring a project led to. ``versions`` are the new ones."""

    to: str
    versions: Sequence[str]
    deleted: Sequence[str]
    restored: Sequence[str]
    kept: Sequence[dict[str, str]]
    propagation: PropagationResult

    def to_json(self) -> dict[str, Any]:
        return {
            **self.propagation.to_json(),
            "success": True,
            "to": self.to,
            "versions": list(self.versions),
            "deleted": list(self.deleted),
            "restored": list(self.restored),
            "kept": list(self.kept),
        }


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment, in words, and the first step after it: ``None`` where nothing came after."""

    to: str
    words: str
    first: int | None


async def restore_project(
    owner: ProjectOwner,
    to: str,
    actor: Actor,
    reason: str = "",
    *,
    plan_hash: str | None = None,
) -> ProjectRestored:
    """Bring a whole project back to how it was at a time, or before a run: one step, all of it new
    versions, with one run that tells what became of each entity.

    Raises Invalid for a moment that cannot be told, NotFound for a run that is not there, StalePlan
    where it would not do what ``plan_hash`` showed.
    """
    moment = await _moment(owner, to)
    past = await _past(owner, moment)
    message = reason or f"Restored the project to how it was {moment.words}"
    async with owner.step(actor) as tx:
        run_id = new_id("run")
        made = await _build(owner, tx, past, run_id, moment, message)
        if plan_hash is not None:
            check_shown(owner, tx, (await _shown(owner, made))[1], plan_hash)
        run = None if made.is_empty else _run(tx, made, run_id, message)
        if run is None:
            tx.discard()
        else:
            _conclude(tx, made, run, moment, reason)
    versions = [one.version.id for one in made.proposals if one.version is not None]
    result = PropagationResult("success", 0, versions[0] if versions else "", None)
    if run is not None:
        result = result_of(run, versions[0] if versions else "")
    return ProjectRestored(moment.to, versions, made.deleted, made.restored, made.kept, result)


async def restore_project_impact(owner: ProjectOwner, to: str, actor: Actor) -> Impact:
    """What restoring a project would do; nothing is done. Raises as ``restore_project``."""
    moment = await _moment(owner, to)
    past = await _past(owner, moment)
    async with owner.preview(actor) as tx:
        made = await _build(owner, tx, past, new_id("plan"), moment, "")
        plan, shown = await _shown(owner, made)
        found = await impact_of(owner, made.proposals, plan, shown.hash)
    owner.plans.remember(shown)
    more = {"deleted": made.deleted, "restored": made.restored, "kept": made.kept}
    return Impact({**found, "to": moment.to, "versions": len(made.proposals), **more})


# -- the moment ------------------------------------------------------------------------------------


async def _moment(owner: ProjectOwner, to: str) -> _Moment:
    """Raises Invalid for no moment, for one to come, and for one before the journal begins."""
    storage, project_id = owner.storage, owner.project_id
    begins = await storage.journal_begins(project_id)
    if to.startswith("run-"):
        run = owner.engine.known(to) or await storage.run(to)
        if run.project_id != project_id:
            raise NotFound(f"There is no run {to!r}")
        _check_begins(run.created_at, begins)
        first = await storage.first_step(project_id, run_id=run.id)
        if first is None:
            first = await storage.first_step(project_id, after=run.created_at)
        return _Moment(run.id, f"before {run.id}", first)
    at = _time(to)
    if at > owner.now():
        raise Invalid("Nobody knows what is to come", [FieldError("to", "must not be to come")])
    _check_begins(at, begins)
    return _Moment(at, f"at {at}", await storage.first_step(project_id, after=at))


def _check_begins(at: str, begins: str) -> None:
    if at < begins:
        problem = f"must not be before {begins}, when this project's history begins"
        raise Invalid("How the project was then is not known", [FieldError("to", problem)])


def _time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        problem = "must be an ISO time such as 2026-05-01T12:00:00Z, or the id of a run"
        raise Invalid("There is no such moment", [FieldError("to", problem)]) from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _past(owner: ProjectOwner, moment: _Moment) -> Past:
    """The project at a moment, with every version that it names at hand."""
    async with owner.preview(Actor("", "read")):
        past = Past(owner.state)
        before: int | None = None
        while moment.first is not None:
            steps = await owner.storage.steps(owner.project_id, moment.first, before, _STEPS)
            for before, undo in steps:  # noqa: B007 - the last one is where the next page begins
                past.take_back(undo)
                await asyncio.sleep(0)
            if len(steps) < _STEPS:
                break
    await _know(owner, past)
    return past


async def _know(owner: ProjectOwner, past: Past) -> None:
    """Bring the versions of a past to hand, with what they were built on, all the way down."""
    waiting = {(id_, was.version) for id_, was in past.entities.items() if not was.deleted}
    waiting |= {
        (id_, was.approved)
        for id_, was in past.entities.items()
        if was.approved is not None and not was.deleted
    }
    waiting |= {(one.source, one.version) for one in past.references()}
    known = owner.state.versions
    missing = sorted(key for key in waiting if key not in known)
    while missing:
        part, missing = missing[:_VERSIONS], missing[_VERSIONS:]
        part = [key for key in part if key not in known]
        found = await owner.storage.some_versions(owner.project_id, part)
        owner.state.load_versions(found)
        below = {(one.source, one.version) for version in found for one in version.references}
        missing += sorted(key for key in below if key not in known)


# -- the step --------------------------------------------------------------------------------------


async def _build(
    owner: ProjectOwner, tx: Transaction, past: Past, run_id: str, moment: _Moment, message: str
) -> Restoration:
    made = Restoration(tx, past, owner.draft_state, run_id, moment.words)
    await made.make(message)
    return made


async def _shown(owner: ProjectOwner, made: Restoration) -> tuple[Plan, ShownPlan]:
    """What a restoration does, as a plan; two that do the same have the same hash."""
    plan = Plan((("realtime", tuple(one.entity_id for one in made.outcomes)),))
    outcomes: dict[str, Seen] = {}
    for number, outcome in enumerate(made.outcomes):
        plan.add(outcome)
        outcomes[outcome.entity_id] = Seen(outcome.kind, outcome.outcome, outcome.reason)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    subjects: list[Subject] = []
    changes = sha256()
    for number, one in enumerate(made.proposals):
        subjects.append(subject_of(owner, one))
        versions = None if one.root is None else list(one.root)
        changes.update(canonical([one.entity_id, one.change.to_json(), versions]))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    rests_on = [changes.hexdigest(), made.deleted, made.restored]
    return plan, ShownPlan(plan.hash(rests_on), tuple(subjects), outcomes)


def _run(tx: Transaction, made: Restoration, run_id: str, message: str) -> Run:
    """The run of a restoration: it has ended when it begins, for everything is in its step."""
    classes = Classification.of_all(one.classification for one in made.proposals).classes
    return Run.at_once(
        run_id,
        tx.state.id,
        made.roots,
        classes,
        CAUSE,
        tx.author.user,
        message,
        len(made.outcomes),
        tx.at,
    )


def _conclude(tx: Transaction, made: Restoration, run: Run, moment: _Moment, reason: str) -> None:
    """Put the run, its word and its one entry in the audit on the step."""
    record_at_once(tx, run, made.outcomes)
    tx.save_run(run)
    tell_finished(tx, run)
    detail = {
        "to": moment.to,
        "reason": reason,
        "versions": len(made.proposals),
        "deleted": made.deleted,
        "restored": made.restored,
        "kept": made.kept,
        "counts": dict(run.counts),
    }
    tx.audit("project_restored", detail, None, run.id)
