"""Two numbers of each run -> a point for each, in its group's colour, as plain dicts for Plotly. Pure.

Traces are told apart by `meta.role`: `points`, with the runs' names, and `mean`, a group's means with their error bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from projects.charts.aggregate import GroupLine, group_line
from projects.charts.figure import LEGENDS, axis_layout
from projects.charts.header import Basis, counts, header
from projects.charts.line_plot import LinePlot
from projects.charts.traces import as_text, rgba, trace_of
from projects.charts.typed import typed

if TYPE_CHECKING:
    from projects.query.grouping import RunGroup

Floats = NDArray[np.float64]

MOST_POINTS = 5000  # drawn; a browser takes its time over more
POINT_ALPHA = 0.7
SETTINGS = frozenset(
    {"xColumn", "yColumn", "xMin", "xMax", "yMin", "yMax", "xLogScale", "yLogScale", "limit", "title", "xTitle"}
    | {"yTitle", "showLegend", "legendPosition", "legendTemplate", "groupMeans", "groupArea", "groupBy", "groupFields"}
    | {"states", "sampleDeviation"}
)
COLUMNS = ("group", "run", "x", "y")


@dataclass(frozen=True, slots=True)
class Cloud:
    """The points of one group: of the runs that have both numbers, by time of creation. `names` of those `shown`."""

    group: RunGroup
    x: Floats  # (runs,)
    y: Floats
    shown: NDArray[np.int64]  # places of the points drawn
    names: list[str]


@dataclass(frozen=True, slots=True)
class Clouds:
    clouds: list[Cloud]
    basis: Basis
    grouped: bool  # else all runs are in one cloud


def drawable(x: Floats, y: Floats, plot: LinePlot) -> NDArray[np.bool_]:
    """Which points have a place on the axes."""
    found: NDArray[np.bool_] = np.isfinite(x) & np.isfinite(y)
    if plot.x_log_scale:
        found &= x > 0
    if plot.y_log_scale:
        found &= y > 0
    return found


def title(x: str, y: str, plot: LinePlot) -> str:
    return plot.title or f"{y} by {x}"


def scatter_figure(*, x: str, y: str, plot: LinePlot, found: Clouds) -> dict[str, Any]:
    """`x` and `y`: what the columns are called. With the keys of figure.line_figure's that panels read."""
    means = _means(found, plot)
    lines = [line for _, _, line in means]
    basis, shown = found.basis, sum(len(cloud.shown) for cloud in found.clouds)
    said = header(_of_means(plot), lines, basis, grouped=True, binned=False, axis="") if means else counts(plot, basis)
    if shown < basis.runs:
        said += f" · {shown:,} of {basis.runs:,} points drawn"
    return {
        "data": [_points(cloud, x, y) for cloud in found.clouds] + [_mean(*mean, x, y) for mean in means],
        "layout": {
            "xaxis": axis_layout(plot.x_title or x, plot.x_log_scale, plot.x_min, plot.x_max),
            "yaxis": axis_layout(plot.y_title or y, plot.y_log_scale, plot.y_min, plot.y_max),
            "hovermode": "closest",
            "showlegend": plot.show_legend,
            "legend": LEGENDS[plot.legend_position],
            "uirevision": "kept",
        },
        "meta": {
            "title": title(x, y, plot),
            "header": said,
            "nonfiniteText": "",
            "empty": not found.clouds,
            "message": "" if found.clouds else "No visible run has both numbers.",
            "xAxis": f"scatter {plot.x_column}",
        },
    }


def scatter_rows(found: Clouds) -> Iterator[tuple[Any, ...]]:
    """What is drawn."""
    for cloud in found.clouds:
        for at, name in zip(cloud.shown.tolist(), cloud.names, strict=True):
            yield cloud.group.label, name, float(cloud.x[at]), float(cloud.y[at])


def _points(cloud: Cloud, x: str, y: str) -> dict[str, Any]:
    group = cloud.group
    return trace_of(group, "points") | {
        "mode": "markers",
        "showlegend": True,
        "x": typed(cloud.x[cloud.shown]),
        "y": typed(cloud.y[cloud.shown]),
        "text": [as_text(name) for name in cloud.names],
        "marker": {"color": rgba(group.colour, POINT_ALPHA), "size": 7, "line": {"color": group.colour, "width": 1}},
        "hovertemplate": f"%{{text}}<br>{_told(x, y)}<extra>%{{fullData.name}}</extra>",
    }


def _told(x: str, y: str) -> str:
    return f"{as_text(x)}: %{{x:.4~g}}<br>{as_text(y)}: %{{y:.4~g}}"


def _of_means(plot: LinePlot) -> LinePlot:
    return replace(plot, group_agg="mean", group_area="none" if plot.group_area == "each" else plot.group_area)


def _means(found: Clouds, plot: LinePlot) -> list[tuple[RunGroup, GroupLine, GroupLine]]:
    """Each group's mean and band along x and along y: those of lines of one cell."""
    if not (found.grouped and plot.group_means):
        return []
    area = _of_means(plot).group_area

    def line_of(values: Floats) -> GroupLine:
        column = np.sort(values)[:, np.newaxis]
        of_one = np.zeros(1)
        return group_line(of_one, column, column, column, agg="mean", area=area, sample_deviation=plot.sample_deviation)

    return [(cloud.group, line_of(cloud.x), line_of(cloud.y)) for cloud in found.clouds]


def _mean(group: RunGroup, across: GroupLine, up: GroupLine, x: str, y: str) -> dict[str, Any]:
    return trace_of(group, "mean") | {
        "mode": "markers",
        "showlegend": False,
        "x": across.line.tolist(),
        "y": up.line.tolist(),
        "error_x": _bar(across, group.colour),
        "error_y": _bar(up, group.colour),
        "marker": {"color": group.colour, "size": 11, "symbol": "diamond"},
        "hovertemplate": f"Mean of {int(up.n[0]):,} runs<br>{_told(x, y)}<extra>%{{fullData.name}}</extra>",
    }


def _bar(line: GroupLine, colour: str) -> dict[str, Any]:
    low, middle, high = float(line.low[0]), float(line.line[0]), float(line.high[0])
    if not (np.isfinite(low) and np.isfinite(high)):
        return {"visible": False}
    ends = {"array": [high - middle], "arrayminus": [middle - low], "symmetric": False}
    return {"type": "data", "color": colour, "thickness": 2, "width": 5} | ends
