"""Series of one column for many runs: a handful of queries, however many runs there are."""

from __future__ import annotations

import logging
import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Count, Max, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Length, Substr
from numpy.typing import NDArray

from runs.columns import column_id as id_of_column
from runs.history import codec, rollup, tail
from runs.history.codec import Floats, Ints
from runs.history.database import AT_ONCE, among, fetch, kept, parts, parts_pay, placed, snapshot
from runs.history.grid import Grid
from runs.history.levels import EXTENT
from runs.history.shapes import Cells, Points
from runs.models import Column, HistoryChunk, HistoryTail, Kind, Rollup, Scope, StreamName

log = logging.getLogger(__name__)

SINCE_START = "_absolute_runtime"  # an x that is no key: seconds by the run's clock since it began
CLOCKS = ("_timestamp", "_runtime")
_STEP = tail.name("_step")
_ALL = (-(2**63), 2**63 - 1)  # steps
FRONT = 1024  # bytes at the beginning of a chunk that are looked at before its pages
FEW = 20  # a range of fewer than one in so many steps is fetched by pages
KEPT = 2**24  # bytes of unsealed lines that charts drawn together share
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
    spread: bool,
) -> Points | Cells:
    """See runs.history.store.read."""
    with snapshot():
        column = _column(column_id)
        if column is None or not run_ids:
            return _points(run_ids, {})
        project, scope, key, stream = column
        asked = Asked(column_id, key, stream, run_ids)
        if x == "_step":
            return _by_step(asked, lo, hi, exact_below, cells, spread=spread)
        if x == SINCE_START:
            clock, counted = (Asked(id_of_column(project, scope, key), key, stream, run_ids) for key in CLOCKS)
            return _points(run_ids, _since(_paired(asked, clock), _starts(clock, counted)), lo, hi)
        other = Asked(id_of_column(project, scope, x), x, stream, run_ids)
        return _points(run_ids, _paired(asked, other), lo, hi)


def _column(id: uuid.UUID) -> tuple[uuid.UUID, str, str, str] | None:
    """Its project, scope, key and stream."""
    rows = Column.objects.filter(id=id).values_list("project_id", "scope", "key")
    found = kept("column", id, lambda: next(iter(rows), None))
    return None if found is None else (*found, StreamName.HISTORY if found[1] == Scope.HISTORY else StreamName.EVENTS)


def extremes(*, column_id: uuid.UUID, run_ids: Sequence[uuid.UUID]) -> tuple[Floats, Floats]:
    """See runs.history.store.extremes."""
    # Two buckets are the widest there are: they come from the coarsest rollups.
    found = read(column_id=column_id, run_ids=run_ids, x="_step", lo=None, hi=None, exact_below=0, cells=2, spread=True)
    if isinstance(found, Points) or found.low is None or found.high is None:
        return np.full(len(run_ids), np.nan), np.full(len(run_ids), np.nan)
    return np.fmin.reduce(found.low, axis=1), np.fmax.reduce(found.high, axis=1)


def firsts(*, column_id: uuid.UUID, run_ids: Sequence[uuid.UUID]) -> Floats:
    """See runs.history.store.firsts."""
    with snapshot():
        column = _column(column_id)
        if column is None:
            return np.full(len(run_ids), np.nan)
        asked = Asked(column_id, column[2], column[3], run_ids)
        tails = _tails(asked)[0]
        sealed = _gathered(_beginnings(asked))
        # Of the others the first numbers are not finite, or there are none.
        sure = {run for run, of_run in sealed.items() if any(np.isfinite(piece.values).any() for piece in of_run)}
        sealed |= _gathered(_sealed(asked, [run for run in run_ids if run not in sure], *_ALL))
        return np.array([_first(sealed.get(run, []) + tails.get(run, [])) for run in run_ids], dtype=np.float64)


