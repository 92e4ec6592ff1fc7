"""The numbers of a panel that shows one summary value of each run."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from projects.charts.header import Basis
from projects.charts.line_plot import LinePlot
from projects.charts.summary_plot import Summaries
from projects.looking import Looking
from projects.models import Project
from projects.query.grouping import RunGroup, run_groups
from projects.query.natural import natural_text
from projects.query.palette import colour
from projects.workspaces import counted_runs, panel_runset
from runs.columns import column_id
from runs.models import Column, ColumnValue, Kind, Scope


def summary_metrics(project: Project) -> list[str]:
    """Keys of numeric summary columns, the client's own left out, in natural order. One query."""
    columns = Column.objects.filter(project=project, scope=Scope.SUMMARY).values_list("key", "kinds")
    names = [key for key, kinds in columns if kinds & Kind.NUMBER and not key.startswith("_")]
    return sorted(names, key=lambda name: (natural_text(name), name))


def summary_metric_known(project: Project, metric: str) -> bool:
    return Column.objects.filter(id=column_id(project.id, Scope.SUMMARY, metric)).exists()


def summaries(looking: Looking, metric: str, plot: LinePlot, *, together: bool) -> Summaries:
    """Of the first groups of the table, up to the plot's limit, that have a number.

    Ungrouped, a run is a group of its own, or all are one (`together`).
    """
    asked = panel_runset(looking.runset, plot)
    counted = counted_runs(looking.project, looking.runset, asked, plot)
    rows = ColumnValue.objects.filter(
        column_id=column_id(looking.project.id, Scope.SUMMARY, metric), kind=Kind.NUMBER
    ).values_list("run_id", "number")
    found = {run: number for run, number in rows.iterator() if counted is None or run in counted}
    all_in_one = together and not asked.grouping
    limit = sys.maxsize if all_in_one else plot.limit
    groups, total = run_groups(looking.project, asked, limit, logged=found.keys())
    if all_in_one and groups:
        runs = tuple(run for group in groups for run in group.run_ids)
        groups, total = [RunGroup(id="all", label="All runs", colour=colour(0), run_ids=runs)], 1
    if counted is not None:
        groups = [replace(group, run_ids=tuple(run for run in group.run_ids if run in counted)) for group in groups]
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
        grouped=bool(asked.grouping) or all_in_one,
    )
