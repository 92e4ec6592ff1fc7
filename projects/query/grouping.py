"""Runs -> groups. Groups are told apart by typed tokens; statistics have the run as their unit."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from projects.models import Project
from projects.query.columns import table_columns
from projects.query.fields import label
from projects.query.labels import Labels
from projects.query.runset import Field, Runset
from projects.query.statistics import STATISTICS, Statistics
from projects.query.tree import GROUP, JOB_TYPE, Node, Tree
from runs.history import store
from runs.models import Run

NOT_SET = "(not set)"


@dataclass(frozen=True, slots=True)
class Key:
    """A group's value of one field. `token` tells types apart ("1" is not 1); None: the run has no such value."""

    field: Field
    token: str | None
    text: str  # as shown; "(not set)" when the token is None, "null" for an explicit null


@dataclass(frozen=True, slots=True)
class Cell:
    """One column over a group's runs.

    A numeric column: n runs with a finite number, mean, median, std (None when n < 2), low, high. Another: n runs with
    a value, how many `distinct` ones, and its `text` when all these runs share it.
    """

    n: int
    mean: float | None = None
    median: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    text: str | None = None
    distinct: int = 0

    def number(self, statistic: str) -> float | None:
        """One of statistics.STATISTICS by its key, of a numeric column; None where there is none."""
        chosen = STATISTICS[statistic]
        found: float | None = chosen.number(self) if self.n >= chosen.least else None
        return found


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the table at some depth. `id` is short, URL-safe, and a function of the path of keys alone."""

    id: str
    path: tuple[Key, ...]
    runs: int
    states: dict[str, int]  # state -> runs, derived states included
    cells: dict[Field, Cell]
    colour: str  # hex: that of its line; a group of several lines is grey


@dataclass(frozen=True, slots=True)
class RunGroup:
    """What a chart needs of one leaf group (or, ungrouped, of one run): all its visible runs, in a fixed order."""

    id: str
    label: str  # "lr: 0.1 · Job type: train"
    colour: str
    run_ids: tuple[uuid.UUID, ...]
    dash: str = "solid"
    within: tuple[str, ...] = ()  # ids of the groups around it
    line: str = ""  # tells the lines apart that a chart has of one group; fit for a class name
    said: str = ""  # of that line, beside the label
    chart: int = 0  # its place among the small charts of a plot
    short: str = ""  # its label without what all groups of the chart share, if they share anything
    changed: bytes = field(default=b"", compare=False, repr=False)  # another whenever one of the runs has changed

    @property
    def name(self) -> str:
        """What tells it apart from the chart's other groups."""
        return self.short or self.label


def default_fields(project: Project) -> tuple[Field, ...]:
    """Group, then Job type, if any run of the project has a group; else ()."""
    grouped = Run.objects.filter(project=project, deleted_at=None, group_start__gt="").exists()
    return (GROUP, JOB_TYPE) if grouped else ()


@dataclass(frozen=True, slots=True)
class Counted:
    """`groups`: the innermost; None if the runset is not grouped."""

    runs: int
    states: dict[str, int]
    groups: int | None


def counted(project: Project, runset: Runset) -> Counted:
    tree = Tree(project, runset)
    (every,) = groups_of(tree, [tree.root], ())
    return Counted(every.runs, every.states, len(list(tree.root.leaves())) if runset.grouping else None)


def groups(project: Project, runset: Runset, parent: tuple[Key, ...] = ()) -> list[Group]:
    """The groups one level below `parent`, sorted as the runset says (by default naturally: 8, 16, 128)."""
    columns = table_columns(project, runset)
    tree = Tree(project, runset, columns)
    node = tree.find((key.field, key.token) for key in parent)
    return groups_of(tree, tree.ordered(node.children), columns) if node else []


def group_page(project: Project, runset: Runset, *, below: str, page: int, size: int) -> tuple[list[Group], int]:
    """A page of the groups one level below the one of this id ("": the topmost) in table order, and how many there are.

    Raises BadQuery for a group that is not there.
    """
    columns = table_columns(project, runset)
    tree = Tree(project, runset, columns)
    found = tree.ordered(tree.node(below).children)
    return groups_of(tree, found[(page - 1) * size : page * size], columns), len(found)


def leaf_groups(project: Project, runset: Runset) -> list[Group]:
    """The innermost groups of all, in table order."""
    columns = table_columns(project, runset)
    tree = Tree(project, runset, columns)
    return groups_of(tree, list(ordered_leaves(tree, tree.root)), columns)


def run_groups(
    project: Project, runset: Runset, limit: int, *, logged: Set[uuid.UUID] | None = None
) -> tuple[list[RunGroup], int]:
    """The first `limit` visible leaf groups in table order (ungrouped: runs), and how many there are.

    With `logged`, only groups with at least one of these runs count. A group always has all its visible runs, in order
    of creation. Within one snapshot of the history the runs are read once for all that ask of the same runset, and
    the groups are made once for neighbours that want the same.
    """
    tree = store.kept("tree", (project.id, runset), lambda: Tree(project, runset))
    known = None if logged is None else tree.frame.having(logged)
    make = _lines if runset.grouping else _runs_alone
    wanted = (project.id, runset, limit, None if known is None else known.tobytes())
    return store.kept("groups", wanted, lambda: make(tree, limit, known))


