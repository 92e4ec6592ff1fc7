"""A comparison as a forest plot: a mark with its interval for each group, around a line at no difference. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from projects.charts.traces import as_text

if TYPE_CHECKING:
    from projects.conclusions.compare import Compared, Comparison

ROW = 30  # pixels
AROUND = 90
NAME = 42  # characters


def forest_figure(found: Comparison, metric: str) -> dict[str, Any]:
    """A figure {"data", "layout"}: a trace for each group that has a difference, from the top in table order.

    `meta.group` is the group's id. Diamonds are of pairs.
    """
    rows = [other for other in found.others if other.difference is not None]
    return {
        "data": [_trace(at, other) for at, other in enumerate(rows)],
        "layout": {
            "height": AROUND + ROW * max(len(rows), 1),
            "showlegend": False,
            "hovermode": "closest",
            "xaxis": {
                "title": {"text": as_text(f"{metric}: difference from {found.baseline.label}")},
                "zeroline": True,
                "zerolinewidth": 2,
                "rangemode": "tozero",
            },
            "yaxis": {
                "tickmode": "array",
                "tickvals": list(range(len(rows))),
                "ticktext": [as_text(_short(other.group.label)) for other in rows],
                "range": [len(rows) - 0.5, -0.5],
                "fixedrange": True,
                "showgrid": False,
            },
        },
    }


def _trace(at: int, other: Compared) -> dict[str, Any]:
    of, group = other.difference, other.group
    assert of is not None
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": as_text(group.label),
        "meta": {"group": group.id},
        "x": [of.value],
        "y": [at],
        "marker": {"color": group.colour, "size": 9, "symbol": "diamond" if of.pairs else "circle"},
        "hovertemplate": f"{as_text(str(other.shown))}<extra>%{{fullData.name}}</extra>",
    }
    if of.low is not None and of.high is not None:
        half = {"array": [of.high - of.value], "arrayminus": [of.value - of.low]}
        trace["error_x"] = {
            "type": "data",
            "symmetric": False,
            "color": group.colour,
            "thickness": 2,
            "width": 5,
        } | half
    return trace


def _short(text: str) -> str:
    return text if len(text) <= NAME else f"{text[: NAME - 1]}…"
