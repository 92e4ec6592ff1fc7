"""Statistics of many groups at once, a run's value as the unit. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Arrays of one entry a group. Where n is 0, mean, median, low and high are NaN; where n < 2, std is NaN, and
    infinite beyond the largest float."""

    n: Counts
    mean: Floats
    median: Floats
    std: Floats  # sample (n - 1)
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Statistic:
    """What a column of the table can show of a group. `number` is what groups are sorted by.

    It takes Statistics to an array, or what has the same fields of one group to a number; `least`: of so many runs.
    """

    key: str
    label: str
    number: Callable[[Any], Any]
    least: int = 1


MEAN_STD = "mean_std"  # unless something else was chosen

STATISTICS: dict[str, Statistic] = {
    statistic.key: statistic
    for statistic in (
        Statistic(MEAN_STD, "Mean ± std", lambda of: of.mean),
        Statistic("mean", "Mean", lambda of: of.mean),
        Statistic("median", "Median", lambda of: of.median),
        Statistic("min", "Min", lambda of: of.low),
        Statistic("max", "Max", lambda of: of.high),
        Statistic("stddev", "Std dev", lambda of: of.std, least=2),
        Statistic("stderr", "Std err", lambda of: of.std / of.n**0.5, least=2),
        Statistic("count", "Count", lambda of: of.n, least=0),
    )
}


def grouped_statistics(group: Counts, value: Floats, groups: int) -> Statistics:
    """Of the finite among `value`; `group` (as long) says whose each is, from 0 to `groups` - 1.

    The same values give the same bits in any order. Two passes, as sums of squares cancel, over values brought to the
    order of 1 by a power of two, as squares of large ones overflow.
    """
    finite = np.isfinite(value)
    group, value = group[finite], value[finite]
    if (np.diff(group) < 0).any():
        order = np.argsort(group, kind="stable")
        group, value = group[order], value[order]
    n = np.bincount(group, minlength=groups)
    some = np.flatnonzero(n)
    mean, median, std, low, high = (np.full(groups, np.nan) for _ in range(5))
    if some.size:
        ends = np.cumsum(n)[some]
        starts = ends - n[some]
        # Sorting by group and value at once takes several times as long.
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            value[start:end].sort()
        low[some], high[some] = value[starts], value[ends - 1]
        # Halved first: the sum of large ones overflows.
        median[some] = value[(starts + ends - 1) // 2] / 2 + value[(starts + ends) // 2] / 2
        _, exponent = np.frexp(np.maximum(np.abs(low[some]), np.abs(high[some])))
        count = n[some]
        scaled = np.ldexp(value, np.repeat(-exponent, count))
        centre = np.add.reduceat(scaled, starts) / count
        rest = scaled - np.repeat(centre, count)
        error = np.add.reduceat(rest, starts) / count
        mean[some] = np.ldexp(centre + error, exponent)
        rest -= np.repeat(error, count)
        squares = np.add.reduceat(rest * rest, starts)
        many = count > 1
        with np.errstate(over="ignore"):  # Of numbers near the largest float the deviation may be beyond it.
            std[some[many]] = np.ldexp(np.sqrt(squares[many] / (count[many] - 1)), exponent[many])
    return Statistics(n, mean, median, std, low, high)
