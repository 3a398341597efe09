"""Text: edit scripts between two texts, for applying to a CRDT text and for showing to people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

__all__ = ["Edit", "Span", "edits", "word_diff"]

_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")
_LINES = re.compile(r"[^\n]+\n*|\n+")
_MOST_PAIRS = 1_000_000


class Edit(NamedTuple):
    """At character ``position`` of the old text, delete ``deleted`` characters and insert
    ``inserted``.
    """

    position: int
    deleted: int
    inserted: str


class Span(NamedTuple):
    """A stretch of a diff: ``equal``, ``insert`` or ``delete``, and its text."""

    op: str
    text: str


def _matches(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Opcodes over tokens; the common head and tail are cut first, a huge middle is replaced
    whole.
    """
    head = 0
    shortest = min(len(old), len(new))
    while head < shortest and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shortest - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old_end, new_end = len(old) - tail, len(new) - tail
    if head:
        yield ("equal", 0, head, 0, head)
    if head < old_end or head < new_end:
        if (old_end - head) * (new_end - head) > _MOST_PAIRS:
            yield ("replace", head, old_end, head, new_end)
        else:
            matcher = SequenceMatcher(None, old[head:old_end], new[head:new_end], autojunk=False)
            for op, a, b, c, d in matcher.get_opcodes():
                yield (op, a + head, b + head, c + head, d + head)
    if tail:
        yield ("equal", old_end, len(old), new_end, len(new))


def word_diff(old: str, new: str) -> list[Span]:
    """What changed, word by word: joining the ``equal`` and ``insert`` spans gives the new text.

    Lines are compared first, and words only where lines differ: over a whole page of text, a
    comparison of all words with all words would take seconds.
    """
    before, after = _LINES.findall(old), _LINES.findall(new)
    spans: list[Span] = []
    for op, a, b, c, d in _matches(before, after):
        lines = "".join(before[a:b])
        spans += [Span("equal", lines)] if op == "equal" else _words(lines, "".join(after[c:d]))
    joined: list[Span] = []
    for span in spans:
        if joined and span.op == joined[-1].op == "equal":
            joined[-1] = Span("equal", joined[-1].text + span.text)
        else:
            joined.append(span)
    return joined


def _words(old: str, new: str) -> Iterator[Span]:
    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    for op, a, b, c, d in _matches(before, after):
        if op == "equal":
            yield Span("equal", "".join(before[a:b]))
            continue
        if b > a:
            yield Span("delete", "".join(before[a:b]))
        if d > c:
            yield Span("insert", "".join(after[c:d]))


def edits(old: str, new: str) -> list[Edit]:
    """The edits that turn one text into the other, last first: earlier positions stay valid."""
    position = 0
    out: list[Edit] = []
    pending: Edit | None = None
    for op, text in word_diff(old, new):
        if op == "equal":
            if pending:
                out.append(pending)
                pending = None
            position += len(text)
            continue
        pending = pending or Edit(position, 0, "")
        if op == "delete":
            pending = pending._replace(deleted=pending.deleted + len(text))
            position += len(text)
        else:
            pending = pending._replace(inserted=pending.inserted + text)
    if pending:
        out.append(pending)
    return out[::-1]
