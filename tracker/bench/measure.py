"""One figure beside its limit, and how both are taken."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "points/s", "bytes", "bytes/point"]


@dataclass(frozen=True, slots=True)
class Measure:
    """`limit` is in the unit of `figure`; `against` says what it is."""

    area: str
    case: str
    what: str
    figure: float
    limit: float
    unit: Unit
    against: str

    @property
    def ratio(self) -> float:
        """How many times the time or the bytes of the limit: the smaller, the better."""
        if self.unit == "points/s":
            return self.limit / self.figure
        return self.figure / self.limit

    def to_json(self) -> dict[str, str | float]:
        return {
            "area": self.area,
            "case": self.case,
            "what": self.what,
            "figure": self.figure,
            "limit": self.limit,
            "unit": self.unit,
            "against": self.against,
            "ratio": self.ratio,
        }


def seconds(functions: Mapping[str, Callable[[], object]], *, repeat: int) -> dict[str, list[float]]:
    """Wall time of each function in each of `repeat` rounds, after one round that does not count.

    A round calls all of them in turn, so that what disturbs the machine disturbs figure and limit alike.
    """
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for counted in [False] + [True] * repeat:
        for name, function in functions.items():
            gc.collect()
            start = time.perf_counter()
            function()
            if counted:
                taken[name].append(time.perf_counter() - start)
    return taken


def medians(taken: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(rounds) for name, rounds in taken.items()}
