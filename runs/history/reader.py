"""Series of one column for many runs: a handful of queries, however many runs there are."""

from __future__ import annotations

import logging
import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Count, Max, Min
from django.db.models.functions import Substr
from numpy.typing import NDArray

from runs.columns import column_id as id_of_column
from runs.history import codec, rollup, tail
from runs.history.codec import Floats, Ints
from runs.history.database import among, fetch, snapshot
from runs.history.levels import EXTENT
from runs.history.rollup import Buckets, Extent
from runs.history.shapes import Cells, Points
from runs.models import Column, HistoryChunk, HistoryTail, Kind, Rollup, Scope, StreamName

log = logging.getLogger(__name__)

SINCE_START = "_absolute_runtime"  # an x that is no key: seconds by the run's clock since it began
CLOCKS = ("_timestamp", "_runtime")
_STEP = tail.name("_step")
_DIRECTORY = 2048  # bytes at the beginning of a tail row that are looked at first, to see which keys it has


class Piece(NamedTuple):
    """Numbers of one column in one stretch or tail row, in order of line."""

    at: tuple[str, int]  # writer and first line: the order of pieces
    lines: Ints  # (n,) counted from the first line
    steps: NDArray[Any]  # (n,) int64; or float64, where another column's values stand in their place
    values: Floats  # (n,)

    def within(self, low: int, high: int) -> Piece:
        """What is in low ≤ step ≤ high."""
        inside = (self.steps >= low) & (self.steps <= high)
        if inside.all():
            return self
        return Piece(self.at, self.lines[inside], self.steps[inside], self.values[inside])


Pieces = dict[uuid.UUID, list[Piece]]  # of each run, in order


@dataclass(frozen=True, slots=True)
class Asked:
    """The series asked for: a column and the runs, in the order of the answer."""

    column: uuid.UUID
    key: str
    stream: str
    runs: Sequence[uuid.UUID]


def read(
    *,
    column_id: uuid.UUID,
    run_ids: Sequence[uuid.UUID],
    x: str,
    lo: float | None,
    hi: float | None,
    exact_below: int,
    cells: int,
) -> Points | Cells:
    """See runs.history.store.read."""
    with snapshot():
        column = Column.objects.filter(id=column_id).values_list("project_id", "scope", "key").first()
        if column is None or not run_ids:
            return _points(run_ids, {})
        project, scope, key = column
        stream = StreamName.HISTORY if scope == Scope.HISTORY else StreamName.EVENTS
        asked = Asked(column_id, key, stream, run_ids)
        if x == "_step":
            return _by_step(asked, lo, hi, exact_below, cells)
        if x == SINCE_START:
            clock, counted = (Asked(id_of_column(project, scope, key), key, stream, run_ids) for key in CLOCKS)
            return _points(run_ids, _since(_paired(asked, clock), _starts(clock, counted)), lo, hi)
        other = Asked(id_of_column(project, scope, x), x, stream, run_ids)
        return _points(run_ids, _paired(asked, other), lo, hi)


def logged(*, column_id: uuid.UUID) -> set[uuid.UUID]:
    """See runs.history.store.logged."""
    with snapshot():
        column = Column.objects.filter(id=column_id).values_list("project_id", "scope", "key").first()
        if column is None:
            return set()
        project, scope, key = column
        stream = StreamName.HISTORY if scope == Scope.HISTORY else StreamName.EVENTS
        found = set(Rollup.objects.filter(column_id=column_id, level=EXTENT).values_list("run_id", flat=True))
        rows = HistoryTail.objects.filter(run__project_id=project, stream=stream)
        name = tail.name(key)
        longer = []
        # A run that has one number is known: the rest of its tail is not looked at.
        for run, first_line, data in fetch(rows.values_list("run_id", "first_line", Substr("data", 1, _DIRECTORY))):
            if run not in found:
                try:
                    if _has_numbers(run, first_line, data, name):
                        found.add(run)
                except EOFError:
                    longer.append(run)
        rest = rows.filter(run_id__in=among(run for run in longer if run not in found))
        for run, first_line, data in fetch(rest.values_list("run_id", "first_line", "data")) if longer else ():
            if run not in found and _has_numbers(run, first_line, data, name):
                found.add(run)
        return found


def _has_numbers(run: uuid.UUID, first_line: int, data: bytes | memoryview, name: bytes) -> bool:
    """Whether a tail row, or the beginning of one, tells of numbers. Raises EOFError if it is cut before that."""
    try:
        entries = tail.directory(bytes(data))
    except codec.Corrupt as error:
        log.error("Tail of run %s at line %d is left out: %s", run, first_line, error)
        return False
    places = ((entry, tail.place_of(name, entry.names)) for entry in entries)
    return any(place >= 0 and entry.kinds[place] & Kind.NUMBER for entry, place in places)


