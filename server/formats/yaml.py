"""YAML in and out, for what people write by hand: one document of plain values, strictly bounded.

Reads what JSON could say: mappings with text keys, lists, text, numbers, true, false and null.
Anchors, aliases and tags are refused, and so is a key that stands there twice: an alias that names
an alias makes gigabytes of a few lines. ``yes``, ``on`` and dates are text, as in YAML 1.2.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from protocol.errors import Malformed, TooLarge

__all__ = ["YAML", "YAML_TYPES", "read_yaml", "write_yaml"]

YAML = "application/yaml"
YAML_TYPES = (YAML, "application/x-yaml", "text/yaml", "text/x-yaml")
MOST_BYTES = 128 * 1024
_DEEPEST = 20
_MOST_NODES = 20_000


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with the plain values of YAML 1.2 only, and without aliases."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise Malformed(f"Anchors and aliases are not taken ({_at(event.start_mark)})")
        if getattr(event, "tag", None) is not None:
            raise Malformed(f"Tags are not taken ({_at(event.start_mark)})")
        self._nodes += 1
        self._depth += 1
        if self._nodes > _MOST_NODES or self._depth > _DEEPEST:
            raise Malformed(f"The YAML is nested too deeply or too long ({_at(event.start_mark)})")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise Malformed(f"A key must be text ({_at(key_node.start_mark)})")
            if key in found:
                raise Malformed(f"{key!r} stands there twice ({_at(key_node.start_mark)})")
            found[key] = self.construct_object(value_node, deep=deep)
        return found


_Loader.yaml_implicit_resolvers = {}


def _plain(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_plain("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_plain("null", r"^(?:~|null|Null|NULL|)$", "~nN")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])
_plain("int", r"^[-+]?(?:0|[1-9][0-9]{0,17})$", "-+0123456789")
_plain("float", r"^[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}$", "-+0123456789")


def read_yaml(raw: bytes) -> Any:
    """The one document's value; ``None`` for an empty one. Raises Malformed, TooLarge."""
    if len(raw) > MOST_BYTES:
        raise TooLarge(f"YAML can have {MOST_BYTES // 1024} KiB at most")
    try:
        loader = _Loader(raw.decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise Malformed(f"The body is not valid YAML: {_said(error)}") from None
    try:
        return loader.get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Malformed(f"The body is not valid YAML: {_said(error)}") from None
    finally:
        loader.dispose()


def write_yaml(data: Any) -> bytes:
    """Plain values as YAML that ``read_yaml`` reads back as they are."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text.encode()


class _Dumper(yaml.SafeDumper):
    """Writes every value out: what stands there twice is no alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _at(mark: Any) -> str:
    return "somewhere" if mark is None else f"line {mark.line + 1}"


def _said(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"{problem} ({_at(mark)})" if mark is not None else str(problem)