def _beginnings(asked: Asked) -> Iterator[tuple[uuid.UUID, Piece]]:
    """Sealed numbers at the smallest step that a run has in the column."""
    every = HistoryChunk.objects.filter(column_id=asked.column)
    smallest = every.filter(run_id=OuterRef("run_id")).order_by("first_step").values("first_step")[:1]
    rows = every.filter(run_id__in=among(asked.runs), first_step=Subquery(smallest))
    fields = "run_id", "writer", "first_line", "first_step", "data"
    for place, writer, first_line, step, data in placed(rows.values_list(*fields), asked.runs):
        if piece := _piece(asked, asked.runs[place], (writer, first_line), data, step, step):
            yield asked.runs[place], piece


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
        found = set(Rollup.objects.filter(column_id=column_id, level=EXTENT).values_list("run_id", flat=True))
        name = tail.name(key)
        tails = kept("directories", (project, stream), lambda: _Directories.of(project, stream))
        for (names, kinds), runs in tails.runs.items():
            if _numeric(name, names, kinds):
                found |= runs
        # A run that has one number is known: the rest of its tail is not looked at.
        rest = HistoryTail.objects.filter(run_id__in=among(tails.longer - found), stream=stream)
        for run, first_line, data in fetch(rest.values_list("run_id", "first_line", "data")) if tails.longer else ():
            if run not in found:
                entries = _directory(run, first_line, data)
                if any(_numeric(name, entry.names, entry.kinds) for entry in entries):
                    found.add(run)
        return found


@dataclass(frozen=True, slots=True)
class _Directories:
    """What the tail rows of a project say they hold, as far as their beginnings tell."""

    runs: dict[tuple[bytes, bytes], set[uuid.UUID]]  # by names and kinds of a block
    longer: set[uuid.UUID]  # the runs of rows that were cut before they told

    @classmethod
    def of(cls, project: uuid.UUID, stream: str) -> _Directories:
        rows = HistoryTail.objects.filter(run__project_id=project, stream=stream)
        found = cls(defaultdict(set), set())
        for run, first_line, data in fetch(rows.values_list("run_id", "first_line", Substr("data", 1, _DIRECTORY))):
            try:
                for entry in _directory(run, first_line, data):
                    found.runs[entry.names, entry.kinds].add(run)
            except EOFError:
                found.longer.add(run)
        return found


def _directory(run: uuid.UUID, first_line: int, data: bytes | memoryview) -> list[tail.Entry]:
    """Of a tail row, or the beginning of one. Raises EOFError if it is cut before its end."""
    try:
        return tail.directory(bytes(data))
    except codec.Corrupt as error:
        log.error("Tail of run %s at line %d is left out: %s", run, first_line, error)
        return []


def _numeric(name: bytes, names: bytes, kinds: bytes) -> bool:
    """Whether a block of these names and kinds has numbers of a key."""
    place = tail.place_of(name, names)
    return place >= 0 and bool(kinds[place] & Kind.NUMBER)


