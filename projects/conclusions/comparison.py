"""Two groups of runs compared: how far apart their means are, and how often a run of one beats one of the other. Pure.

The unit is the run; all numbers given are finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps

import numpy as np
from numpy.typing import NDArray

from projects.charts.aggregate import t_975
from projects.query.statistics import grouped_statistics

Floats = NDArray[np.float64]

_STEPS = 20_000
_CLOSE = 1e-15
_TINY = 1e-300
_LARGE = 1e300
_SMALLER = 2.0**10


@dataclass(frozen=True, slots=True)
class Difference:
    """Of means, with the ends of its 95 % interval and a two-sided p of no difference; all but `value` are None where
    fewer than two runs (pairs) leave them undefined. Without any spread the interval has no width, and p and `freedom`
    are None. `pairs`: how many, if it is of pairs."""

    value: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    freedom: float | None = None
    pairs: int | None = None


def _of_any_size(compare: Callable[[Floats, Floats], Difference]) -> Callable[[Floats, Floats], Difference]:
    """Numbers near the largest float are made smaller by a power of two, so that nothing overflows on the way; what is
    beyond it in the end is infinite."""

    @wraps(compare)
    def compared(group: Floats, baseline: Floats) -> Difference:
        if max(np.abs(group).max(), np.abs(baseline).max()) < _LARGE:
            return compare(group, baseline)
        of = compare(group / _SMALLER, baseline / _SMALLER)
        low, high = (None if it is None else it * _SMALLER for it in (of.low, of.high))
        return replace(of, value=of.value * _SMALLER, low=low, high=high)

    return compared


@_of_any_size
def welch(group: Floats, baseline: Floats) -> Difference:
    """Mean of the group less that of the baseline, of unequal variances: d ± t(0.975, ν) · √(s²ₐ/nₐ + s²ᵦ/nᵦ), with
    ν = (s²ₐ/nₐ + s²ᵦ/nᵦ)² / ((s²ₐ/nₐ)²/(nₐ−1) + (s²ᵦ/nᵦ)²/(nᵦ−1)).

    B. L. Welch, Biometrika 34 (1947) 28–35; F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110–114. Each has a run.
    """
    of_group = np.repeat([0, 1], [group.size, baseline.size])
    of = grouped_statistics(of_group, np.concatenate([group, baseline]), 2)
    value = float(of.mean[0] - of.mean[1])
    if of.n.min() < 2:
        return Difference(value)
    errors = of.std / np.sqrt(of.n)
    error = math.hypot(*errors.tolist())
    if error == 0:
        return Difference(value, value, value)
    shares = (errors / error) ** 2
    return _interval(value, error, 1 / float((shares**2 / (of.n - 1)).sum()))


@_of_any_size
def paired(group: Floats, baseline: Floats) -> Difference:
    """Mean of the differences of pairs, d̄ ± t(0.975, n − 1) · s / √n; the n-th numbers of both make a pair.

    Student (W. S. Gosset), Biometrika 6 (1908) 1–25. At least one pair.
    """
    n = group.size
    of = grouped_statistics(np.zeros(n, dtype=np.int64), group - baseline, 1)
    value = float(of.mean[0])
    if n < 2:
        return Difference(value, pairs=n)
    error = float(of.std[0]) / math.sqrt(n)
    if error == 0:
        return Difference(value, value, value, pairs=n)
    return _interval(value, error, n - 1, pairs=n)


def superiority(group: Floats, baseline: Floats) -> float:
    """P(A > B): the share of all pairs of a run of the group and one of the baseline in which the former is greater,
    ties counted half; Mann–Whitney's U over nₐ · nᵦ.

    H. B. Mann, D. R. Whitney, Annals of Mathematical Statistics 18 (1947) 50–60; A. Vargha, H. D. Delaney, Journal of
    Educational and Behavioral Statistics 25 (2000) 101–132. Each has a run.
    """
    ordered = np.sort(baseline)
    below = np.searchsorted(ordered, group, side="left")
    within = np.searchsorted(ordered, group, side="right")
    return float((below + within).sum()) / (2 * group.size * baseline.size)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """The p of several comparisons, each raised so that the chance of any false finding among all stays what it says.
    None stays None and does not count.

    S. Holm, Scandinavian Journal of Statistics 6 (1979) 65–70.
    """
    order = sorted((p, at) for at, p in enumerate(ps) if p is not None)
    adjusted: list[float | None] = [None] * len(ps)
    least = 0.0
    for rank, (p, at) in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * p))
        adjusted[at] = least
    return adjusted


def two_sided_p(t: float, freedom: float) -> float:
    """P(|T| ≥ |t|) of Student's t with `freedom` ≥ 1 degrees: I(ν / (ν + t²); ν / 2, 1 / 2) (NIST DLMF 8.17)."""
    whole = freedom + t * t
    return _incomplete_beta(freedom / 2, 0.5, freedom / whole, t * t / whole) if math.isfinite(whole) else 0.0


def _interval(value: float, error: float, freedom: float, pairs: int | None = None) -> Difference:
    half = float(t_975(np.array([freedom]))[0]) * error
    return Difference(value, value - half, value + half, two_sided_p(value / error, freedom), freedom, pairs)


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """The regularised incomplete beta function at `x`; `rest` is 1 - x. By its continued fraction (DLMF 8.17.22) where
    that converges fast, else by the symmetry."""
    if x <= 0:
        return 0.0
    if rest <= 0:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, rest, x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    # Lentz's method, with the ratios of successive numerators and denominators.
    value, above, below = 1.0, math.inf, 1.0
    for step in range(1, _STEPS):
        m, odd = divmod(step, 2)
        if odd:
            part = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            part = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        below = 1 / _away_from_zero(1 + part * below)
        above = _away_from_zero(1 + part / above)
        value *= above * below
        if step > 1 and abs(above * below - 1) < _CLOSE:
            break
    return math.exp(front) * value / a


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
