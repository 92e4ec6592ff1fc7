"""Groups of runs and metrics -> the figure of one panel. The only module of charts that asks the history."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projects.charts import nonfinite
from projects.charts.aggregate import SPREAD_BANDS, SPREAD_LINES, STATISTICS, GroupLine, group_line
from projects.charts.align import Aligned, align_batches, align_cells, align_points, whole
from projects.charts.endings import settle, within
from projects.charts.figure import line_figure
from projects.charts.filling import FILLED, fill
from projects.charts.header import Basis
from projects.charts.line_plot import VARIABLE, LinePlot
from projects.charts.nonfinite import NonFinite
from projects.charts.smoothing import reach, smooth
from projects.charts.traces import Drawn
from projects.query.grouping import RunGroup
from runs.columns import column_id
from runs.history import store
from runs.models import Scope

CELLS = 500  # about as many as a panel is pixels wide
MARGIN = 2  # times the range
_NAMED = 3  # metrics in a title


@dataclass(frozen=True, slots=True)
class Drawing:
    """The numbers of a chart."""

    drawn: list[Drawn]  # every group asked for, in order
    basis: Basis
    width: float | None  # of a bin; None when x is exact
    grouped: bool
    x_axis: str  # in force
    charts: tuple[str, ...] = ()  # the names of the small charts that the groups are spread over
    columns: int = 1  # of these
    seen: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))  # of the runs: has a finite point

    def chart_of(self, part: Drawn) -> str:
        """The name of the small chart that it is on, or ""."""
        return self.charts[part.group.chart] if self.charts else ""

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.metric for part in self.drawn))

    @property
    def lines(self) -> list[Drawn]:
        """Those that have points."""
        return [part for part in self.drawn if part.line.x.size]


def line_plot(*, metric: str, plot: LinePlot, drawing: Drawing) -> dict[str, Any]:
    """A figure {"data", "layout", "meta"} of plain JSON (figure.py says what is in it)."""
    return line_figure(
        metric=_title(plot, drawing.metrics) or metric,
        plot=replace(plot, x_axis=drawing.x_axis),
        drawn=drawing.drawn,
        basis=drawing.basis,
        grouped=drawing.grouped,
        width=drawing.width,
        chosen=bool(plot.x_axis),
        charts=drawing.charts,
        columns=drawing.columns,
    )


def _title(plot: LinePlot, metrics: Sequence[str]) -> str:
    """What the metrics are called together; "": there are none."""
    if plot.metric_regex and not plot.metrics:
        return f"/{plot.metric_regex}/"
    more = f" and {len(metrics) - _NAMED} more" if len(metrics) > _NAMED else ""
    return ", ".join(metrics[:_NAMED]) + more


def joined(drawings: Sequence[Drawing], *, of_metrics: int) -> Drawing:
    """Several metrics of the same groups as one chart, group by group; the first of `of_metrics`, at least one."""
    first = drawings[0]
    seen: NDArray[np.bool_] = np.logical_or.reduce([drawing.seen for drawing in drawings])
    basis = replace(
        first.basis,
        runs=int(np.count_nonzero(seen)),
        nonfinite=sum(drawing.basis.nonfinite for drawing in drawings),
        metrics=len(drawings),
        of_metrics=of_metrics,
    )
    drawn = [part for of_group in zip(*(drawing.drawn for drawing in drawings), strict=True) for part in of_group]
    width = max((drawing.width for drawing in drawings if drawing.width is not None), default=None)
    return replace(first, drawn=drawn, basis=basis, width=width, seen=seen)


def draw(
    *,
    project_id: uuid.UUID,
    metric: str,
    plot: LinePlot,
    groups: Sequence[RunGroup],
    total_groups: int,
    lo: float | None = None,
    hi: float | None = None,
    cells: int = CELLS,
    logged: Set[uuid.UUID] = frozenset(),
    grouped: bool,
    scope: Scope = Scope.HISTORY,
) -> Drawing:
    """The numbers of a chart, in one snapshot of the history.

    `groups` are the first of `total_groups`, or parts of them; when not `grouped` each is one run, drawn by itself,
    whatever statistic and shading the plot has. `lo` ≤ x ≤ `hi`, in the units of the x axis (seconds for times), limits
    what is drawn, so that as many cells show it finer; without them the plot's own range does. `cells`: how many bins
    at most; of logged x values at most twice as many. `logged`: the runs that have the metric at all, for "Where all
    have data".
    """
    run_ids, rows = _rows(groups)
    column = column_id(project_id, scope, metric)
    lo, hi = plot.x_min if lo is None else lo, plot.x_max if hi is None else hi
    ended_early, least = (plot.ended_early, plot.min_runs) if grouped else ("available", 1)
    carry = ended_early == "carry"
    agg, area = (plot.group_agg, plot.group_area) if grouped else ("mean", "none")
    tell = [name for name in dict.fromkeys(VARIABLE.findall(plot.tooltip_template)) if name in STATISTICS]
    spread = area in SPREAD_BANDS or not SPREAD_LINES.isdisjoint((agg, *tell))
    asked = _Asked(column, run_ids, plot.x_axis or "_step", plot.align, spread)
    aligned, left_out = _in_context(asked, plot, lo, hi, cells, whole=carry)
    original = fill(aligned, plot.align)
    aligned = smooth(original, plot.smoothing_type, plot.smoothing_weight)
    shown = within(aligned.x, aligned.width, lo, hi)
    cut = not shown.all()
    inside = left_out.where(within(left_out.x, aligned.width, lo, hi))

    def line_of(source: Aligned, group: RunGroup, of_group: slice | NDArray[np.int64], area: str) -> GroupLine:
        parts = source.value[of_group], source.low[of_group], source.high[of_group]
        having = len(logged & set(group.run_ids)) if ended_early == "all" else 0
        x, (value, low, high) = source.x, settle(parts, how=ended_early, logged=having, least=least)
        if cut:
            x, value, low, high = x[shown], *(np.ascontiguousarray(part[:, shown]) for part in (value, low, high))
        return group_line(x, value, low, high, agg=agg, area=area, sample_deviation=plot.sample_deviation, tell=tell)

    both = plot.smoothed and plot.show_original_after_smoothing
    values = aligned.value[:, shown] if cut and not carry else aligned.value
    seen: NDArray[np.bool_] = np.logical_or.reduce(~np.isnan(values), axis=1)
    return Drawing(
        [
            Drawn(
                group,
                line_of(aligned, group, of_group, area),
                inside.marks(of_group),
                line_of(original, group, of_group, "none") if both else None,
                metric,
            )
            for group, of_group in zip(groups, rows, strict=True)
        ],
        Basis(
            runs=int(np.count_nonzero(seen)),
            of_runs=len(run_ids),
            groups=len({group.id for group in groups}),
            of_groups=total_groups,
            nonfinite=int(aligned.nonfinite.sum() - left_out.points.sum() + inside.points.sum()),
        ),
        aligned.width,
        grouped,
        asked.x,
        seen=seen,
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """The runs' series of one metric on one x axis."""

    column: uuid.UUID
    run_ids: Sequence[uuid.UUID]
    x: str
    how: str  # a key of line_plot.ALIGNS
    spread: bool  # whether minima and maxima are drawn

    def read(self, lo: float | None, hi: float | None, cells: int) -> tuple[Aligned, NonFinite]:
        runs, how = len(self.run_ids), self.how
        if self.x != "_step":
            batches = store.paired(column_id=self.column, run_ids=self.run_ids, x=self.x, lo=lo, hi=hi)
            aligned = align_batches(batches, runs, steps=False, how=how, cells=cells)
            return aligned, nonfinite.of_points(batches, aligned)
        series = store.read(
            column_id=self.column,
            run_ids=self.run_ids,
            lo=lo,
            hi=hi,
            exact_below=2 * cells,
            cells=cells,
            spread=self.spread,
        )
        if isinstance(series, store.Cells):
            aligned = align_cells(series)
            return aligned, nonfinite.of_cells(series, aligned)
        aligned = align_points(series, steps=True, how=how, cells=cells)
        return aligned, nonfinite.of_points(whole(series), aligned)