def _by_step(asked: Asked, lo: float | None, hi: float | None, exact_below: int, cells: int) -> Points | Cells:
    extents = _extents(asked)
    tails = _tails(asked)[0]
    unsealed = [piece for of_run in tails.values() for piece in of_run]
    first = min([*(some.first for some in extents.values()), *(int(some.steps.min()) for some in unsealed)], default=0)
    last = max([*(some.last for some in extents.values()), *(int(some.steps.max()) for some in unsealed)], default=-1)
    if first > last or (lo is not None and lo > last) or (hi is not None and hi < first):
        return _points(asked.runs, {})
    low = first if lo is None or lo <= first else math.ceil(lo)
    high = last if hi is None or hi >= last else math.floor(hi)
    lengths = {run: extent.count for run, extent in extents.items()}
    for run, of_run in tails.items():
        lengths[run] = lengths.get(run, 0) + sum(len(piece.steps) for piece in of_run)
    if max(lengths.values(), default=0) <= exact_below:
        return _points(asked.runs, _joined(_sealed(asked, extents, low, high), tails), low, high)

    width = 1
    while high // width - low // width >= max(cells, 2):
        width *= 2
    start, end = low // width * width, (high // width + 1) * width
    if width < rollup.width(0):
        pieces = _joined(_sealed(asked, extents, start, end - 1), tails)
        if _most(pieces, low, high) <= exact_below:
            return _points(asked.runs, pieces, low, high)
        return _cells(asked.runs, {}, pieces, start, end, width)
    rolled, raw = _rolled(asked, extents, start, end, width)
    pieces = _joined(_sealed(asked, raw, start, end - 1), tails)
    answer = _cells(asked.runs, rolled, pieces, start, end, width)
    sizes = answer.count + answer.nonfinite
    sure = sizes.sum(axis=1)
    if low > first and low != start:
        sure = sure - sizes[:, 0]
    if high < last and high != end - 1:
        sure = sure - sizes[:, -1]
    if (sure > exact_below).any():
        return answer
    # Buckets at the ends are only partly in range: look at the points, which are few.
    pieces = _joined(_sealed(asked, extents, low, high), tails)
    if _most(pieces, low, high) <= exact_below:
        return _points(asked.runs, pieces, low, high)
    return answer


def _extents(asked: Asked) -> dict[uuid.UUID, Extent]:
    """What is sealed of each run."""
    extents: dict[uuid.UUID, Extent] = {}
    broken = []
    rows = Rollup.objects.filter(column_id=asked.column, level=EXTENT, run_id__in=among(asked.runs))
    for run, data in rows.values_list("run_id", "data"):
        try:
            extents[run] = rollup.decode_extent(data)
        except codec.Corrupt as error:
            log.error("Extent of run %s, column %s is read from its chunks: %s", run, asked.column, error)
            broken.append(run)
    if broken:
        chunks = HistoryChunk.objects.filter(column_id=asked.column, run_id__in=among(broken)).values("run_id")
        found = chunks.annotate(n=Count("pk"), first=Min("first_step"), last=Max("last_step"))
        for row in found:
            # The true count is not known, and must not look small.
            extents[row["run_id"]] = Extent(2**62, row["first"], row["last"], -1, -1)
    return extents


def _tails(*columns: Asked) -> list[Pieces]:
    """Numbers of the columns, which are of the same runs and stream, in the lines not yet sealed."""
    stream, runs = columns[0].stream, columns[0].runs
    names = [tail.name(column.key) for column in columns]
    found: list[Pieces] = [{} for _ in columns]
    rows = HistoryTail.objects.filter(run_id__in=among(runs), stream=stream).order_by("run_id", "writer", "first_line")
    for run, writer, first_line, data in fetch(rows.values_list("run_id", "writer", "first_line", "data")):
        try:
            blocks = tail.decode(bytes(data), naming=names[0])
        except codec.Corrupt as error:
            log.error("Tail of run %s at line %d is left out: %s", run, first_line, error)
            continue
        for column, name, pieces in zip(columns, names, found, strict=True):
            if piece := _tail_piece(blocks, column, name, (writer, first_line)):
                pieces.setdefault(run, []).append(piece)
    return found


