"""How much is measured. Pure."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

Size = tuple[int, int]  # runs, steps


@dataclass(frozen=True, slots=True)
class Sizes:
    charts: tuple[Size, ...]
    growing: tuple[Size, ...]  # charts of runs that go on
    tables: tuple[int, ...]  # runs
    lines: int  # that one run sends when ingestion is measured, and has when disk is
    repeat: int  # rounds, of which the median counts
    visits: int  # new processes a page is asked of
    page: bool = False  # in a browser, too

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Sizes:
        """The inverse of `to_json`."""
        said = json.loads(text)
        charts, growing = (tuple((runs, steps) for runs, steps in said[key]) for key in ("charts", "growing"))
        return cls(**said | {"charts": charts, "growing": growing, "tables": tuple(said["tables"])})


QUICK = Sizes(charts=((100, 1000),), growing=((10, 1000),), tables=(1000,), lines=5000, repeat=3, visits=1)
DEFAULT = Sizes(
    charts=((200, 5000), (1000, 1000), (1000, 10_000), (1000, 100_000)),
    growing=((50, 4000),),
    tables=(10_000, 100_000),
    lines=50_000,
    repeat=7,
    visits=3,
)
HUGE: Size = (1000, 1_000_000)


def bytes_needed(charts: tuple[Size, ...]) -> int:
    """Room that the database takes for the charts, its log included, with a good deal to spare."""
    return sum(24 * runs * steps for runs, steps in charts) + 10**9


def count(text: str) -> int:
    """A whole number from 1, for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1")
    return int(text)


def counts(text: str) -> tuple[int, ...]:
    """`1000,10000`."""
    return tuple(count(part) for part in text.split(","))


def chart_sizes(text: str) -> tuple[Size, ...]:
    """`100x1000,1000x10000`: runs, steps."""
    sizes = []
    for part in text.split(","):
        runs, _, steps = part.partition("x")
        sizes.append((count(runs), count(steps)))
    return tuple(sizes)
