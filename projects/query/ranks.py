"""The ranks by which the palette colours lines: by first appearance in the project.

A group's rank is by its earliest run, that of a run by itself by its creation, among all runs of the project, whatever
is searched and filtered. So a line keeps its colour, and what comes later takes the next. Where the groups of a field
are known beforehand (bins, states), each has a place of its own instead, as their runs change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from projects.query.everything import Ranks, Steps
from projects.query.frame import STATE
from projects.query.runset import Field, Split
from projects.query.splits import WAYS
from projects.query.statistics import Counts
from runs.models import State

if TYPE_CHECKING:
    from projects.query.tree import Node

_STATES = {f"s:{state}": place for place, state in enumerate(State)}


def ranked_by(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Those whose groups are told apart by their first appearance."""
    return tuple(field for field in fields if not _places(field))


def ranks(root: Node) -> Ranks:
    """Of the leaves of a tree of all runs; of several that one run began, in their natural order."""
    found = [steps for steps, _ in _leaves(root, ())]
    return dict(zip(found, by_place(root).tolist(), strict=True))


def by_place(root: Node) -> Counts:
    """The same, a leaf's at its place."""
    firsts = [leaf.positions[0] for leaf in root.leaves()]
    found = np.empty(len(firsts), dtype=np.int64)
    found[np.argsort(np.array(firsts, dtype=np.int64), kind="stable")] = np.arange(len(firsts))
    return found


def rank(steps: Steps, first: Ranks) -> int:
    """Of a leaf, by the ranks of what ranked_by leaves of its fields."""
    found = first.get(tuple(step for step in steps if not _places(step[0])), 0)
    for field, token in steps:
        if places := _places(field):
            found = found * places + _place(token, places)
    return found


def _leaves(node: Node, steps: Steps) -> Iterator[tuple[Steps, Node]]:
    for child in node.children:
        assert child.field is not None
        below = (*steps, (child.field, child.token))
        if child.children:
            yield from _leaves(child, below)
        else:
            yield below, child


def _places(field: Field) -> int:
    """How many groups are known beforehand; 0 where none are."""
    if field == STATE:
        return len(_STATES)
    if isinstance(field, Split) and field.how in WAYS:
        # The bins, what is below and above them, and what is no finite number.
        return int(field.numbers[0]) + 2 if WAYS[field.how].counted else len(field.numbers) + 2
    return 0


def _place(token: str | None, places: int) -> int:
    """Of bins the first is the one after what is below them (bins.binned)."""
    if token in _STATES:
        return _STATES[token]
    return (int(token[2:]) - 1) % (places - 1) if token and token.startswith("r:") else places - 1
