"""protocol/SPEC.md and the tests that are named after its rules"""

from __future__ import annotations

import re
from pathlib import Path

import protocol

ROOT = Path(__file__).parents[2]


def _rules() -> list[int]:
    text = (ROOT / "protocol" / "SPEC.md").read_text(encoding="utf-8")
    return [int(number) for number in re.findall(r"^- \*\*R(\d+)\*\*", text, re.MULTILINE)]


def _tested() -> set[int]:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    return {int(n) for source in sources for n in re.findall(r"def test_R(\d+)_", source)}


def test_rules_are_numbered_without_gaps() -> None:
    assert _rules() == list(range(1, len(_rules()) + 1))


def test_every_rule_is_tested_and_every_tested_rule_exists() -> None:
    assert _tested() == set(_rules())


def test_the_public_names_are_sorted_and_there() -> None:
    assert protocol.__all__ == sorted(
        protocol.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )
    assert all(hasattr(protocol, name) for name in protocol.__all__)
