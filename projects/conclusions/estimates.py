"""What a cell of a results table says of its runs: a middle and how sure it is. Pure numpy; the unit is the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from projects.charts.aggregate import t_975
from projects.query.statistics import Statistics, grouped_statistics
from projects.rounding import number, stated, times

Floats = NDArray[np.float64]

_LARGE = 1e300


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of the `n` runs of a cell that have a finite number.

    `middle` is None when n is 0. `error` is what stands after the ±, `low` and `high` what stands in brackets: None
    when the kind of cell has no such thing, or n < 2.
    """

    n: int
    middle: float | None = None
    error: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An estimate as text; `error`, `low` and `high` are "" where there are none."""

    middle: str
    error: str = ""
    low: str = ""
    high: str = ""
    power: int = 0  # of ten, that all are multiplied by

    def __str__(self) -> str:
        """ "0.912 ± 0.013", "0.91 [0.87, 0.93]", "(1.20 ± 0.31)×10⁻⁷"."""
        if not self.error and not self.low:
            return f"{self.middle}{times(self.power)}"
        around = f" ± {self.error}" if self.error else f" [{self.low}, {self.high}]"
        return f"({self.middle}{around}){times(self.power)}" if self.power else f"{self.middle}{around}"


@dataclass(frozen=True, slots=True)
class CellKind:
    """`label` as in a caption; `parts`: names of the numbers beside the middle, for a file."""

    key: str
    label: str
    middle: str
    parts: tuple[str, ...]
    estimates: Callable[[Statistics, Sequence[Floats]], list[Estimate]]


def estimates(kind: str, values: Sequence[Floats]) -> list[Estimate]:
    """One for each group of `values`, by a key of CELLS. NaN and infinities are left out.

    Mean, median and standard deviation are those of the runs table to the last bit, whatever the order of the runs.
    """
    finite = [of[np.isfinite(of)] for of in values]
    of_group = np.repeat(np.arange(len(finite)), [of.size for of in finite])
    together = np.concatenate(finite) if finite else np.empty(0)
    return CELLS[kind].estimates(grouped_statistics(of_group, together, len(finite)), finite)


def shown(of: Estimate) -> Shown:
    """To the decimals at which the error has two significant digits (rounding.stated). The error of quartiles is half
    the distance between them. An estimate without error has four significant digits."""
    if of.middle is None:
        return Shown("–")
    if of.low is not None and of.high is not None:
        (middle, low, high), _, power = stated([of.middle, of.low, of.high], of.high / 2 - of.low / 2)
        return Shown(middle, low=low, high=high, power=power)
    if of.error is None:
        return Shown(number(of.middle))
    (middle,), error, power = stated([of.middle], of.error)
    return Shown(middle, error, power=power)


def best(estimates: Sequence[Estimate | None], direction: str) -> set[int]:
    """The places of the greatest middles (`direction` is "max") or the smallest ("min"); of equal ones all."""
    middles = {at: it.middle for at, it in enumerate(estimates) if it is not None and it.middle is not None}
    if direction not in ("max", "min") or not middles:
        return set()
    wanted = (max if direction == "max" else min)(middles.values())
    return {at for at, middle in middles.items() if middle == wanted}


def _around_mean(factor: Callable[[Statistics], Floats]) -> Callable[[Statistics, Sequence[Floats]], list[Estimate]]:
    def found(of: Statistics, values: Sequence[Floats]) -> list[Estimate]:
        with np.errstate(over="ignore"):
            errors = of.std * factor(of)
        rows = zip(of.n.tolist(), of.mean.tolist(), errors.tolist(), strict=True)
        return [Estimate(n, mean, error if n > 1 else None) if n else Estimate(0) for n, mean, error in rows]

    return found


def _interval(of: Statistics) -> Floats:
    factor = np.full(of.n.shape, np.nan)
    several = of.n > 1
    counts, place = np.unique(of.n[several], return_inverse=True)
    factor[several] = t_975(counts - 1)[place] / np.sqrt(of.n[several]) if counts.size else 0
    return factor


def _quartiles(of: Statistics, values: Sequence[Floats]) -> list[Estimate]:
    """Linear between order statistics."""
    found = []
    for n, median, group in zip(of.n.tolist(), of.median.tolist(), values, strict=True):
        # Halved where the distance of two overflows; of the least floats the half is rounded.
        scale = 2.0 if n and np.abs(group).max() > _LARGE else 1.0
        low, high = (scale * np.percentile(group / scale, (25, 75))).tolist() if n > 1 else (None, None)
        found.append(Estimate(n, median, low=low, high=high) if n else Estimate(0))
    return found


CELLS: dict[str, CellKind] = {
    kind.key: kind
    for kind in (
        CellKind("stddev", "mean ± std dev", "mean", ("std dev",), _around_mean(lambda of: np.ones(of.n.shape))),
        CellKind("ci95", "mean ± 95 % CI", "mean", ("95 % CI ±",), _around_mean(_interval)),
        CellKind("quartiles", "median [quartiles]", "median", ("25 %", "75 %"), _quartiles),
    )
}
