"""The results table: rows by one field, columns by another, a cell for the runs of both.

    rows=config.model        a row for each of its values; as `group=`, bins and items too
    across=config.depth      a column for each of its values; `across=` or none: a column for each metric
    metric=summary.val/acc   whose numbers stand in the cells; several make several columns
    cell=stddev              what a cell says of them (of estimates.CELLS)
    best=max:summary.val/acc in bold: the max, the min or none of a metric's column

The other parameters ask for the runs, as on the project page; those that it hides from charts do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from django.http import QueryDict

from projects.conclusions.estimates import CELLS, CellKind, Estimate, Shown, best, estimates, shown
from projects.conclusions.samples import Samples, default_field, metric_label, numeric_checked
from projects.looking import Looking
from projects.models import Project
from projects.query.columns import table_columns
from projects.query.fields import label, numeric_fields
from projects.query.from_url import column_fields_from, group_fields_from
from projects.query.runset import BadQuery, Field, Runset
from projects.query.tree import Node

MAX_METRICS = 12
DEFAULT_METRICS = 4
MAX_ROWS = 200
MAX_COLUMNS = 60  # of cells, metrics included

DIRECTIONS = ("max", "min", "none")
# What is better when it is small, by a word of its name.
_SMALL = re.compile(
    r"(?<![a-z])(loss|error|err|mse|rmse|mae|perplexity|ppl|nll|regret|cost|latency|time|duration|seconds)(?![a-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    rows: Field
    across: Field | None
    metrics: tuple[Field, ...]
    cell: str
    best: dict[Field, str]  # a direction for each metric


@dataclass(frozen=True, slots=True)
class Head:
    """A column of cells. `label` names its value, its metric, or both."""

    label: str
    metric: Field
    direction: str


@dataclass(frozen=True, slots=True)
class ResultCell:
    estimate: Estimate
    shown: Shown
    runs: int  # with a number or without
    left_out: int  # of these, how many have a value that is no finite number
    best: bool


@dataclass(frozen=True, slots=True)
class ResultRow:
    label: str
    cells: tuple[ResultCell | None, ...]  # None: no run has both values


@dataclass(frozen=True, slots=True)
class Results:
    """`metric_label`: the metric's name if there is only one. `n`: the runs with a number of every cell, None if they
    differ. Of longer tables the first MAX_ROWS rows."""

    row_label: str
    metric_label: str
    column_label: str
    kind: CellKind
    heads: tuple[Head, ...]
    rows: tuple[ResultRow, ...]
    n: int | None
    of_rows: int
    left_out: int


def results_asked(looking: Looking, query: QueryDict) -> Asked:
    """What neither the query nor the view asks for: rows by the table's first field, no columns, the table's first
    numeric columns. Raises BadQuery."""
    return looking.concluded("results", query, partial(_asked, looking))


def _asked(looking: Looking, query: QueryDict) -> Asked:
    project, runset = looking.project, looking.runset
    (rows,) = group_fields_from(query, "rows", 1) or (default_field(project, runset),)
    across = next(iter(group_fields_from(query, "across", 1) or ()), None)
    if across == rows:
        raise BadQuery("across: the field of the rows; choose another")
    metrics = column_fields_from(query, "metric", MAX_METRICS)
    if metrics:
        numeric_checked(project, metrics)
    else:
        columns = table_columns(project, runset)
        numeric = numeric_fields(project, columns)
        metrics = tuple(column for column in columns if column in numeric)[: 1 if across else DEFAULT_METRICS]
    cell = query.get("cell", "stddev")
    if cell not in CELLS:
        raise BadQuery(f"cell: one of {', '.join(CELLS)}")
    said = dict(_best(text) for text in query.getlist("best") if text)
    return Asked(rows, across, metrics, cell, {metric: said.get(str(metric), _usual(metric)) for metric in metrics})


def _best(text: str) -> tuple[str, str]:
    direction, _, metric = text.partition(":")
    if direction not in DIRECTIONS or not metric:
        raise BadQuery(f"best: {', '.join(DIRECTIONS)}, a “:” and a metric")
    return metric, direction


def _usual(metric: Field) -> str:
    return "min" if _SMALL.search(metric.key) else "max"


def results(project: Project, runset: Runset, asked: Asked) -> Results:
    """At most six queries, however many groups there are. Raises BadQuery."""
    fields = (asked.rows,) if asked.across is None else (asked.rows, asked.across)
    samples = Samples(project, runset, fields, asked.metrics)
    nodes = samples.groups()
    columns = _columns(nodes) if asked.across else [None]
    if len(columns) * len(asked.metrics) > MAX_COLUMNS:
        raise BadQuery(f"across: {len(columns):,} values make too many columns; at most {MAX_COLUMNS}")
    grid = [[_cell(node, column) for column in columns] for node in nodes[:MAX_ROWS]]
    heads, cells = [], []
    for at, column in enumerate(columns):
        for metric in asked.metrics:
            parts = [] if column is None else [samples.text(column)]
            parts += [metric_label(runset, metric)] if column is None or len(asked.metrics) > 1 else []
            heads.append(Head(" · ".join(parts), metric, asked.best[metric]))
            cells.append(_column(samples, [row[at] for row in grid], metric, asked))
    return Results(
        row_label=label(asked.rows),
        metric_label=metric_label(runset, asked.metrics[0]) if len(asked.metrics) == 1 else "",
        column_label="" if asked.across is None else label(asked.across),
        kind=CELLS[asked.cell],
        heads=tuple(heads),
        rows=tuple(
            ResultRow(samples.text(node), tuple(column[at] for column in cells))
            for at, node in enumerate(nodes[:MAX_ROWS])
        ),
        n=_shared(cell.estimate.n for column in cells for cell in column if cell is not None),
        of_rows=len(nodes),
        left_out=sum(cell.left_out for column in cells for cell in column if cell is not None),
    )


def _columns(rows: Iterable[Node]) -> list[Node | None]:
    """A node of each value that a column stands for, in natural order, what is not set last."""
    found = {child.rank: child for node in rows for child in node.children}
    return [found[rank] for rank in sorted(found)]


def _cell(row: Node, column: Node | None) -> Node | None:
    return row if column is None else next((child for child in row.children if child.rank == column.rank), None)


def _column(samples: Samples, nodes: list[Node | None], metric: Field, asked: Asked) -> list[ResultCell | None]:
    """Its cells, top down."""
    drawn = [None if node is None else samples.of(node, metric) for node in nodes]
    there = iter(estimates(asked.cell, [sample.values for sample in drawn if sample and sample.runs]))
    found = [next(there) if sample and sample.runs else None for sample in drawn]
    winners = best(found, asked.best[metric])
    return [
        ResultCell(estimate, shown(estimate), sample.runs, sample.left_out, at in winners)
        if estimate is not None and sample is not None
        else None
        for at, (estimate, sample) in enumerate(zip(found, drawn, strict=True))
    ]


def _shared(counts: Iterable[int]) -> int | None:
    found = set(counts)
    return found.pop() if len(found) == 1 else None
