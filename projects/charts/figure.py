"""What is drawn of each group -> a Plotly figure as plain dicts, ready for strict JSON. Pure; no colours of any theme.

Numbers travel as typed arrays, {"dtype", "bdata" (base64, little-endian), "shape"}, in which NaN is a gap. A group has
up to three traces of one `legendgroup`, told apart by `meta.role`, and all bands lie below all lines:

- `band`: the shading, polygons with gaps where there is none;
- `runs`: a thin line for each run;
- `line`: the statistic. `customdata` has a row for each point: n, then the band as the distance of its ends from the
  line where they are equally far, else as its lower and upper end. Float32: for the tooltip. Ungrouped lines have none.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from projects.charts.aggregate import CENTRED_ON_MEAN, GroupLine
from projects.charts.line_plot import GROUP_AGGS, GROUP_AREAS, LinePlot

if TYPE_CHECKING:
    from projects.query.grouping import RunGroup

Floats = NDArray[np.float64]

BAND_ALPHA = 0.18
RUN_ALPHA = 0.35
MOST_UNIFIED = 12  # a tooltip of more lines than this hides the chart
SECONDS = {"_runtime": "Relative time (s)", "_timestamp": "Wall time (UTC)"}
LEGENDS: dict[str, dict[str, Any]] = {
    "north": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    "south": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.25, "yanchor": "top"},
    "east": {"orientation": "v", "x": 1.02, "xanchor": "left", "y": 1, "yanchor": "top"},
    "west": {"orientation": "v", "x": -0.1, "xanchor": "right", "y": 1, "yanchor": "top"},
}


@dataclass(frozen=True, slots=True)
class Basis:
    """What the chart stands on."""

    runs: int  # with at least one finite point on the chart
    of_runs: int  # in the groups drawn
    groups: int  # asked to be drawn
    of_groups: int  # in the table
    nonfinite: int  # points left out


def line_figure(
    *,
    metric: str,
    plot: LinePlot,
    lines: Sequence[tuple[RunGroup, GroupLine]],
    basis: Basis,
    grouped: bool,
    width: float | None,
) -> dict[str, Any]:
    """`lines` in the order of the legend, those without points left out; `width` of a bin, None when x is exact."""
    floor = _smallest_positive(lines) if plot.y_log_scale else None
    bands, runs, middles = [], [], []
    for group, line in lines:
        x = line.x * 1000 if plot.x_axis == "_timestamp" else line.x  # Plotly's dates are milliseconds
        low, high = _band_ends(line, plot, floor)
        if not np.isnan(low).all():
            bands.append(_band(group, x, low, high))
        if line.each is not None:
            runs.append(_each(group, x, line.each))
        middles.append(_line(group, x, line, plot, grouped))
    return {
        "data": bands + runs + middles,
        "layout": _layout(plot, len(lines)),
        "meta": {
            "title": plot.title or metric,
            "header": header(plot, lines, basis, grouped=grouped, binned=width is not None),
            "runs": basis.runs,
            "ofRuns": basis.of_runs,
            "groups": basis.groups,
            "ofGroups": basis.of_groups,
            "nonfinite": basis.nonfinite,
            "nonfiniteText": _left_out(basis.nonfinite),
            "empty": not lines,
            "exact": width is None,
            "width": width,
            "xAxis": plot.x_axis,
        },
    }


def header(
    plot: LinePlot, lines: Sequence[tuple[RunGroup, GroupLine]], basis: Basis, *, grouped: bool, binned: bool
) -> str:
    """One line that says what is drawn: "mean ± std dev · 20 of 20 runs · binned · smoothed · 10 of 37 groups"."""
    if grouped:
        parts = [_statistic(plot, lines), f"{basis.runs:,} of {basis.of_runs:,} runs"]
        parts += {"all": ["where all have data"], "carry": ["last values carried"]}.get(plot.ended_early, [])
        parts += [f"where {plot.min_runs:,} runs or more"] if plot.min_runs > 1 else []
    else:
        parts = [f"{basis.runs:,} of {basis.of_groups:,} runs"]
    if binned:
        parts.append("binned")
    parts += {"interpolate": ["interpolated"], "last": ["last values between"]}.get(plot.align, [])
    if plot.smoothed:
        parts.append("smoothed")
    if grouped and basis.groups < basis.of_groups:
        parts.append(f"{basis.groups:,} of {basis.of_groups:,} groups")
    return " · ".join(parts)


def rgba(colour: str, alpha: float) -> str:
    """#rrggbb -> rgba(r,g,b,alpha)."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"rgba({red},{green},{blue},{alpha})"


