"""The numbers of panels that show values of each run: one summary value, or several columns."""

from __future__ import annotations

import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from projects.charts.header import Basis
from projects.charts.line_plot import LinePlot
from projects.charts.parallel import MOST_LINES, Axis, Lines
from projects.charts.scatter import MOST_POINTS, Cloud, Clouds, drawable
from projects.charts.summary_plot import Summaries
from projects.charts.typed import evenly
from projects.looking import Looking
from projects.looks import dressed
from projects.models import Project
from projects.query.columns import every_column, numeric_keys
from projects.query.fields import field_from, id_of, label
from projects.query.frame import Frame
from projects.query.grouping import RunGroup
from projects.query.palette import colour
from projects.query.runset import RUN, BadQuery, Field
from projects.workspaces import panel_groups, panel_runs, panel_runset
from runs.columns import column_id
from runs.models import Column, ColumnValue, Kind, Run, Scope


def summary_metrics(project: Project) -> list[str]:
    """Keys of numeric summary columns. One query."""
    return numeric_keys(project, Scope.SUMMARY)


def summary_metric_known(project: Project, metric: str) -> bool:
    return Column.objects.filter(id=column_id(project.id, Scope.SUMMARY, metric)).exists()


def summaries(looking: Looking, metric: str, plot: LinePlot, *, together: bool) -> Summaries:
    """Of the first groups of the table, up to the plot's limit, that have a number.

    Ungrouped, a run is a group of its own, or all are one (`together`).
    """
    rows = ColumnValue.objects.filter(
        column_id=column_id(looking.project.id, Scope.SUMMARY, metric), kind=Kind.NUMBER
    ).values_list("run_id", "number")
    found = dict(rows)
    grouped = bool(panel_runset(looking.runset, plot).grouping)
    all_in_one = together and not grouped
    groups, total = _groups(looking, plot, found.keys(), together=all_in_one)
    every = {run for group in groups for run in group.run_ids}
    finite = {run: number for run, number in found.items() if number is not None}
    values = [(group, np.array([finite[run] for run in group.run_ids if run in finite])) for group in groups]
    return Summaries(
        values=[(group, numbers) for group, numbers in values if numbers.size],
        basis=Basis(
            runs=len(every & finite.keys()),
            of_runs=len(every),
            groups=len(groups),
            of_groups=total,
            nonfinite=len(every & (found.keys() - finite.keys())),
        ),
        grouped=grouped or all_in_one,
    )


def columns(project: Project) -> list[str]:
    """Config and summary columns as text, in natural order. One query."""
    return list(map(str, every_column(project)))


def numeric_column_names(project: Project) -> list[str]:
    """Of `columns`, those that have numbers. One query."""
    return [str(field) for field, kinds in every_column(project).items() if kinds & Kind.NUMBER]


def column_known(project: Project, text: str) -> bool:
    """Whether it is the text of a config or summary column that runs have."""
    try:
        field = field_from(text)
    except BadQuery:
        return False
    return field.scope != RUN and Column.objects.filter(id=id_of(project, field)).exists()


def clouds(looking: Looking, x: Field, y: Field, plot: LinePlot) -> Clouds:
    """The points of the first groups of the table, up to the plot's limit, that have one; ungrouped, of all runs."""
    frame = Frame(looking.project, looking.runset, keys=(), columns=(x, y))
    across, up = _numbers(frame, x), _numbers(frame, y)
    chosen = _chosen(looking, plot, frame, drawable(across, up, plot), MOST_POINTS)
    names = _names(frame, chosen)
    found = [
        Cloud(group, across[of], up[of], shown, [names[at] for at in of[shown].tolist()])
        for group, of, shown in zip(chosen.groups, chosen.positions, chosen.shown, strict=True)
    ]
    return Clouds(found, chosen.basis, chosen.grouped)


