"""Keeps the rollup rows of a run in step with its chunks."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby

import numpy as np

from runs.history import codec, keys, rollup
from runs.history.database import Ids, among, insert, listed
from runs.history.rollup import Buckets, Extent
from runs.models import HistoryChunk, Rollup
from runs.statements import Change, Question, send, together

log = logging.getLogger(__name__)

EXTENT = -1  # the level of the row that says what is there
# Numbers of a column; with fewer a chunk is as quick to read. Clocks, read as x point by point, get none at all.
ROLLUP_FROM = 1024

Series = tuple[codec.Ints, codec.Ints, codec.Floats]  # lines, steps, numbers

_KEY = ["run_id", "column_id", "level", "segment"]
_EXTENTS = Question(
    lambda run, columns: Rollup.objects.filter(run_id=run, column_id__in=listed(columns), level=EXTENT).values_list(
        "column_id", "data"
    ),
    [uuid.UUID, str],
)
# Rows of two levels in a span of segments.
_ROWS = Question(
    lambda run, columns, level, spread, low, high: Rollup.objects.filter(
        run_id=run, column_id__in=listed(columns), level__in=(level, spread), segment__range=(low, high)
    ).values_list("column_id", "level", "segment", "data"),
    [uuid.UUID, str, int, int, int, int],
    blobs=True,
)


def add(
    *,
    project_id: uuid.UUID,
    run_id: uuid.UUID,
    fresh: Mapping[uuid.UUID, Sequence[codec.Values]],
    later: list[Change],
) -> None:
    """Take in numbers that were just sealed, per column. Their chunks are stored already, or will be by `later`; what
    else needs no answer is added to it."""
    clocks = keys.clock_ids(project_id)
    extents = _extents(run_id, fresh)
    rebuilt: list[uuid.UUID] = []
    rows: list[Rollup] = []
    grown: dict[uuid.UUID, tuple[Extent, Extent, Buckets]] = {}
    for column, parts in fresh.items():
        old = extents.get(column, Extent(0, 2**63 - 1, -(2**63), -1, -1))
        if old is None:
            rebuilt.append(column)
            continue
        found = [part.series() for part in parts]
        if not old.count:
            rows += _column_rows(run_id, column, found, rolled=column not in clocks)
            continue
        steps, values = (np.concatenate(arrays) for arrays in list(zip(*found, strict=True))[1:])
        count = old.count + len(steps)
        first, last = min(old.first, int(steps.min())), max(old.last, int(steps.max()))
        if old.bottom >= 0:
            top = max(old.top, rollup.top_level(old.bottom, first, last))
            if top > old.top == old.bottom:  # the bottom level has no minima and maxima to make the next one's from
                rebuilt.append(column)
                continue
            new = Extent(count, first, last, old.bottom, top)
            grown[column] = old, new, rollup.reduce(steps, values, rollup.width(old.bottom))
        elif count < ROLLUP_FROM or column in clocks:
            rows.append(_extent_row(run_id, column, Extent(count, first, last, -1, -1)))
        else:
            rebuilt.append(column)
    broken, more = _grow(run_id, grown)
    insert(rows + more, later, key=_KEY, replacing=["data"])
    if rebuilt or broken:
        send(*later)
        later.clear()
        build(project_id=project_id, run_id=run_id, columns=rebuilt + broken)


def build(*, project_id: uuid.UUID, run_id: uuid.UUID, columns: Iterable[uuid.UUID]) -> None:
    """Make the rollups of columns anew from all their chunks."""
    clocks = keys.clock_ids(project_id)
    if not (ids := list(columns)):
        return
    Rollup.objects.filter(run_id=run_id, column_id__in=among(ids)).delete()
    chunks = HistoryChunk.objects.filter(run_id=run_id, column_id__in=among(ids))
    found = chunks.order_by("column_id", "writer", "first_line").values_list("column_id", "data")
    for column, group in groupby(found.iterator(chunk_size=100), key=lambda pair: pair[0]):
        series = _sound(run_id, column, (data for _, data in group))
        changes: list[Change] = []
        insert(_column_rows(run_id, column, series, rolled=column not in clocks), changes, key=_KEY, replacing=["data"])
        send(*changes)


def _sound(run_id: uuid.UUID, column: uuid.UUID, chunks: Iterable[bytes | memoryview]) -> Iterator[Series]:
    """The numbers of those that can be read."""
    for data in chunks:
        try:
            yield codec.decode(data).series()
        except codec.Corrupt as error:
            log.error("A chunk of run %s, column %s is left out of its rollups: %s", run_id, column, error)


def _column_rows(run_id: uuid.UUID, column: uuid.UUID, found: Iterable[Series], *, rolled: bool) -> list[Rollup]:
    count, first, last, bottom = 0, 2**63 - 1, -(2**63), -1
    parts: list[Buckets] = []
    for _, steps, values in found:
        if not len(steps):
            continue
        bottom = rollup.bottom_level(steps) if bottom < 0 else bottom
        count += len(steps)
        first, last = min(first, int(steps.min())), max(last, int(steps.max()))
        parts.append(rollup.reduce(steps, values, rollup.width(bottom)))
    if not count:
        return []
    if count < ROLLUP_FROM or not rolled:
        return [_extent_row(run_id, column, Extent(count, first, last, -1, -1))]
    extent = Extent(count, first, last, bottom, rollup.top_level(bottom, first, last))
    rows = [_extent_row(run_id, column, extent)]
    buckets = rollup.merge(parts)
    for level in range(bottom, extent.top + 1, rollup.STRIDE):
        rows += _rows(run_id, column, extent, level, buckets)
        buckets = _next(buckets)
    return rows


def _grow(
    run_id: uuid.UUID, grown: Mapping[uuid.UUID, tuple[Extent, Extent, Buckets]]
) -> tuple[list[uuid.UUID], list[Rollup]]:
    """Columns to build anew, and rows: those that new numbers touch, and the levels that a longer run needs."""
    wanted: dict[uuid.UUID, dict[int, Buckets]] = {}
    spans: dict[int, tuple[int, int]] = {}
    for column, (old, new, buckets) in grown.items():
        wanted[column] = {}
        for level in range(old.bottom, old.top + 1, rollup.STRIDE):
            wanted[column][level] = buckets
            low, high = int(buckets.index[0]) // rollup.SEGMENT, int(buckets.index[-1]) // rollup.SEGMENT
            if level == old.top and new.top > old.top:
                width = rollup.width(level) * rollup.SEGMENT
                low, high = min(low, old.first // width), max(high, old.last // width)
            span = spans.get(level, (low, high))
            spans[level] = min(low, span[0]), max(high, span[1])
            buckets = _next(buckets)
    stored, broken = _stored(run_id, {column: old.bottom for column, (old, _, _) in grown.items()}, spans)
    rows: list[Rollup] = []
    for column, (old, new, _) in grown.items():
        if column in broken:
            continue
        rows.append(_extent_row(run_id, column, new))
        for level, buckets in wanted[column].items():
            before = stored.get((column, level), {})
            growing = level == old.top and new.top > old.top
            touched = before.keys() if growing else before.keys() & set(rollup.segments(buckets))
            whole = rollup.merge([*(before[segment] for segment in sorted(touched)), buckets])
            rows += _rows(run_id, column, new, level, whole)
        for level in range(old.top + rollup.STRIDE, new.top + 1, rollup.STRIDE):
            whole = _next(whole)
            rows += _rows(run_id, column, new, level, whole)
    return broken, rows


def _stored(
    run_id: uuid.UUID, bottoms: Mapping[uuid.UUID, int], spans: Mapping[int, tuple[int, int]]
) -> tuple[dict[tuple[uuid.UUID, int], dict[int, Buckets]], list[uuid.UUID]]:
    """Rows by (column, level) and segment, of those segments at each level; and columns of which one can't be read."""
    stored: dict[tuple[uuid.UUID, int], dict[int, Buckets]] = {}
    broken: set[uuid.UUID] = set()
    columns = Ids(list(bottoms)).text()
    asked = [(_ROWS, [run_id, columns, level, level + rollup.SPREAD, *span]) for level, span in spans.items()]
    found = chain.from_iterable(together(*asked))
    rows = {(column, level, segment): data for column, level, segment, data in found}
    for (column, level, segment), data in rows.items():
        if level >= rollup.SPREAD:
            continue
        spread = rows.get((column, level + rollup.SPREAD, segment), b"") if level > bottoms[column] else None
        try:
            stored.setdefault((column, level), {})[segment] = rollup.decode(data, spread, segment)
        except codec.Corrupt as error:
            log.error("Rollups of run %s, column %s are made anew: %s", run_id, column, error)
            broken.add(column)
    return stored, sorted(broken)


