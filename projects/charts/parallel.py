"""Several columns of each run -> a line for each run across upright axes, as plain dicts for Plotly. Pure.

An axis goes from 0 to 1 along y, whatever it shows: numbers from the smallest to the largest, else the values in
natural order. Traces are told apart by `meta.role`: `runs`, lines of one colour, a gap between two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from projects.charts.figure import LEGENDS
from projects.charts.header import Basis, counts
from projects.charts.line_plot import LinePlot
from projects.charts.traces import as_text, rgba, trace_of
from projects.charts.typed import typed
from projects.query.palette import GREY, colour

if TYPE_CHECKING:
    from projects.query.grouping import RunGroup

Floats = NDArray[np.float64]

MOST_LINES = 1000  # runs drawn
MOST_TICKS = 12  # values of an axis that are written out
LINE_ALPHA = 0.6
# Of numbers, from low to high; each can be seen on light and on dark.
SHADES = ("#5560d6", "#2f87c8", "#1f9aa0", "#3ca951", "#a3a51f", "#d9922b", "#d9572b")
SETTINGS = frozenset(
    {"columns", "colourBy", "limit", "title", "showLegend", "legendPosition", "legendTemplate", "lineWidth"}
    | {"groupBy", "groupFields", "states"}
)


@dataclass(frozen=True, slots=True)
class Axis:
    """One column of all runs drawn: `numbers`, NaN where there is none, or the place of each run's value among the
    `names` of its values."""

    label: str
    numbers: Floats  # (runs,)
    names: tuple[str, ...] | None = None

    def text(self, run: int) -> str:
        number = self.numbers[run]
        if np.isnan(number):
            return "–"
        return f"{number:.4g}" if self.names is None else self.names[int(number)]

    @property
    def ends(self) -> tuple[float, float]:
        """What stands at 0 and at 1."""
        if self.names is not None:
            low, high = 0.0, float(len(self.names) - 1)
        else:
            finite = self.numbers[~np.isnan(self.numbers)]
            low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        return (low, high) if low < high else (low - 1, high + 1)

    @property
    def heights(self) -> Floats:
        """(runs,) from 0 to 1."""
        low, high = self.ends
        return self.numbers / (high - low) - low / (high - low)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where what stands: the ends and the middle, or values that are apart."""
        low, high = self.ends
        if self.names is None:
            several = np.unique(self.numbers[~np.isnan(self.numbers)]).size > 1
            shares = (0.0, 0.5, 1.0) if several else (0.5,)
            return [(share, f"{low + share * (high - low):.4g}") for share in shares]
        places = np.unique(np.linspace(0, len(self.names) - 1, min(len(self.names), MOST_TICKS)).round().astype(int))
        return [((place - low) / (high - low), self.names[place]) for place in places.tolist()]


@dataclass(frozen=True, slots=True)
class Lines:
    """`of_group`: the place of each run's group. `colours`: the axis that lines are coloured by in place of groups."""

    groups: list[RunGroup]
    of_group: NDArray[np.int64]  # (runs,)
    names: list[str]  # (runs,)
    axes: list[Axis]
    colours: Axis | None
    basis: Basis


