"""Drafts: what Ripplecut itself does to an entity's CRDT document, as functions from bytes to
bytes.

A document's shared types: a ``Y.Map`` named ``fields``; prose fields are ``Y.Text`` in it, the
others plain JSON. Every function that edits takes a fresh random client id of 32 bits, because
reusing one after a lost transaction would leave two replicas different for ever. The one exception
is the seed of a field that is declared later: the same bytes wherever it is made.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pycrdt import Array, Doc, Map, Text, merge_updates

from protocol.codec import Reader
from protocol.errors import Invalid
from protocol.update_scan import scan_update
from protocol.ysync import decode_state_vector, fresh_client_id
from server.domain.kinds import MAX_JSON_DEPTH, Kind, normalise
from server.domain.text import Edit, edits

__all__ = [
    "Edited",
    "declare_prose",
    "edit_at_head",
    "edit_draft",
    "fields_of",
    "merge_states",
    "merge_text",
    "read_values",
    "seed",
]


logger = logging.getLogger(__name__)


class Edited(NamedTuple):
    """A document after an edit: its whole state, and the update that holds just the difference."""

    state: bytes
    update: bytes


def seed(kind: Kind, fields: Mapping[str, Any]) -> bytes:
    """The first state of an entity's document: every prose field a text, also when it is empty."""
    doc: Doc[Any] = Doc(client_id=fresh_client_id())
    root = doc.get("fields", type=Map)
    with doc.transaction():
        for name in kind.prose:
            root[name] = Text(str(fields.get(name) or ""))
        for name, value in fields.items():
            if not kind.is_prose(name):
                root[name] = value
    return doc.get_update()


def _open(states: Iterable[bytes]) -> tuple[Doc[Any], Map[Any]]:
    whole = list(states)
    while True:
        doc: Doc[Any] = Doc(client_id=fresh_client_id())
        for state in whole:
            doc.apply_update(state)
        # An id of 32 bits is fresh when nobody in the document has it.
        if doc.client_id not in decode_state_vector(Reader(doc.get_state())):
            return doc, doc.get("fields", type=Map)


def merge_states(states: Iterable[bytes]) -> bytes:
    """One state that holds all of several: a base and the updates after it, in any order.

    What would overflow the CRDT library's stack is left out and logged.
    """
    doc, _ = _open(state for state in states if _can_be_read(state))
    return doc.get_update()


def read_values(state: bytes) -> dict[str, Any]:
    """The fields of a document as JSON; what JSON cannot hold is left out."""
    _, root = _open([state])
    return fields_of(root)


def fields_of(root: Map[Any]) -> dict[str, Any]:
    """The root map ``fields`` as JSON, field by field: one that JSON cannot hold (markup, bytes, a
    document, what nests too deeply) is left out, and the others stay.
    """
    values: dict[str, Any] = {}
    for name in root.keys():  # noqa: SIM118 - pycrdt types its iterator wrongly
        try:
            values[name] = normalise(_plain(root[name]))
        except BaseException as error:
            # A panic of the library derives from BaseException and cannot be imported.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
    return values


def _plain(value: Any, depth: int = 0) -> Any:
    """A shared type as plain values; raises ValueError for what nests too deeply."""
    if depth > MAX_JSON_DEPTH:
        raise ValueError("is nested too deeply")
    match value:
        case Text():
            return str(value)
        case Map():
            return {name: _plain(item, depth + 1) for name, item in value.items()}
        case Array():
            return [_plain(item, depth + 1) for item in value]
        case _:
            return value


def _can_be_read(update: bytes) -> bool:
    try:
        scan_update(update, max_depth=MAX_JSON_DEPTH)
    except Invalid as error:
        logger.error("A stored update is left out: %s", error.detail)
        return False
    return True


def _set_text(root: Map[Any], name: str, text: str) -> None:
    current = root.get(name)
    if not isinstance(current, Text):
        root[name] = Text(text)
        return
    for edit in edits(str(current), text):
        start = _units(str(current), edit.position)
        end = _units(str(current), edit.position + edit.deleted)
        if end > start:
            del current[start:end]
        if edit.inserted:
            current.insert(start, edit.inserted)


def _units(text: str, position: int) -> int:
    """A character position in the unit that pycrdt's texts count in: UTF-8 bytes."""
    return len(text[:position].encode())


