"""Runs -> groups. Groups are told apart by typed tokens; statistics have the run as their unit."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from projects.models import Project
from projects.query.columns import table_columns
from projects.query.fields import label
from projects.query.palette import colour
from projects.query.runset import RUN, Field, Runset
from projects.query.tree import Node, Tree
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

    A numeric column: n runs with a finite number, mean, std (None when n < 2), low, high. Another: n runs with a value,
    how many `distinct` ones, and its `text` when all these runs share it.
    """

    n: int
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    text: str | None = None
    distinct: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the table at some depth. `id` is short, URL-safe, and a function of the path of keys alone."""

    id: str
    path: tuple[Key, ...]
    runs: int
    states: dict[str, int]  # state -> runs, derived states included
    cells: dict[Field, Cell]
    colour: str  # hex; a leaf group's line has the same, a group of groups is grey


@dataclass(frozen=True, slots=True)
class RunGroup:
    """What a chart needs of one leaf group (or, ungrouped, of one run): all its visible runs, in a fixed order."""

    id: str
    label: str  # "lr: 0.1 · Job type: train"
    colour: str
    run_ids: tuple[uuid.UUID, ...]
    dash: str = "solid"


def default_fields(project: Project) -> tuple[Field, ...]:
    """Group, then Job type, if any run of the project has a group; else ()."""
    grouped = Run.objects.filter(project=project, deleted_at=None).exclude(group="").exists()
    return (Field(RUN, "group"), Field(RUN, "job_type")) if grouped else ()


def groups(project: Project, runset: Runset, parent: tuple[Key, ...] = ()) -> list[Group]:
    """The groups one level below `parent`, sorted as the runset says (by default naturally: 8, 16, 128)."""
    columns = table_columns(project, runset)
    tree = Tree(project, runset, columns)
    node = tree.find((key.field, key.token) for key in parent)
    return groups_of(tree, tree.ordered(node.children), columns) if node else []


def run_groups(
    project: Project, runset: Runset, limit: int, *, logged: Set[uuid.UUID] | None = None
) -> tuple[list[RunGroup], int]:
    """The first `limit` visible leaf groups in table order (ungrouped: runs), and how many there are.

    With `logged`, only groups with at least one of these runs count. A group always has all its visible runs, in order
    of creation.
    """
    tree = Tree(project, runset)
    known = None if logged is None else {run.hex for run in logged}
    if not runset.grouping:
        return _runs_alone(tree, limit, known)
    shown = [
        (leaf, positions)
        for leaf in _leaves(tree, tree.root)
        if (positions := tree.visible(leaf))
        and (known is None or any(tree.frame.ids[position] in known for position in positions))
    ]
    return [
        RunGroup(
            id=leaf.id,
            label=" · ".join(f"{label(key.field)}: {key.text}" for key in keys(tree, leaf)),
            colour=leaf.colour,
            run_ids=tuple(uuid.UUID(tree.frame.ids[position]) for position in positions),
        )
        for leaf, positions in shown[:limit]
    ], len(shown)


def keys(tree: Tree, node: Node) -> tuple[Key, ...]:
    return tuple(
        Key(step.field, step.token, NOT_SET if step.token is None else tree.frame.texts[step.field][step.token])
        for step in node.path
        if step.field
    )


def groups_of(tree: Tree, nodes: Sequence[Node], columns: Sequence[Field]) -> list[Group]:
    cells: list[dict[Field, Cell]] = [{} for _ in nodes]
    for column in columns if nodes else ():
        for found, cell in zip(cells, _cells(tree, nodes, column), strict=True):
            found[column] = cell
    states = tree.frame.states
    return [
        Group(
            id=node.id,
            path=keys(tree, node),
            runs=len(node.positions),
            states=dict(sorted(Counter(states[position] for position in node.positions).items())),
            cells=found,
            colour=node.colour,
        )
        for node, found in zip(nodes, cells, strict=True)
    ]


def _cells(tree: Tree, nodes: Sequence[Node], column: Field) -> Iterator[Cell]:
    if column in tree.frame.numbers:
        of = tree.statistics(nodes, column)
        arrays = (of.n, of.mean, of.std, of.low, of.high)
        for n, mean, std, low, high in zip(*(array.tolist() for array in arrays), strict=True):
            yield Cell(n, mean, std if n > 1 else None, low, high) if n else Cell(0)
        return
    tokens = tree.frame.tokens[column]
    for node in nodes:
        counts = Counter(tokens[position] for position in node.positions if tokens[position])
        shared = tree.frame.text(column, next(iter(counts))) if len(counts) == 1 else None
        yield Cell(counts.total(), text=shared, distinct=len(counts))


def _leaves(tree: Tree, node: Node) -> Iterator[Node]:
    """In table order."""
    for child in tree.ordered(node.children):
        if child.children:
            yield from _leaves(tree, child)
        else:
            yield child


def _runs_alone(tree: Tree, limit: int, known: Set[str] | None) -> tuple[list[RunGroup], int]:
    hidden, ids = tree.hidden_positions, tree.frame.ids
    visible = [
        position
        for position in tree.ordered_positions(tree.root)
        if position not in hidden and (known is None or ids[position] in known)
    ]
    names = dict(
        Run.objects.filter(id__in=[ids[position] for position in visible[:limit]]).values_list("id", "display_name")
    )
    found = [(position, uuid.UUID(ids[position])) for position in visible[:limit]]
    return [
        RunGroup(id=id.hex, label=names[id], colour=colour(position), run_ids=(id,))
        for position, id in found
        if id in names
    ], len(visible)
