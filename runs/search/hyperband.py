"""Which runs of a sweep are not worth going on with: asynchronous successive halving, the client's `hyperband`.

A rung is a number of times the metric was logged. A run that reaches it is compared by its best value up to there with
all that have reached it too, and goes on only among the best 1/eta (L. Li et al., "A System for Massively Parallel
Hyperparameter Tuning", 2020, section 3.2). Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.search.space import BadSweep

_RUNGS = 30
_MAX_RUNG = 10**9


@dataclass(frozen=True, slots=True)
class Hyperband:
    """`strict`: a run is judged at every rung, as soon as another has reached it; else at its latest one, once eta
    runs are there."""

    rungs: tuple[int, ...]
    eta: float = 3
    strict: bool = False


def hyperband_from(said: Any) -> Hyperband:
    """What `early_terminate` says. Raises BadSweep."""
    if not isinstance(said, dict) or said.get("type") != "hyperband":
        raise BadSweep("early_terminate: type is hyperband")
    eta = said.get("eta", 3)
    if isinstance(eta, bool) or not isinstance(eta, int | float) or not 1 < eta < _MAX_RUNG:
        raise BadSweep("early_terminate: eta is a number greater than 1")
    if (least := said.get("min_iter")) is not None:
        rungs = [_whole(least, "min_iter") * eta**k for k in range(_RUNGS)]
    elif (most := said.get("max_iter")) is not None:
        most = _whole(most, "max_iter")
        count = said.get("s")
        count = int(math.log(most, eta) + 1e-9) if count is None else _whole(count, "s")
        rungs = [most / eta**k for k in range(1, min(count, _RUNGS) + 1)]
    else:
        raise BadSweep("early_terminate: needs min_iter or max_iter")
    kept = sorted({int(rung) for rung in rungs if 1 <= rung <= _MAX_RUNG})
    if not kept:
        raise BadSweep("early_terminate: there is no iteration to stop at")
    return Hyperband(tuple(kept), eta, bool(said.get("strict", False)))


def _whole(said: Any, name: str) -> int:
    if type(said) is not int or not 0 < said <= _MAX_RUNG:
        raise BadSweep(f"early_terminate: {name} is a whole number from 1 on")
    return said


def best_at(values: NDArray[np.float64], rungs: Sequence[int], *, maximize: bool) -> list[float]:
    """Of the rungs that a run has reached, the best of its first so many values; NaN: none of them is finite."""
    best = np.fmax if maximize else np.fmin
    so_far = best.accumulate(np.where(np.isfinite(values), values, np.nan)) if len(values) else values
    return [float(so_far[rung - 1]) for rung in rungs if rung <= len(values)]


def stopped(band: Hyperband, reached: Mapping[str, Sequence[float]], *, maximize: bool) -> set[str]:
    """The runs not worth going on with; `reached`: of every run, what best_at says."""
    found: set[str] = set()
    for place in range(max(map(len, reached.values()), default=0)):
        there = {key: values[place] for key, values in reached.items() if len(values) > place}
        if len(there) < (2 if band.strict else band.eta):
            continue
        # The best come first; what is not finite is worst.
        ranked = sorted((-value if maximize else value) for value in there.values() if not math.isnan(value))
        keep = max(1, int(len(there) / band.eta))
        limit = ranked[keep - 1] if len(ranked) >= keep else math.inf
        for key, value in there.items():
            judged = band.strict or len(reached[key]) == place + 1
            if judged and not (-value if maximize else value) <= limit:
                found.add(key)
    return found
