"""Series of many runs -> one value per run and x cell. Pure numpy; the runs keep their order.

Cells are the logged x values themselves when every run's x values are among those of the run that has most of them and
there are at most twice as many as `cells`; else bins whose edges are shared by all runs.

- Bins of steps are 2^k steps wide and start at multiples of their width; a bin stands at the mean of the first and the
  last step it can hold. Bins of anything else are 1, 2 or 5 · 10^k wide, start at multiples too, and stand at their
  middle.
- Bins are the finest of which at most about `cells` cover the data and in which a run, between its first and last
  point, misses few: on average over runs (each counts once) at most 5 % of the gaps between neighbouring points are
  wider than a bin. Otherwise runs that log at different x would never meet in a bin. For its sake, bins are never made
  so wide that fewer than MIN_BINS are left, or fewer than half the points of a typical run when it has little.
- A run's points in one cell (in a bin, or logged at the very same x) become their mean, minimum and maximum.
- NaN and ±inf are left out and counted per run. A logged x is a cell even where the value there is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from runs.history.store import Cells, Points

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
# The places of some runs that follow one another, and their points: all runs', in order. Each time it is gone through.
Batches: TypeAlias = "Iterable[tuple[slice, Points]]"

MAX_BINS = 1000
MIN_BINS = 50
MISSED = 0.05
SMALLEST_WIDTH = 1e-300  # below it a width has no digits left to be nice in
LARGEST_X = 1e150  # beyond it the span of x overflows; no axis shows it


@dataclass(frozen=True, slots=True)
class Aligned:
    """Runs on a common grid. `value`, `low` and `high` are (runs, cells), NaN where a run has no finite point.

    `low` and `high` are the ends of the run's points in the cell and enclose `value`, their mean; they are `value`
    itself where nobody wanted them.
    """

    x: Floats  # (cells,), ascending
    value: Floats
    low: Floats
    high: Floats
    exact: bool  # cells are logged x values
    width: float | None  # of a bin; None when exact
    nonfinite: Counts  # (runs,) points left out


def align_points(points: Points, *, steps: bool, how: str = "auto", cells: int = MAX_BINS) -> Aligned:
    """`steps`: x are whole steps, so bins are powers of two and line up with those of `align_cells`.

    `how` is a key of line_plot.ALIGNS: "auto" is what the module says, "bins" always bins, the others take every x that
    any run logged as a cell, as long as they are at most twice as many as `cells`, the bins there may be.
    """
    if how != "bins" and (shared := _on_one_grid(points, 2 * cells)):
        return shared
    return align_batches(whole(points), points.offsets.size - 1, steps=steps, how=how, cells=cells)


def whole(points: Points) -> Batches:
    """All points in one batch."""
    return [(slice(0, points.offsets.size - 1), points)]


def align_batches(batches: Batches, runs: int, *, steps: bool, how: str = "auto", cells: int = MAX_BINS) -> Aligned:
    """As `align_points`, of all runs' points in `batches`, which are gone through twice."""
    ladder = _powers_of_two if steps else _nice_numbers
    nonfinite, logged, gaps = np.zeros(runs, np.int64), np.zeros(runs, np.int64), _Gaps(ladder, cells)
    grid: Floats | None = None if how == "bins" else np.empty(0)
    first, last = math.inf, -math.inf
    for part, points in batches:
        run, x, y = _drawable(points)
        size, finite = part.stop - part.start, np.isfinite(y)
        seen = run if finite.all() else run[finite]
        nonfinite[part] = np.diff(points.offsets) - np.bincount(seen, minlength=size)
        if not x.size:
            continue
        distinct = np.ones(x.size, dtype=bool)  # the first point of its run at its x
        distinct[1:] = (x[1:] != x[:-1]) | (run[1:] != run[:-1])
        if not distinct.all():
            run, x = run[distinct], x[distinct]
        logged[part] = np.bincount(run, minlength=size)
        first, last = min(first, float(x.min())), max(last, float(x.max()))
        gaps.add(run, x, logged[part])
        if grid is not None:
            grid = _grown(grid, run, x, logged[part], 2 * cells)
    if not logged.any():
        return _nothing(runs, nonfinite)

    width = None
    if grid is None or (how == "auto" and grid.size > logged.max()):
        width = gaps.width(logged, last - first)
        start = float(np.floor(first / width))
        grid = _middles(start, int(np.floor(last / width) - start) + 1, width, steps)
    value = np.full((runs, grid.size), np.nan)
    low = high = value
    for part, points in batches:
        run, x, y = _drawable(points)
        cell = np.searchsorted(grid, x) if width is None else (np.floor(x / width) - start).astype(np.int64)
        reduced = _reduce(run * grid.size + cell, y, (part.stop - part.start, grid.size))
        if reduced.several and low is value:
            low, high = value.copy(), value.copy()
        value[part] = reduced.value
        if low is not value:
            low[part], high[part] = reduced.low, reduced.high
    return Aligned(grid, value, low, high, width is None, width, nonfinite)


