"""One plot as a grid of small charts that share their axes, row by row. Pure.

A chart is its place among them, from 0: its axes are `x` and `y`, the next one's `x2` and `y2`; behind all of these
come the axes that marks lie on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST_CHARTS = 12
NARROW, WIDE = 2, 4  # columns
NARROW_CELLS = 500  # of a plot that has room for NARROW
BETWEEN = (0.03, 0.15)  # of a chart's share of the width, and of the height, where its name is


def columns_of(charts: int, cells: int) -> int:
    """`cells`: for how many pixels the whole plot is drawn."""
    return min(charts, NARROW if cells <= NARROW_CELLS else WIDE)


def axis_ids(chart: int) -> dict[str, str]:
    """The axes of a trace."""
    number = str(chart + 1) if chart else ""
    return {"xaxis": f"x{number}", "yaxis": f"y{number}"}


def marks_axis(chart: int, charts: int) -> str:
    return f"y{charts + chart + 1}"


def layout_of(layout: dict[str, Any], names: Sequence[str], columns: int) -> dict[str, Any]:
    """The layout of a single chart as that of one for each name (as Plotly reads texts), at least one."""
    rows = -(-len(names) // columns)
    spread = {key: value for key, value in layout.items() if key not in ("xaxis", "yaxis")}
    spread["annotations"] = []
    for chart, name in enumerate(names):
        row, column = divmod(chart, columns)
        ids = axis_ids(chart)
        lowest, first = chart + columns >= len(names), column == 0
        across, up = _share(column, columns, BETWEEN[0]), _share(rows - 1 - row, rows, BETWEEN[1])
        x = _axis(layout["xaxis"], across, shown=lowest, titled=column == (columns - 1) // 2)
        y = _axis(layout["yaxis"], up, shown=first, titled=row == (rows - 1) // 2)
        shared = ({"matches": "x"}, {"matches": "y"}) if chart else ({}, {})
        spread["xaxis" + ids["xaxis"][1:]] = x | {"anchor": ids["yaxis"]} | shared[0]
        spread["yaxis" + ids["yaxis"][1:]] = y | {"anchor": ids["xaxis"]} | shared[1]
        spread["annotations"].append(
            {
                "text": name,
                "xref": f"{ids['xaxis']} domain",
                "yref": f"{ids['yaxis']} domain",
                "x": 0,
                "y": 1,
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
    return spread | {"margin": {"t": 22}}


def _share(place: int, places: int, between: float) -> list[float]:
    """From where to where it goes, of all places from 0 to 1; the gaps lie inside."""
    gap = between / places
    width = (1 - gap * (places - 1)) / places
    start = place * (width + gap)
    return [start, min(start + width, 1.0)]


def _axis(axis: dict[str, Any], domain: list[float], *, shown: bool, titled: bool) -> dict[str, Any]:
    """Ticks are named at the outer charts alone, the axis itself once."""
    own = {key: value for key, value in axis.items() if key != "title" or (shown and titled)}
    return own | {"domain": domain, "showticklabels": shown} | ({} if shown else {"ticks": ""})
