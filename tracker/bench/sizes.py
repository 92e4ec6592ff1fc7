"""How much is measured. Pure."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    charts: tuple[tuple[int, int], ...]  # (runs, steps)
    tables: tuple[int, ...]  # runs
    lines: int  # that one run sends when ingestion is measured, and has when disk is
    repeat: int  # rounds, of which the median counts

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Sizes:
        """The inverse of `to_json`."""
        said = json.loads(text)
        charts = tuple((runs, steps) for runs, steps in said["charts"])
        return cls(charts, tuple(said["tables"]), said["lines"], said["repeat"])


QUICK = Sizes(charts=((100, 1000),), tables=(1000,), lines=10_000, repeat=5)
DEFAULT = Sizes(charts=((200, 5000), (1000, 1000), (1000, 10_000)), tables=(10_000,), lines=50_000, repeat=9)


def count(text: str) -> int:
    """A whole number from 1, for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1")
    return int(text)


def counts(text: str) -> tuple[int, ...]:
    """`1000,10000`."""
    return tuple(count(part) for part in text.split(","))


def chart_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """`100x1000,1000x10000`: runs, steps."""
    sizes = []
    for part in text.split(","):
        runs, _, steps = part.partition("x")
        sizes.append((count(runs), count(steps)))
    return tuple(sizes)