def _drawable(points: Points) -> tuple[Counts, Floats, Floats]:
    """Run, x and y of the points whose x an axis can show."""
    run = np.repeat(np.arange(points.offsets.size - 1), np.diff(points.offsets))
    drawable = np.abs(points.x) < LARGEST_X
    if drawable.all():
        return run, points.x, points.y
    return run[drawable], points.x[drawable], points.y[drawable]


def _grown(grid: Floats, run: Counts, x: Floats, logged: Counts, most: int) -> Floats | None:
    """The grid with the x of further runs, each run's distinct and ascending; None if they are more than `most`."""
    if int(logged.max()) > most:
        return None
    longest = x[run == int(logged.argmax())]
    place = np.minimum(np.searchsorted(longest, x), longest.size - 1)
    every = longest if (longest[place] == x).all() else np.unique(x)
    if not np.array_equal(grid, every):
        every = np.union1d(grid, every)
    return every if every.size <= most else None


def align_cells(cells: Cells) -> Aligned:
    """Buckets of steps as they are, or merged by 2, 4, 8 …; `cells.start` is a multiple of `cells.width`."""
    start, width = cells.start // cells.width, cells.width
    count, total, low, high = cells.count, cells.total, cells.low, cells.high
    nonfinite = cells.nonfinite.sum(axis=1)
    if not count.any():
        return _nothing(count.shape[0], nonfinite)
    logged = (count > 0) | (cells.nonfinite > 0)
    if not logged.all():
        run, column = np.nonzero(logged)
        gaps = _Gaps(lambda _: _powers_of_two(1.0), 1)
        having = np.bincount(run)
        gaps.add(run, column.astype(np.float64), having)
        factor = int(gaps.width(having, float(np.ptp(column))))
        if factor > 1:
            index = (start + np.arange(count.shape[1])) // factor
            edges = np.flatnonzero(np.diff(index, prepend=index[0] - 1))
            count, total = np.add.reduceat(count, edges, axis=1), np.add.reduceat(total, edges, axis=1)
            if low is not None and high is not None:
                low, high = np.fmin.reduceat(low, edges, axis=1), np.fmax.reduceat(high, edges, axis=1)
            start, width = start // factor, width * factor
    with np.errstate(invalid="ignore"):
        value = total / count  # NaN where nothing is
    if low is None or high is None:
        low = high = value
    else:
        np.clip(value, low, high, out=value)
    return Aligned(_middles(start, count.shape[1], width, True), value, low, high, False, float(width), nonfinite)


def _middles(first: float, bins: int, width: float, steps: bool) -> Floats:
    """Where the bins stand that start at first · width: the last step of a bin is 1 before its upper edge."""
    return (np.arange(bins, dtype=np.float64) + (first + 0.5)) * width - (0.5 if steps else 0.0)


def _nothing(runs: int, nonfinite: Counts) -> Aligned:
    empty = np.empty((runs, 0))
    return Aligned(np.empty(0), empty, empty, empty, True, None, nonfinite)


