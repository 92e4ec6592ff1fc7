"""Series of one column for many runs: a handful of queries, however many runs there are."""

from __future__ import annotations

import logging
import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from django.db.models import Max, Min
from numpy.typing import NDArray

from runs.columns import column_id as id_of_column
from runs.history import pairs, rollup
from runs.history.codec import Floats, Ints
from runs.history.database import AT_ONCE, Ids, bare, in_snapshot, kept, listed, parts_pay, snapshot, uuids
from runs.history.grid import Grid
from runs.history.levels import EXTENT
from runs.history.pieces import ALL, Asked, Piece, Pieces, gathered, joined, within
from runs.history.sealed import chunk_pieces, first_pieces, page_pieces
from runs.history.shapes import Cells, Points
from runs.history.unsealed import runs_with_numbers, tail_pieces
from runs.models import Column, HistoryChunk, Rollup, Scope, StreamName
from runs.statements import Question

log = logging.getLogger(__name__)

SINCE_START = "_absolute_runtime"  # an x that is no key: seconds by the run's clock since it began
CLOCKS = ("_timestamp", "_runtime")
_COLUMN = Question(lambda id: Column.objects.filter(id=id).values_list("project_id", "scope", "key"), [uuid.UUID])
_LOGGED = Question(
    lambda column: Rollup.objects.filter(column_id=column, level=EXTENT).values_list("run_id"), [uuid.UUID]
)
_EXTENTS = Question(
    lambda column, runs: Rollup.objects.filter(column_id=column, level=EXTENT, run_id__in=listed(runs)).values_list(
        "run_id", "data"
    ),
    [uuid.UUID, str],
)
_ROLLUPS = Question(
    lambda column, runs, *kinds_segments: Rollup.objects.filter(
        column_id=column, run_id__in=listed(runs), level__in=kinds_segments[:2], segment__range=kinds_segments[2:]
    ).values_list("run_id", "level", "segment", "data"),
    [uuid.UUID, str, int, int, int, int],
)
TOGETHER = 2**18  # points by another x than the step that are read together
KEPT = 2**21  # points up to which they are kept for those who go through them again
FEW = 20  # a range of fewer than one in so many steps is fetched by pages


def read(
    *,
    column_id: uuid.UUID,
    run_ids: Sequence[uuid.UUID],
    lo: float | None,
    hi: float | None,
    exact_below: int,
    cells: int,
    spread: bool,
) -> Points | Cells:
    """See runs.history.store.read."""
    with snapshot():
        column = _column(column_id)
        if column is None or not run_ids:
            return _points(len(run_ids), {})
        _, _, key, stream = column
        asked = Asked(column_id, key, stream, Ids(run_ids))
        return _by_step(asked, lo, hi, exact_below, cells, spread=spread)


def paired(
    *, column_id: uuid.UUID, run_ids: Sequence[uuid.UUID], x: str, lo: float | None, hi: float | None
) -> Iterable[tuple[slice, Points]]:
    """See runs.history.store.paired."""
    with snapshot():
        column = _column(column_id)
        if column is None:
            return [(slice(0, len(run_ids)), _points(len(run_ids), {}))]
        project, scope, key, stream = column
        runs = Ids(run_ids)
        asked = Asked(column_id, key, stream, runs)
        sizes = _extents(asked)["count"].copy()
        for run, of_run in tail_pieces(asked)[0].items():
            sizes[run] += sum(len(piece.values) for piece in of_run)
        names = CLOCKS if x == SINCE_START else (x,)
        others = [Asked(id_of_column(project, scope, name), name, stream, runs) for name in names]
        batches = _Paired(asked, others, lo, hi, list(_slices(sizes.tolist())))
        return list(batches) if sizes.sum() <= KEPT else batches


@dataclass(frozen=True, slots=True)
class _Paired:
    """Points of some runs after the other, read anew each time."""

    asked: Asked
    others: Sequence[Asked]  # what x is; the CLOCKS, where it is the time since the start
    lo: float | None
    hi: float | None
    slices: Sequence[slice]

    def __iter__(self) -> Iterator[tuple[slice, Points]]:
        if not in_snapshot():
            raise RuntimeError("points that are read several times need a snapshot")
        return ((part, self._of(range(part.start, part.stop))) for part in self.slices)

    def _of(self, places: range) -> Points:
        found = pairs.values(self.asked, self.others[0], places)
        if len(self.others) > 1:
            clock, counted = self.others
            found = pairs.since(found, pairs.starts(clock, counted, places))
        here = {run - places.start: of_run for run, of_run in found.items()}
        return _points(len(places), here, self.lo, self.hi)


def _slices(sizes: Sequence[int]) -> Iterator[slice]:
    """Places that follow one another, with up to TOGETHER points each, or one run."""
    start = points = 0
    for place, size in enumerate(sizes):
        if place > start and points + size > TOGETHER:
            yield slice(start, place)
            start, points = place, 0
        points += size
    yield slice(start, len(sizes))


