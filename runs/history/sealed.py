"""Numbers of a column in its chunks: all in a range of steps, few of them, or each run's first ones."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Length, Substr

from runs.history import codec
from runs.history.database import among, parts, placed
from runs.history.pieces import Asked, Piece
from runs.models import HistoryChunk

log = logging.getLogger(__name__)

FRONT = 1024  # bytes at the beginning of a chunk that are looked at before its pages


def chunk_pieces(asked: Asked, runs: Iterable[uuid.UUID], low: int, high: int) -> Iterator[tuple[uuid.UUID, Piece]]:
    """Sealed numbers in low ≤ step ≤ high, each run's in order."""
    if not (ids := list(runs)):
        return
    rows = _chunks(asked, ids, low, high).values_list("run_id", "writer", "first_line", "data")
    for place, writer, first_line, data in placed(rows, ids):
        if piece := _piece(asked, ids[place], (writer, first_line), data, low, high):
            yield ids[place], piece


class _Front(NamedTuple):
    """A chunk whose pages are not read yet, and the places in it that are asked for."""

    run: uuid.UUID
    at: tuple[str, int]
    chunk: codec.Chunk
    places: tuple[int, int]


def page_pieces(asked: Asked, runs: Iterable[uuid.UUID], low: int, high: int) -> Iterator[tuple[uuid.UUID, Piece]]:
    """As `chunk_pieces`, in any order, for ranges that are a small part of a chunk: fetches the pages they are in."""
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
    yield from chunk_pieces(asked, whole, low, high)
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


def first_pieces(asked: Asked) -> Iterator[tuple[uuid.UUID, Piece]]:
    """Sealed numbers at the smallest step that a run has in the column, from chunks' first pages where they tell."""
    start = Substr("data", 1, FRONT + 8 * codec.PAGE)
    longer = []
    for place, writer, first_line, step, data, size in placed(_earliest(asked, asked.runs, start), asked.runs):
        run, at = asked.runs[place], (writer, first_line)
        try:
            data = data or b""  # SQLite has nothing at the beginning of nothing
            chunk = codec.Chunk(data, size)
            places = chunk.between(step, step)
            begin, end = chunk.bytes_of(*places) if places else (0, size)
            if end > len(data):
                longer.append(run)
            elif places:
                yield run, Piece(at, *chunk.part(*places, memoryview(data)[begin:end]))
            elif piece := _piece(asked, run, at, data, step, step):
                yield run, piece
        except EOFError:
            longer.append(run)
        except codec.Corrupt as error:
            _leave_out(asked, run, error)
    for place, writer, first_line, step, data, _ in placed(_earliest(asked, longer, F("data")), longer):
        if piece := _piece(asked, longer[place], (writer, first_line), data, step, step):
            yield longer[place], piece


def _earliest(asked: Asked, runs: Sequence[uuid.UUID], data: Substr | F) -> QuerySet[HistoryChunk, tuple]:
    """Of the chunks with a run's smallest step: run, writer, first line, that step, `data`, and how long data are."""
    every = HistoryChunk.objects.filter(column_id=asked.column)
    smallest = every.filter(run_id=OuterRef("run_id")).order_by("first_step").values("first_step")[:1]
    rows = every.filter(run_id__in=among(runs), first_step=Subquery(smallest))
    return rows.values_list("run_id", "writer", "first_line", "first_step", data, Length("data"))


def _chunks(asked: Asked, runs: Iterable[uuid.UUID], low: int, high: int) -> QuerySet[HistoryChunk]:
    """Those that may hold steps low ≤ step ≤ high, each run's in order."""
    of_runs = HistoryChunk.objects.filter(column_id=asked.column, run_id__in=among(runs))
    return of_runs.filter(last_step__gte=low, first_step__lte=high).order_by("run_id", "writer", "first_line")


def _piece(asked: Asked, run: uuid.UUID, at: tuple[str, int], data: bytes, low: int, high: int) -> Piece | None:
    """A chunk's numbers in low ≤ step ≤ high; None if it can't be read."""
    try:
        return Piece(at, *codec.series(data, low, high))
    except codec.Corrupt as error:
        _leave_out(asked, run, error)
        return None


def _leave_out(asked: Asked, run: uuid.UUID, error: codec.Corrupt) -> None:
    log.error("A chunk of run %s, column %s is left out: %s", run, asked.column, error)
