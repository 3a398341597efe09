"""Publishing: what is typed in a draft becomes a version, as functions on a transaction.

One bad field stops no other: what does not fit stays in the draft, and is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from protocol.errors import FieldError, Invalid
from server.domain import drafts
from server.domain.changes import unpublished
from server.domain.transaction import Transaction
from server.propagation.documents import Documents, typed_in
from server.propagation.pipeline import Edit, Proposal, propose

__all__ = ["propose_draft", "propose_values"]


def propose_values(
    tx: Transaction, entity_id: str, fields: Iterable[str], draft: bytes
) -> tuple[Proposal, list[FieldError]]:
    """Make a version of some discrete fields of a draft, and say what does not fit."""
    kind = tx.kind(tx.entity(entity_id))
    typed = typed_in(draft)
    wanted = {name: typed.get(name) for name in fields if not kind.is_prose(name)}
    fitting, errors = _sort_out(kind.check, wanted)
    edit = Edit(entity_id, fitting, cause="edit", from_draft=True)
    return propose(tx, edit, Documents(b"", b"")), errors


def propose_draft(
    tx: Transaction, entity_id: str, draft: bytes, message: str
) -> tuple[Proposal, list[FieldError]]:
    """Make a version of all that a draft is ahead, and say what does not fit."""
    entity = tx.entity(entity_id)
    wanted = unpublished(entity.current.fields, drafts.read_values(draft))
    fitting, errors = _sort_out(tx.kind(entity).check, wanted)
    edit = Edit(
        entity_id, fitting, message=message, cause="edit", from_draft=True, whole_draft=True
    )
    return propose(tx, edit, Documents(b"", draft)), errors


def _sort_out(
    check: Callable[[Mapping[str, Any]], dict[str, Any]], wanted: Mapping[str, Any]
) -> tuple[dict[str, Any], list[FieldError]]:
    """Those fields that fit, and what is wrong with the others."""
    fitting: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in wanted.items():
        try:
            fitting.update(check({name: value}))
        except Invalid as error:
            errors.extend(error.errors)
    return fitting, errors