def parallel_figure(*, title: str, plot: LinePlot, found: Lines) -> dict[str, Any]:
    """With the keys of figure.line_figure's that panels read."""
    drawn, basis = len(found.names), found.basis
    few = f" · {drawn:,} of {basis.runs:,} lines drawn" if drawn < basis.runs else ""
    by = f" · coloured by {found.colours.label}" if found.colours else ""
    ticks = [(at, *tick) for at, axis in enumerate(found.axes) for tick in axis.ticks]
    return {
        "data": list(_traces(found, plot)),
        "layout": {
            "xaxis": {
                "type": "linear",
                "range": [-0.2, len(found.axes) - 0.5],
                "tickvals": list(range(len(found.axes))),
                "ticktext": [as_text(axis.label) for axis in found.axes],
                "showgrid": False,
                "fixedrange": True,
            },
            "yaxis": {"type": "linear", "range": [-0.06, 1.06], "visible": False, "fixedrange": True},
            "shapes": [
                {"type": "line", "layer": "below", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": {"width": 1}}
                for at in range(len(found.axes))
            ],
            "annotations": [
                {
                    "x": at,
                    "y": height,
                    "text": as_text(_short(text)),
                    "showarrow": False,
                    "xanchor": "left",
                    "xshift": 3,
                }
                for at, height, text in ticks
            ],
            "margin": {"l": 14},
            "hovermode": "closest",
            "showlegend": plot.show_legend,
            "legend": LEGENDS[plot.legend_position],
            "uirevision": "kept",
        },
        "meta": {
            "title": title,
            "header": counts(plot, basis) + by + few,
            "nonfiniteText": "",
            "empty": not drawn,
            "message": "" if drawn else "No visible run has a value here.",
            "xAxis": "parallel",
        },
    }


def parallel_columns(found: Lines) -> tuple[str, ...]:
    return ("group", "run", *(axis.label for axis in found.axes))


def parallel_rows(found: Lines) -> Iterator[tuple[Any, ...]]:
    """What is drawn."""
    for run, (group, name) in enumerate(zip(found.of_group.tolist(), found.names, strict=True)):
        values = (float(it.numbers[run]) if it.names is None else it.text(run) for it in found.axes)
        yield found.groups[group].label, name, *values


def _traces(found: Lines, plot: LinePlot) -> Iterator[dict[str, Any]]:
    if not found.names:
        return
    heights = np.stack([axis.heights for axis in found.axes], axis=1)
    told = [
        [f"{as_text(name)}<br>{as_text(axis.label)}: {as_text(axis.text(run))}" for axis in found.axes]
        for run, name in enumerate(found.names)
    ]
    for identity, shade, runs in _parts(found):
        gap = np.full((len(runs), 1), np.nan)
        x = np.tile(np.append(np.arange(len(found.axes), dtype=np.float64), np.nan), len(runs))
        yield identity | {
            "mode": "lines+markers",
            "showlegend": True,
            "x": typed(x),
            "y": typed(np.hstack([heights[runs], gap]).ravel()),
            "text": [text for run in runs.tolist() for text in (*told[run], "")],
            "line": {"color": rgba(shade, LINE_ALPHA), "width": plot.line_width / 2},
            "marker": {"color": shade, "size": 4},
            "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
        }


def _parts(found: Lines) -> Iterator[tuple[dict[str, Any], str, NDArray[np.int64]]]:
    """The runs of one colour: what tells their trace, the colour, their places."""
    by = found.colours
    if by is None:
        for place, group in enumerate(found.groups):
            if (runs := np.flatnonzero(found.of_group == place)).size:
                yield trace_of(group, "runs"), group.colour, runs
        return
    low, high = by.ends
    if by.names is None:
        known = np.nan_to_num(by.heights)
        shade = np.where(np.isnan(by.numbers), -1, np.minimum(known * len(SHADES), len(SHADES) - 1)).astype(np.int64)
        edges = np.linspace(low, high, len(SHADES) + 1)
        names = [f"{by.label}: {start:.3g} to {end:.3g}" for start, end in zip(edges, edges[1:], strict=False)]
    else:
        shade = np.where(np.isnan(by.numbers), -1, np.nan_to_num(by.numbers)).astype(np.int64)
        names = [f"{by.label}: {name}" for name in by.names]
    for place in np.unique(shade).tolist():
        name = names[place] if place >= 0 else f"{by.label}: (not set)"
        known_shade = colour(place) if by.names is not None else SHADES[place]
        identity = {
            "type": "scatter",
            "uid": f"colour-{place}-runs",
            "meta": {"group": "", "within": (), "role": "runs"},
            "name": as_text(name),
            "legendgroup": f"colour-{place}",
        }
        yield identity, known_shade if place >= 0 else GREY, np.flatnonzero(shade == place)


def _short(text: str, most: int = 18) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
