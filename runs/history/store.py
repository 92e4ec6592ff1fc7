"""The history room's only public face: long series in, exact or reduced series out.

Contract
--------
*In.* A stream (history or events) of a run is a list of lines, counted from 0 per writer. `append` puts lines at their
number: what is stored already is skipped, so a repeated request changes nothing; a gap is refused. The caller holds a
transaction and the run's row lock; everything `append` does, sealing included, is in it.

*Out.* `read` speaks numpy, never JSON. A run's points come sorted by x, points of equal x in the order they were logged
(writer by writer in shared mode). The same stored lines give the same arrays, sealed or not, on every database, to the
last bit for points and to 1e-9 relative for cells. Only numbers are series values: booleans, text, lists and objects
are kept and come back from `rows`, but are in no series. NaN and infinities are points like any other; cells count
them apart.

Steps are the client's `_step` (history), any integer x with |x| < 2^63; they may repeat, fall and be negative. They are
kept exactly, and cells are cut by exact steps; the x of points is float64, so beyond 2^53 it is the nearest one. A line
without a step gets the one after that of its writer's line before. Events have none: their line number is their step.

Whole lines come back by dotted key. JSON does not tell 1.0 from 1, so whole numbers up to 2^53 come back as int;
integers beyond 64 bits are floats; lone surrogates become U+FFFD. What is damaged on disk is logged and left out, never
an error.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import transaction

from runs.history import compaction, reader, replay, writing
from runs.history.database import kept, snapshot
from runs.history.shapes import Appended, Cells, Floats, LinesRefused, Points
from runs.models import Run, Stream, StreamName
from runs.statements import Change

__all__ = [
    "Appended",
    "Cells",
    "LinesRefused",
    "Points",
    "append",
    "clear",
    "extremes",
    "firsts",
    "kept",
    "measure",
    "paired",
    "read",
    "rows",
    "seal",
    "snapshot",
    "tail_lines",
    "truncate",
]


def append(
    *,
    run: Run,
    stream: str,
    writer: str,
    offset: int,
    lines: Sequence[str],
    at: Stream | None = None,
    later: list[Change] | None = None,
) -> Appended:
    """Put `lines` at line number `offset`. Raises LinesRefused and stores nothing if they can't be.

    `at` is the row of this stream and writer, if the caller has read it under the lock; it is asked for otherwise.
    With `later`, what needs no answer is added to it, for the caller to send with other changes.
    """
    return writing.append(run=run, stream=stream, writer=writer, offset=offset, lines=lines, at=at, later=later)


def seal(*, run_id: uuid.UUID) -> None:
    """Move all tails of a run into chunks and rollups. Harmless when repeated."""
    with transaction.atomic():
        for run in Run.objects.select_for_update().filter(id=run_id):
            for at in Stream.objects.filter(run_id=run_id).exclude(stream=StreamName.CONSOLE):
                if at.sealed_lines < at.lines:
                    compaction.stream_seal(project_id=run.project_id, stream=at)


def clear(*, run_id: uuid.UUID, stream: str, writer: str) -> None:
    """Forget one writer's stream: lines, chunks, rollups; its next line is 0."""
    with transaction.atomic():
        for run in Run.objects.select_for_update().filter(id=run_id):
            writing.clear(run=run, stream=stream, writer=writer)


def truncate(*, run: Run, after_step: int) -> None:
    """Forget all history after a step (rewind); the run's line count and last step follow. Costs what is cut."""
    with transaction.atomic():
        writing.truncate(run=run, after_step=after_step)


def measure(*, run: Run) -> None:
    """Set the run's line count and last step to what is stored."""
    writing.measure(run)


def tail_lines(*, run_id: uuid.UUID, stream: str, count: int = 1) -> list[str]:
    """The last lines as JSON text, oldest first, by dotted key (bare NaN and Infinity as the client sent them)."""
    return replay.tail_lines(run_id=run_id, stream=stream, count=count)


def rows(
    *,
    run_id: uuid.UUID,
    stream: str,
    min_step: int | None = None,
    max_step: int | None = None,
    keys: Sequence[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Whole lines back, in order of step, then of arrival: min_step ≤ step < max_step.

    With `keys` (dotted), those only; lines with none of them are left out.
    """
    return replay.rows(run_id=run_id, stream=stream, min_step=min_step, max_step=max_step, keys=keys)


def read(
    *,
    column_id: uuid.UUID,
    run_ids: Sequence[uuid.UUID],
    lo: float | None = None,
    hi: float | None = None,
    exact_below: int = 2000,
    cells: int = 1000,
    spread: bool = True,
) -> Points | Cells:
    """Series of one column for many runs by step, run order kept.

    Points when no run has more than `exact_below` values in lo ≤ step ≤ hi; else the finest Cells that need at most
    `cells` buckets (but never less than two), the first and last of which are whole even if `lo` and `hi` cut them.
    Without `spread` Cells have no low and high, and come quicker. `run_ids` are distinct; an unknown column or run is
    one without points.
    """
    return reader.read(
        column_id=column_id, run_ids=run_ids, lo=lo, hi=hi, exact_below=exact_below, cells=cells, spread=spread
    )


def paired(
    *,
    column_id: uuid.UUID,
    run_ids: Sequence[uuid.UUID],
    x: str,
    lo: float | None = None,
    hi: float | None = None,
) -> Iterable[tuple[slice, Points]]:
    """All points of one column in lo ≤ x ≤ hi by another x than the step: of the runs at some places after the other.

    `x` is a history key, paired by line, or `_absolute_runtime`: seconds by the run's clock since it began, so
    `_timestamp` less that moment. Points whose x is not finite are left out. However many there are, some ten megabytes
    of them are in memory at a time: many are read anew each time that the answer is gone through, which must be in the
    snapshot in which it was asked for.
    """
    return reader.paired(column_id=column_id, run_ids=run_ids, x=x, lo=lo, hi=hi)


def extremes(*, column_id: uuid.UUID, run_ids: Sequence[uuid.UUID]) -> tuple[Floats, Floats]:
    """The least and the greatest finite number of each run in a column, both (runs,); NaN where it has none."""
    return reader.extremes(column_id=column_id, run_ids=run_ids)


def firsts(*, column_id: uuid.UUID, run_ids: Sequence[uuid.UUID]) -> Floats:
    """The first finite number of each run in a column, (runs,), in the order of Points; NaN where it has none."""
    return reader.firsts(column_id=column_id, run_ids=run_ids)


def logged(*, column_id: uuid.UUID) -> set[uuid.UUID]:
    """The runs that have a number in this column."""
    return reader.logged(column_id=column_id)


def keys(*, run: Run, stream: str) -> set[str]:
    """Every dotted key that some line of the run has, of whatever kind."""
    return replay.keys_of(run=run, stream=stream)
