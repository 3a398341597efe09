"""A screenplay as a breakdown needs it: its scenes, who speaks in them, where and when they play.

Plain values and pure functions; ``fountain_reader`` makes them of a file.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from server.domain.ids import MAX_ID, id_problem

__all__ = [
    "Heading",
    "Scene",
    "Screenplay",
    "eighths",
    "entity_id",
    "is_heading",
    "name_key",
    "read_heading",
    "spoken_name",
    "times_of",
    "wrapped",
]

Time = Literal["dawn", "day", "dusk", "night", "as before"]

_PREFIX = re.compile(
    r"(?:(?P<both>(?:INT|EXT)\.?\s?/\s?(?:INT|EXT)|I/E|E/I)|(?P<one>INT|EXT|EST))(?:\.|\s|$)\s*",
    re.IGNORECASE,
)
_SECOND = re.compile(r"\s*/\s*(?=(?:INT|EXT)[. ])", re.IGNORECASE)
_DASHES = re.compile(r"\s*(?:-{2,}|[–—]+)\s*|\s+-\s+")
_TAIL = re.compile(r"(.*\S)\s*[.,]\s*([^.,]+?)[.,]?\s*\Z")
_ASIDE = re.compile(r"\([^()]*\)")

_TIMES: dict[str, Time] = {
    **dict.fromkeys(("DAWN", "SUNRISE", "DAYBREAK"), "dawn"),
    **dict.fromkeys(("DAY", "MORNING", "NOON", "MIDDAY", "AFTERNOON", "DAYTIME"), "day"),
    **dict.fromkeys(("DUSK", "SUNSET", "TWILIGHT", "EVENING", "SUNDOWN"), "dusk"),
    **dict.fromkeys(("NIGHT", "MIDNIGHT", "NIGHTTIME"), "night"),
    **dict.fromkeys(("CONTINUOUS", "LATER", "SAME", "CONT'D", "CONTINUED"), "as before"),
}
_AROUND = re.compile(
    r"EARLY|LATE|THE|THAT|NEXT|SAME|TIME|MOMENTS?|SECONDS|MINUTES|HOURS?|AN?|FEW|MAGIC|FIRST|LIGHT"
    r"|AFTER|BEFORE|ONE|TWO|THREE|FOUR|FIVE|\d+"
)


class Heading(NamedTuple):
    """What a scene heading says. ``places`` in the order of the heading, usually one."""

    setting: str | None
    places: tuple[str, ...]
    time: Time | None


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene of a draft.

    ``number`` is the script's own, where it has one. ``script`` is the text as in the file, below
    the heading; ``lines`` are the lines of it that count, without notes, boneyards, empty lines and
    the white space around. ``speakers`` are cue names as they stand there first; ``cues`` the key
    of each cue in order, ``speeches`` each person's lines, by key.
    """

    heading: str
    number: str | None
    script: str
    lines: tuple[str, ...]
    speakers: tuple[str, ...]
    cues: tuple[str, ...]
    speeches: Mapping[str, Counter[str]]
    length_eighths: int
    line: int

    @property
    def says(self) -> Heading:
        return read_heading(self.heading)


@dataclass(frozen=True, slots=True)
class Screenplay:
    """A draft. ``date`` is what its title page calls the draft's date."""

    title: str
    date: str
    scenes: tuple[Scene, ...]
    warnings: list[str] = field(default_factory=list)


# -- headings --------------------------------------------------------------------------------------


def is_heading(text: str) -> bool:
    """Whether a line begins as a scene heading does: INT, EXT, EST, INT./EXT, I/E."""
    return _PREFIX.match(text) is not None


def read_heading(text: str) -> Heading:
    """Setting, places and time of a heading.

    ``INT./EXT.`` and ``I/E`` count as the first of the two; both places of ``INT. CAR / EXT. ROAD``
    and of ``INT./EXT. CAR/ROAD`` are kept. The time is the last part between dashes (or after the
    last comma or stop) that is made of nothing but words of time; what stands after it is no part
    of the place.
    """
    found = _PREFIX.match(text)
    setting = None
    if found:
        first = (found["both"] or found["one"]).upper()
        setting = "interior" if first[0] == "I" else "exterior"
    place, time = _time_apart(text[found.end() :] if found else text)
    parts = _SECOND.split(place)
    if len(parts) == 1 and found and found["both"]:
        parts = place.split("/")
    places = [_bare_place(one) for one in parts]
    return Heading(setting, tuple(dict.fromkeys(one for one in places if one)), time)


