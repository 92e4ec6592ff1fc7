"""The numbers of a panel that shows one summary value of each run."""

from __future__ import annotations

import sys

import numpy as np

from projects.charts.header import Basis
from projects.charts.line_plot import LinePlot
from projects.charts.summary_plot import Summaries
from projects.looking import Looking
from projects.models import Project
from projects.query.columns import numeric_keys
from projects.query.grouping import RunGroup
from projects.query.palette import colour
from projects.workspaces import panel_groups, panel_runset
from runs.columns import column_id
from runs.models import Column, ColumnValue, Kind, Scope


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
    limit = sys.maxsize if all_in_one else plot.limit
    groups, total = panel_groups(looking.project, looking.runset, plot, logged=found.keys(), limit=limit)
    if all_in_one and groups:
        runs = tuple(run for group in groups for run in group.run_ids)
        groups, total = [RunGroup(id="all", label="All runs", colour=colour(0), run_ids=runs)], 1
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
