"""One figure beside its limit, and how both are taken."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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


def amount(value: float, unit: Unit) -> str:
    """As it is printed."""
    match unit:
        case "s":
            return f"{value * 1000:,.2f} ms"
        case "points/s":
            return f"{value:,.0f} /s"
        case "bytes" if value >= 10**7:
            return f"{value / 1e6:,.0f} MB"
        case "bytes":
            return f"{value / 1000:,.0f} kB"
        case "bytes/point":
            return f"{value:.2f} B"


class Laps(dict[str, float]):
    """What a function says of its own parts, in seconds."""


def seconds(functions: Mapping[str, Callable[[], object]], *, repeat: int) -> dict[str, list[float]]:
    """Wall time of each function in each of `repeat` rounds, after one round that does not count.

    A round calls all of them in turn, so that what disturbs the machine disturbs figure and limit alike. What returns
    Laps has these, too: `name.lap`.
    """
    taken: dict[str, list[float]] = {name: [] for name in functions}
    with _only_new_garbage():
        for counted in [False] + [True] * repeat:
            for name, function in functions.items():
                gc.collect()
                start = time.perf_counter()
                said = function()
                if not counted:
                    continue
                taken[name].append(time.perf_counter() - start)
                for lap, of_lap in (said if isinstance(said, Laps) else {}).items():
                    taken.setdefault(f"{name}.{lap}", []).append(of_lap)
    return taken


@contextmanager
def _only_new_garbage() -> Iterator[None]:
    """Collections look at nothing that was there before: all that Django has loaded takes them a tenth of a second."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def medians(taken: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(rounds) for name, rounds in taken.items()}
