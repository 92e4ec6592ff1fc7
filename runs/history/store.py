"""The history room's only public face: long series in, exact or reduced series out.

Contract
--------
*In.* A stream (history or events) of a run is a list of lines, counted from 0 per writer. `append` puts lines at their
number: what is stored already is skipped, so a repeated request changes nothing; a gap is refused. The caller holds a
transaction and the run's row lock; everything `append` does, sealing included, is in it.

*Out.* `read_points` and `read_cells` speak numpy, never JSON. A run's points come sorted by x, points of equal x in the
order they were logged. The same stored lines give the same arrays, sealed or not, on every database, to the last bit for
points and to 1e-9 relative for cells. Only numbers are series values: booleans, text, lists and objects are kept and come
back from `rows`, but are in no series. NaN and infinities are points like any other; cells count them apart.

Steps are the client's `_step` (history). Events have none: their line number is their step.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.models import Run

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class LinesRefused(ValueError):
    """The lines can never be stored (not a JSON object, a gap before them, a step no integer); the text says which."""


@dataclass(frozen=True, slots=True)
class Appended:
    added: int  # lines that were new
    lines: int  # lines stored now, of this writer
    last_step: int  # largest step among the new lines; -1 when there are none


@dataclass(frozen=True, slots=True)
class Points:
    """Every logged point in range: run i of the question has x[offsets[i]:offsets[i+1]], ascending, and y alike."""

    offsets: Counts  # (runs + 1,)
    x: Floats  # (points,)
    y: Floats  # (points,), non-finite values included


@dataclass(frozen=True, slots=True)
class Cells:
    """Buckets of `width` steps, shared by all runs: bucket j holds start + j·width ≤ step < start + (j+1)·width.

    All arrays are (runs, buckets). Where `count` is 0, total is 0 and low and high are NaN.
    """

    start: int
    width: int
    count: Counts  # finite points
    total: Floats  # their sum
    low: Floats
    high: Floats
    nonfinite: Counts


def append(*, run: Run, stream: str, writer: str, offset: int, lines: Sequence[str]) -> Appended:
    """Put `lines` at line number `offset`. Raises LinesRefused and stores nothing if they can't be."""
    raise NotImplementedError


def seal(*, run_id: uuid.UUID) -> None:
    """Move all tails of a run into chunks and rollups. Harmless when repeated."""
    raise NotImplementedError


def clear(*, run_id: uuid.UUID, stream: str, writer: str) -> None:
    """Forget one writer's stream: lines, chunks, rollups; its next line is 0."""
    raise NotImplementedError


def truncate(*, run: Run, after_step: int) -> None:
    """Forget all history after a step (rewind); line counts follow."""
    raise NotImplementedError


def tail_lines(*, run_id: uuid.UUID, stream: str, count: int = 1) -> list[str]:
    """The last lines as JSON text, oldest first (bare NaN and Infinity as the client sent them)."""
    raise NotImplementedError


def rows(
    *,
    run_id: uuid.UUID,
    stream: str,
    min_step: int | None = None,
    max_step: int | None = None,
    keys: Sequence[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Whole lines back, in order of step, then of arrival: min_step ≤ step < max_step; with `keys` (dotted), those only."""
    raise NotImplementedError


def read(
    *,
    column_id: uuid.UUID,
    run_ids: Sequence[uuid.UUID],
    x: str = "_step",
    lo: float | None = None,
    hi: float | None = None,
    exact_below: int = 2000,
    cells: int = 1000,
) -> Points | Cells:
    """Series of one column for many runs, run order kept.

    Points when no run has more than `exact_below` values in lo ≤ x ≤ hi, or when x is not `_step`; else the finest Cells
    that need at most `cells` buckets. `x` is `_step` or another history key, paired by line.
    """
    raise NotImplementedError
