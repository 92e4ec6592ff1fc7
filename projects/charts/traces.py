"""What is drawn of each group -> Plotly traces as plain dicts. Pure; only the groups' own colours.

A group has, of each metric, up to five traces of one `legendgroup`, told apart by `meta.role`:

- `band`: the shading, polygons with gaps where there is none; float32;
- `original`: the statistic of the runs before they were smoothed, a thin line;
- `runs`: a thin line for each run;
- `line`: the statistic. `customdata` has a row for each point: n, then the band as the distance of its ends from the
  line where they are equally far, else as its lower and upper end. Float32: for the tooltip. Ungrouped lines have none.
- `nonfinite`: a mark at the bottom of the plot for each x at which runs have NaN or ±inf; `customdata`: how many.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from projects.charts.aggregate import CENTRED_ON_MEAN, GroupLine
from projects.charts.line_plot import VARIABLE, LinePlot
from projects.charts.multiples import axis_ids, marks_axis
from projects.charts.nonfinite import Marks
from projects.charts.typed import drawn_dtype, narrow_dtype, told_dtype, typed

if TYPE_CHECKING:
    from projects.query.grouping import RunGroup

Floats = NDArray[np.float64]

BAND_ALPHA = 0.18
RUN_ALPHA = 0.35
ROW = 0.04  # of the plot's height, for the marks of one group
ROWS = 0.2  # for those of all groups
_VALUE = "<b>%{y:.4~g}</b>"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a chart has of one group; of one without finite points the line has no cells."""

    group: RunGroup
    line: GroupLine
    marks: Marks
    original: GroupLine | None = None  # before smoothing
    metric: str = ""


def traces(
    drawn: Sequence[Drawn], plot: LinePlot, *, grouped: bool, unified: bool, charts: int = 1
) -> list[dict[str, Any]]:
    """In the order in which they are drawn: all bands lie below all lines. A group without points has no line.

    `unified`: a tooltip tells of all lines. `charts`: how many small charts they are spread over; the legend names a
    line once.
    """
    having = [part for part in drawn if part.line.x.size]
    floor = _smallest_positive(having) if plot.y_log_scale else None
    dtype = drawn_dtype([values for part in having for values in _values(part)])
    ends = [_band_ends(part.line, plot, floor) for part in having]
    of_bands = narrow_dtype([end for both in ends for end in both]) if ends else dtype
    bands, runs, middles = [], [], []
    for part, (low, high) in zip(having, ends, strict=True):
        group, line, x = part.group, part.line, _shown_x(part.line.x, plot)
        if not np.isnan(low).all():
            bands.append(_band(group, x, low, high, of_bands))
        if part.original is not None:
            runs.append(_original(group, _shown_x(part.original.x, plot), part.original.line, dtype))
        if line.each is not None:
            runs.append(_each(group, x, line.each, dtype))
        middles.append(_line(group, x, line, plot, dtype, grouped=grouped, unified=unified))
    marked = [part for part in drawn if part.marks.x.size]
    height = min(ROW, ROWS / max(len(marked), 1))
    marks = [
        _nonfinite(part, _shown_x(part.marks.x, plot), (row + 0.5) * height, grouped=grouped, unified=unified)
        | {"yaxis": marks_axis(part.group.chart, charts)}
        for row, part in enumerate(marked)
    ]
    named: set[str] = set()
    for trace in middles:
        trace["meta"] |= {"named": trace["legendgroup"] not in named}
        trace["showlegend"] = plot.show_legend and trace["meta"]["named"]
        named.add(trace["legendgroup"])
    return bands + runs + middles + marks


def _values(part: Drawn) -> Iterator[Floats]:
    """What is drawn as lines."""
    yield part.line.line
    if part.original is not None:
        yield part.original.line
    if part.line.each is not None:
        yield part.line.each.ravel()


def as_text(text: str) -> str:
    """Plotly reads names and titles as a kind of HTML, and %{…} in names as a variable."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def rgba(colour: str, alpha: float) -> str:
    """#rrggbb -> rgba(r,g,b,alpha)."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"rgba({red},{green},{blue},{alpha})"


def _shown_x(x: Floats, plot: LinePlot) -> Floats:
    return x * 1000 if plot.x_axis == "_timestamp" else x  # Plotly's dates are milliseconds


def trace_of(group: RunGroup, role: str, kind: str = "scatter") -> dict[str, Any]:
    """What tells a trace of a group from all others."""
    place = f"-{group.chart}" if group.chart else ""
    return {
        "type": kind,
        # Plotly makes a class name of it, and looks for it by a selector.
        "uid": f"{group.id}{group.line}{place}-{role}",
        "meta": {"group": group.id, "within": group.within, "role": role},
        "name": as_text(" · ".join(filter(None, (group.name, group.said)))),
        "legendgroup": group.id + group.line,
    }


def _trace(group: RunGroup, role: str, x: Floats, y: Floats, dtype: str) -> dict[str, Any]:
    return trace_of(group, role) | {
        **axis_ids(group.chart),
        "mode": "lines",
        "showlegend": False,
        "x": typed(x),
        "y": typed(y, dtype),
    }