def _apply(root: Map[Any], kind: Kind, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if kind.is_prose(name):
            _set_text(root, name, str(value or ""))
        else:
            root[name] = value


def edit_draft(
    version_state: bytes, draft_state: bytes, kind: Kind, fields: Mapping[str, Any]
) -> Edited:
    """Bring an API change of the current version into a draft that may be ahead of it.

    Prose is edited on a fork of the version's state and merged as a CRDT merges, so other people's
    unpublished typing stays. Other fields are set on top of the draft: a map entry has one last
    writer, and that is this edit. ``state`` is the new version's state, ``update`` what the draft
    needs.
    """
    doc, root = _open([version_state])
    before = doc.get_state()
    forked = [name for name in fields if kind.is_prose(name) and _can_fork(root, draft_state, name)]
    for name in forked:
        if name not in root:
            doc.apply_update(_declared(name))
    with doc.transaction():
        _apply(root, kind, {name: fields[name] for name in forked})
    updates = [doc.get_update(before)] if forked else []
    state = doc.get_update() if forked else version_state
    at_head = {name: value for name, value in fields.items() if name not in forked}
    if at_head:
        updates.append(edit_at_head(draft_state, kind, at_head).update)
    return Edited(state, merge_updates(*updates) if len(updates) > 1 else updates[0])


def _can_fork(root: Map[Any], draft_state: bytes, name: str) -> bool:
    """Whether a version's prose field has one lineage with the draft's: the version has the text,
    or has nothing there while the draft has the text that a declaration makes, or nothing.
    """
    if name in root:
        return isinstance(root[name], Text)
    draft, here = _open([draft_state])
    return name not in here or _seeder(name) in decode_state_vector(Reader(draft.get_state()))


def _seeder(name: str) -> int:
    """The client that seeds a field which is declared later. The same one everywhere: a version
    and a draft that know nothing of each other's seed have made the same one.
    """
    return int.from_bytes(hashlib.sha256(f"declared {name}".encode()).digest()[:4], "big")


def _declared(name: str) -> bytes:
    """The update that puts an empty text where a document has nothing yet. It depends on the name
    alone, so that it can be applied twice.
    """
    fork: Doc[Any] = Doc(client_id=_seeder(name))
    fork.get("fields", type=Map)[name] = Text("")
    return fork.get_update()


def edit_at_head(draft_state: bytes, kind: Kind, fields: Mapping[str, Any]) -> Edited:
    """Edit a draft where it stands: afterwards its fields are these, whatever had been typed."""
    doc, root = _open([draft_state])
    before = doc.get_state()
    with doc.transaction():
        _apply(root, kind, fields)
    return Edited(doc.get_update(), doc.get_update(before))


def declare_prose(draft_state: bytes, names: Collection[str]) -> bytes | None:
    """The update that seeds later-declared prose fields; ``None`` when all of them are texts
    already.
    """
    doc, root = _open([draft_state])
    before = doc.get_state()
    changed = False
    for name in names:
        if name not in root:
            doc.apply_update(_declared(name))
            changed = True
    with doc.transaction():
        for name in names:
            value = root[name]
            if not isinstance(value, Text):
                root[name] = Text(value if isinstance(value, str) else "")
                changed = True
    return doc.get_update(before) if changed else None


def merge_text(base: str, ours: str, theirs: str) -> str:
    """Merge two texts that grew from one base, the way their editors would have merged live.

    What both did alike is done once. It does not matter which side is which.
    """
    one, other = edits(base, ours), edits(base, theirs)
    alike = [edit for edit in one if edit in other]
    text = _edited(base, alike)
    # The smaller client id goes first where both insert at one place: decided by the texts alone.
    sides = sorted(
        _after(text, [edit for edit in side if edit not in alike], alike) for side in (one, other)
    )
    doc: Doc[Any] = Doc(client_id=1)
    doc.get("fields", type=Map)["text"] = Text(text)
    start = doc.get_update()
    forks: list[bytes] = []
    for client, side in enumerate(sides, 2):
        fork: Doc[Any] = Doc(client_id=client)
        fork.apply_update(start)
        with fork.transaction():
            _set_text(fork.get("fields", type=Map), "text", side)
        forks.append(fork.get_update())
    return str(_open(forks)[1]["text"])


def _edited(text: str, script: Iterable[Edit]) -> str:
    """A text with edits made, which are given last first."""
    for position, deleted, inserted in script:
        text = text[:position] + inserted + text[position + deleted :]
    return text


def _after(text: str, script: Iterable[Edit], made: Sequence[Edit]) -> str:
    """A text in which some edits are made already, with others of the same base on top."""
    moved = [
        edit._replace(
            position=edit.position
            + sum(
                len(done.inserted) - done.deleted for done in made if done.position < edit.position
            )
        )
        for edit in script
    ]
    return _edited(text, moved)