def _tail_piece(blocks: Sequence[tail.Block], asked: Asked, name: bytes, at: tuple[str, int]) -> Piece | None:
    parts = []
    for block in blocks:
        if (key := tail.place_of(name, block.names)) < 0:
            continue
        steps = block.integers(tail.place_of(_STEP, block.names)) if asked.stream == StreamName.HISTORY else None
        keep, values = block.series(key)
        lines = block.places[keep]
        if len(lines):
            parts.append((lines, at[1] + lines if steps is None else steps[keep], values))
    if len(parts) < 2:
        return Piece(at, *parts[0]) if parts else None
    lines, steps, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(lines)
    return Piece(at, lines[order], steps[order], values[order])


def _sealed(asked: Asked, runs: Iterable[uuid.UUID], low: int, high: int) -> Pieces:
    """Sealed numbers in low ≤ step ≤ high."""
    found: Pieces = {}
    if not (ids := list(runs)):
        return found
    rows = HistoryChunk.objects.filter(
        column_id=asked.column, run_id__in=among(ids), last_step__gte=low, first_step__lte=high
    ).order_by("run_id", "writer", "first_line")
    for run, writer, first_line, data in fetch(rows.values_list("run_id", "writer", "first_line", "data")):
        try:
            series = codec.decode(data).series()
        except codec.Corrupt as error:
            log.error("A chunk of run %s, column %s is left out: %s", run, asked.column, error)
            continue
        found.setdefault(run, []).append(Piece((writer, first_line), *series).within(low, high))
    return found


def _joined(sealed: Pieces, tails: Pieces) -> Pieces:
    """Pieces of both, in order."""
    return {
        run: sorted(sealed.get(run, []) + tails.get(run, []), key=lambda piece: piece.at)
        for run in sealed.keys() | tails.keys()
    }


def _paired(asked: Asked, other: Asked) -> Pieces:
    """The values of lines that have both, with the other's values in place of steps."""
    tails, other_tails = _tails(asked, other)
    pieces = _joined(_sealed(asked, asked.runs, -(2**63), 2**63 - 1), tails)
    others = _joined(_sealed(other, pieces, -(2**63), 2**63 - 1), other_tails)
    found: Pieces = {}
    for run, of_run in pieces.items():
        by_place = {piece.at: piece for piece in others.get(run, [])}
        for piece in of_run:
            match = by_place.get(piece.at)
            if match is None:
                continue
            lines, left, right = np.intersect1d(piece.lines, match.lines, assume_unique=True, return_indices=True)
            found.setdefault(run, []).append(Piece(piece.at, lines, match.values[right], piece.values[left]))
    return found


def _starts(clock: Asked, counted: Asked) -> dict[uuid.UUID, float]:
    """When each run began by its own clock: `_timestamp` − `_runtime` of its first line; of writers the earliest.

    Later lines do not tell: `_runtime` leaves out the time between a stop and a resume.
    """
    heads: list[dict[tuple[uuid.UUID, str], Piece]] = []
    for asked, tails in zip((clock, counted), _tails(clock, counted), strict=True):
        found = {(run, piece.at[0]): piece for run, of_run in tails.items() for piece in of_run if piece.at[1] == 0}
        rows = HistoryChunk.objects.filter(column_id=asked.column, run_id__in=among(asked.runs), first_line=0)
        for run, writer, data in fetch(rows.values_list("run_id", "writer", "data")):
            try:
                found[run, writer] = Piece((writer, 0), *codec.decode(data).series())
            except codec.Corrupt as error:
                log.error("A chunk of run %s, column %s is left out: %s", run, asked.column, error)
        heads.append(found)
    starts: dict[uuid.UUID, float] = {}
    for at, times in heads[0].items():
        runtimes = heads[1].get(at, times._replace(values=np.zeros(len(times.values))))
        _, left, right = np.intersect1d(times.lines, runtimes.lines, assume_unique=True, return_indices=True)
        began = times.values[left] - runtimes.values[right]
        began = began[np.isfinite(began)]
        if began.size:
            starts[at[0]] = min(float(began[0]), starts.get(at[0], math.inf))
    return starts


def _since(pieces: Pieces, starts: Mapping[uuid.UUID, float]) -> Pieces:
    return {
        run: [piece._replace(steps=piece.steps - starts[run]) for piece in of_run]
        for run, of_run in pieces.items()
        if run in starts
    }


def _most(pieces: Pieces, low: int, high: int) -> int:
    """Most points of a run in low ≤ step ≤ high."""
    sizes = (sum(len(piece.within(low, high).steps) for piece in of_run) for of_run in pieces.values())
    return max(sizes, default=0)


