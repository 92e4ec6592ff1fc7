"""Numbers of a column in its chunks: all in a range of steps, few of them, or each run's first ones."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence

from django.db.models import F, FloatField, Func, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Floor, Greatest, Least, Length, Substr

from runs.history import codec
from runs.history.database import bare, listed
from runs.history.pieces import Asked, Piece, Pieces
from runs.models import HistoryChunk
from runs.statements import Question

log = logging.getLogger(__name__)

FRONT = 768  # bytes at the beginning of a chunk that are looked at before its pages


def _chunks(column: uuid.UUID, runs: str, low: int, high: int) -> QuerySet[HistoryChunk]:
    """Those that may hold steps low ≤ step ≤ high, each run's in order."""
    of_runs = HistoryChunk.objects.filter(column_id=column, run_id__in=listed(runs))
    return of_runs.filter(last_step__gte=low, first_step__lte=high).order_by("run_id", "writer", "first_line")


_CHUNKS = Question(
    lambda *asked: _chunks(*asked).values_list("run_id", "writer", "first_line", "data"), [uuid.UUID, str, int, int]
)


def chunk_pieces(asked: Asked, low: int, high: int, *, of: Sequence[int] | None = None) -> Iterator[tuple[int, Piece]]:
    """Sealed numbers in low ≤ step ≤ high, each run's in order; `of`: the places of those runs, if not all."""
    if of is not None and not of:
        return
    places = asked.runs.places
    for run, writer, first_line, data in bare(*_CHUNKS.filled([asked.column, asked.runs.text(of), low, high])):
        place = places[run]
        if piece := _piece(asked, place, (writer, first_line), data, low, high):
            yield place, piece


def _guessed(low: int, high: int, page: int, front: int) -> tuple[Func, Substr]:
    """Of a chunk: how many bytes are before those where its steps from `low` to `high` should be, and these."""
    first, last, count, size = (_float(field) for field in ("first_step", "last_step", "count", Length("data")))
    of_page = size * _float(Value(page)) / count

    def pages(step: int) -> Func:
        return Floor(count * (_float(Value(step)) - first) / (last - first + 1.0) / _float(Value(page)))

    # What is before the pages moves them by no more than itself. Not all pages are equally long.
    slack = size / 128.0
    begin = Cast(Greatest(0.0, pages(low) * of_page - slack), IntegerField())
    end = Cast(Least(size, (pages(high) + 1.0) * of_page + slack + _float(Value(front))), IntegerField())
    return begin, Substr("data", begin + 1, end - begin)


def _float(value: str | Value | Length) -> Cast:
    return Cast(value, FloatField())


_PAGES = Question(
    lambda column, runs, low, high, page, front: _chunks(column, runs, low, high).values_list(
        "run_id", "writer", "first_line", Length("data"), Substr("data", 1, front), *_guessed(low, high, page, front)
    ),
    [uuid.UUID, str, int, int, int, int],
)


def page_pieces(asked: Asked, low: int, high: int, *, of: Sequence[int]) -> Iterator[tuple[int, Piece]]:
    """As `chunk_pieces`, for ranges that are a small part of a chunk: fetches about the pages they are in.

    Where these begin and end is guessed, as if all pages were equally long and steps spread evenly. Runs of which that
    was wrong are fetched as a whole.
    """
    found: Pieces = {}
    missed = set()
    question = [asked.column, asked.runs.text(of), low, high, codec.PAGE, FRONT]
    for run, writer, first_line, size, front, begin, pages in bare(*_PAGES.filled(question)):
        place = asked.runs.places[run]
        try:
            chunk = codec.Chunk(front, size)
            places = chunk.between(low, high)
            start, end = chunk.bytes_of(*places) if places else (0, size)
            if places and begin <= start and end <= begin + len(pages):
                piece = Piece((writer, first_line), *chunk.part(*places, pages, begin))
                found.setdefault(place, []).append(piece)
            else:
                missed.add(place)
        except EOFError:
            missed.add(place)
        except codec.Corrupt as error:
            _leave_out(asked, place, error)
    yield from ((run, piece) for run, of_run in found.items() if run not in missed for piece in of_run)
    yield from chunk_pieces(asked, low, high, of=sorted(missed))


def first_pieces(asked: Asked) -> Iterator[tuple[int, Piece]]:
    """Sealed numbers at the smallest step that a run has in the column, from chunks' first pages where they tell."""
    places = asked.runs.places
    longer = []
    for run, writer, first_line, step, data, size in _earliest(asked, Substr("data", 1, FRONT + 8 * codec.PAGE)):
        place, at = places[run], (writer, first_line)
        try:
            data = data or b""  # SQLite has nothing at the beginning of nothing
            chunk = codec.Chunk(data, size)
            inside = chunk.between(step, step)
            if (chunk.bytes_of(*inside)[1] if inside else size) > len(data):
                longer.append(place)
            elif inside:
                yield place, Piece(at, *chunk.part(*inside, data))
            elif piece := _piece(asked, place, at, data, step, step):
                yield place, piece
        except EOFError:
            longer.append(place)
        except codec.Corrupt as error:
            _leave_out(asked, place, error)
    for run, writer, first_line, step, data, _ in _earliest(asked, F("data"), of=longer) if longer else ():
        if piece := _piece(asked, places[run], (writer, first_line), data, step, step):
            yield places[run], piece


def _earliest(asked: Asked, data: Substr | F, *, of: Sequence[int] | None = None) -> Iterator[tuple]:
    """Of the chunks with a run's smallest step: run, writer, first line, that step, `data`, and how long data are."""
    every = HistoryChunk.objects.filter(column_id=asked.column)
    smallest = every.filter(run_id=OuterRef("run_id")).order_by("first_step").values("first_step")[:1]
    rows = every.filter(run_id__in=listed(asked.runs.text(of)), first_step=Subquery(smallest))
    rows = rows.values_list("run_id", "writer", "first_line", "first_step", data, Length("data"))
    return bare(*rows.query.sql_with_params())


def _piece(asked: Asked, run: int, at: tuple[str, int], data: bytes, low: int, high: int) -> Piece | None:
    """A chunk's numbers in low ≤ step ≤ high; None if it can't be read."""
    try:
        return Piece(at, *codec.series(data, low, high))
    except codec.Corrupt as error:
        _leave_out(asked, run, error)
        return None


def _leave_out(asked: Asked, run: int, error: codec.Corrupt) -> None:
    log.error("A chunk of run %s, column %s is left out: %s", asked.runs[run], asked.column, error)
