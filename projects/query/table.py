"""What the runs table shows: groups, the runs under open ones, and what is left to fetch.

At most nine queries, and a handful for each column of which runs show what only their histories tell.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from django.utils import timezone

from projects.models import Project
from projects.query.columns import table_columns
from projects.query.fields import RUN_FIELDS, id_of, label, numeric_fields
from projects.query.grouping import Group, groups_of
from projects.query.reductions import REDUCTIONS, Reduction
from projects.query.runset import RUN, BadQuery, Field, Reduced, Runset
from projects.query.sources import run_pair
from projects.query.statistics import MEAN_STD, STATISTICS, Counts, Floats, Statistic
from projects.query.targets import path as path_of
from projects.query.tree import Node, Tree
from runs.columns import typed
from runs.models import ColumnValue, Run
from runs.states import state_of

PAGE_SIZE = 100
EXPORTED = 1000
_PLACE, _HEX = re.compile(r"[0-9]{1,9}"), re.compile(r"[0-9a-f]{32}")

Eye: TypeAlias = Literal["all", "some", "none"]


@dataclass(frozen=True, slots=True)
class Header:
    field: Field
    label: str
    numeric: bool
    sorted: Literal["ascending", "descending"] | None
    statistic: Statistic | None = None  # what it shows of groups, if it is numeric and there are groups
    reduction: Reduction | None = None  # what it shows of runs, if that is not the latest

    @property
    def note(self) -> str:
        """What was chosen of these: "median", "max per run", "median of max"."""
        statistic = self.statistic.label.lower() if self.statistic and self.statistic.key != MEAN_STD else ""
        if self.reduction is None:
            return statistic
        of_runs = self.reduction.label.lower()
        return f"{statistic} of {of_runs}" if statistic else f"{of_runs} per run"


@dataclass(frozen=True, slots=True)
class Value:
    """A run's value: its text as logged, and its number if it is a finite one."""

    text: str
    number: float | None = None


@dataclass(frozen=True, slots=True)
class GroupRow:
    kind: ClassVar[str] = "group"
    group: Group
    depth: int
    open: bool
    eye: Eye  # how many of its runs charts draw
    line: str  # by which the colour of its line is kept (Tree.line_id); "" if it has several
    colours: tuple[str, ...]  # of its lines if it has several, unless they are too many for its swatch


@dataclass(frozen=True, slots=True)
class RunRow:
    kind: ClassVar[str] = "run"
    id: str  # hex
    name: str
    display_name: str
    group: str
    job_type: str
    state: str  # derived
    created_at: datetime
    colour: str  # of its group; ungrouped, its own
    values: dict[Field, Value]  # none where it is not set
    depth: int
    eye: Eye  # all or none


@dataclass(frozen=True, slots=True)
class MoreRow:
    """Stands for the rows left out below `parent` (a group's id; "" at the top): they begin with page `page`."""

    kind: ClassVar[str] = "more"
    parent: str
    depth: int
    page: int
    remaining: int
    what: Literal["groups", "runs"]


Row: TypeAlias = GroupRow | RunRow | MoreRow


@dataclass(frozen=True, slots=True)
class Totals:
    """Over the whole runset. Groups are leaf groups, as charts draw them: 0 when ungrouped."""

    groups: int
    visible_groups: int
    runs: int
    visible_runs: int


@dataclass(frozen=True, slots=True)
class Table:
    headers: tuple[Header, ...]
    rows: tuple[Row, ...]  # in the order shown
    totals: Totals
    page: int  # of the topmost rows
    pages: int