def _on_one_grid(points: Points, most: int) -> Aligned | None:
    """Runs that all logged at the same `most` x or fewer, once each, as are those of most charts: nothing is copied."""
    runs = points.offsets.size - 1
    size = int(points.offsets[1]) if runs else 0
    if not 0 < size <= most or (np.diff(points.offsets) != size).any():
        return None
    x, value = points.x.reshape(runs, size), points.y.reshape(runs, size)
    grid = x[0].copy()
    if (grid[1:] <= grid[:-1]).any() or not (np.abs(grid) < LARGEST_X).all() or not (x == grid).all():
        return None
    finite = np.isfinite(value)
    nonfinite = size - np.count_nonzero(finite, axis=1)
    if nonfinite.any():
        value = np.where(finite, value, np.nan)
    return Aligned(grid, value, value, value, True, None, nonfinite)


def _powers_of_two(least: float) -> Iterator[float]:
    width = 2.0 ** math.ceil(math.log2(max(least, 1.0)))
    while True:
        yield width
        width *= 2


def _nice_numbers(least: float) -> Iterator[float]:
    power = math.floor(math.log10(least))
    while True:
        # 1e-05 is nearer to 10^-5 than 10.0**-5 is.
        yield from (width for digit in (1, 2, 5) if (width := float(f"{digit}e{power}")) >= least)
        power += 1


class _Gaps:
    """How wide the gaps between neighbouring x of the same run are, as far as the width of bins depends on it."""

    def __init__(self, ladder: Callable[[float], Iterator[float]], cells: int) -> None:
        self._ladder, self._cells = ladder, cells
        self._wider: dict[float, float] = {}  # a width -> the share of each run's gaps that are wider, of all runs
        self._runs = 0  # that have gaps

    def add(self, run: Counts, x: Floats, logged: Counts) -> None:
        """Of some runs: their distinct x, ascending, whose each is, and how many each has."""
        self._runs += int(np.count_nonzero(logged > 1))
        gap = np.diff(x)
        gap[np.cumsum(logged[logged > 0])[:-1] - 1] = 0  # between two runs
        run, share = run[:-1], 1 / np.maximum(logged - 1, 1)
        for width in self._widths(float(np.ptp(x))):
            wider = np.flatnonzero(gap > width)
            if not wider.size:
                break
            gap, run = gap[wider], run[wider]
            self._wider[width] = self._wider.get(width, 0.0) + float(share[run].sum())

    def width(self, logged: Counts, span: float) -> float:
        """The first in which runs meet (see the module), of those that cover the span.

        `logged`: how many distinct x each run has.
        """
        fewest = min(MIN_BINS, float(np.median(logged[logged > 0])) / 2)
        widths = self._widths(span)
        width = next(widths)
        for wider in widths:
            if self._wider.get(width, 0.0) <= (MISSED + 1e-9) * self._runs or span / wider < fewest:
                break
            width = wider
        return width

    def _widths(self, span: float) -> Iterator[float]:
        return self._ladder(max(span / self._cells, SMALLEST_WIDTH))


class _Reduced(NamedTuple):
    """Of each run and cell: the points' mean, least and greatest; NaN without any."""

    value: Floats
    low: Floats
    high: Floats
    several: bool  # whether a cell has more than one point


def _reduce(key: Counts, y: Floats, shape: tuple[int, int]) -> _Reduced:
    """Mean, minimum and maximum of the finite y of each key; keys ascend and number the cells of `shape`."""
    finite = np.isfinite(y)
    if not finite.all():
        key, y = key[finite], y[finite]
    value = np.full(shape, np.nan)
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    if starts.size == key.size:
        value.flat[key] = y
        return _Reduced(value, value, value, False)
    low, high, at = np.full(shape, np.nan), np.full(shape, np.nan), key[starts]
    low.flat[at], high.flat[at] = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    # Rounding may carry a mean past its own points: a run that is constant must stay so.
    value.flat[at] = np.clip(np.add.reduceat(y, starts) / np.diff(starts, append=y.size), low.flat[at], high.flat[at])
    return _Reduced(value, low, high, True)
