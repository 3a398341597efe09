"""Documents: the CRDT states that an edit builds on, and how it comes into them.

A draft is never made anew: whatever it is to hold comes to it as an update, and what somebody typed
and did not publish is kept aside first, where it would be gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from server.domain import drafts
from server.domain.changes import Change, diff_fields, set_fields, unpublished
from server.domain.entities import Entity
from server.domain.transaction import Transaction

__all__ = ["Documents", "edit_draft", "park", "rewrite_draft", "typed_in"]


@dataclass(frozen=True, slots=True)
class Documents:
    """An entity's documents: the state its current version was cut from, and its draft as it is
    now; ``editor`` is who typed in it last, empty where nobody knows.
    """

    version: bytes
    draft: bytes
    editor: str = ""


def typed_in(draft: bytes) -> dict[str, Any]:
    """What a draft holds, without the fields that are null."""
    return set_fields({}, drafts.read_values(draft))


def edit_draft(
    tx: Transaction, entity: Entity, fields: Mapping[str, Any], documents: Documents
) -> bytes | None:
    """Bring fields into a draft beside what is typed there; answers the state of the version's own,
    where it has one.
    """
    if not fields:
        return None
    edited = drafts.edit_draft(documents.version, documents.draft, tx.kind(entity), fields)
    tx.update_document(entity.id, edited.update)
    return edited.state if edited.state != documents.version else None


def rewrite_draft(
    tx: Transaction, entity: Entity, fields: Mapping[str, Any], draft: bytes
) -> bytes:
    """Make a draft hold some fields and nothing else, what was typed kept aside; answers its
    state.
    """
    typed = typed_in(draft)
    if unpublished(entity.current.fields, typed):
        park(tx, entity, draft)
    edited = drafts.edit_at_head(draft, tx.kind(entity), {**dict.fromkeys(typed), **fields})
    tx.update_document(entity.id, edited.update)
    return edited.state


def park(tx: Transaction, entity: Entity, draft: bytes) -> None:
    """Keep what is typed and not published as a version that is never current."""
    current, typed = entity.current, typed_in(draft)
    number = entity.last_number + 1
    parked = tx.manager.create_version(
        entity_id=entity.id,
        kind=tx.kind(entity),
        number=number,
        previous=current.number,
        name=current.name,
        status=current.status,
        fields=typed,
        visual_fields=current.visual_fields,
        references=current.references,
        inputs=current.built_on_digests,
        change=Change(fields=diff_fields(current.fields, typed)),
        timestamp=tx.at,
        author=tx.author.user,
        message="Unpublished typing, kept before a rollback",
        cause="parked",
        run_id=None,
    )
    tx.put_version(parked, draft)
    tx.put_entity(replace(entity, last_number=number))