def typed(values: NDArray[Any], dtype: str = "f8") -> dict[str, str]:
    """A Plotly typed array."""
    data = base64.b64encode(values.astype("<" + dtype).tobytes()).decode()
    shape = {} if values.ndim == 1 else {"shape": ", ".join(map(str, values.shape))}
    return {"dtype": dtype, "bdata": data} | shape


def _statistic(plot: LinePlot, lines: Sequence[tuple[RunGroup, GroupLine]]) -> str:
    agg = next(choice.label for choice in GROUP_AGGS if choice.key == plot.group_agg)
    line = agg if plot.group_agg == "iqm" else agg.lower()
    if plot.group_agg == "iqm" and any((drawn.n < 4).any() for _, drawn in lines):
        line += " (mean below 4 runs)"
    area = next(choice.label for choice in GROUP_AREAS if choice.key == plot.group_area)
    area = area if plot.group_area in ("ci95", "bootstrap") else area.lower()
    if plot.group_area == "stddev" and not plot.sample_deviation:
        area = "population std dev"
    if plot.group_area == "none":
        return line
    if plot.group_area in CENTRED_ON_MEAN:
        return f"{line} ± {area}" if plot.group_agg == "mean" else f"{line}, mean ± {area}"
    if plot.group_area == "bootstrap" and plot.group_agg != "mean":
        area += " of the mean"
    return f"{line}, {area}"


def _left_out(count: int) -> str:
    return f"{count:,} value{'s' if count > 1 else ''} left out (NaN or infinite)" if count else ""


def _as_text(text: str) -> str:
    """Plotly reads names and titles as a kind of HTML, and %{…} in names as a variable."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def _trace(group: RunGroup, role: str, x: Floats, y: Floats) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "uid": f"{group.id}-{role}",  # Plotly makes a class name of it, and looks for it by a selector
        "meta": {"group": group.id, "role": role},
        "name": _as_text(group.label),
        "legendgroup": group.id,
        "showlegend": role == "line",
        "x": typed(x),
        "y": typed(y),
    }


def _line(group: RunGroup, x: Floats, line: GroupLine, plot: LinePlot, grouped: bool) -> dict[str, Any]:
    trace = _trace(group, "line", x, line.line) | {"line": {"color": group.colour, "width": plot.line_width}}
    if x.size == 1:
        trace |= {"mode": "markers", "marker": {"color": group.colour, "size": 7}}
    name = "<extra>%{fullData.name}</extra>"
    if not grouped:
        return trace | {"hovertemplate": "%{y:.4~g}" + name}
    symmetric = plot.group_agg == "mean" and plot.group_area in CENTRED_ON_MEAN
    ends = [line.high - line.line] if symmetric else [line.low, line.high]
    band = " ± %{customdata[1]:.2~g}" if symmetric else " [%{customdata[1]:.4~g}, %{customdata[2]:.4~g}]"
    runs = f" · %{{customdata[0]}} of {len(group.run_ids)} runs"
    without, with_band = "%{y:.4~g}" + runs + name, "%{y:.4~g}" + band + runs + name
    banded = ~np.isnan(line.low)
    if banded.all() or not banded.any():
        template: str | list[str] = with_band if banded.all() else without
    else:
        template = [with_band if shown else without for shown in banded.tolist()]
    columns = [line.n, *ends] if banded.any() else [line.n]
    return trace | {"customdata": typed(np.column_stack(columns), "f4"), "hovertemplate": template}


def _band_ends(line: GroupLine, plot: LinePlot, floor: float | None) -> tuple[Floats, Floats]:
    """Both NaN where no band can be drawn. A log axis can't show an end at or below 0: the band stops at `floor`."""
    low, high = line.low, line.high
    if floor is not None:
        low, high = np.where(low > 0, low, floor), np.where(high > 0, high, np.nan)
    shown = np.isfinite(low) & np.isfinite(high)
    if plot.x_log_scale and plot.x_axis != "_timestamp":
        shown &= line.x > 0
    return np.where(shown, low, np.nan), np.where(shown, high, np.nan)