def lines(looking: Looking, columns: Sequence[Field], colours: Field | None, plot: LinePlot) -> Lines:
    """The values of the runs that have one of the `columns`, in the first groups of the table; ungrouped, of all."""
    fields = (*columns, *([colours] if colours else []))
    frame = Frame(looking.project, looking.runset, keys=(), columns=fields)
    having = np.zeros(len(frame), dtype=bool)
    for field in columns:
        having |= frame.labels(field).codes < len(frame.labels(field))
    chosen = _chosen(looking, plot, frame, having, MOST_LINES)
    names = _names(frame, chosen)
    rows = [of[shown] for of, shown in zip(chosen.positions, chosen.shown, strict=True)]
    every = np.concatenate([np.empty(0, dtype=np.int64), *rows])
    return Lines(
        groups=chosen.groups,
        of_group=np.repeat(np.arange(len(rows)), [len(of) for of in rows]),
        names=[names[at] for at in every.tolist()],
        axes=[_axis(frame, field, every) for field in columns],
        colours=_axis(frame, colours, every) if colours else None,
        basis=chosen.basis,
    )


def _numbers(frame: Frame, field: Field) -> NDArray[np.float64]:
    """NaN where there is none."""
    return frame.numbers(field) if field in frame.numeric else np.full(len(frame), np.nan)


def _axis(frame: Frame, field: Field, rows: NDArray[np.int64]) -> Axis:
    """Of numbers, if all values that the runs at `rows` have are some."""
    labels, numbers = frame.labels(field), _numbers(frame, field)[rows]
    codes = labels.codes[rows]
    present = codes < len(labels)
    if all(labels.pair(rank)[0].startswith("n:") for rank in np.unique(codes[present & np.isnan(numbers)]).tolist()):
        return Axis(label(field), numbers)
    values, places = np.unique(codes[present], return_inverse=True)
    placed = np.full(len(rows), np.nan)
    placed[present] = places
    return Axis(label(field), placed, tuple(labels.pair(rank)[1] for rank in values.tolist()))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """By group: the positions in the frame of its runs that have what is shown, and the places among these of the runs
    drawn."""

    groups: list[RunGroup]
    positions: list[NDArray[np.int64]]
    shown: list[NDArray[np.int64]]
    basis: Basis
    grouped: bool


def _chosen(looking: Looking, plot: LinePlot, frame: Frame, having: NDArray[np.bool_], most: int) -> _Chosen:
    """Of the first groups that have a run `having` what is shown; at most so many runs are drawn, evenly chosen."""
    at = np.flatnonzero(having)
    place = dict(zip(frame.ids(at), at.tolist(), strict=True))
    grouped = bool(panel_runset(looking.runset, plot).grouping)
    groups, total = _groups(looking, plot, place.keys(), together=not grouped)
    groups = dressed(looking.project, plot, groups) if grouped else groups
    positions = [np.array([place[run] for run in group.run_ids if run in place], dtype=np.int64) for group in groups]
    ends = np.cumsum([0, *map(len, positions)])
    drawn = evenly(int(ends[-1]), most)
    shown = [drawn[(drawn >= start) & (drawn < end)] - start for start, end in pairwise(ends.tolist())]
    every = {run for group in groups for run in group.run_ids}
    basis = Basis(len(every & place.keys()), len(every), len(groups), total, nonfinite=0)
    return _Chosen(groups, positions, shown, basis, grouped)


def _names(frame: Frame, chosen: _Chosen) -> dict[int, str]:
    """Of the runs drawn, by position. A query."""
    drawn = [of[shown] for of, shown in zip(chosen.positions, chosen.shown, strict=True)]
    positions = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *drawn]))
    ids = frame.ids(positions)
    found = dict(Run.objects.filter(id__in=ids).values_list("id", "display_name"))
    return {at: found.get(run, "") for at, run in zip(positions.tolist(), ids, strict=True)}


def _groups(looking: Looking, plot: LinePlot, having: Set[uuid.UUID], *, together: bool) -> tuple[list[RunGroup], int]:
    """The first groups, up to the plot's limit, with a run of those `having` what is shown, and of how many;
    `together`: all runs as one."""
    if not together:
        return panel_groups(looking.project, looking.runset, plot, logged=having, limit=plot.limit)
    runs = panel_runs(looking.project, looking.runset, plot)
    if having.isdisjoint(runs):
        return [], 0
    return [RunGroup(id="all", label="All runs", colour=colour(0), run_ids=tuple(runs))], 1
