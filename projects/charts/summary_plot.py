"""One number of each run, by group -> a bar or a box for each group, as plain dicts for Plotly. Pure.

KINDS are the panels there are beside line plots. Traces are told apart by `meta.role`: `bar` (the statistic), `band`
(an error bar, around the middle of its ends), `runs` (a mark for each run), `violin` and `box`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from projects.charts.aggregate import GroupLine, group_line
from projects.charts.figure import axis_layout
from projects.charts.header import Basis, counts, header, left_out
from projects.charts.line_plot import LinePlot
from projects.charts.traces import as_text, rgba, trace_of
from projects.charts.typed import evenly, typed

if TYPE_CHECKING:
    from projects.query.grouping import RunGroup

Floats = NDArray[np.float64]

BAR_ALPHA = 0.45
MOST_VALUES = 5000  # that a violin is formed of
NARROW = 0.12  # a box inside a violin, of the room that a group has
POINTS = 100  # runs of a group that a box shows beside itself; of more, those beyond the whiskers
WHISKER = 1.5  # quartile ranges beyond the box, at most

_OF_ALL = frozenset(
    {"yMin", "yMax", "yLogScale", "limit", "title", "xTitle", "yTitle", "groupBy", "groupFields", "states"}
)


@dataclass(frozen=True, slots=True)
class Summaries:
    """What the runs of the groups drawn say: per group the finite values, (n,), in no order that matters."""

    values: list[tuple[RunGroup, Floats]]
    basis: Basis
    grouped: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """`settings`: the keys of LinePlot that it heeds; `together`: ungrouped, all runs are one group; `columns` and
    `rows`: its CSV."""

    key: str
    label: str
    settings: frozenset[str]
    together: bool
    traces: Callable[[Summaries, LinePlot], list[dict[str, Any]]]
    columns: tuple[str, ...]
    rows: Callable[[Summaries, LinePlot], list[tuple[Any, ...]]]


def summary_figure(*, kind: Kind, metric: str, plot: LinePlot, found: Summaries) -> dict[str, Any]:
    """A figure {"data", "layout", "meta"} with the keys of figure.line_figure's that panels read."""
    lines = [line for _, line in _lines(found, plot)] if "groupAgg" in kind.settings else []
    basis = found.basis
    said = header(plot, lines, basis, grouped=found.grouped, binned=False, axis="") if lines else counts(plot, basis)
    return {
        "data": kind.traces(found, plot),
        "layout": {
            "xaxis": {"type": "category"} | ({"title": {"text": as_text(plot.x_title)}} if plot.x_title else {}),
            "yaxis": axis_layout(plot.y_title, plot.y_log_scale, plot.y_min, plot.y_max),
            "hovermode": "closest",
            "showlegend": False,
            "uirevision": "kept",
        },
        "meta": {
            "title": plot.title or metric,
            "header": said,
            "nonfiniteText": left_out(basis.nonfinite),
            "empty": not found.values,
            "message": "" if found.values else "No visible run has a number here.",
            "xAxis": kind.key,
        },
    }


def _lines(found: Summaries, plot: LinePlot) -> list[tuple[RunGroup, GroupLine]]:
    """Each group's statistic and band: those of a line of one cell."""
    agg, area = (plot.group_agg, plot.group_area) if found.grouped else ("mean", "none")
    lines = []
    for group, values in found.values:
        column = np.sort(values)[:, np.newaxis]
        lines.append(
            (
                group,
                group_line(
                    np.zeros(1), column, column, column, agg=agg, area=area, sample_deviation=plot.sample_deviation
                ),
            )
        )
    return lines


