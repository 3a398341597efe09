"""What the tests of screenplays share: short ways to write one, import it, and look."""

from __future__ import annotations

from typing import Any

from server.formats.fountain import import_screenplay
from server.formats.fountain_reader import read_screenplay
from server.propagation.project import ProjectOwner
from tests.formats.world import ME

HARBOUR = """\
Title: The Harbour
Draft date: 3 May

INT. KITCHEN - NIGHT

The kettle screams. Nobody gets up.

MARA
You heard it first.

TOMAS (O.S.)
I hear it every night.

MARA (CONT'D)
Then get up.

EXT. QUAY - CONTINUOUS

Rain on tar. A lamp swings over the last boat.

TOMAS
She left the lamp burning for nobody.

THE PILOT
She left it for you.

INT. PILOT HOUSE - DAWN

Charts, cold coffee, a radio that only hums.

THE PILOT
Nineteen miles to the light.
"""


PIECES = [
    *["\n", "\n\n", "\n\n", "\r\n", " ", "  ", "\t"],
    *[
        "INT. ",
        "EXT. ",
        "INT./EXT. ",
        "I/E ",
        "int. ",
        "BAR",
        "QUAY / EXT. SEA",
        " - DAY",
        "--NIGHT",
    ],
    *[" - CONTINUOUS", "#1A#", "#", "# ", "= ", "> ", " <", "~", "!", ".", "@", "(", ")", "^", ":"],
    *[
        "BOB",
        "CYBER BOB",
        "ÉVE",
        "فاطمة",
        "李雷",
        "🎭",
        "(V.O.)",
        "(CONT'D)",
        "CUT TO:",
        "FADE IN:",
    ],
    *[
        "[[",
        "]]",
        "[[note]]",
        "/*",
        "*/",
        "/* cut */",
        "Title: X",
        "a word",
        "Hi.",
        "*so*",
        "\u200f",
    ],
]
"""What screenplays are made of, in any order."""


async def bring(owner: ProjectOwner, text: str, dry_run: bool = False) -> dict[str, Any]:
    """Import a screenplay, and wait for the run that follows."""
    play = read_screenplay(text.encode())
    report = await import_screenplay(owner, play, ME, dry_run)
    if report["run_id"]:
        await owner.engine.wait(report["run_id"], None)
    return report


def fields(owner: ProjectOwner, entity_id: str) -> dict[str, Any]:
    return dict(owner.state.entity(entity_id).current.fields)


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in items]


def quiet(report: dict[str, Any]) -> bool:
    """Whether a report tells of no change at all."""
    told = report["screenplay"]
    return (
        report["created"] == report["updated"] == 0
        and report["run_id"] is None
        and not any(told["scenes"].values())
        and not any(told["people"][name] for name in ("added", "renamed", "gone"))
        and not any(told["locations"].values())
        and not told["affected_shots"]
    )