def _in_context(
    asked: _Asked, plot: LinePlot, lo: float | None, hi: float | None, cells: int, *, whole: bool
) -> tuple[Aligned, NonFinite]:
    """The runs in lo ≤ x ≤ hi, and as far beyond as what is drawn inside depends on; all of them if asked for `whole`.

    Smoothing and filling look at neighbouring points. Where all points of the runs can be shown, all are read, so a
    zoom moves nothing. Else as many points more as they reach (smoothing.reach), each as far apart as the run with the
    widest gaps has them, but not beyond MARGIN times the range on either side.
    """
    before, after = reach(plot.smoothing_type, plot.smoothing_weight)
    if plot.align in FILLED:
        before, after = before + 1, after + 1
    limited = lo is not None or hi is not None
    if limited and (whole or before or after):
        every = asked.read(None, None, cells)
        if whole or every[0].exact:
            return every
    part = asked.read(lo, hi, cells)
    if not limited or not (before or after) or not part[0].x.size:
        return part
    x = part[0].x
    span = (x[-1] if hi is None else hi) - (x[0] if lo is None else lo)
    apart = _widest_gap(part[0])
    left = 0.0 if lo is None else min(before * apart, MARGIN * span)
    right = 0.0 if hi is None else min(after * apart, MARGIN * span)
    if not span > 0 or not left + right > 0:
        return part
    more = math.ceil(cells * (1 + (left + right) / span))
    return asked.read(None if lo is None else lo - left, None if hi is None else hi + right, more)


def _widest_gap(aligned: Aligned) -> float:
    """Between two neighbouring values on the chart: of each run on average, of these the largest."""
    has = ~np.isnan(aligned.value)
    n = np.count_nonzero(has, axis=1)
    several = has[n > 1]
    if not several.size:
        return float(np.ptp(aligned.x))
    first, last = several.argmax(axis=1), has.shape[1] - 1 - several[:, ::-1].argmax(axis=1)
    return float(((aligned.x[last] - aligned.x[first]) / (n[n > 1] - 1)).max())
