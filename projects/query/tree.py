"""The selected runs as a tree of groups: split field by field, coloured, hidden, ordered."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import TypeVar

import numpy as np

from projects.models import Project
from projects.query.frame import Frame, load
from projects.query.natural import Order, natural
from projects.query.palette import GREY, colour
from projects.query.runset import RUN, Field, Runset
from projects.query.statistics import Statistics, grouped_statistics

T = TypeVar("T")

CREATED = Field(RUN, "created_at")
RUNS = Field(RUN, "runs")


def group_id(path: Iterable[tuple[Field, str | None]]) -> str:
    """16 URL-safe characters for the fields and tokens from the outermost group inwards."""
    written = json.dumps([[str(field), token] for field, token in path])
    return base64.urlsafe_b64encode(hashlib.sha256(written.encode()).digest()[:12]).decode()


@dataclasses.dataclass(slots=True, eq=False)
class Node:
    """A group, or the root: all runs. A run with several tags is in several nodes of one level."""

    positions: Sequence[int]  # in the frame, ascending
    field: Field | None = None
    token: str | None = None
    parent: Node | None = None
    children: list[Node] = dataclasses.field(default_factory=list)  # naturally ordered
    colour: str = GREY

    @property
    def path(self) -> tuple[Node, ...]:
        """From the outermost group to this one, the root left out."""
        return (*self.parent.path, self) if self.parent else ()

    @property
    def id(self) -> str:
        return group_id((node.field, node.token) for node in self.path if node.field)

    def leaves(self) -> Iterator[Node]:
        if self.children:
            for child in self.children:
                yield from child.leaves()
        else:
            yield self


class Tree:
    def __init__(self, project: Project, runset: Runset, columns: Iterable[Field] = ()) -> None:
        self.runset = runset
        sorted_by = (sort.field for sort in runset.sort if sort.field not in (CREATED, RUNS))
        self.frame: Frame = load(project, runset, keys=runset.grouping, columns=(*columns, *sorted_by))
        self.root = Node(range(len(self.frame.ids)))
        self._split(self.root, runset.grouping)
        if self.root.children:
            for rank, leaf in enumerate(self.root.leaves()):
                leaf.colour = colour(rank)

    def _split(self, node: Node, fields: Sequence[Field]) -> None:
        if not fields:
            return
        tokens, texts = self.frame.tokens[fields[0]], self.frame.texts[fields[0]]
        found: dict[str | None, list[int]] = {}
        for position in node.positions:
            for token in tokens[position] or (None,):
                found.setdefault(token, []).append(position)
        for token in sorted(found, key=lambda token: natural(token, "" if token is None else texts[token])):
            child = Node(found[token], fields[0], token, node)
            node.children.append(child)
            self._split(child, fields[1:])

    def find(self, path: Iterable[tuple[Field, str | None]]) -> Node | None:
        node: Node | None = self.root
        for step in path:
            node = (
                next((child for child in node.children if (child.field, child.token) == step), None) if node else None
            )
        return node

    def find_id(self, id: str) -> Node | None:
        return self._find_id(self.root, id)

    def _find_id(self, node: Node, id: str) -> Node | None:
        for child in node.children:
            if child.id == id:
                return child
            if (found := self._find_id(child, id)) is not None:
                return found
        return None

    # What is hidden

    @cached_property
    def hidden_positions(self) -> frozenset[int]:
        """Runs whose own eye is off."""
        hidden = self.runset.hidden
        return frozenset(position for position, id in enumerate(self.frame.ids) if id in hidden)

    def off(self, node: Node) -> bool:
        """Whether the eye of the group, or of one around it, is off."""
        return bool(self.runset.hidden) and any(step.id in self.runset.hidden for step in node.path)

    def visible(self, leaf: Node) -> Sequence[int]:
        """The runs of a leaf that charts draw."""
        if self.off(leaf):
            return ()
        hidden = self.hidden_positions
        return [position for position in leaf.positions if position not in hidden] if hidden else leaf.positions

    # The order of the table

    def ordered(self, nodes: Sequence[Node]) -> list[Node]:
        """Siblings as the runset sorts them, by default naturally; what has no value to sort by comes last."""
        result = list(nodes)
        for sort in reversed(self.runset.sort):
            values = self._sort_values(result, sort.field)
            result = _missing_last(result, values.__getitem__, sort.descending)
        return result

    def ordered_positions(self, node: Node) -> Sequence[int]:
        """The runs below a node as the runset sorts them: by default those of a group in order of creation, and
        ungrouped runs the latest first."""
        result = list(node.positions)
        if node is self.root:
            result.reverse()
        for sort in reversed(self.runset.sort):
            result = _missing_last(result, self._run_sort_value(sort.field), sort.descending)
        return result

    def statistics(self, nodes: Sequence[Node], field: Field) -> Statistics:
        """Of a numeric field, one entry a node."""
        sizes = [len(node.positions) for node in nodes]
        positions = np.fromiter(chain.from_iterable(node.positions for node in nodes), dtype=np.int64, count=sum(sizes))
        group = np.repeat(np.arange(len(nodes)), sizes)
        return grouped_statistics(group, self.frame.numbers[field][positions], len(nodes))

    def _sort_values(self, nodes: Sequence[Node], field: Field) -> dict[Node, Order | None]:
        """By the nodes' own field: its value; by a number: its mean; by text: the one all runs share; else by their
        latest run or their number of runs."""
        values: Iterable[Order | None]
        if field == CREATED:
            values = ((node.positions[-1],) for node in nodes)
        elif field == RUNS:
            values = ((len(node.positions),) for node in nodes)
        elif nodes and nodes[0].field == field:
            texts = self.frame.texts[field]
            values = (natural(node.token, texts[node.token]) if node.token is not None else None for node in nodes)
        elif field in self.frame.numbers:
            statistics = self.statistics(nodes, field)
            values = ((mean,) if n else None for n, mean in zip(statistics.n, statistics.mean, strict=True))
        else:
            values = (self._shared_order(node, field) for node in nodes)
        return dict(zip(nodes, values, strict=True))

    def _shared_order(self, node: Node, field: Field) -> Order | None:
        tokens = self.frame.tokens[field]
        shared = {tokens[position] for position in node.positions if tokens[position]}
        return self.frame.order(field, shared.pop()) if len(shared) == 1 else None

    def _run_sort_value(self, field: Field) -> Callable[[int], Order | None]:
        if field in (CREATED, RUNS):
            return lambda position: (position,) if field == CREATED else (1,)
        if field in self.frame.numbers:
            numbers = self.frame.numbers[field].tolist()
            return lambda position: (numbers[position],) if numbers[position] == numbers[position] else None
        tokens = self.frame.tokens[field]
        orders = {token: self.frame.order(field, token) for token in set(tokens) if token}
        return lambda position: orders.get(tokens[position])


def _missing_last(items: list[T], value: Callable[[T], Order | None], descending: bool) -> list[T]:
    present = [(value(item), item) for item in items]
    missing = [item for found, item in present if found is None]
    found = [(order, item) for order, item in present if order is not None]
    found.sort(key=lambda pair: pair[0], reverse=descending)
    return [item for _, item in found] + missing
