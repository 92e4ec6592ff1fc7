"""How good it should be, and whether it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tracker.bench.measure import Measure, Unit, amount


@dataclass(frozen=True, slots=True)
class Bar:
    """For every measure whose texts match these patterns. One of `amount` and `times` is set."""

    area: str
    case: str
    what: str
    amount: float | None = None  # in the measure's unit: rates at least, all else at most
    times: float | None = None  # its limit at most
    exceptions: Mapping[str, float] | None = None  # database -> other times
    against: str = "*"

    def fits(self, measure: Measure) -> bool:
        texts = measure.area, measure.case, measure.what, measure.against
        return all(map(fnmatchcase, texts, (self.area, self.case, self.what, self.against)))

    def verdict(self, measure: Measure, database: str) -> Verdict:
        if self.times is not None:
            times = (self.exceptions or {}).get(database, self.times)
            return Verdict(f"{times:g} ×", measure.ratio <= times)
        assert self.amount is not None
        return Verdict(amount(self.amount, measure.unit), _as_good(measure.figure, self.amount, measure.unit))


@dataclass(frozen=True, slots=True)
class Verdict:
    bar: str
    holds: bool

    def __str__(self) -> str:
        return f"{self.bar}: {'yes' if self.holds else 'no'}"


LONG, SHORTER = "1,000 runs × 1,000,000 steps", "beside 10,000 steps"
BARS = (
    Bar("chart", "200 runs × 5,000 steps", "request to last byte", 0.050),
    Bar("chart", "200 runs × 5,000 steps", "answer, compressed", 300e3),
    Bar("chart", "1,000 runs × 10,000 steps", "database to JSON", times=1, exceptions={"PostgreSQL": 1.5}),
    Bar("chart", LONG, SHORTER, times=1.5),
    Bar("chart", "*", "zoomed to 1 %", times=2),
    Bar("table", "10,000 runs*", "*", 0.100),
    Bar("table", "100,000 runs*", "*", 0.800),
    Bar("ingestion", "4 metrics a line, 1,000 lines a request", "*", 500e3, against="json.loads*"),
    Bar("disk", "*", "noisy float64", 8, against="raw*"),
    Bar("disk", "*", "noisy float32", 4, against="raw*"),
    Bar("memory", "*", "*", 300e6),
    Bar("page", "*", "all drawn", 1.5),
    Bar("page", "*", "upload answered until shown", 2),
    Bar("page", "*", "server, per second watched", 0.05),
)


def verdict(measure: Measure, database: str) -> Verdict | None:
    """None for what is measured for information only."""
    return next((bar.verdict(measure, database) for bar in BARS if bar.fits(measure)), None)


def _as_good(figure: float, bar: float, unit: Unit) -> bool:
    return figure >= bar if unit == "points/s" else figure <= bar
