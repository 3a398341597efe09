"""Reading Fountain: a file's bytes become a ``Screenplay``, or an error that names the lines.

The parser is ``fountain-tools``. Tried on real drafts: ``screenplain`` 0.12 (2026) takes every
paragraph whose first line is upper case up to a bracket for a speech (``CYBER BOB, 40 (or any
age)``) and needs reportlab; ``jouvence`` 0.4.2 (2020) knows no dual dialogue and no name with a
digit or an accent. ``fountain-tools`` 0.0.7 (2025, MIT, no dependencies) finds the people, tells
extensions from names, and reads a line at a time. What it leaves to be wished is prepared for it
here: notes, boneyards and the title page are taken off, headings are cut out by the specification's
rule (an empty line before), names in capitals of any script are marked as names, and white space is
folded, as some of its patterns take cubic time on long runs of it.

Fountain forgives: almost any text is a screenplay. Refused is what cannot be meant as one: bytes
that are not UTF-8, control characters, a file without a scene heading, a boneyard (``/*``) or note
(``[[``) that is never closed (a note ends at an empty line), lines past 10,000 characters, names
past 300, scenes past 200,000, more than 2,000 scenes, or a file past 4 million characters or
100,000 lines.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from fountain_tools.fountain import ElementType
from fountain_tools.parser import Parser

from protocol.errors import FieldError, Invalid
from server.domain.kinds import MAX_PROSE
from server.formats.screenplay import (
    Scene,
    Screenplay,
    eighths,
    is_heading,
    name_key,
    spoken_name,
    wrapped,
)

__all__ = ["read_scene", "read_screenplay"]

MAX_CHARACTERS = 4_000_000
MAX_LINES = 100_000
MAX_LINE = 10_000
MAX_NAME = 300
MAX_SCENES = 2_000
_MOST_ERRORS = 50

_LINE_END = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_OPENING = re.compile(r"/\*|\[\[")
_EMPTY_LINE = re.compile(r"\n\n")
_KEY = re.compile(r"([^\s:][^:]{0,100}):\s*(.*)")
_NUMBER = re.compile(r"\s*#([^#\s][^#]{0,30})#\s*\Z")
_FORCED = re.compile(r"\.(?=[^\W_])")
_MARKED = tuple("!@.>~#=")
_DRAFT_DATE = ("draft date", "date", "revision")


class _Errors:
    """The problems of one file, by line; the first few are enough."""

    def __init__(self) -> None:
        self.found: list[FieldError] = []

    def add(self, line: int, message: str) -> None:
        if len(self.found) < _MOST_ERRORS:
            self.found.append(FieldError(f"line {line}", message))

    def refuse(self) -> None:
        if self.found:
            raise Invalid("The screenplay is not valid; nothing was imported", self.found)


def read_screenplay(content: bytes) -> Screenplay:
    """A whole file. Raises Invalid naming every line that is broken. Blocks: run it on a thread."""
    errors = _Errors()
    text = _text(content, errors)
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        errors.add(MAX_LINES + 1, f"is past the {MAX_LINES} lines that a file may have")
        errors.refuse()
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            errors.add(number, f"has {len(line)} characters; at most {MAX_LINE} can be meant")
        if found := _CONTROL.search(line):
            errors.add(number, f"holds a control character (U+{ord(found[0]):04X}): no text file")
    errors.refuse()
    clean = _without_comments(text, errors).split("\n")
    errors.refuse()
    page, body = _title_page(clean)
    starts, warnings = _headings(clean, body)
    if not starts:
        errors.add(1, "the file has no scene heading (INT. or EXT. after an empty line)")
    if len(starts) > MAX_SCENES:
        errors.add(starts[MAX_SCENES] + 1, f"is past the {MAX_SCENES} scenes that a file may have")
    errors.refuse()
    if _speakers(_elements(clean[body : starts[0]])):
        warnings.append("What is said before the first scene heading was left out")
    ends = [*starts[1:], len(lines)]
    scenes = [
        _scene(lines[start:end], clean[start:end], start + 1, errors)
        for start, end in zip(starts, ends, strict=True)
    ]
    errors.refuse()
    twice = [one for one, times in Counter(one.number for one in scenes).items() if times > 1]
    warnings += [f"The scene number {one} stands there more than once" for one in twice if one]
    date = next((page[key] for key in _DRAFT_DATE if page.get(key)), "")
    return Screenplay(page.get("title", "")[:MAX_NAME], date[:40], tuple(scenes), warnings)


def read_scene(heading: str, script: str) -> Scene:
    """A scene as it was stored; whatever people made of its text since, it can be read."""
    lines = [heading, *_LINE_END.split(script)]
    clean = [heading, *_without_comments("\n".join(lines[1:]), None).split("\n")]
    return _scene(lines, clean, 1, _Errors(), forced=False)


# -- the text --------------------------------------------------------------------------------------


def _text(content: bytes, errors: _Errors) -> str:
    """The file as text with plain line ends."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        errors.add(before.count(b"\n") + 1, "is not UTF-8; save the file as plain UTF-8 text")
        errors.refuse()
        raise
    if len(text) > MAX_CHARACTERS:
        errors.add(1, f"the file has {len(text)} characters; at most {MAX_CHARACTERS} are read")
        errors.refuse()
    return _LINE_END.sub("\n", text).replace("\x0c", "")