def _points(runs: Sequence[uuid.UUID], pieces: Pieces, low: float | None = None, high: float | None = None) -> Points:
    """The pieces' points in range, sorted. Those whose x is not finite have no place and are left out."""
    xs, ys, sizes = [np.empty(0)], [np.empty(0)], [0]
    for run in runs:
        of_run = pieces.get(run, [])
        x = np.concatenate([piece.steps for piece in of_run]) if of_run else np.empty(0)
        y = np.concatenate([piece.values for piece in of_run]) if of_run else np.empty(0)
        inside = np.isfinite(x)
        if low is not None:
            inside &= x >= low
        if high is not None:
            inside &= x <= high
        if not inside.all():
            x, y = x[inside], y[inside]
        if len(x) and (x[1:] < x[:-1]).any():
            order = np.argsort(x, kind="stable")
            x, y = x[order], y[order]
        xs.append(x.astype(np.float64))
        ys.append(y)
        sizes.append(len(x))
    return Points(np.cumsum(sizes, dtype=np.int64), np.concatenate(xs), np.concatenate(ys))


def _rolled(
    asked: Asked, extents: Mapping[uuid.UUID, Extent], start: int, end: int, width: int
) -> tuple[dict[uuid.UUID, list[tuple[int, Buckets]]], list[uuid.UUID]]:
    """Rollups of the runs, each (width, buckets), from the coarsest level that is fine enough; and the runs without."""
    by_level: dict[int, list[uuid.UUID]] = defaultdict(list)
    raw: set[uuid.UUID] = set()
    finest = max(level for level in range(rollup.HIGHEST + 1) if rollup.width(level) <= width)
    for run, extent in extents.items():
        if 0 <= extent.bottom <= finest:
            by_level[min(extent.top, finest)].append(run)
        else:
            raw.add(run)
    found: dict[uuid.UUID, list[tuple[int, Buckets]]] = defaultdict(list)
    for level, runs in by_level.items():
        segment_width = rollup.width(level) * rollup.SEGMENT
        rows = Rollup.objects.filter(
            column_id=asked.column,
            level=level,
            run_id__in=among(runs),
            segment__range=(start // segment_width, (end - 1) // segment_width),
        )
        for run, segment, data in fetch(rows.values_list("run_id", "segment", "data")):
            try:
                found[run].append((rollup.width(level), rollup.decode(data, segment)))
            except codec.Corrupt as error:
                log.error("Rollup of run %s, column %s is read from its chunks: %s", run, asked.column, error)
                raw.add(run)
    return {run: parts for run, parts in found.items() if run not in raw}, sorted(raw)


def _cells(
    runs: Sequence[uuid.UUID],
    rolled: Mapping[uuid.UUID, list[tuple[int, Buckets]]],
    pieces: Pieces,
    start: int,
    end: int,
    width: int,
) -> Cells:
    """Buckets `start` to `end` of all runs from their rollups and points.

    They are gathered at the width of a rollup level, so that most rows are only copied, and then joined all together.
    """
    fine = max((rollup.width(level) for level in range(rollup.HIGHEST) if rollup.width(level) <= width), default=width)
    first, size = start // fine, (end - start) // fine
    shape = (len(runs), size)
    count, nonfinite = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    total, low, high = np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.nan)
    for place, run in enumerate(runs):
        parts = [rollup.coarsen(buckets, fine // own) for own, buckets in rolled.get(run, [])]
        if of_run := pieces.get(run):
            steps = np.concatenate([piece.steps for piece in of_run])
            values = np.concatenate([piece.values for piece in of_run])
            parts.append(rollup.reduce(steps, values, fine))
        if not parts:
            continue
        whole = rollup.merge(parts).between(first, first + size)
        if not len(whole):
            continue
        places = whole.index - first
        begin, stop = int(places[0]), int(places[-1]) + 1
        at = slice(begin, stop) if stop - begin == len(whole) else places
        count[place, at] = whole.count
        nonfinite[place, at] = whole.nonfinite
        total[place, at] = whole.total
        low[place, at] = whole.low
        high[place, at] = whole.high
    while fine < width:
        fine *= 2
        with np.errstate(over="ignore", invalid="ignore"):
            count, nonfinite = count[:, ::2] + count[:, 1::2], nonfinite[:, ::2] + nonfinite[:, 1::2]
            total = total[:, ::2] + total[:, 1::2]
        low, high = np.fmin(low[:, ::2], low[:, 1::2]), np.fmax(high[:, ::2], high[:, 1::2])
    return Cells(start, width, count, total, low, high, nonfinite)