def _lines(tree: Tree, limit: int, known: NDArray[np.bool_] | None) -> tuple[list[RunGroup], int]:
    shown = [
        (leaf, positions)
        for leaf in ordered_leaves(tree, tree.root)
        if len(positions := tree.visible(leaf)) and (known is None or known[positions].any())
    ]
    return [
        RunGroup(
            id=leaf.id,
            label=path_label(leaf),
            colour=tree.colour(leaf),
            run_ids=tuple(tree.frame.ids(positions)),
            within=tuple(node.id for node in leaf.path[:-1]),
            short=short,
            changed=tree.frame.changed(positions),
        )
        for (leaf, positions), short in zip(shown[:limit], _short([leaf for leaf, _ in shown[:limit]]), strict=True)
    ], len(shown)


def visible_runs(project: Project, runset: Runset) -> list[uuid.UUID]:
    """All runs that charts draw, by their own eyes and those of their groups, in order of creation.

    No query but those of a Tree.
    """
    tree = Tree(project, replace(runset, sort=()))
    shown = np.zeros(len(tree.frame), dtype=bool)
    for leaf in tree.root.leaves():
        shown[tree.visible(leaf)] = True
    return tree.frame.ids(np.flatnonzero(shown))


def keys(node: Node) -> tuple[Key, ...]:
    return tuple(
        Key(step.field, step.token, NOT_SET if step.text is None else step.text) for step in node.path if step.field
    )


def path_label(node: Node) -> str:
    """ "lr: 0.1 · Job type: train"."""
    return _written(keys(node))


def _short(leaves: Sequence[Node]) -> list[str]:
    """For `RunGroup.short`."""
    paths = [keys(leaf) for leaf in leaves]
    shared = set.intersection(*map(set, paths)) if len(paths) > 1 else set()
    if not shared:
        return [""] * len(paths)
    return [_written(key for key in path if key not in shared) for path in paths]


def _written(path: Iterable[Key]) -> str:
    return " · ".join(f"{label(key.field)}: {key.text}" for key in path)


def groups_of(tree: Tree, nodes: Sequence[Node], columns: Sequence[Field]) -> list[Group]:
    if not nodes:
        return []
    cells: list[dict[Field, Cell]] = [{} for _ in nodes]
    numeric = [column for column in columns if column in tree.frame.numeric]
    for column, statistics in zip(numeric, tree.statistics(nodes, numeric), strict=True):
        for found, cell in zip(cells, measured(statistics), strict=True):
            found[column] = cell
    for column in columns:
        if column not in tree.frame.numeric:
            labels = tree.frame.labels(column)
            for found, node in zip(cells, nodes, strict=True):
                found[column] = _counted(labels, node)
    states = tree.frame.states
    names = [states.pair(rank)[1] for rank in range(len(states))]
    counts = [np.bincount(states.codes[node.positions], minlength=len(names)).tolist() for node in nodes]
    return [
        Group(
            id=node.id,
            path=keys(node),
            runs=len(node.positions),
            states={name: runs for name, runs in sorted(zip(names, of_node, strict=True)) if runs},
            cells=found,
            colour=tree.colour(node),
        )
        for node, found, of_node in zip(nodes, cells, counts, strict=True)
    ]


def measured(of: Statistics) -> Iterator[Cell]:
    """One cell a group."""
    arrays = (of.n, of.mean, of.median, of.std, of.low, of.high)
    for n, mean, median, std, low, high in zip(*(array.tolist() for array in arrays), strict=True):
        yield Cell(n, mean, median, std if n > 1 else None, low, high) if n else Cell(0)


def _counted(labels: Labels, node: Node) -> Cell:
    counts = np.bincount(labels.codes[node.positions], minlength=len(labels))[: len(labels)]
    (present,) = np.nonzero(counts)
    text = labels.pair(int(present[0]))[1] if len(present) == 1 else None
    return Cell(int(counts.sum()), text=text, distinct=len(present))


def ordered_leaves(tree: Tree, node: Node) -> Iterator[Node]:
    """The innermost groups below a node, in table order."""
    for child in tree.ordered(node.children):
        if child.children:
            yield from ordered_leaves(tree, child)
        else:
            yield child


def _runs_alone(tree: Tree, limit: int, known: NDArray[np.bool_] | None) -> tuple[list[RunGroup], int]:
    positions = tree.ordered_positions(tree.root)
    if tree.runset.hidden:
        positions = positions[~tree.hidden[positions]]
    if known is not None:
        positions = positions[known[positions]]
    shown = positions[:limit]
    ids = tree.frame.ids(shown)
    names = dict(Run.objects.filter(id__in=ids).values_list("id", "display_name"))
    return [
        RunGroup(id=id.hex, label=names[id], colour=tree.run_colour(position), run_ids=(id,), changed=changed)
        for position, id, changed in zip(
            shown.tolist(), ids, map(tree.frame.changed, shown[:, np.newaxis]), strict=True
        )
        if id in names
    ], len(positions)
