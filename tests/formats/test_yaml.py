"""server/formats/yaml.py: what JSON could say and nothing else, within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Malformed, TooLarge
from server.formats.yaml import MOST_BYTES, read_yaml, write_yaml

BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"

text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_what_is_written_reads_back_as_it_was(value: Any) -> None:
    assert read_yaml(write_yaml(value)) == value


def test_what_only_yaml_1_1_takes_for_something_else_is_text() -> None:
    said = b"- yes\n- on\n- no\n- 2020-01-01\n- 0x1f\n- 1_000\n- 12:30:00\n- .inf\n- <<\n- =\n"
    assert all(isinstance(one, str) for one in read_yaml(said))
    assert read_yaml(b"[true, false, null, ~, 7, -1.5]") == [True, False, None, None, 7, -1.5]
    assert read_yaml(b"# nothing\n") is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (BOMB, "aliases"),
        ("a: &x 1", "aliases"),
        ("<<: *x", "aliases"),
        ("!!python/object/apply:os.system [ls]", "Tags"),
        ("!local 1", "Tags"),
        ("a: 1\na: 2", "twice"),
        ("1: 2", "must be text"),
        ("[a]: 2", "must be text"),
        ("[" * 100, "too deeply"),
        ("- " * 3000, "too deeply"),
        ("[" + "0," * 30_000 + "]", "too long"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: [1", "not valid"),
        ("a: \x01", "not valid"),
    ],
)
def test_what_could_hurt_is_refused(said: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        read_yaml(said.encode())


def test_bytes_that_are_no_text_and_too_many_of_them_are_refused() -> None:
    with pytest.raises(Malformed):
        read_yaml(b"\xff\xfe\xfa")
    with pytest.raises(TooLarge):
        read_yaml(b"a" * (MOST_BYTES + 1))