def _by_step(
    asked: Asked, lo: float | None, hi: float | None, exact_below: int, cells: int, *, spread: bool
) -> Points | Cells:
    extents = _extents(asked)
    tails = _tails(asked)[0]
    unsealed = [piece for of_run in tails.values() for piece in of_run]
    first = min(int(extents["first"].min()), *(int(piece.steps.min()) for piece in unsealed), 2**63 - 1)
    last = max(int(extents["last"].max()), *(int(piece.steps.max()) for piece in unsealed), -(2**63))
    if first > last or (lo is not None and lo > last) or (hi is not None and hi < first):
        return _points(asked.runs, {})
    low = first if lo is None or lo <= first else math.ceil(lo)
    high = last if hi is None or hi >= last else math.floor(hi)
    inside = tails if low <= first and high >= last else _within(tails, low, high)
    place = {run: at for at, run in enumerate(asked.runs)}
    sealed = np.flatnonzero(extents["count"]).tolist()

    def exact() -> Points | None:
        some = parts_pay() and (high - low) * FEW < last - first
        found = _gathered((_few_sealed if some else _sealed)(asked, [asked.runs[at] for at in sealed], low, high))
        pieces = _joined(found, inside)
        most = max((sum(len(piece.values) for piece in of_run) for of_run in pieces.values()), default=0)
        return _points(asked.runs, pieces) if most <= exact_below else None

    # So many points are to be expected in range, if the steps of each run are spread evenly.
    spans = extents["last"].astype(np.float64) - extents["first"] + 1
    expected = extents["count"] * np.minimum(1, (high - low + 1) / np.where(extents["count"] > 0, spans, 1))
    for run, of_run in inside.items():
        expected[place[run]] += sum(len(piece.values) for piece in of_run)
    few = bool((expected <= exact_below).all())
    if few and (points := exact()):
        return points

    width = 1
    while high // width - low // width >= max(cells, 2):
        width *= 2
    start, end = low // width * width, (high // width + 1) * width
    grid = Grid(len(asked.runs), start, end, width, spread=spread)
    raw = [asked.runs[at] for at in _roll(asked, extents, grid)]
    unsealed_in = ((run, piece) for run, of_run in _within(tails, start, end - 1).items() for piece in of_run)
    for run, piece in chain(_sealed(asked, raw, start, end - 1), unsealed_in):
        grid.add(place[run], rollup.reduce(piece.steps, piece.values, width, spread=spread))
    sizes = grid.count + grid.nonfinite
    sure = sizes.sum(axis=1)
    if low > first and low != start:
        sure = sure - sizes[:, 0]
    if high < last and high != end - 1:
        sure = sure - sizes[:, -1]
    if not few and (sure <= exact_below).all() and (points := exact()):
        return points
    return grid.cells()


def _extents(asked: Asked) -> NDArray[np.void]:
    """What is sealed of each run, as rollup.EXTENT; with a count of 0 nothing."""
    extents = np.zeros(len(asked.runs), rollup.EXTENT)
    extents["first"], extents["last"], extents["bottom"] = 2**63 - 1, -(2**63), -1
    places, sound, broken = [], [], []
    rows = Rollup.objects.filter(column_id=asked.column, level=EXTENT, run_id__in=among(asked.runs))
    for place, data in placed(rows.values_list("run_id", "data"), asked.runs):
        if rollup.sound_extent(data):
            places.append(place)
            sound.append(data)
        else:
            log.error("Extent of run %s, column %s is read from its chunks", asked.runs[place], asked.column)
            broken.append(asked.runs[place])
    extents[places] = np.frombuffer(b"".join(sound), rollup.EXTENT)
    if broken:
        chunks = HistoryChunk.objects.filter(column_id=asked.column, run_id__in=among(broken)).values("run_id")
        found = chunks.annotate(n=Count("pk"), first=Min("first_step"), last=Max("last_step"))
        for row in found:
            # The true count is not known, and must not look small.
            extents[asked.runs.index(row["run_id"])] = (b"", 2**62, row["first"], row["last"], -1, -1, 0)
    return extents


def _tails(*columns: Asked) -> list[Pieces]:
    """Numbers of the columns, which are of the same runs and stream, in the lines not yet sealed."""
    stream, runs = columns[0].stream, columns[0].runs
    names = [tail.name(column.key) for column in columns]
    found: list[Pieces] = [{} for _ in columns]
    for run, at, row in _tail_rows(stream, runs):
        blocks = list(row.naming(names[0]))
        for column, name, pieces in zip(columns, names, found, strict=True):
            if piece := _tail_piece(blocks, column, name, at):
                pieces.setdefault(run, []).append(piece)
    return found


@dataclass(slots=True)
class _TailRows:
    """Tail rows that were read in this snapshot: none of them unless all are few enough to be kept."""

    rows: list[tuple[uuid.UUID, tuple[str, int], tail.Parts]] = field(default_factory=list)
    whole: bool = False


