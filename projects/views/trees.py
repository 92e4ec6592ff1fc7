"""Nested config and summary as a tree to show. Whatever was logged, the tree is bounded in depth and in width."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projects.query.natural import natural_text

MAX_DEPTH = 8
MAX_CHILDREN = 2000
MAX_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Node:
    """A key with a value or with children. `path` is unique in the tree; `left_out` counts children or characters."""

    key: str
    path: str
    kind: str  # number, text, bool, null, list, object
    text: str = ""
    children: tuple[Node, ...] = ()
    left_out: int = 0


def tree(values: object, name: str) -> Node:
    """The root stands for the whole; children in natural order of keys, the client's own (`_step` …) last."""
    return _branch("", values if isinstance(values, dict) else {}, name, depth=1)


def _branch(key: str, values: Mapping[str, Any], path: str, depth: int) -> Node:
    keys = sorted(values, key=lambda key: (key.startswith("_"), natural_text(key), key))
    children = tuple(_node(key, values[key], f"{path}/{key}", depth) for key in keys[:MAX_CHILDREN])
    return Node(
        key=_printable(key),
        path=_printable(path),
        kind="object",
        children=children,
        left_out=len(keys) - len(children),
    )


def _node(key: str, value: Any, path: str, depth: int) -> Node:
    if isinstance(value, dict) and value and depth < MAX_DEPTH:
        return _branch(key, value, path, depth + 1)
    text, kind = _text(value)
    return Node(
        key=_printable(key),
        path=_printable(path),
        kind=kind,
        text=_printable(text[:MAX_TEXT]),
        left_out=max(0, len(text) - MAX_TEXT),
    )


def _text(value: Any) -> tuple[str, str]:
    match value:
        case str():
            return value, "text"
        case None:
            return "null", "null"
        case bool():
            return json.dumps(value), "bool"
        case int() | float():
            return json.dumps(value), "number"
        case _:
            return json.dumps(value, ensure_ascii=False), "list" if isinstance(value, list) else "object"


def _printable(text: str) -> str:
    """Logged JSON may hold halves of surrogate pairs, which no page can carry."""
    return text.encode("utf-8", "replace").decode()