def _without_comments(text: str, errors: _Errors | None) -> str:
    """The text without boneyards and notes, every line where it was.

    One that is never closed is an error; without ``errors`` it is taken as text.
    """
    out: list[str] = []
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        note = opening[0] == "[["
        empty = _EMPTY_LINE.search(text, opening.end()) if note else None
        limit = empty.start() if empty else len(text)
        end = text.find("]]" if note else "*/", opening.end(), limit)
        out.append(text[position : opening.start()])
        if end < 0:
            if errors is not None:
                what = "the note [[ is" if note else "the boneyard /* is"
                errors.add(text.count("\n", 0, opening.start()) + 1, f"{what} never closed")
                return ""
            out.append(text[opening.start() : limit])
            position = limit
            continue
        out.append("\n" * text.count("\n", opening.start(), end))
        position = end + 2
    out.append(text[position:])
    return "".join(out)


def _title_page(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """The entries of the title page by lower-case key, and where the script itself begins."""
    page: dict[str, str] = {}
    key, end = "", len(lines)
    for number, line in enumerate(lines):
        found = None if is_heading(line) or _FORCED.match(line) else _KEY.match(line)
        if found:
            key = found[1].strip().lower()
            page[key] = found[2].strip()
        elif key and line.strip() and line[:1].isspace():
            page[key] = f"{page[key]} {line.strip()}".strip()
        else:
            end = number
            break
    return (page, end) if any(page.values()) else ({}, 0)


def _headings(lines: Sequence[str], first: int) -> tuple[list[int], list[str]]:
    """Where the scenes begin, by index; and what only looks like a heading, for people."""
    starts: list[int] = []
    warnings: list[str] = []
    after_text = False
    for index in range(first, len(lines)):
        line = lines[index].strip()
        apart = line.startswith((">", "#", "=")) or not line
        if _FORCED.match(line) or is_heading(line):
            if not after_text:
                starts.append(index)
                continue
            if is_heading(line) and line.upper() == line:
                warnings.append(
                    f"Line {index + 1} looks like a scene heading, "
                    "but has no empty line before it; it was taken as text"
                )
        after_text = not apart
    return starts, warnings


# -- one scene -------------------------------------------------------------------------------------


def _scene(
    lines: Sequence[str],
    clean: Sequence[str],
    line: int,
    errors: _Errors,
    *,
    forced: bool = True,
) -> Scene:
    """A scene of its lines, the heading first; ``line`` is where it stands in the file."""
    heading = " ".join(clean[0].split())
    number = None
    if forced:
        heading = _FORCED.sub("", heading, count=1)
        if found := _NUMBER.search(heading):
            number, heading = found[1].strip(), heading[: found.start()]
    text = "\n".join(lines[1:])
    if _without_comments(text, None).split("\n") != list(clean[1:] or [""]):
        # A boneyard reaches into a heading: what is kept of it here would be read as text.
        lines = clean
    script = _trimmed(lines[1:])
    if len(script) > MAX_PROSE:
        errors.add(line, f"the scene has {len(script)} characters; at most {MAX_PROSE} are kept")
        script, clean = "", clean[:1]
    elements = _elements(clean[1:])
    names = _speakers(elements)
    for name in names:
        if len(name) > MAX_NAME or len(spoken_name(name)) > MAX_NAME:
            at = next((n for n, one in enumerate(clean) if name[:50] in one), 0)
            problem = f"the name has {len(name)} characters; at most {MAX_NAME} can be one"
            errors.add(line + at, problem)
    cues, speeches = _speeches(elements)
    return Scene(
        heading,
        number,
        script,
        tuple(" ".join(one.split()) for one in clean[1:] if one.strip()),
        names,
        cues,
        speeches,
        eighths(_blocks(elements)),
        line,
    )


def _trimmed(lines: Sequence[str]) -> str:
    """Lines without the empty ones around them, and without white space at the end."""
    return "\n".join(lines).strip("\n").rstrip() if any(one.strip() for one in lines) else ""


def _elements(lines: Sequence[str]) -> list[Any]:
    """What the parser makes of the lines of one scene."""
    parser = Parser()
    parser.mergeActions = parser.mergeDialogue = False
    parser.add_line("")  # ends the title page that a parser expects first
    for index, line in enumerate(lines):
        before = lines[index - 1] if index else ""
        after = lines[index + 1] if index + 1 < len(lines) else ""
        parser.add_line(_prepared(line, before, after))
    parser.finalize()
    return list(parser.script.elements)


def _prepared(line: str, before: str, after: str) -> str:
    """A line as the parser understands it."""
    text = " ".join(line.split()).replace("/*", "/ *").replace("[[", "[ [")
    if not text:
        return line[:2]
    if is_heading(text) or _FORCED.match(text) or text.upper().startswith("FADE IN:"):
        return f"!{text.lstrip('.')}"
    # The parser knows capitals only where they are A to Z.
    ours = not ("A" <= text[0] <= "Z" and text.isascii())
    if ours and not before.strip() and after.strip() and _is_cue(text):
        return f"@{text}"
    return text


def _is_cue(text: str) -> bool:
    name = text.partition("(")[0].rstrip("^ ")
    return not text.startswith(_MARKED) and name.isupper() and not name.endswith("TO:")


def _speakers(elements: Sequence[Any]) -> tuple[str, ...]:
    """The names that speak, in order, as they stand there first."""
    names: dict[str, str] = {}
    for one in elements:
        if one.type is ElementType.CHARACTER and (key := name_key(one.name)):
            names.setdefault(key, unicodedata.normalize("NFC", one.name))
    return tuple(names.values())


def _speeches(elements: Sequence[Any]) -> tuple[tuple[str, ...], dict[str, Counter[str]]]:
    cues: list[str] = []
    speeches: dict[str, Counter[str]] = {}
    for one in elements:
        if one.type is ElementType.CHARACTER and (key := name_key(one.name)):
            cues.append(key)
            speeches.setdefault(key, Counter())
        elif one.type is ElementType.DIALOGUE and cues:
            speeches[cues[-1]][" ".join(one.text_raw.split()).casefold()] += 1
    return tuple(cues), speeches


def _blocks(elements: Sequence[Any]) -> list[int]:
    """The printed lines of each paragraph; two speeches side by side take the longer one's."""
    blocks: list[int] = []
    beside = 0
    last: ElementType | None = None
    for kind, lines, dual in _printed(elements):
        if kind is ElementType.CHARACTER:
            beside = blocks.pop() if dual and blocks else 0
            blocks.append(max(beside, lines))
            spoken = lines
        elif kind in (ElementType.DIALOGUE, ElementType.PARENTHETICAL) and blocks:
            spoken += lines
            blocks[-1] = max(beside, spoken)
        elif kind is last is ElementType.ACTION:
            blocks[-1] += lines
        else:
            blocks.append(lines)
        last = kind
    return blocks


_WIDTHS = {ElementType.DIALOGUE: 35, ElementType.PARENTHETICAL: 25, ElementType.LYRIC: 35}
_UNPRINTED = frozenset({ElementType.SECTION, ElementType.SYNOPSIS, ElementType.PAGEBREAK})


def _printed(elements: Sequence[Any]) -> Iterator[tuple[ElementType, int, bool]]:
    for one in elements:
        if one.type is ElementType.CHARACTER:
            yield one.type, 1, bool(one.is_dual_dialogue)
        elif one.type not in _UNPRINTED:
            yield one.type, wrapped(one.text_raw, _WIDTHS.get(one.type, 60)), False