@dataclass(frozen=True, slots=True)
class RunPage:
    """`next`: what the page after this is asked for with; "" after the last."""

    rows: tuple[RunRow, ...]
    total: int
    next: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run is to be shown."""

    position: int
    depth: int
    colour: str
    visible: bool


def table(project: Project, runset: Runset, *, below: str | None = None, page: int | None = None) -> Table:
    """The rows of the runset's page; with `below`, only those under the group of this id, from its page `page`."""
    columns = table_columns(project, runset)
    tree = Tree(project, runset, columns if runset.grouping else _reduced(runset, columns))
    node = tree.find_id(below) if below else tree.root
    page = page or (1 if below else runset.page)
    places = list(_places(tree, node, page)) if node else []
    headers = _headers(project, runset, columns)
    return Table(
        headers=headers,
        rows=tuple(_rows(project, tree, places, columns)),
        totals=_totals(tree),
        page=page,
        pages=max(1, -(-_below(node) // PAGE_SIZE)),
    )


def run_rows(
    project: Project, runset: Runset, *, below: str = "", page: int = 1, size: int = PAGE_SIZE, after: str = ""
) -> RunPage:
    """A page of the runs, or of those of the group of this id, in the order of the table whatever their (sub)groups.

    `after`, what a page before said of the `next`, goes on behind its last run wherever that is now; if it is gone,
    from where it was. Raises BadQuery for a text that no page has said, and for a group that is not there.
    """
    columns = table_columns(project, runset)
    tree = Tree(project, runset, _reduced(runset, columns))
    node = tree.node(below)
    order = tree.ordered_positions(node)
    start = _place_after(tree, order, *_cursor(after)) if after else (page - 1) * size
    shown = order[start : start + size]
    places = [_place(tree, node, position, 0) for position in shown.tolist()]
    end = start + len(shown)
    more = f"{end}-{tree.frame.id(int(shown[-1])).hex}" if len(shown) and end < len(order) else ""
    return RunPage(tuple(_run_rows(project, tree, places, columns).values()), len(order), more)


def runs_after(
    project: Project, runset: Runset, *, run: uuid.UUID | None, place: int, size: int
) -> tuple[list[uuid.UUID], int]:
    """The next runs after `run` in the order of the ungrouped table, and the place of the first; if that run is not
    there (any more), those from `place` on."""
    tree = Tree(project, runset)
    order = tree.ordered_positions(tree.root)
    place = _place_after(tree, order, place, run)
    return tree.frame.ids(order[place : place + size]), place


def _place_after(tree: Tree, order: Counts, place: int, run: uuid.UUID | None) -> int:
    found = np.flatnonzero(tree.frame.having([run])[order]) if run else order[:0]
    return int(found[0]) + 1 if len(found) else place


def _cursor(after: str) -> tuple[int, uuid.UUID]:
    place, _, run = after.partition("-")
    if not (_PLACE.fullmatch(place) and _HEX.fullmatch(run)):
        raise BadQuery("after: what a page before this gave as the next")
    return int(place), uuid.UUID(run)


def every_run_row(project: Project, runset: Runset, columns: Sequence[Field]) -> Iterator[list[RunRow]]:
    """All runs in the order of the table, each once, EXPORTED at a time. Two queries each time."""
    tree = Tree(project, runset, _reduced(runset, columns))
    positions = _ordered_below(tree, tree.root)
    _, first = np.unique(positions, return_index=True)
    positions = positions[np.sort(first)]
    places = [_Place(position, 0, "", True) for position in positions.tolist()]
    pieces = (places[start : start + EXPORTED] for start in range(0, len(places), EXPORTED))
    return (list(_run_rows(project, tree, piece, columns).values()) for piece in pieces)


def _ordered_below(tree: Tree, node: Node) -> Counts:
    if not node.children:
        return tree.ordered_positions(node)
    return np.concatenate([_ordered_below(tree, child) for child in tree.ordered(node.children)])


def _reduced(runset: Runset, columns: Sequence[Field]) -> tuple[Field, ...]:
    """The columns whose values of runs may be in no summary."""
    return tuple(field for field in columns if isinstance(runset.shown(field), Reduced))


def _below(node: Node | None) -> int:
    return len(node.children) or len(node.positions) if node else 0


def _headers(project: Project, runset: Runset, columns: Sequence[Field]) -> tuple[Header, ...]:
    numeric = numeric_fields(project, columns)
    descending = {sort.field: sort.descending for sort in runset.sort}
    words: dict[bool | None, Literal["ascending", "descending"] | None] = {
        None: None,
        False: "ascending",
        True: "descending",
    }

    def header(field: Field) -> Header:
        head = Header(field, label(field), field in numeric, words[descending.get(field)])
        if not head.numeric:
            return head
        shown = runset.shown(field)
        return replace(
            head,
            statistic=STATISTICS[runset.statistic(field)] if runset.grouping else None,
            reduction=REDUCTIONS[shown.how] if isinstance(shown, Reduced) else None,
        )

    return tuple(map(header, columns))


def _places(tree: Tree, node: Node, page: int) -> Iterator[tuple[Node, int, bool] | _Place | MoreRow]:
    """The rows below a node, depth first; a group as (node, depth, whether it is open)."""
    depth = len(node.path)
    first, after = (page - 1) * PAGE_SIZE, page * PAGE_SIZE
    total = _below(node)
    if node.children:
        for child in tree.ordered(node.children)[first:after]:
            is_open = child.id in tree.runset.open
            yield child, depth, is_open
            if is_open:
                yield from _places(tree, child, 1)
    else:
        for position in tree.ordered_positions(node)[first:after].tolist():
            yield _place(tree, node, position, depth)
    if total > after:
        parent = node.id if node.parent else ""
        yield MoreRow(parent, depth, page + 1, total - after, "groups" if node.children else "runs")


def _place(tree: Tree, node: Node, position: int, depth: int) -> _Place:
    visible = not (tree.runset.hidden and (tree.hidden[position] or tree.off(node)))
    return _Place(position, depth, tree.colour(node) if node.parent else tree.run_colour(position), visible)


def _rows(
    project: Project,
    tree: Tree,
    places: Sequence[tuple[Node, int, bool] | _Place | MoreRow],
    columns: Sequence[Field],
) -> Iterator[Row]:
    nodes = [place[0] for place in places if isinstance(place, tuple)]
    groups = iter(groups_of(tree, nodes, columns))
    runs = _run_rows(project, tree, [place for place in places if isinstance(place, _Place)], columns)
    for place in places:
        if isinstance(place, tuple):
            node, depth, is_open = place
            line = node.line
            kept_by, colours = (tree.line_id(line), ()) if line else ("", tree.colours(node))
            yield GroupRow(next(groups), depth, is_open, _eye(tree, node), kept_by, colours)
        elif isinstance(place, MoreRow):
            yield place
        elif place in runs:
            yield runs[place]


def _run_rows(project: Project, tree: Tree, places: Sequence[_Place], columns: Sequence[Field]) -> dict[_Place, RunRow]:
    """Two queries, one for the runs and one for their values. A run deleted since the frame was read is left out."""
    if not places:
        return {}
    now = timezone.now()
    ids = {place.position: tree.frame.id(place.position) for place in places}
    wanted = set(ids.values())
    own = [field for field in columns if field.scope == RUN]
    runs = (
        Run.objects.defer("config", "client_info", "summary")
        .annotate(**{path_of(field): RUN_FIELDS[field.key].expression(now) for field in own})
        .in_bulk(wanted)
    )
    values: dict[uuid.UUID, dict[Field, Value]] = {id: {} for id in wanted}
    reduced = {
        field: tree.frame.numbers(shown)
        for field in columns
        if isinstance(shown := tree.frame.shown.get(field), Reduced)
    }
    logged = [field for field in columns if field.scope != RUN and field not in reduced]
    by_id = {uuid.UUID(id_of(project, field)): field for field in logged}
    found = ColumnValue.objects.filter(run_id__in=wanted, column_id__in=by_id) if by_id else ColumnValue.objects.none()
    for run_id, column_id, text, number in found.values_list("run_id", "column_id", "text", "number"):
        values[run_id][by_id[column_id]] = Value(text, number)
    rows = {}
    for place in places:
        run = runs.get(ids[place.position])
        if run is not None:
            rows[place] = RunRow(
                id=run.id.hex,
                name=run.name,
                display_name=run.display_name,
                group=run.group,
                job_type=run.job_type,
                state=state_of(run, now),
                created_at=run.created_at,
                colour=place.colour,
                values=values[run.id] | _field_values(run, own) | _reduced_values(reduced, place.position),
                depth=place.depth,
                eye="all" if place.visible else "none",
            )
    return rows


def _field_values(run: Run, fields: Sequence[Field]) -> dict[Field, Value]:
    found = {}
    for field in fields:
        value = getattr(run, path_of(field))
        if isinstance(value, timedelta):
            seconds = value.total_seconds()
            found[field] = Value(f"{seconds:g}", seconds)
        elif (pair := run_pair(field, value)) is not None:
            found[field] = Value(pair[1])
    return found


def _reduced_values(reduced: Mapping[Field, Floats], position: int) -> dict[Field, Value]:
    found = {field: float(numbers[position]) for field, numbers in reduced.items()}
    return {field: Value(typed(number).text, number) for field, number in found.items() if not math.isnan(number)}


def _eye(tree: Tree, node: Node) -> Eye:
    if not tree.runset.hidden:
        return "all"
    leaves = list(node.leaves())
    shown = sum(len(tree.visible(leaf)) for leaf in leaves)
    if not shown:
        return "none"
    return "all" if shown == sum(len(leaf.positions) for leaf in leaves) else "some"


def _totals(tree: Tree) -> Totals:
    leaves = list(tree.root.leaves())
    visible = [tree.visible(leaf) for leaf in leaves] if tree.runset.hidden else [leaf.positions for leaf in leaves]
    shown = np.zeros(len(tree.frame), dtype=bool)
    for positions in visible:
        shown[positions] = True
    grouped = bool(tree.root.children)
    return Totals(
        groups=len(leaves) if grouped else 0,
        visible_groups=sum(1 for positions in visible if len(positions)) if grouped else 0,
        runs=len(tree.frame),
        visible_runs=int(np.count_nonzero(shown)),
    )
