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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from runs.history.store import Cells, Points

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

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
    runs = points.offsets.size - 1
    run = np.repeat(np.arange(runs), np.diff(points.offsets))
    x, y = points.x, points.y
    drawable = np.abs(x) < LARGEST_X
    nonfinite = np.bincount(run[~(drawable & np.isfinite(y))], minlength=runs)
    if not drawable.all():
        run, x, y = run[drawable], x[drawable], y[drawable]
    if not x.size:
        return _nothing(runs, nonfinite)

    first = np.ones(x.size, dtype=bool)  # the first point of its run at its x
    first[1:] = (x[1:] != x[:-1]) | (run[1:] != run[:-1])
    width = None
    if how == "bins":
        cell = None
    elif how == "auto":
        grid, cell = _exact_cells(run, x, first, runs, 2 * cells)
    else:
        grid, every = np.unique(x, return_inverse=True)
        cell = every if grid.size <= 2 * cells else None
    if cell is None:
        span = float(np.ptp(x))
        widths = (_powers_of_two if steps else _nice_numbers)(max(span / cells, SMALLEST_WIDTH))
        width = _bin_width(run[first], x[first], span, widths)
        index = np.floor(x / width)
        start = float(index.min())
        cell = (index - start).astype(np.int64)
        grid = _middles(start, int(cell.max()) + 1, width, steps)
    value, low, high = _reduce(run * grid.size + cell, y, (runs, grid.size))
    return Aligned(grid, value, low, high, width is None, width, nonfinite)


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
        factor = int(_bin_width(run, column.astype(np.float64), float(np.ptp(column)), _powers_of_two(1.0)))
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


def _exact_cells(
    run: Counts, x: Floats, first: NDArray[np.bool_], runs: int, most: int
) -> tuple[Floats, Counts | None]:
    """The x values of the run that has most of them, and each point's place there.

    None for places if these x values are more than `most`, or if some run has others.
    """
    grid = x[first & (run == np.argmax(np.bincount(run[first], minlength=runs)))]
    if grid.size > most:
        return grid, None
    cell = np.minimum(np.searchsorted(grid, x), grid.size - 1)
    return grid, cell if np.array_equal(grid[cell], x) else None


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


def _bin_width(run: Counts, x: Floats, span: float, widths: Iterator[float]) -> float:
    """The first of the ascending `widths` in which runs meet (see the module); `x` are each run's distinct values."""
    logged = np.bincount(run)
    fewest = min(MIN_BINS, float(np.median(logged[logged > 0])) / 2)
    same = run[1:] == run[:-1]
    gap, of_run = np.diff(x)[same], run[1:][same]
    gaps = np.bincount(of_run)
    share = 1 / (gaps[of_run] * np.count_nonzero(gaps))
    width = next(widths)
    for wider in widths:
        if share[gap > width].sum() <= MISSED + 1e-9 or span / wider < fewest:
            break
        width = wider
    return width


def _reduce(key: Counts, y: Floats, shape: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
    """Mean, minimum and maximum of the finite y of each key; keys ascend and number the cells of `shape`."""
    finite = np.isfinite(y)
    if not finite.all():
        key, y = key[finite], y[finite]
    value = np.full(shape, np.nan)
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    if starts.size == key.size:
        value.flat[key] = y
        return value, value, value
    low, high, at = np.full(shape, np.nan), np.full(shape, np.nan), key[starts]
    low.flat[at], high.flat[at] = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    # Rounding may carry a mean past its own points: a run that is constant must stay so.
    value.flat[at] = np.clip(np.add.reduceat(y, starts) / np.diff(starts, append=y.size), low.flat[at], high.flat[at])
    return value, low, high