def _column(id: uuid.UUID) -> tuple[uuid.UUID, str, str, str] | None:
    """Its project, scope, key and stream."""
    found = kept("column", id, lambda: next(iter(_COLUMN(id)), None))
    return None if found is None else (*found, StreamName.HISTORY if found[1] == Scope.HISTORY else StreamName.EVENTS)


def extremes(*, column_id: uuid.UUID, run_ids: Sequence[uuid.UUID]) -> tuple[Floats, Floats]:
    """See runs.history.store.extremes."""
    # Two buckets are the widest there are: they come from the coarsest rollups.
    found = read(column_id=column_id, run_ids=run_ids, lo=None, hi=None, exact_below=0, cells=2, spread=True)
    if isinstance(found, Points) or found.low is None or found.high is None:
        return np.full(len(run_ids), np.nan), np.full(len(run_ids), np.nan)
    return np.fmin.reduce(found.low, axis=1), np.fmax.reduce(found.high, axis=1)


def firsts(*, column_id: uuid.UUID, run_ids: Sequence[uuid.UUID]) -> Floats:
    """See runs.history.store.firsts."""
    with snapshot():
        column = _column(column_id)
        if column is None:
            return np.full(len(run_ids), np.nan)
        asked = Asked(column_id, column[2], column[3], Ids(run_ids))
        tails = tail_pieces(asked)[0]
        sealed = gathered(first_pieces(asked))
        # Of the others the first numbers are not finite, or there are none.
        sure = {run for run, of_run in sealed.items() if any(np.isfinite(piece.values).any() for piece in of_run)}
        every = range(len(run_ids))
        sealed |= gathered(chunk_pieces(asked, *ALL, of=[run for run in every if run not in sure]))
        return np.array([_first(sealed.get(run, []) + tails.get(run, [])) for run in every], dtype=np.float64)


def _first(pieces: Iterable[Piece]) -> float:
    """The first finite number, by step, then as logged; NaN without any."""
    found = []
    for piece in pieces:
        (finite,) = np.nonzero(np.isfinite(piece.values))
        if finite.size:
            place = finite[np.argmin(piece.steps[finite])]
            found.append((int(piece.steps[place]), piece.at, float(piece.values[place])))
    return min(found)[2] if found else math.nan


def logged(*, column_id: uuid.UUID) -> set[uuid.UUID]:
    """See runs.history.store.logged."""
    with snapshot():
        column = _column(column_id)
        if column is None:
            return set()
        project, _, key, stream = column
        sealed = uuids(bare(*_LOGGED.filled([column_id])))
        return runs_with_numbers(project=project, stream=stream, key=key, known=sealed)


def _by_step(
    asked: Asked, lo: float | None, hi: float | None, exact_below: int, cells: int, *, spread: bool
) -> Points | Cells:
    extents = _extents(asked)
    tails = tail_pieces(asked)[0]
    unsealed = [piece for of_run in tails.values() for piece in of_run]
    first = min(int(extents["first"].min()), *(int(piece.steps.min()) for piece in unsealed), 2**63 - 1)
    last = max(int(extents["last"].max()), *(int(piece.steps.max()) for piece in unsealed), -(2**63))
    if first > last or (lo is not None and lo > last) or (hi is not None and hi < first):
        return _points(len(asked.runs), {})
    low = first if lo is None or lo <= first else math.ceil(lo)
    high = last if hi is None or hi >= last else math.floor(hi)
    inside = tails if low <= first and high >= last else within(tails, low, high)
    sealed = np.flatnonzero(extents["count"]).tolist()

    def exact() -> Points | None:
        some = parts_pay() and (high - low) * FEW < last - first
        pieces = joined(gathered((page_pieces if some else chunk_pieces)(asked, low, high, of=sealed)), inside)
        most = max((sum(len(piece.values) for piece in of_run) for of_run in pieces.values()), default=0)
        return _points(len(asked.runs), pieces) if most <= exact_below else None

    # So many points are to be expected in range, if the steps of each run are spread evenly.
    spans = extents["last"].astype(np.float64) - extents["first"] + 1
    expected = extents["count"] * np.minimum(1, (high - low + 1) / np.where(extents["count"] > 0, spans, 1))
    for run, of_run in inside.items():
        expected[run] += sum(len(piece.values) for piece in of_run)
    few = bool((expected <= exact_below).all())
    if few and (points := exact()):
        return points

    width = 1
    while high // width - low // width >= max(cells, 2):
        width *= 2
    start, end = low // width * width, (high // width + 1) * width
    grid = Grid(len(asked.runs), start, end, width, spread=spread)
    raw = _roll(asked, extents, grid)
    unsealed_in = ((run, piece) for run, of_run in within(tails, start, end - 1).items() for piece in of_run)
    for run, piece in chain(chunk_pieces(asked, start, end - 1, of=raw), unsealed_in):
        grid.add(run, rollup.reduce(piece.steps, piece.values, width, spread=spread))
    within_range = slice(low > first and low != start, -1 if high < last and high != end - 1 else None)
    if not few and grid.most(within_range) <= exact_below and (points := exact()):
        return points
    return grid.cells()


