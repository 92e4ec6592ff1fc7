"""Nested config and summary as a tree to show. Whatever was logged, the tree is bounded in depth and in size."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from projects.query.natural import natural_text

MAX_DEPTH = 8
MAX_NODES = 2000
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
    size: int = 1  # nodes shown, itself included


@dataclass(frozen=True, slots=True)
class Tree:
    """`keys` are values with a key of their own, of which `found` are meant by the search."""

    root: Node
    search: str
    keys: int
    found: int


def tree(values: object, name: str, search: str = "") -> Tree:
    """Children come in natural order of keys, the client's own (`_step` …) last.

    A search means what has all its words in its dotted key or value; if there is nothing such, what has its letters,
    in this order, in its key.
    """
    every = values if isinstance(values, dict) else {}
    keys = _count(every, 1)
    kept, found = every, keys
    if words := search.casefold().split():
        letters = "".join(words)
        for holds in (
            lambda key, text: all(word in key or word in text for word in words),
            lambda key, text: _in_order(letters, key),
        ):
            kept = _matching(every, "", holds, 1)
            found = _count(kept, 1)
            if found:
                break
    return Tree(_branch("", kept, name, 1, MAX_NODES), search, keys, found)


def _is_branch(value: object, depth: int) -> bool:
    return isinstance(value, dict) and bool(value) and depth < MAX_DEPTH


def _count(values: Mapping[str, Any], depth: int) -> int:
    return sum(_count(value, depth + 1) if _is_branch(value, depth) else 1 for value in values.values())


def _matching(values: Mapping[str, Any], before: str, holds: Callable[[str, str], bool], depth: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in values.items():
        dotted = before + key
        if _is_branch(value, depth):
            if below := _matching(value, f"{dotted}.", holds, depth + 1):
                kept[key] = below
        elif holds(dotted.casefold(), _text(value)[0][:MAX_TEXT].casefold()):
            kept[key] = value
    return kept


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


def _branch(key: str, values: Mapping[str, Any], path: str, depth: int, room: int) -> Node:
    """`room`: how many nodes it may have below it. Its own children come first, then theirs, in equal parts."""
    keys = sorted(values, key=lambda key: (key.startswith("_"), natural_text(key), key))
    shown = keys[:room]
    room -= len(shown)
    branches = sum(_is_branch(values[key], depth) for key in shown)
    children = []
    for each in shown:
        child = _node(each, values[each], f"{path}/{each}", depth, room // branches if branches else 0)
        if _is_branch(values[each], depth):
            branches -= 1
            room -= child.size - 1
        children.append(child)
    return Node(
        key=_printable(key),
        path=_printable(path),
        kind="object",
        children=tuple(children),
        left_out=len(keys) - len(children),
        size=1 + sum(child.size for child in children),
    )


def _node(key: str, value: Any, path: str, depth: int, room: int) -> Node:
    if _is_branch(value, depth):
        return _branch(key, value, path, depth + 1, room)
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