def _tail_rows(stream: str, runs: Sequence[uuid.UUID]) -> Iterator[tuple[uuid.UUID, tuple[str, int], tail.Parts]]:
    """Each with its run and its place, in order; one at a time in memory where they are large together."""
    known = kept("tails", (stream, tuple(runs)), _TailRows)
    if known.whole:
        yield from known.rows
        return
    found, size = [], 0
    rows = HistoryTail.objects.filter(run_id__in=among(runs), stream=stream).order_by("run_id", "writer", "first_line")
    for run, writer, first_line, data in fetch(rows.values_list("run_id", "writer", "first_line", "data")):
        try:
            row = run, (writer, first_line), tail.Parts(bytes(data))
        except codec.Corrupt as error:
            log.error("Tail of run %s at line %d is left out: %s", run, first_line, error)
            continue
        size += len(data)
        if size <= KEPT:
            found.append(row)
        else:
            found.clear()
        yield row
    if size <= KEPT:
        known.rows, known.whole = found, True


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


def _chunks(asked: Asked, runs: Iterable[uuid.UUID], low: int, high: int) -> QuerySet[HistoryChunk]:
    """Those that may hold steps low ≤ step ≤ high, each run's in order."""
    of_runs = HistoryChunk.objects.filter(column_id=asked.column, run_id__in=among(runs))
    return of_runs.filter(last_step__gte=low, first_step__lte=high).order_by("run_id", "writer", "first_line")


def _sealed(asked: Asked, runs: Iterable[uuid.UUID], low: int, high: int) -> Iterator[tuple[uuid.UUID, Piece]]:
    """Sealed numbers in low ≤ step ≤ high, each run's in order."""
    if not (ids := list(runs)):
        return
    rows = _chunks(asked, ids, low, high).values_list("run_id", "writer", "first_line", "data")
    for place, writer, first_line, data in placed(rows, ids):
        if piece := _piece(asked, ids[place], (writer, first_line), data, low, high):
            yield ids[place], piece


def _piece(asked: Asked, run: uuid.UUID, at: tuple[str, int], data: bytes, low: int, high: int) -> Piece | None:
    """A chunk's numbers in low ≤ step ≤ high; None if it can't be read."""
    try:
        return Piece(at, *codec.series(data, low, high))
    except codec.Corrupt as error:
        _leave_out(asked, run, error)
        return None


class _Front(NamedTuple):
    """A chunk whose pages are not read yet, and the places in it that are asked for."""

    run: uuid.UUID
    at: tuple[str, int]
    chunk: codec.Chunk
    places: tuple[int, int]


def _few_sealed(asked: Asked, runs: Iterable[uuid.UUID], low: int, high: int) -> Iterator[tuple[uuid.UUID, Piece]]:
    """As `_sealed`, in any order, for ranges that are a small part of a chunk: fetches the pages they are in."""
    if not (ids := list(runs)):
        return
    fronts, whole = [], set()
    fields = ("run_id", "writer", "first_line", Substr("data", 1, FRONT), Length("data"))
    for place, writer, first_line, data, size in placed(_chunks(asked, ids, low, high).values_list(*fields), ids):
        try:
            chunk = codec.Chunk(data, size)
            if places := chunk.between(low, high):
                fronts.append(_Front(ids[place], (writer, first_line), chunk, places))
            else:
                whole.add(ids[place])
        except codec.Corrupt as error:
            _leave_out(asked, ids[place], error)
        except EOFError:
            whole.add(ids[place])
    yield from _sealed(asked, whole, low, high)
    fronts = [front for front in fronts if front.run not in whole]
    keys: dict[str, list[Any]] = {
        "run": [front.run for front in fronts],
        "writer": [front.at[0] for front in fronts],
        "first_line": [front.at[1] for front in fronts],
        "column": [asked.column] * len(fronts),
    }
    spans = [front.chunk.bytes_of(*front.places) for front in fronts]
    for place, pages in parts(HistoryChunk, keys, spans) if fronts else ():
        front = fronts[place]
        try:
            yield front.run, Piece(front.at, *front.chunk.part(*front.places, pages))
        except codec.Corrupt as error:
            _leave_out(asked, front.run, error)


def _leave_out(asked: Asked, run: uuid.UUID, error: codec.Corrupt) -> None:
    log.error("A chunk of run %s, column %s is left out: %s", run, asked.column, error)