def _extents(asked: Asked) -> NDArray[np.void]:
    """What is sealed of each run, as rollup.EXTENT; with a count of 0 nothing."""
    extents = np.zeros(len(asked.runs), rollup.EXTENT)
    extents["first"], extents["last"], extents["bottom"] = 2**63 - 1, -(2**63), -1
    places, sound, broken = [], [], []
    place_of = asked.runs.places
    for run, data in bare(*_EXTENTS.filled([asked.column, asked.runs.text()])):
        place = place_of[run]
        if rollup.sound_extent(data):
            places.append(place)
            sound.append(data)
        else:
            log.error("Extent of run %s, column %s is read from its chunks", asked.runs[place], asked.column)
            broken.append(place)
    extents[places] = np.frombuffer(b"".join(sound), rollup.EXTENT)
    if broken:
        chunks = HistoryChunk.objects.filter(column_id=asked.column, run_id__in=listed(asked.runs.text(broken)))
        found = chunks.values("run_id").annotate(first=Min("first_step"), last=Max("last_step"))
        rows = found.values_list("run_id", "first", "last")
        for run, first, last in bare(*rows.query.sql_with_params()):
            # The true count is not known, and must not look small.
            extents[place_of[run]] = (b"", 2**62, first, last, -1, -1, 0)
    return extents


def _points(runs: int, pieces: Pieces, low: float | None = None, high: float | None = None) -> Points:
    """The pieces' points in range, sorted. Those whose x is not finite have no place and are left out."""
    of_runs = [pieces.get(run, []) for run in range(runs)]
    ordered = [piece for of_run in of_runs for piece in of_run]
    if not ordered:
        return Points(np.zeros(runs + 1, np.int64), np.empty(0), np.empty(0))
    y = np.concatenate([piece.values for piece in ordered])
    if low is None and high is None and (shared := _shared(ordered, runs)) is not None:
        return Points(np.arange(runs + 1) * len(shared), np.tile(shared, runs), y)
    x = np.concatenate([piece.steps for piece in ordered], dtype=np.float64)
    sizes = np.array([sum(len(piece.values) for piece in of_run) for of_run in of_runs], dtype=np.int64)
    inside = np.isfinite(x)
    if low is not None:
        inside &= x >= low
    if high is not None:
        inside &= x <= high
    if not inside.all():
        sizes = np.bincount(np.repeat(np.arange(runs), sizes)[inside], minlength=runs)
        x, y = x[inside], y[inside]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    falls = np.flatnonzero(x[1:] < x[:-1]) + 1
    if not np.isin(falls, offsets).all():
        order = np.lexsort((x, np.repeat(np.arange(runs), sizes)))
        x, y = x[order], y[order]
    return Points(offsets, x, y)


def _shared(pieces: Sequence[Piece], runs: int) -> Floats | None:
    """The x of every run, if each has one piece and all of these have the same ascending steps (see codec.ramp)."""
    steps = pieces[0].steps
    if len(pieces) != runs or steps.dtype != np.int64 or not all(piece.steps is steps for piece in pieces):
        return None
    return steps.astype(np.float64) if (steps[1:] >= steps[:-1]).all() else None


def _roll(asked: Asked, extents: NDArray[np.void], grid: Grid) -> list[int]:
    """Fill the grid from rollups, each run's from the coarsest level that is fine enough; returns the runs without."""
    bottom, spread = extents["bottom"].astype(np.int64), grid.low is not None
    finest = grid.width.bit_length() - rollup.width(0).bit_length()
    level = np.minimum(extents["top"], finest - (finest - bottom) % rollup.STRIDE)
    # Minima and maxima begin one level above the bottom.
    rolled = (bottom >= 0) & (level >= (bottom + rollup.STRIDE if spread else bottom))
    raw: list[int] = np.flatnonzero(~rolled & (extents["count"] > 0)).tolist()
    for of_level in np.unique(level[rolled]).tolist():
        raw += _put(asked, of_level, np.flatnonzero(rolled & (level == of_level)), grid)
    return raw


def _put(asked: Asked, level: int, runs: Ints, grid: Grid) -> list[int]:
    """Fill the grid with these runs' rows of a level; returns those of them of which one can't be read."""
    segment_width = rollup.width(level) * rollup.SEGMENT
    place_of = asked.runs.places
    kinds = level, level if grid.low is None else level + rollup.SPREAD
    segments = grid.start // segment_width, (grid.end - 1) // segment_width
    broken: set[int] = set()
    found = bare(*_ROLLUPS.filled([asked.column, asked.runs.text(runs.tolist()), *kinds, *segments]))
    while some := list(islice(found, AT_ONCE)):
        alike: dict[tuple[int, int, bytes], list[tuple[int, bytes]]] = defaultdict(list)
        for run, kind, segment, data in some:
            place = place_of[run]
            if rollup.sound(data):
                alike[kind, segment, rollup.header(data)].append((place, data))
            else:
                log.error("Rollup of run %s, column %s is read from its chunks", asked.runs[place], asked.column)
                broken.add(place)
        for (_, segment, _), together in alike.items():
            places, blobs = zip(*together, strict=True)
            grid.put(np.array(places), level, segment, rollup.decode_alike(blobs))
    grid.empty(sorted(broken))
    return sorted(broken)