def _bare_place(text: str) -> str:
    found = _PREFIX.match(text.strip())
    return " ".join(text.strip()[found.end() if found else 0 :].split()).strip(" .,-")


def _time_apart(text: str) -> tuple[str, Time | None]:
    """A heading without its prefix, as the place and the time."""
    gaps = list(_DASHES.finditer(text))
    end = len(text)
    for gap in reversed(gaps):
        time = _time_of(text[gap.end() : end])
        if time and text[: gap.start()].strip():
            return text[: gap.start()], time
        end = gap.start()
    tail = _TAIL.match(text)
    time = _time_of(tail[2]) if tail else None
    return (tail[1], time) if tail and time else (text, None)


def _time_of(text: str) -> Time | None:
    """The time that a part of a heading means, where it means nothing else."""
    words = _ASIDE.sub(" ", text).upper().replace("’", "'").replace(".", " ").split()
    if not all(word in _TIMES or _AROUND.fullmatch(word) for word in words):
        return None
    if words[:2] in (["EARLY", "MORNING"], ["FIRST", "LIGHT"]):
        return "dawn"
    if words[:2] == ["MAGIC", "HOUR"]:
        return "dusk"
    named = [_TIMES[word] for word in words if word in _TIMES]
    return next((time for time in named if time != "as before"), named[0] if named else None)


def times_of(scenes: Iterable[Scene]) -> list[str | None]:
    """The time of day of each scene in their order: CONTINUOUS and LATER go on with the last."""
    times: list[str | None] = []
    for scene in scenes:
        said = scene.says.time
        before = times[-1] if times else None
        times.append(before if said == "as before" else said)
    return times


# -- names -----------------------------------------------------------------------------------------


def name_key(name: str) -> str:
    """Equal for two ways of writing one name: case, white space and invisible marks do not tell."""
    text = unicodedata.normalize("NFC", name)
    shown = "".join(one for one in text if unicodedata.category(one) != "Cf")
    return unicodedata.normalize("NFC", " ".join(shown.casefold().split()))


def spoken_name(cue: str) -> str:
    """A name as people write it: ``CYBER BOB`` becomes ``Cyber Bob``; mixed case stays."""
    text = unicodedata.normalize("NFC", " ".join(cue.split()))
    if any(one.islower() for one in text):
        return text
    return re.sub(r"[^\W_]+(?:['’][^\W_]+)*", lambda found: _capital(found[0]), text)


def _capital(word: str) -> str:
    """``O'BRIEN`` becomes ``O'Brien``, ``DON'T`` ``Don't``."""
    head, mark, tail = word[:1], word[1:2], word[2:]
    if mark in ("'", "’") and len(tail) > 1:
        return head + mark + tail[:1] + tail[1:].lower()
    return head + word[1:].lower()


def entity_id(prefix: str, name: str, taken: Iterable[str]) -> str:
    """``char-cyber-bob``: a readable id that is not taken; letters of every script stay."""
    text = unicodedata.normalize("NFC", name).lower()
    kept = "".join("-" if one.isspace() else one for one in text)
    kept = "".join(
        one for one in kept if id_problem(one + "x") is None and unicodedata.category(one) != "Cf"
    )
    slug = re.sub(r"-{2,}", "-", kept).strip("-") or "unnamed"
    used, number = set(taken), 1
    while True:
        end = "" if number == 1 else f"-{number}"
        found = unicodedata.normalize("NFC", f"{prefix}-{slug}"[: MAX_ID - len(end)]) + end
        if found not in used:
            return found
        number += 1


# -- length ----------------------------------------------------------------------------------------

_LINES_A_PAGE = 55


def wrapped(text: str, width: int) -> int:
    """How many lines a text takes at a width, in characters; at least one."""
    return max(1, math.ceil(len(text.strip()) / width))


def eighths(blocks: Sequence[int]) -> int:
    """The length of a scene in eighths of a page, at least one.

    A page holds 55 lines. ``blocks`` are the lines of each paragraph as it would be printed (action
    60 characters wide, dialogue 35, parentheticals 25), an empty line after each; the heading
    counts as one more.
    """
    lines = 2 + sum(lines + 1 for lines in blocks)
    return max(1, math.floor(lines * 8 / _LINES_A_PAGE + 0.5))