def _gathered(pieces: Iterable[tuple[uuid.UUID, Piece]]) -> Pieces:
    """Pieces by run."""
    found: Pieces = {}
    for run, piece in pieces:
        found.setdefault(run, []).append(piece)
    return found


def _within(pieces: Pieces, low: int, high: int) -> Pieces:
    return {run: [piece.within(low, high) for piece in of_run] for run, of_run in pieces.items()}


def _joined(sealed: Pieces, tails: Pieces) -> Pieces:
    """Pieces of both, in order."""
    return {
        run: sorted(sealed.get(run, []) + tails.get(run, []), key=lambda piece: piece.at)
        for run in sealed.keys() | tails.keys()
    }


def _paired(asked: Asked, other: Asked) -> Pieces:
    """The values of lines that have both, with the other's values in place of steps."""
    tails, other_tails = _tails(asked, other)
    pieces = _joined(_gathered(_sealed(asked, asked.runs, *_ALL)), tails)
    others = _joined(_gathered(_sealed(other, pieces, *_ALL)), other_tails)
    found: Pieces = {}
    for run, of_run in pieces.items():
        by_place = {piece.at: piece for piece in others.get(run, [])}
        for piece in of_run:
            match = by_place.get(piece.at)
            if match is None:
                continue
            if piece.lines is match.lines or np.array_equal(piece.lines, match.lines):
                both = Piece(piece.at, piece.lines, match.values, piece.values)
            else:
                lines, left, right = np.intersect1d(piece.lines, match.lines, assume_unique=True, return_indices=True)
                both = Piece(piece.at, lines, match.values[right], piece.values[left])
            found.setdefault(run, []).append(both)
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


def _points(runs: Sequence[uuid.UUID], pieces: Pieces, low: float | None = None, high: float | None = None) -> Points:
    """The pieces' points in range, sorted. Those whose x is not finite have no place and are left out."""
    of_runs = [pieces.get(run, []) for run in runs]
    ordered = [piece for of_run in of_runs for piece in of_run]
    x = np.concatenate([np.empty(0), *(piece.steps for piece in ordered)])
    y = np.concatenate([np.empty(0), *(piece.values for piece in ordered)])
    sizes = np.array([sum(len(piece.values) for piece in of_run) for of_run in of_runs], dtype=np.int64)
    inside = np.isfinite(x)
    if low is not None:
        inside &= x >= low
    if high is not None:
        inside &= x <= high
    if not inside.all():
        sizes = np.bincount(np.repeat(np.arange(len(runs)), sizes)[inside], minlength=len(runs))
        x, y = x[inside], y[inside]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    falls = np.flatnonzero(x[1:] < x[:-1]) + 1
    if not np.isin(falls, offsets).all():
        order = np.lexsort((x, np.repeat(np.arange(len(runs)), sizes)))
        x, y = x[order], y[order]
    return Points(offsets, x, y)


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
    ids = [asked.runs[at] for at in runs]
    rows = Rollup.objects.filter(
        column_id=asked.column,
        level__in=[level] if grid.low is None else [level, level + rollup.SPREAD],
        run_id__in=among(ids),
        segment__range=(grid.start // segment_width, (grid.end - 1) // segment_width),
    )
    broken: set[int] = set()
    found = placed(rows.values_list("run_id", "level", "segment", "data"), ids)
    while some := list(islice(found, AT_ONCE)):
        alike: dict[tuple[int, int, bytes], list[tuple[int, bytes]]] = defaultdict(list)
        for place, kind, segment, data in some:
            if rollup.sound(data):
                alike[kind, segment, rollup.header(data)].append((place, data))
            else:
                log.error("Rollup of run %s, column %s is read from its chunks", ids[place], asked.column)
                broken.add(int(runs[place]))
        for (_, segment, _), together in alike.items():
            places, blobs = zip(*together, strict=True)
            grid.put(runs[list(places)], level, segment, rollup.decode_alike(blobs))
    grid.empty(sorted(broken))
    return sorted(broken)
