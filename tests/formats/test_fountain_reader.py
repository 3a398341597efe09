"""Reading Fountain: hostile files first, then what each element means."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import Invalid
from server.domain.ids import id_problem
from server.formats.fountain_reader import read_scene, read_screenplay
from server.formats.screenplay import (
    Scene,
    entity_id,
    name_key,
    read_heading,
    spoken_name,
    times_of,
)
from tests.formats.scripts import PIECES

HEAD = "INT. ROOM - DAY\n\n"


def scenes(text: str) -> tuple[Scene, ...]:
    return read_screenplay(text.encode()).scenes


def scene(body: str) -> Scene:
    return scenes(HEAD + body)[0]


BROKEN: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "line 1", "no scene heading"),
    "title page only": (b"Title: Alone\nAuthor: Nobody\n", "line 1", "no scene heading"),
    "prose only": (b"Once upon a time.\n\nThe end.\n", "line 1", "no scene heading"),
    "latin-1": (b"INT. CAF\xc9 - DAY\n", "line 1", "UTF-8"),
    "latin-1 on a later line": (b"INT. BAR - DAY\r\n\r\nA\xe9\r\n", "line 3", "UTF-8"),
    "utf-16": ("INT. ROOM - DAY".encode("utf-16"), "line 1", "UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1", "UTF-8"),
    "a nul": (b"INT. ROOM - DAY\n\nA\x00B\n", "line 3", "U+0000"),
    "an escape": (b"INT. ROOM - DAY\n\n\x1b[2J\n", "line 3", "U+001B"),
    "open boneyard": (b"INT. ROOM - DAY\n\n/* cut\n\nEXT. SEA - DAY\n", "line 3", "boneyard"),
    "open note": (b"INT. ROOM - DAY\n\nA [[note\n\nB]]\n", "line 3", "note"),
    "all in a boneyard": (b"/*\nINT. ROOM - DAY\n*/\n", "line 1", "no scene heading"),
    "a long line": (HEAD.encode() + b"a" * 10_001, "line 3", "10001 characters"),
    "a long name": (HEAD.encode() + b"A" * 301 + b"\nHello.\n", "line 3", "301 characters"),
    "a long scene": (HEAD.encode() + b"word\n" * 40_001, "line 1", "characters"),
    "too many lines": (HEAD.encode() + b"\n" * 100_000, "line 100001", "lines"),
    "too many scenes": (b"INT. A\n\n" * 2001, "line 4001", "scenes"),
    "too much": (b"a\n" * 2_000_001, "line 1", "characters"),
}


@pytest.mark.parametrize(("content", "line", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_its_line(content: bytes, line: str, problem: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_screenplay(content)
    assert refused.value.errors[0].field == line
    assert problem in refused.value.errors[0].message


SLOW = ["A" + " " * 9000 + "a", "(" * 9999, "A(" * 4999, "INT. " + "a." * 4990, "@" + "(" * 9000]


@pytest.mark.parametrize("line", SLOW, ids=range(len(SLOW)))
def test_no_line_takes_long(line: str) -> None:
    begun = time.perf_counter()
    read_screenplay(f"{HEAD}{line}\n\nX\n{line}\n\n{line}\nHi.\n\n.{line}\n".encode())
    assert time.perf_counter() - begun < 2


def test_names_that_no_keyboard_of_ours_has() -> None:
    text = "\n\n".join(
        [
            "@فاطمة الزهراء\nمرحبا",
            "ÉLODIE (V.O.)\nBonjour.",
            "Ἑλένη\nis no name, for it is not all capitals",
            "ΕΛΈΝΗ\nΓειά.",
            "3RD COP\nFreeze.",
            "MAN #2\nWhy?",
            "@McCLANE\nYippee.",
            "@李雷 ^\n你好",
            "@🎭\nHa.",
            "N" * 300 + "\nLong.",
        ]
    )
    found = scene(text).speakers
    assert found == (
        "فاطمة الزهراء",
        "ÉLODIE",
        "ΕΛΈΝΗ",
        "3RD COP",
        "MAN #2",
        "McCLANE",
        "李雷",
        "🎭",
        "N" * 300,
    )
    assert [spoken_name(name) for name in found[1:6]] == [
        "Élodie",
        "Ελένη",
        "3rd Cop",
        "Man #2",
        "McCLANE",
    ]
    for name in found:
        made = entity_id("char", name, ())
        assert id_problem(made) is None
        assert entity_id("char", name, (made,)) != made
    assert entity_id("char", "فاطمة الزهراء", ()) == "char-فاطمة-الزهراء"
    assert entity_id("char", "MAN #2", ()) == "char-man-2"
    assert entity_id("char", "...", ("char-...",)) == "char-...-2"
    assert entity_id("char", "'\"", ()) == "char-unnamed"


def test_one_person_however_the_cue_is_written() -> None:
    text = "\n\n".join(
        f"{cue}\nHi."
        for cue in (
            "BOB",
            "BOB (V.O.)",
            "BOB (O.S.)",
            "BOB (CONT'D)",
            "BOB (cont’d)",
            "BOB ^",
            "BOB(ON PHONE) (V.O.)^",
            "@Bob",
            "  BOB  ",
            "BOB [[why?]]",
            "B\u200bOB",
        )
    )
    assert scene(text).speakers == ("BOB",)
    assert name_key(" Cyber   BOB\u200f ") == "cyber bob"


def test_what_is_no_speech() -> None:
    found = scene(
        "BOOM\n\nSHE RUNS (fast), and falls,\nhard.\n\n!SHOUTED ACTION\nno speech\n\nCUT TO:\n\n"
        "> THE END <\n\n~SINGING\n\n= A SYNOPSIS\n\n# ACT TWO\n\nA line.\nBOB\nno speech either\n"
        "\n[[NOTE\nto self]]\n\n/*\nEVE\nCut.\n*/\n"
    )
    assert found.speakers == ()


def test_crlf_bom_and_form_feeds_are_nothing() -> None:
    plain = "Title: X\n\nINT. ROOM - DAY\n\nA door.\n\nBOB\nHi.\n\nEXT. SEA - NIGHT\n\nWaves.\n"
    wild = b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").replace("Waves", "\x0cWaves").encode()
    assert read_screenplay(wild) == read_screenplay(plain.encode())
    assert read_screenplay(plain.replace("\n", "\r").encode()) == read_screenplay(plain.encode())


def test_headings_forced_numbered_and_glued() -> None:
    text = (
        "FADE IN:\n\nINT. BAR - DAY #1A#\n\nA.\n\n.ÉGLISE EN FEU #2#\n\nB.\n\n"
        ".مقهى\n\nC.\n\n...and on\n\n# Act\nint. cellar\n\nD.\nEXT. GLUED - DAY\n\n"
        ". no heading\n\nINT. BAR - DAY #1A#\n"
    )
    play = read_screenplay(text.encode())
    assert [(one.number, one.heading) for one in play.scenes] == [
        ("1A", "INT. BAR - DAY"),
        ("2", "ÉGLISE EN FEU"),
        (None, "مقهى"),
        (None, "int. cellar"),
        ("1A", "INT. BAR - DAY"),
    ]
    assert any("1A" in one for one in play.warnings)
    assert any("Line 21" in one and "empty line" in one for one in play.warnings)


HEADINGS = {
    "INT. KITCHEN - NIGHT": ("interior", ("KITCHEN",), "night"),
    "EXT. PARK--DAY": ("exterior", ("PARK",), "day"),
    "INT./EXT. CAR - DUSK": ("interior", ("CAR",), "dusk"),
    "EXT./INT. CAR/ROAD - NIGHT": ("exterior", ("CAR", "ROAD"), "night"),
    "I/E BARN – EARLY MORNING": ("interior", ("BARN",), "dawn"),
    "INT. CAR / EXT. ROAD - MORNING": ("interior", ("CAR", "ROAD"), "day"),
    "INT. HOSPITAL - DAY ROOM - NIGHT": ("interior", ("HOSPITAL - DAY ROOM",), "night"),
    "INT. HALL - NIGHT - FLASHBACK": ("interior", ("HALL",), "night"),
    "EXT. HILL - LATER THAT NIGHT": ("exterior", ("HILL",), "night"),
    "EXT. HILL - MOMENTS LATER": ("exterior", ("HILL",), "as before"),
    "INT. LAB, DAY": ("interior", ("LAB",), "day"),
    "INT. DR. MEI'S LAB - DAY (1950)": ("interior", ("DR. MEI'S LAB",), "day"),
    "EXT. NIGHT": ("exterior", ("NIGHT",), None),
    "INT.": ("interior", (), None),
    "EST. TOWN - MAGIC HOUR": ("exterior", ("TOWN",), "dusk"),
    "A POINT OF VIEW": (None, ("A POINT OF VIEW",), None),
}


@pytest.mark.parametrize(("heading", "said"), HEADINGS.items(), ids=HEADINGS)
def test_what_a_heading_says(
    heading: str, said: tuple[str | None, tuple[str, ...], str | None]
) -> None:
    assert tuple(read_heading(heading)) == said


def test_continuous_goes_on_with_the_time_before() -> None:
    text = "".join(f"INT. A - {one}\n\n" for one in ("LATER", "NIGHT", "CONTINUOUS", "SAME", "DAY"))
    assert times_of(scenes(text)) == [None, "night", "night", "night", "day"]


def test_length_counts_printed_lines() -> None:
    assert scene("").length_eighths == 1
    page = "\n\n".join(["A line of action."] * 27)
    assert scene(page).length_eighths == 8
    long_line = "word " * 12 * 27
    assert scene(long_line.strip()).length_eighths == 4
    speech = "BOB\n" + "word " * 70
    assert scene(speech).length_eighths == 2
    beside = f"{speech}\n\nEVE ^\n" + "word " * 70
    assert scene(beside).length_eighths == 2


def test_the_script_is_the_text_as_it_stands() -> None:
    found = scene("\n  A [[note]] here.  \n\nBOB\n(low)\nHi.\n\n\n")
    assert found.script == "  A [[note]] here.  \n\nBOB\n(low)\nHi."
    assert found.lines == ("A here.", "BOB", "(low)", "Hi.")
    again = read_scene(found.heading, found.script)
    assert (again.lines, again.speakers, again.cues) == (found.lines, found.speakers, found.cues)


def test_what_people_made_of_a_stored_script_can_be_read() -> None:
    found = read_scene("#1#", "[[ open /* too\n\nBOB\nHi.\r\nINT. NOT A SCENE\n\x00")
    assert (found.heading, found.speakers) == ("#1#", ("BOB",))


@pytest.mark.parametrize(
    "text",
    ["INT. /*\n*/\n\nHi.\n", "Hi.\n\n/* cut\n\n*/ INT. ATTIC\n\nBye.\n", "INT. A [[b\nc]] D\n"],
)
def test_a_comment_that_reaches_into_a_heading_is_none_of_the_text(text: str) -> None:
    for one in scenes(HEAD + text):
        again = read_scene(one.heading, one.script)
        assert (again.lines, again.heading, again.script) == (one.lines, one.heading, one.script)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_text_is_read_or_refused_and_reads_again_as_it_was(text: str) -> None:
    try:
        play = read_screenplay((HEAD + text).encode())
    except Invalid:
        return
    for one in play.scenes:
        again = read_scene(one.heading, one.script)
        assert (again.lines, again.cues, again.speeches) == (one.lines, one.cues, one.speeches)
        assert (again.heading, again.script) == (one.heading, one.script)
        assert (again.says, again.length_eighths) == (one.says, one.length_eighths)
        assert all(id_problem(entity_id("char", name, ())) is None for name in one.speakers)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(Invalid):
        read_screenplay(HEAD.encode() + content)


def test_a_title_page_with_a_colon_in_the_title() -> None:
    play = read_screenplay(b"Title:\n\tONE: TWO\n\tTHREE: FOUR\nDate: 3 May\n\n" + HEAD.encode())
    assert (play.title, play.date) == ("ONE: TWO THREE: FOUR", "3 May")
    assert read_screenplay(b"INT. ROOM: KITCHEN - DAY\n\nHi.\n").title == ""


def test_speech_before_the_first_scene_is_told() -> None:
    play = read_screenplay(b"VOICE\nOnce.\n\n" + HEAD.encode())
    assert play.warnings == ["What is said before the first scene heading was left out"]
