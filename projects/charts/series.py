"""Groups of runs and a metric -> the figure of one panel. The only module of charts that asks the history."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projects.charts.aggregate import GroupLine, group_line
from projects.charts.align import Aligned, align_cells, align_points
from projects.charts.endings import settle, within
from projects.charts.figure import Basis, line_figure
from projects.charts.filling import fill
from projects.charts.line_plot import LinePlot
from projects.charts.smoothing import smooth
from projects.query.grouping import RunGroup
from runs.columns import column_id
from runs.history import store
from runs.models import Scope


@dataclass(frozen=True, slots=True)
class Drawing:
    """The numbers of a chart: groups without points are in `basis` but not in `lines`."""

    lines: list[tuple[RunGroup, GroupLine]]
    basis: Basis
    width: float | None  # of a bin; None when x is exact
    grouped: bool


def line_plot(*, metric: str, plot: LinePlot, drawing: Drawing) -> dict[str, Any]:
    """A figure {"data", "layout", "meta"} of plain JSON (figure.py says what is in it)."""
    return line_figure(
        metric=metric,
        plot=plot,
        lines=drawing.lines,
        basis=drawing.basis,
        grouped=drawing.grouped,
        width=drawing.width,
    )


def draw(
    *,
    project_id: uuid.UUID,
    metric: str,
    plot: LinePlot,
    groups: Sequence[RunGroup],
    total_groups: int,
    lo: float | None = None,
    hi: float | None = None,
    grouped: bool,
) -> Drawing:
    """The numbers of a chart.

    `groups` are the first of `total_groups`, at most `plot.limit` of them are drawn; when not `grouped` each is one
    run, drawn by itself, whatever statistic and shading the plot has. `lo` ≤ x ≤ `hi`, in the units of the x axis
    (seconds for times), limits what is read, so that as many cells show it finer; without them the plot's own range
    does.
    """
    groups = groups[: plot.limit]
    run_ids, rows = _rows(groups)
    column = column_id(project_id, Scope.HISTORY, metric)
    lo, hi = plot.x_min if lo is None else lo, plot.x_max if hi is None else hi
    ended_early, least = (plot.ended_early, plot.min_runs) if grouped else ("available", 1)
    carry = ended_early == "carry"
    # A last value may lie before the range, and what lies after it tells whether it was the last: read all, cut then.
    limits = (None, None) if carry else (lo, hi)
    aligned = _aligned(column=column, run_ids=run_ids, x=plot.x_axis, lo=limits[0], hi=limits[1], how=plot.align)
    logged = store.logged(column_id=column) if ended_early == "all" else set()
    aligned = smooth(fill(aligned, plot.align), plot.smoothing_type, plot.smoothing_weight)
    agg, area = (plot.group_agg, plot.group_area) if grouped else ("mean", "none")
    lines = []
    for group, of_group in zip(groups, rows, strict=True):
        parts = aligned.value[of_group], aligned.low[of_group], aligned.high[of_group]
        having = len(logged.intersection(group.run_ids))
        x, (value, low, high) = aligned.x, settle(parts, how=ended_early, logged=having, least=least)
        if carry:
            shown = within(x, aligned.width, lo, hi)
            x, value, low, high = x[shown], *(np.ascontiguousarray(part[:, shown]) for part in (value, low, high))
        line = group_line(x, value, low, high, agg=agg, area=area, sample_deviation=plot.sample_deviation)
        lines.append((group, line))
    return Drawing(
        [(group, line) for group, line in lines if line.x.size],
        Basis(
            runs=int(np.count_nonzero(~np.isnan(aligned.value).all(axis=1))) if aligned.x.size else 0,
            of_runs=len(run_ids),
            groups=len(groups),
            of_groups=total_groups,
            nonfinite=int(aligned.nonfinite.sum()),
        ),
        aligned.width,
        grouped,
    )


def _rows(groups: Sequence[RunGroup]) -> tuple[list[uuid.UUID], list[slice | NDArray[np.int64]]]:
    """Each run once (an exploded field puts a run in several groups), and each group's rows among them.

    A group's runs are ordered by id, so that sums come out the same to the last bit however the table sorts them.
    """
    place: dict[uuid.UUID, int] = {}
    rows: list[slice | NDArray[np.int64]] = []
    for group in groups:
        ids = sorted(group.run_ids, key=attrgetter("int"))
        index = np.array([place.setdefault(run_id, len(place)) for run_id in ids], dtype=np.int64)
        following = index.size and index[-1] - index[0] == index.size - 1 and bool((np.diff(index) == 1).all())
        rows.append(slice(int(index[0]), int(index[-1]) + 1) if following else index)  # a slice copies nothing
    return list(place), rows


def _aligned(
    *,
    column: uuid.UUID,
    run_ids: Sequence[uuid.UUID],
    x: str,
    lo: float | None,
    hi: float | None,
    how: str,
) -> Aligned:
    series = store.read(column_id=column, run_ids=run_ids, x=x, lo=lo, hi=hi)
    if isinstance(series, store.Cells):
        return align_cells(series)
    return align_points(series, steps=x == "_step", how=how)
