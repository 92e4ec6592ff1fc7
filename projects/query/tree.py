"""The selected runs as a tree of groups: split field by field, coloured, hidden, ordered."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from projects.models import Project
from projects.query.bins import binned
from projects.query.everything import Listing, Ranks, Steps
from projects.query.frame import HEARTBEAT, Frame
from projects.query.labels import Labels, exploded, items, tags
from projects.query.palette import GREY, MOST_BESIDE, colour
from projects.query.ranks import by_place, rank, ranked_by, ranks
from projects.query.runset import RUN, BadQuery, Field, Runset, Split
from projects.query.splits import WAYS, explodes, group_field_text, has_tags
from projects.query.statistics import STATISTICS, Counts, Statistics, grouped_statistics

CREATED = Field(RUN, "created_at")
GROUP = Field(RUN, "group")
JOB_TYPE = Field(RUN, "job_type")
RUNS = Field(RUN, "runs")


def group_id(path: Iterable[tuple[Field, str | None]]) -> str:
    """16 URL-safe characters for the fields and tokens from the outermost group inwards."""
    written = json.dumps([[group_field_text(field), token] for field, token in path])
    return base64.urlsafe_b64encode(hashlib.sha256(written.encode()).digest()[:12]).decode()


@dataclasses.dataclass(slots=True, eq=False)
class Node:
    """A group, or the root: all runs. Exploded, a run with several tags or items is in several nodes of one level."""

    positions: Counts  # in the frame, ascending
    field: Field | None = None
    labels: Labels | None = None
    rank: int = 0  # of its value among the labels
    parent: Node | None = None
    children: list[Node] = dataclasses.field(default_factory=list)  # naturally ordered
    place: int = 0  # of a leaf among all

    @property
    def token(self) -> str | None:
        """None: not set."""
        return self.labels.pair(self.rank)[0] if self.labels and self.rank < len(self.labels) else None

    @property
    def text(self) -> str | None:
        return self.labels.pair(self.rank)[1] if self.labels and self.rank < len(self.labels) else None

    @property
    def path(self) -> tuple[Node, ...]:
        """From the outermost group to this one, the root left out."""
        return (*self.parent.path, self) if self.parent else ()

    @property
    def steps(self) -> list[tuple[Field, str | None]]:
        return [(node.field, node.token) for node in self.path if node.field]

    @property
    def id(self) -> str:
        return group_id(self.steps)

    @property
    def line(self) -> Node | None:
        """The leaf that it is or, having nothing else in it, stands for; None if it has several lines."""
        node = self
        while len(node.children) == 1:
            (node,) = node.children
        return None if node.children or node.parent is None else node

    def leaves(self) -> Iterator[Node]:
        if self.children:
            for child in self.children:
                yield from child.leaves()
        else:
            yield self


class Tree:
    def __init__(
        self, project: Project, runset: Runset, columns: Iterable[Field] = (), *, listing: Listing | None = None
    ) -> None:
        self.runset = runset
        self._project = project
        sorted_by = (sort.field for sort in runset.sort if sort.field not in (CREATED, RUNS))
        keys = dict.fromkeys(field.plain for field in runset.grouping)
        self.frame = Frame(project, runset, keys=keys, columns=(*columns, *sorted_by), listing=listing)
        self.root = Node(np.arange(len(self.frame)))
        nodes = [self.root]
        for field in runset.grouping:
            nodes = self._split(nodes, field)
        for place, leaf in enumerate(nodes):
            leaf.place = place

    def _split(self, nodes: Sequence[Node], field: Field) -> list[Node]:
        """Gives the nodes of a level their children, and returns those."""
        positions, of_node = _together(nodes)
        labels = self.frame.labels(field.plain)
        if isinstance(field, Split) and field.how in WAYS:
            labels = binned(labels, self.frame.numbers(field.plain), field)
        codes = labels.codes[positions]
        if explodes(field):
            labels, of_set = exploded(labels, tags if has_tags(field) else items)
            sizes = np.array([len(found) for found in of_set])[codes]
            positions, of_node = np.repeat(positions, sizes), np.repeat(of_node, sizes)
            codes = np.concatenate([of_set[code] for code in codes]) if len(codes) else codes
        keys = of_node * (len(labels) + 1) + codes
        # Of small integers a stable sort takes a fraction of the time.
        order = np.argsort(keys.astype(np.min_scalar_type(int(keys.max(initial=0)))), kind="stable")
        keys, positions = keys[order], positions[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        found = []
        for key, below in zip(keys[starts].tolist(), np.split(positions, starts[1:]), strict=False):
            at, rank = divmod(key, len(labels) + 1)
            child = Node(below, field, labels, rank, nodes[at])
            nodes[at].children.append(child)
            found.append(child)
        return found

    def find(self, path: Iterable[tuple[Field, str | None]]) -> Node | None:
        node: Node | None = self.root
        for step in path:
            node = (
                next((child for child in node.children if (child.field, child.token) == step), None) if node else None
            )
        return node

    def find_id(self, id: str) -> Node | None:
        return self._find_id(self.root, id)

    def node(self, id: str) -> Node:
        """The group of this id, for "" the root. Raises BadQuery for one that is not there."""
        found = self.find_id(id) if id else self.root
        if found is None:
            raise BadQuery("below: there is no such group among these runs")
        return found

    def _find_id(self, node: Node, id: str) -> Node | None:
        for child in node.children:
            if child.id == id:
                return child
            if (found := self._find_id(child, id)) is not None:
                return found
        return None

    # Colours

    @cached_property
    def _picked(self) -> dict[str, str]:
        return dict(self.runset.colours)

    def _steps(self, leaf: Node) -> Steps:
        """On a group's page those of the same line on the project's."""
        name = self.runset.within
        around = () if name is None else ((GROUP, f"s:{name}" if name else None),)
        return (*around, *leaf.steps)

    def line_id(self, leaf: Node) -> str:
        """By which the colour of its line is kept."""
        return group_id(self._steps(leaf))

    def colour(self, node: Node) -> str:
        """Of the one line of a group; grey of a group of several."""
        line = node.line
        if line is None:
            return GREY
        return (self._picked and self._picked.get(self.line_id(line))) or colour(self._rank(line))

    def colours(self, node: Node) -> tuple[str, ...]:
        """Of the lines of a group of several; none of more than a swatch can show."""
        leaves = list(islice(node.leaves(), MOST_BESIDE + 1))
        return tuple(map(self.colour, leaves)) if len(leaves) <= MOST_BESIDE else ()

    def run_colour(self, position: int) -> str:
        """Of a run that has a line of its own."""
        picked = self._picked and self._picked.get(self.frame.id(position).hex)
        return picked or colour(position if self._whole else self.frame.created(position))

    def _rank(self, leaf: Node) -> int:
        if self._own_ranks is not None:
            return int(self._own_ranks[leaf.place])
        return rank(self._steps(leaf), self._ranks)

    @cached_property
    def _own_ranks(self) -> Counts | None:
        """By place, where all runs are here by the fields that rank them."""
        own = self._whole and ranked_by(self.runset.grouping) == self.runset.grouping
        return by_place(self.root) if own else None

    @property
    def _whole(self) -> bool:
        """Whether it has all runs of the project."""
        return not (self.runset.search or self.runset.conditions) and self.runset.within is None

    @cached_property
    def _ranks(self) -> Ranks:
        around = () if self.runset.within is None else (GROUP,)
        fields = ranked_by((*around, *self.runset.grouping))

        def made(listing: Listing) -> Ranks:
            return ranks(Tree(self._project, Runset(fields=fields, grouped=True), listing=listing).root)

        return self.frame.everything.ranks(fields, made) if fields else {}

    # What is hidden

    @cached_property
    def hidden(self) -> NDArray[np.bool_]:
        """By position: runs whose own eye is off."""
        return self.frame.having([uuid.UUID(id) for id in self.runset.hidden if _is_hex(id)])

    def off(self, node: Node) -> bool:
        """Whether the eye of the group, or of one around it, is off."""
        return bool(self.runset.hidden) and any(step.id in self.runset.hidden for step in node.path)

    def visible(self, leaf: Node) -> Counts:
        """The runs of a leaf that charts draw."""
        if not self.runset.hidden:
            return leaf.positions
        return leaf.positions[:0] if self.off(leaf) else leaf.positions[~self.hidden[leaf.positions]]

    # The order of the table

    def ordered(self, nodes: Sequence[Node]) -> list[Node]:
        """Siblings as the runset sorts them, by default naturally; what has no value to sort by comes last."""
        order = np.arange(len(nodes))
        for sort in reversed(self.runset.sort):
            order = _sorted(order, self._node_values(nodes, sort.field)[order], sort.descending)
        return [nodes[place] for place in order.tolist()]

    def ordered_positions(self, node: Node) -> Counts:
        """The runs below a node as the runset sorts them: by default those of a group in order of creation, and
        ungrouped runs the latest first."""
        order = node.positions[::-1] if node is self.root else node.positions
        for sort in reversed(self.runset.sort):
            if sort.field != RUNS:
                order = _sorted(order, self._run_values(sort.field)[order], sort.descending)
        return order

    def statistics(self, nodes: Sequence[Node], fields: Iterable[Field]) -> Iterator[Statistics]:
        """Of numeric fields, one entry a node."""
        positions, of_node = _together(nodes)
        for field in fields:
            yield grouped_statistics(of_node, self.frame.numbers(self.frame.shown[field])[positions], len(nodes))

    def _node_values(self, nodes: Sequence[Node], field: Field) -> NDArray[np.float64]:
        """By the nodes' own field: its value; by a number: the statistic its column shows; by text: the one all runs
        share; else by their latest run, latest heartbeat or number of runs. NaN where there is none."""
        if field == CREATED:
            return np.array([node.positions[-1] for node in nodes], dtype=np.float64)
        if field == HEARTBEAT:
            return np.array([self.frame.numbers(field)[node.positions].max() for node in nodes])
        if field == RUNS:
            return np.array([len(node.positions) for node in nodes], dtype=np.float64)
        if nodes and nodes[0].field == field:
            return np.array([np.nan if node.token is None else node.rank for node in nodes], dtype=np.float64)
        if field in self.frame.numeric:
            (found,) = self.statistics(nodes, [field])
            return np.asarray(STATISTICS[self.runset.statistic(field)].number(found), dtype=np.float64)
        values = self._run_values(field)
        shared = np.full(len(nodes), np.nan)
        for place, node in enumerate(nodes):
            of_runs = values[node.positions]
            of_runs = of_runs[~np.isnan(of_runs)]
            if of_runs.size and (of_runs == of_runs[0]).all():
                shared[place] = of_runs[0]
        return shared

    def _run_values(self, field: Field) -> NDArray[np.float64]:
        """By position, to be sorted by; NaN where there is none."""
        if field == CREATED:
            return np.arange(len(self.frame), dtype=np.float64)
        if field == HEARTBEAT:
            return self.frame.numbers(field)
        if field in self.frame.numeric:
            return self.frame.numbers(self.frame.shown[field])
        labels = self.frame.labels(field)
        return np.where(labels.codes < len(labels), labels.codes, np.nan)


def _together(nodes: Sequence[Node]) -> tuple[Counts, Counts]:
    """The positions of all nodes, node after node, and which node each is of."""
    if len(nodes) == 1:
        return nodes[0].positions, np.zeros(len(nodes[0].positions), dtype=np.int64)
    sizes = [len(node.positions) for node in nodes]
    positions = np.concatenate([node.positions for node in nodes]) if nodes else np.empty(0, dtype=np.int64)
    return positions, np.repeat(np.arange(len(nodes)), sizes)


def _sorted(items: Counts, values: NDArray[np.float64], descending: bool) -> Counts:
    """Stable in both directions, NaN last."""
    found: Counts = items[np.argsort(-values if descending else values, kind="stable")]
    return found


def _is_hex(id: str) -> bool:
    """Whether it is a run's."""
    return len(id) == 32 and all(letter in "0123456789abcdef" for letter in id)