def _line(
    group: RunGroup, x: Floats, line: GroupLine, plot: LinePlot, dtype: str, *, grouped: bool, unified: bool
) -> dict[str, Any]:
    look = {"color": group.colour, "width": plot.line_width, "dash": group.dash}
    trace = _trace(group, "line", x, line.line, dtype) | {"line": look}
    if x.size == 1:
        trace |= {"mode": "markers", "marker": {"color": group.colour, "size": 7}}
    elif plot.mark_points:
        trace |= {"mode": "lines+markers", "marker": {"color": group.colour, "size": 2 * plot.line_width + 1}}
    if plot.tooltip_template:
        return trace | _told(line, plot, unified=unified)
    if not grouped:
        return trace | {"hovertemplate": _named(_VALUE, unified=unified)}
    symmetric = plot.group_agg == "mean" and plot.group_area in CENTRED_ON_MEAN
    ends = [line.high - line.line] if symmetric else [line.low, line.high]
    band = " ± %{customdata[1]:.2~g}" if symmetric else " [%{customdata[1]:.4~g}, %{customdata[2]:.4~g}]"
    runs = f" · %{{customdata[0]}} of {len(group.run_ids)} runs"
    without, with_band = (_named(_VALUE + said + runs, unified=unified) for said in ("", band))
    banded = ~np.isnan(line.low)
    if banded.all() or not banded.any():
        template: str | list[str] = with_band if banded.all() else without
    else:
        template = [with_band if shown else without for shown in banded.tolist()]
    columns = [line.n, *ends] if banded.any() else [line.n]
    told = np.column_stack(columns)
    return trace | {"customdata": typed(told, told_dtype(told)), "hovertemplate": template}


def _named(text: str, *, unified: bool) -> str:
    """What a tooltip says, after the line's name where it stands among others, else beside it."""
    return f"%{{fullData.name}}  {text}<extra></extra>" if unified else f"{text}<extra>%{{fullData.name}}</extra>"


def _told(line: GroupLine, plot: LinePlot, *, unified: bool) -> dict[str, Any]:
    """The tooltip of a template. Where a statistic is not defined it says "–"."""
    values = np.column_stack(list(line.told.values())) if line.told else np.empty((line.n.size, 0))
    parts = VARIABLE.split(plot.tooltip_template)

    def template(missing: Sequence[bool]) -> str:
        texts = {"x": "%{x}", "y": "%{y:.4~g}"}
        for place, (name, gap) in enumerate(zip(line.told, missing, strict=True)):
            shown = "" if name == "count" else ":.4~g"
            texts[name] = "–" if gap else f"%{{customdata[{place}]{shown}}}"
        written = [texts[part] if odd % 2 else as_text(part) for odd, part in enumerate(parts)]
        return _named("".join(written), unified=unified)

    gaps, told = np.isnan(values), typed(values, told_dtype(values))
    if not gaps.any():
        return {"customdata": told, "hovertemplate": template(gaps[0])}
    return {"customdata": told, "hovertemplate": [template(row) for row in gaps.tolist()]}


def _original(group: RunGroup, x: Floats, y: Floats, dtype: str) -> dict[str, Any]:
    look = {"color": rgba(group.colour, RUN_ALPHA), "width": 1}
    return _trace(group, "original", x, y, dtype) | {"line": look, "hoverinfo": "skip"}


def _band_ends(line: GroupLine, plot: LinePlot, floor: float | None) -> tuple[Floats, Floats]:
    """Both NaN where no band can be drawn. A log axis can't show an end at or below 0: the band stops at `floor`."""
    low, high = line.low, line.high
    if floor is not None:
        low, high = np.where(low > 0, low, floor), np.where(high > 0, high, np.nan)
    shown = np.isfinite(low) & np.isfinite(high)
    if plot.x_log_scale and plot.x_axis != "_timestamp":
        shown &= line.x > 0
    return np.where(shown, low, np.nan), np.where(shown, high, np.nan)


def _band(group: RunGroup, x: Floats, low: Floats, high: Floats, dtype: str) -> dict[str, Any]:
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
    return _trace(group, "band", np.concatenate(xs[1:]), np.concatenate(ys[1:]), dtype) | {
        "fill": "toself",
        "fillcolor": rgba(group.colour, BAND_ALPHA),
        "line": {"color": rgba(group.colour, RUN_ALPHA), "width": 0 if not alone else 10 if x.size == 1 else 2},
        "hoverinfo": "skip",
    }


def _each(group: RunGroup, x: Floats, each: Floats, dtype: str) -> dict[str, Any]:
    """All runs in one trace, a gap between two. Cells in which a run has no value are no gap in its line."""
    run, cell = np.nonzero(~np.isnan(each))
    ends = np.flatnonzero(np.diff(run)) + 1
    trace = _trace(group, "runs", np.insert(x[cell], ends, np.nan), np.insert(each[run, cell], ends, np.nan), dtype)
    single = bool(np.isin(1, np.bincount(run)))
    colour = rgba(group.colour, RUN_ALPHA)
    marks = {"mode": "lines+markers", "marker": {"color": colour, "size": 3}} if single else {}
    return trace | marks | {"line": {"color": colour, "width": 1}, "hoverinfo": "skip"}


def _nonfinite(part: Drawn, x: Floats, y: float, *, grouped: bool, unified: bool) -> dict[str, Any]:
    """`y`: how far up the plot, from 0 to 1, whatever its y axis shows."""
    group = part.group
    said = f"%{{customdata}} of {len(group.run_ids)} runs NaN or infinite here" if grouped else "NaN or infinite here"
    return _trace(group, "nonfinite", x, np.full(x.size, y), "f4") | {
        "mode": "markers",
        "marker": {"symbol": "x-thin-open", "size": 5, "color": group.colour, "line": {"width": 1.5}},
        "customdata": typed(part.marks.runs),
        "hovertemplate": _named(said, unified=unified),
    }


def _smallest_positive(drawn: Sequence[Drawn]) -> float | None:
    parts = [part[part > 0] for of in drawn for part in (of.line.line, of.line.low, of.line.high)]
    return min((float(part.min()) for part in parts if part.size), default=None)
