"""The numbers of panels that show values of each run: one summary value, or several columns."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Set
from itertools import pairwise

import numpy as np

from projects.charts.header import Basis
from projects.charts.line_plot import LinePlot
from projects.charts.scatter import MOST_POINTS, Cloud, Clouds, drawable, evenly
from projects.charts.summary_plot import Summaries
from projects.looking import Looking
from projects.looks import dressed
from projects.models import Project
from projects.query.columns import every_column, numeric_keys
from projects.query.fields import field_from, id_of
from projects.query.frame import Frame
from projects.query.grouping import RunGroup
from projects.query.palette import colour
from projects.query.runset import RUN, BadQuery, Field
from projects.workspaces import panel_groups, panel_runset
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
    found = dict(rows.iterator())
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
    ids = frame.ids(np.arange(len(frame)))
    across, up = (frame.numbers(field) if field in frame.numeric else np.full(len(frame), np.nan) for field in (x, y))
    having = drawable(across, up, plot)
    place = {ids[at]: at for at in np.flatnonzero(having).tolist()}
    grouped = bool(panel_runset(looking.runset, plot).grouping)
    groups, total = _groups(looking, plot, place.keys(), together=not grouped)
    groups = dressed(looking.project, plot, groups) if grouped else groups
    runs = [[run for run in group.run_ids if run in place] for group in groups]
    ends = np.cumsum([0, *map(len, runs)])
    shown = evenly(int(ends[-1]), MOST_POINTS)
    of_group = [shown[(shown >= start) & (shown < end)] - start for start, end in pairwise(ends.tolist())]
    drawn = [[of[at] for at in some.tolist()] for of, some in zip(runs, of_group, strict=True)]
    names = dict(Run.objects.filter(id__in={run for some in drawn for run in some}).values_list("id", "display_name"))
    every = {run for group in groups for run in group.run_ids}
    return Clouds(
        [
            Cloud(
                group,
                across[[place[run] for run in of]],
                up[[place[run] for run in of]],
                some,
                [names.get(run, "") for run in named],
            )
            for group, of, some, named in zip(groups, runs, of_group, drawn, strict=True)
        ],
        Basis(len(every & place.keys()), len(every), len(groups), total, nonfinite=0),
        grouped,
    )


def _groups(looking: Looking, plot: LinePlot, having: Set[uuid.UUID], *, together: bool) -> tuple[list[RunGroup], int]:
    """The first groups, up to the plot's limit, with a run of those `having` what is shown, and of how many;
    `together`: all runs as one."""
    limit = sys.maxsize if together else plot.limit
    groups, total = panel_groups(looking.project, looking.runset, plot, logged=having, limit=limit)
    if not together or not groups:
        return groups, total
    runs = tuple(run for group in groups for run in group.run_ids)
    return [RunGroup(id="all", label="All runs", colour=colour(0), run_ids=runs)], 1