def _band(group: RunGroup, x: Floats, low: Floats, high: Floats) -> dict[str, Any]:
    """One closed polygon for each stretch of neighbouring cells that have a band: there along the top, back below.

    A band that stands alone in its cell has no area; the outline shows it, as an upright stroke.
    """
    turns = np.flatnonzero(np.diff(~np.isnan(low), prepend=False, append=False))
    stretches = list(zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True))
    gap = np.array([np.nan])
    xs, ys = [], []
    for start, stop in stretches:
        xs += [gap, x[start:stop], x[start:stop][::-1]]
        ys += [gap, high[start:stop], low[start:stop][::-1]]
    alone = any(stop - start == 1 for start, stop in stretches)
    return _trace(group, "band", np.concatenate(xs[1:]), np.concatenate(ys[1:])) | {
        "fill": "toself",
        "fillcolor": rgba(group.colour, BAND_ALPHA),
        "line": {"color": rgba(group.colour, RUN_ALPHA), "width": 0 if not alone else 10 if x.size == 1 else 2},
        "hoverinfo": "skip",
    }


def _each(group: RunGroup, x: Floats, each: Floats) -> dict[str, Any]:
    """All runs in one trace, a gap between two. Cells in which a run has no value are no gap in its line."""
    run, cell = np.nonzero(~np.isnan(each))
    ends = np.flatnonzero(np.diff(run)) + 1
    trace = _trace(group, "runs", np.insert(x[cell], ends, np.nan), np.insert(each[run, cell], ends, np.nan))
    single = bool(np.isin(1, np.bincount(run)))
    colour = rgba(group.colour, RUN_ALPHA)
    marks = {"mode": "lines+markers", "marker": {"color": colour, "size": 3}} if single else {}
    return trace | marks | {"line": {"color": colour, "width": 1}, "hoverinfo": "skip"}


def _smallest_positive(lines: Sequence[tuple[RunGroup, GroupLine]]) -> float | None:
    drawn = [part[part > 0] for _, line in lines for part in (line.line, line.low, line.high)]
    return min((float(part.min()) for part in drawn if part.size), default=None)


def _layout(plot: LinePlot, lines: int) -> dict[str, Any]:
    x_axis = _axis(plot.x_title or SECONDS.get(plot.x_axis, ""), plot.x_log_scale, plot.x_min, plot.x_max)
    if plot.x_axis == "_timestamp":
        ends = [None if end is None else end * 1000 for end in (plot.x_min, plot.x_max)]
        x_axis |= {"type": "date"} | ({"range": ends} if ends != [None, None] else {})
    return {
        "xaxis": x_axis,
        "yaxis": _axis(plot.y_title, plot.y_log_scale, plot.y_min, plot.y_max),
        "hovermode": "x unified" if lines <= MOST_UNIFIED else "closest",
        "showlegend": plot.show_legend,
        "legend": LEGENDS[plot.legend_position],
        "uirevision": "kept",  # zoom and hidden lines outlive new data
    }


def _axis(title: str, log: bool, low: float | None, high: float | None) -> dict[str, Any]:
    axis: dict[str, Any] = {"type": "log" if log else "linear"}
    if title:
        axis["title"] = {"text": _as_text(title)}
    if low is not None or high is not None:
        axis["range"] = [None if end is None else math.log10(end) if log else end for end in (low, high)]
    return axis