def _extents(run_id: uuid.UUID, columns: Iterable[uuid.UUID]) -> dict[uuid.UUID, Extent | None]:
    """None for what can't be read."""
    extents: dict[uuid.UUID, Extent | None] = {}
    for column, data in _EXTENTS(run_id, Ids(list(columns)).text()):
        try:
            extents[column] = rollup.decode_extent(data)
        except codec.Corrupt:
            extents[column] = None
    return extents


def _extent_row(run_id: uuid.UUID, column: uuid.UUID, extent: Extent) -> Rollup:
    return Rollup(run_id=run_id, column_id=column, level=EXTENT, segment=0, data=rollup.encode_extent(extent))


def _next(buckets: Buckets) -> Buckets:
    """Those of the next stored level."""
    return rollup.coarsen(buckets, 2**rollup.STRIDE)


def _rows(run_id: uuid.UUID, column: uuid.UUID, extent: Extent, level: int, buckets: Buckets) -> Iterator[Rollup]:
    """One row per segment that has buckets; above the bottom level another for minima and maxima."""
    pack = level < extent.top  # the top level is what most charts read
    for segment in rollup.segments(buckets):
        part = buckets.between(segment * rollup.SEGMENT, (segment + 1) * rollup.SEGMENT)
        rows = [(level, rollup.encode(part, segment, pack=pack))]
        if level > extent.bottom:
            rows.append((level + rollup.SPREAD, rollup.encode_spread(part, segment, pack=pack)))
        for kind, data in rows:
            yield Rollup(run_id=run_id, column_id=column, level=kind, segment=segment, data=data)
