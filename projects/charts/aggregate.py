"""Statistics across the runs of a group, cell by cell. Pure numpy; the unit is the run.

LINES and BANDS have a function for every choice of line_plot.GROUP_AGGS and GROUP_AREAS. A cell's statistics use the
runs that have a value there, n of them. Sums are taken in the order of the rows: who wants the same last bit whatever
the order of runs hands them over in an order of their own (series.py: by run id). A cell's lowest value is subtracted
first, so runs that agree have a mean that is theirs and a deviation of exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from projects.charts import bootstrap

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Band = tuple[Floats, Floats]  # lower and upper ends, NaN where there is no band

NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


def _total(values: Floats) -> Floats:
    total: Floats = values.sum(axis=0)
    return total


def _lowest(values: Floats) -> Floats:
    lowest: Floats = np.fmin.reduce(values, axis=0)
    return lowest


def _highest(values: Floats) -> Floats:
    highest: Floats = np.fmax.reduce(values, axis=0)
    return highest


class Runs:
    """The values of n runs in each cell, and their statistics, each (cells,) and computed when first asked for.

    `value`, `low` and `high` are (runs, cells) as in align.Aligned; every cell has a value of at least one run.
    """

    def __init__(self, value: Floats, low: Floats, high: Floats, *, sample_deviation: bool = True) -> None:
        self.value, self.low, self.high = value, low, high
        self.sample_deviation = sample_deviation

    @cached_property
    def n(self) -> Counts:
        n: Counts = np.count_nonzero(~np.isnan(self.value), axis=0)
        return n

    @cached_property
    def _several(self) -> Floats:
        """n where there are two runs or more, else NaN: one run has no band."""
        return np.where(self.n > 1, self.n, np.nan)

    @cached_property
    def _base(self) -> Floats:
        return _lowest(self.value)

    @cached_property
    def _above_base(self) -> Floats:
        """(runs, cells), 0 where a run has no value."""
        above: Floats = self.value - self._base
        above[np.isnan(above)] = 0
        return above

    @cached_property
    def mean(self) -> Floats:
        return self._base + _total(self._above_base) / self.n

    @cached_property
    def _squares(self) -> Floats:
        """Sum of squared distances from the mean."""
        distance = self._above_base - _total(self._above_base) / self.n
        distance[np.isnan(self.value)] = 0
        distance *= distance
        return _total(distance)

    @cached_property
    def deviation(self) -> Floats:
        deviation: Floats = np.sqrt(self._squares / (self._several - self.sample_deviation))
        return deviation

    @cached_property
    def error(self) -> Floats:
        """Standard error of the mean, from the sample deviation."""
        error: Floats = np.sqrt(self._squares / ((self._several - 1) * self._several))
        return error

    @cached_property
    def bootstrapped(self) -> Band:
        """Ends of the bootstrapped interval of the mean."""
        low, high = bootstrap.interval(self._above_base, ~np.isnan(self.value))
        return self._base + low, self._base + high

    @cached_property
    def _sorted(self) -> Floats:
        return np.sort(self.value, axis=0)  # NaN last

    def quantile(self, q: float) -> Floats:
        """Linear between neighbours."""
        place = q * (self.n - 1)
        below = np.floor(place).astype(np.int64)
        lower = np.take_along_axis(self._sorted, below[None], axis=0)[0]
        upper = np.take_along_axis(self._sorted, np.minimum(below + 1, self.n - 1)[None], axis=0)[0]
        quantile: Floats = lower + (upper - lower) * (place - below)
        return quantile

    @cached_property
    def iqm(self) -> Floats:
        """Mean without the ⌊n/4⌋ lowest and highest: the plain mean where n < 4."""
        cut, rank = self.n // 4, np.arange(self._sorted.shape[0])[:, None]
        middle = np.where((rank >= cut) & (rank < self.n - cut), self._sorted - self._base, 0)
        return self._base + _total(middle) / (self.n - 2 * cut)

    @cached_property
    def minimum(self) -> Floats:
        return _lowest(self.low)

    @cached_property
    def maximum(self) -> Floats:
        return _highest(self.high)


def _nothing(runs: Runs) -> Band:
    none = np.full(runs.n.shape, np.nan)
    return none, none


def _min_max(runs: Runs) -> Band:
    """One run has a band only where it has several points in a bin: those are a range, and no spike may be lost."""
    shown = (runs.n > 1) | (runs.minimum < runs.maximum)
    return np.where(shown, runs.minimum, np.nan), np.where(shown, runs.maximum, np.nan)


def _around_mean(half: Callable[[Runs], Floats]) -> Callable[[Runs], Band]:
    def band(runs: Runs) -> Band:
        width = half(runs)
        return runs.mean - width, runs.mean + width

    return band


def _quartiles(runs: Runs) -> Band:
    several = runs.n > 1
    return np.where(several, runs.quantile(0.25), np.nan), np.where(several, runs.quantile(0.75), np.nan)


def _interval(runs: Runs) -> Floats:
    counts, place = np.unique(runs.n, return_inverse=True)
    factors = np.full(counts.shape, np.nan)
    factors[counts > 1] = t_975(counts[counts > 1] - 1)
    return factors[place] * runs.error


def _bootstrap(runs: Runs) -> Band:
    """Of the mean, whatever the line."""
    low, high = runs.bootstrapped
    several = runs.n > 1
    return np.where(several, low, np.nan), np.where(several, high, np.nan)


LINES: dict[str, Callable[[Runs], Floats]] = {
    "mean": lambda runs: runs.mean,
    "median": lambda runs: runs.quantile(0.5),
    "iqm": lambda runs: runs.iqm,
    "min": lambda runs: runs.minimum,
    "max": lambda runs: runs.maximum,
}
BANDS: dict[str, Callable[[Runs], Band]] = {
    "none": _nothing,
    "minmax": _min_max,
    "stddev": _around_mean(lambda runs: runs.deviation),
    "stderr": _around_mean(lambda runs: runs.error),
    "ci95": _around_mean(_interval),
    "bootstrap": _bootstrap,
    "quartiles": _quartiles,
    "each": _nothing,
}
# What tooltips may tell besides.
STATISTICS: dict[str, Callable[[Runs], Floats]] = {
    "mean": lambda runs: runs.mean,
    "median": lambda runs: runs.quantile(0.5),
    "stddev": lambda runs: runs.deviation,
    "stderr": lambda runs: runs.error,
    "min": lambda runs: runs.minimum,
    "max": lambda runs: runs.maximum,
    "count": lambda runs: runs.n.astype(np.float64),
}
SPREAD_LINES = frozenset({"min", "max"})  # what asks for a run's lowest and highest points in a cell
SPREAD_BANDS = frozenset({"minmax"})
CENTRED_ON_MEAN = frozenset({"stddev", "stderr", "ci95"})


@dataclass(frozen=True, slots=True)
class GroupLine:
    """What is drawn of one group, in the cells where at least one of its runs has a value."""

    x: Floats  # (cells,)
    line: Floats
    low: Floats  # NaN where there is no band
    high: Floats
    n: Counts
    each: Floats | None = None  # (runs, cells), NaN where a run has no value; for "each"
    told: Mapping[str, Floats] = field(default_factory=dict)  # further statistics, (cells,) each


def group_line(
    x: Floats,
    value: Floats,
    low: Floats,
    high: Floats,
    *,
    agg: str,
    area: str,
    sample_deviation: bool = True,
    tell: Iterable[str] = (),
) -> GroupLine:
    """`x` (cells,) and one group's rows of an Aligned; `tell`: keys of STATISTICS.

    With Each run, a run's own value is its minimum when the line is Min, its maximum when it is Max.
    """
    some = ~np.isnan(value).all(axis=0)
    if not some.any():
        empty = np.empty(0)
        return GroupLine(empty, empty, empty, empty, np.empty(0, dtype=np.int64))
    if not some.all():
        # Rows must lie one after the other: numpy adds in another order when columns do, which shows in the last bit.
        x, value, low, high = x[some], *(np.ascontiguousarray(part[:, some]) for part in (value, low, high))
    runs = Runs(value, low, high, sample_deviation=sample_deviation)
    # Near the largest float a statistic may overflow; it is then drawn as a gap.
    with np.errstate(over="ignore", invalid="ignore"):
        lower, upper = BANDS[area](runs)
        each = {"min": low, "max": high}.get(agg, value) if area == "each" else None
        told = {name: STATISTICS[name](runs) for name in tell}
        return GroupLine(x, LINES[agg](runs), lower, upper, runs.n, each, told)


def t_975(freedom: NDArray[np.integer] | Floats) -> Floats:
    """The 97.5 % quantile of Student's t for degrees of freedom ≥ 1, to 1e-9 relative (up to 100,000).

    With t = √ν · tan θ the density of θ is cos^(ν−1) θ, and its integral from 0 is concave: Newton's method from the
    normal quantile, which is below, climbs to the answer without overshooting.
    """
    nu = freedom.astype(np.float64)
    half = [math.sqrt(math.pi) / 2 * math.exp(math.lgamma(v / 2) - math.lgamma((v + 1) / 2)) for v in nu.tolist()]
    theta = np.arctan(1.959963984540054 / np.sqrt(nu))
    for _ in range(12):
        angle = theta[:, None] * (NODES + 1) / 2
        integral = np.cos(angle) ** (nu[:, None] - 1) @ WEIGHTS * theta / 2
        theta = theta + (0.95 * np.array(half) - integral) / np.cos(theta) ** (nu - 1)
    return np.sqrt(nu) * np.tan(theta)
