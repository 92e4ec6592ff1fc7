"""What a panel's header says of its chart: what is drawn, of how many runs, and what was done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from projects.charts.aggregate import CENTRED_ON_MEAN, GroupLine
from projects.charts.line_plot import GROUP_AGGS, GROUP_AREAS, LinePlot


@dataclass(frozen=True, slots=True)
class Basis:
    """What the chart stands on."""

    runs: int  # with at least one finite point on the chart
    of_runs: int  # in the groups drawn
    groups: int  # asked to be drawn
    of_groups: int  # in the table
    nonfinite: int  # points left out
    metrics: int = 1  # asked to be drawn
    of_metrics: int = 1  # that the plot names or matches
    charts: int = 1  # drawn side by side
    of_charts: int = 1


def header(plot: LinePlot, lines: Sequence[GroupLine], basis: Basis, *, grouped: bool, binned: bool, axis: str) -> str:
    """One line: "mean ± std dev · 20 of 20 runs · binned · smoothed · 10 of 37 groups · 4 of 12 metrics".

    `axis`: the step metric that stands in for an x axis that was not chosen, or "".
    """
    if grouped:
        parts = [_statistic(plot, lines), f"{basis.runs:,} of {basis.of_runs:,} runs"]
        parts += {"all": ["where all have data"], "carry": ["last values carried"]}.get(plot.ended_early, [])
        parts += [f"where {plot.min_runs:,} runs or more"] if plot.min_runs > 1 else []
    else:
        parts = [f"{basis.runs:,} of {basis.of_groups:,} runs"]
    if plot.states:
        parts.append(f"only {' and '.join(plot.states)}")
    if axis:
        parts.append(f"over {axis}")
    if binned:
        parts.append("binned")
    parts += {"interpolate": ["interpolated"], "last": ["last values between"]}.get(plot.align, [])
    if plot.smoothed:
        parts.append("smoothed")
    if grouped and basis.groups < basis.of_groups:
        parts.append(f"{basis.groups:,} of {basis.of_groups:,} groups")
    if basis.charts < basis.of_charts:
        parts.append(f"{basis.charts:,} of {basis.of_charts:,} charts")
    if basis.of_metrics != 1:
        left_out = basis.metrics < basis.of_metrics
        parts.append(f"{basis.metrics:,} of {basis.of_metrics:,} metrics" if left_out else f"{basis.metrics:,} metrics")
    return " · ".join(parts)


def counts(plot: LinePlot, basis: Basis) -> str:
    """Of a chart without a statistic."""
    parts = [f"{basis.runs:,} of {basis.of_runs:,} runs"]
    if plot.states:
        parts.append(f"only {' and '.join(plot.states)}")
    if basis.groups < basis.of_groups:
        parts.append(f"{basis.groups:,} of {basis.of_groups:,} groups")
    return " · ".join(parts)


def left_out(count: int) -> str:
    return f"{count:,} value{'s' if count > 1 else ''} left out (NaN or infinite)" if count else ""


def _statistic(plot: LinePlot, lines: Sequence[GroupLine]) -> str:
    agg = next(choice.label for choice in GROUP_AGGS if choice.key == plot.group_agg)
    line = agg if plot.group_agg == "iqm" else agg.lower()
    if plot.group_agg == "iqm" and any((drawn.n < 4).any() for drawn in lines):
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
