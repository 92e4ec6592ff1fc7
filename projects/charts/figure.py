"""What is drawn of each group -> a Plotly figure as plain dicts, ready for strict JSON. Pure; no colours of any theme.

`data` is described in traces.py. Numbers travel as typed arrays (typed.py).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from projects.charts.aggregate import GroupLine
from projects.charts.header import Basis, header, left_out
from projects.charts.line_plot import X_AXES, LinePlot
from projects.charts.multiples import axis_ids, layout_of, marks_axis
from projects.charts.traces import Drawn, as_text, traces

MOST_UNIFIED = 12  # a tooltip of more lines than this hides the chart
X_TITLES = {
    "_step": "",
    "_absolute_runtime": "Relative time, wall (s)",
    "_runtime": "Relative time, process (s)",
    "_timestamp": "Wall time (UTC)",
}
LEGENDS: dict[str, dict[str, Any]] = {
    "north": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    "south": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.25, "yanchor": "top"},
    "east": {"orientation": "v", "x": 1.02, "xanchor": "left", "y": 1, "yanchor": "top"},
    "west": {"orientation": "v", "x": -0.1, "xanchor": "right", "y": 1, "yanchor": "top"},
}
CORE = (5.0, 95.0)  # percentiles of what is drawn, for a y axis that ignores outliers


def line_figure(
    *,
    metric: str,
    plot: LinePlot,
    drawn: Sequence[Drawn],
    basis: Basis,
    grouped: bool,
    width: float | None,
    chosen: bool = True,
    charts: Sequence[str] = (),
    columns: int = 1,
) -> dict[str, Any]:
    """`drawn` in the order of the legend; `width` of a bin, None when x is exact; `plot.x_axis` is the one in force.

    Unless it was `chosen` for the plot, the header names it. `charts`: the names of the small charts that the groups
    are spread over, if they are, in so many columns.
    """
    having = [part.line for part in drawn if part.line.x.size]
    count = max(1, len(charts))
    unified = _most_lines(drawn) <= MOST_UNIFIED
    data = traces(drawn, plot, grouped=grouped, unified=unified, charts=count)
    axis = "" if chosen or plot.x_axis in {choice.key for choice in X_AXES} else plot.x_axis
    layout = _layout(plot, having, [part.original for part in drawn if part.original is not None])
    layout["hovermode"] = "x unified" if unified else "closest"
    if charts:
        layout = layout_of(layout, [as_text(name) for name in charts], columns)
    for chart in {part.group.chart for part in drawn if part.marks.x.size}:
        over = {"overlaying": axis_ids(chart)["yaxis"], "anchor": axis_ids(chart)["xaxis"]}
        hidden = {"range": [0, 1], "visible": False, "fixedrange": True}
        layout["yaxis" + marks_axis(chart, count)[1:]] = over | hidden
    return {
        "data": data,
        "layout": layout,
        "meta": {
            "title": plot.title or metric,
            "header": header(plot, having, basis, grouped=grouped, binned=width is not None, axis=axis),
            "runs": basis.runs,
            "ofRuns": basis.of_runs,
            "groups": basis.groups,
            "ofGroups": basis.of_groups,
            "nonfinite": basis.nonfinite,
            "nonfiniteText": left_out(basis.nonfinite),
            "empty": not having,
            "message": "" if having else _nothing(basis),
            "exact": width is None,
            "width": width,
            "xAxis": plot.x_axis,
            "rows": -(-len(charts) // columns),
        },
    }


def _most_lines(drawn: Sequence[Drawn]) -> int:
    """On one chart."""
    return max(Counter(part.group.chart for part in drawn if part.line.x.size).values(), default=0)


def _nothing(basis: Basis) -> str:
    if not basis.of_metrics:
        return "No metric’s name matches."
    return "No value here is a finite number." if basis.nonfinite else "No visible run has logged this metric."


def _layout(plot: LinePlot, lines: Sequence[GroupLine], originals: Sequence[GroupLine]) -> dict[str, Any]:
    x_title = plot.x_title or X_TITLES.get(plot.x_axis, plot.x_axis)
    x_axis = axis_layout(x_title, plot.x_log_scale, plot.x_min, plot.x_max)
    if plot.x_axis == "_timestamp":
        ends = [None if end is None else end * 1000 for end in (plot.x_min, plot.x_max)]
        x_axis |= {"type": "date"} | ({"range": ends} if ends != [None, None] else {})
    low, high = _core(plot, [*lines, *originals]) if plot.ignore_outliers else (None, None)
    y_axis = axis_layout(
        plot.y_title,
        plot.y_log_scale,
        low if plot.y_min is None else plot.y_min,
        high if plot.y_max is None else plot.y_max,
    )
    return {
        "xaxis": x_axis,
        "yaxis": y_axis,
        # Without a legend, if an empty one, Plotly spaces the lines of its tooltip as groups, which hide the chart.
        "showlegend": True,
        "legend": LEGENDS[plot.legend_position] | {"traceorder": "normal"},
        "uirevision": "kept",  # zoom and hidden lines outlive new data
    }


def _core(plot: LinePlot, lines: Sequence[GroupLine]) -> tuple[float | None, float | None]:
    """The ends of a y axis on which outliers don't squeeze the rest; an end that none lie beyond is None.

    From the 5th to the 95th percentile of all lines and ends of bands, and half as much again on either side.
    """
    parts = [part for line in lines for part in (line.line, line.low, line.high)]
    values = np.concatenate([part[np.isfinite(part)] for part in parts]) if parts else np.empty(0)
    if plot.y_log_scale:
        values = np.log10(values[values > 0])
    if not values.size:
        return None, None
    low, high = np.percentile(values, CORE)
    low, high = low - (high - low) / 2, high + (high - low) / 2
    if low == high:
        return None, None
    unit = (lambda end: float(10**end)) if plot.y_log_scale else float
    return unit(low) if values.min() < low else None, unit(high) if values.max() > high else None


def axis_layout(title: str, log: bool, low: float | None, high: float | None) -> dict[str, Any]:
    axis: dict[str, Any] = {"type": "log" if log else "linear"}
    if title:
        axis["title"] = {"text": as_text(title)}
    if low is not None or high is not None:
        axis["range"] = [None if end is None else math.log10(end) if log else end for end in (low, high)]
    return axis