def _bars(found: Summaries, plot: LinePlot) -> list[dict[str, Any]]:
    traces = []
    for group, line in _lines(found, plot):
        at = {"x": [as_text(group.name)]}
        middle, low, high = float(line.line[0]), float(line.low[0]), float(line.high[0])
        banded = np.isfinite(low) and np.isfinite(high)
        band = f" [{low:.4g}, {high:.4g}]" if banded else ""
        runs = f" · {int(line.n[0])} of {len(group.run_ids)} runs" if found.grouped else ""
        traces.append(
            trace_of(group, "bar", "bar")
            | at
            | {
                "y": [middle],
                "marker": {
                    "color": rgba(group.colour, BAR_ALPHA),
                    "line": {"color": group.colour, "width": 1},
                },
                "hovertemplate": f"%{{y:.4~g}}{band}{runs}<extra>%{{fullData.name}}</extra>",
            }
        )
        mark = {"mode": "markers", "hoverinfo": "skip", "marker": {"color": group.colour, "size": 5}}
        if banded:
            half = {"type": "data", "array": [(high - low) / 2], "color": group.colour, "thickness": 2, "width": 6}
            invisible = {"mode": "markers", "hoverinfo": "skip", "marker": {"color": group.colour, "size": 0.1}}
            traces.append(trace_of(group, "band") | at | invisible | {"y": [(low + high) / 2], "error_y": half})
        if line.each is not None:
            each = line.each[:, 0].tolist()
            traces.append(trace_of(group, "runs") | mark | {"x": at["x"] * len(each), "y": each})
    return traces


def _bar_rows(found: Summaries, plot: LinePlot) -> list[tuple[Any, ...]]:
    return [
        (group.label, float(line.line[0]), float(line.low[0]), float(line.high[0]), int(line.n[0]))
        for group, line in _lines(found, plot)
    ]


def _boxes(found: Summaries, plot: LinePlot) -> list[dict[str, Any]]:
    """Quartiles as everywhere here (linear), so they come reckoned: the browser's are others."""
    traces = []
    violins = plot.box_shape == "violin"
    for group, values in found.values:
        if violins and np.ptp(values) > 0:
            traces.append(_violin(group, values))
        low, median, high = np.percentile(values, (25, 50, 75))
        reach = WHISKER * (high - low)
        within = values[(values >= low - reach) & (values <= high + reach)]
        traces.append(
            trace_of(group, "box", "box")
            | {
                "x": [as_text(group.name)],
                "q1": [float(low)],
                "median": [float(median)],
                "q3": [float(high)],
                "lowerfence": [float(within.min())],
                "upperfence": [float(within.max())],
                "mean": [float(values.mean())],
                "y": [np.sort(values).tolist()],
                "boxpoints": "all" if len(values) <= POINTS else "outliers",
                "jitter": 0.4,
                "pointpos": 0,
                "marker": {"color": group.colour, "size": 4},
                "line": {"color": group.colour, "width": 1.5},
                "fillcolor": rgba(group.colour, BAR_ALPHA / 2),
            }
            | ({"width": NARROW, "boxpoints": False} if violins else {})
        )
    return traces


def _violin(group: RunGroup, values: Floats) -> dict[str, Any]:
    """Its width is the browser's estimate of the density, by a Gaussian kernel; of many values, some by rank."""
    some = np.sort(values)[evenly(values.size, MOST_VALUES)]
    return trace_of(group, "violin", "violin") | {
        "x": [as_text(group.name)] * some.size,
        "y": typed(some),
        "points": "all" if values.size <= POINTS else False,
        "jitter": 0.4,
        "pointpos": 0,
        "spanmode": "hard",
        "scalemode": "width",
        "hoverinfo": "skip",
        "marker": {"color": group.colour, "size": 4},
        "line": {"color": group.colour, "width": 1},
        "fillcolor": rgba(group.colour, BAR_ALPHA / 2),
    }


def _box_rows(found: Summaries, plot: LinePlot) -> list[tuple[Any, ...]]:
    return [(group.label, value) for group, values in found.values for value in np.sort(values).tolist()]


KINDS = {
    kind.key: kind
    for kind in (
        Kind(
            "bar",
            "Bars with error bars",
            _OF_ALL | {"groupAgg", "groupArea", "sampleDeviation"},
            False,
            _bars,
            ("group", "value", "low", "high", "n"),
            _bar_rows,
        ),
        Kind("box", "Box or violin plot", _OF_ALL | {"boxShape"}, True, _boxes, ("group", "value"), _box_rows),
    )
}
