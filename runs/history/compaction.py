"""Tails into chunks: the only place where chunks are written."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain, islice, pairwise
from typing import Any, NamedTuple

import numpy as np

from runs.columns import column_id
from runs.history import codec, keys, levels, tail
from runs.history.codec import Floats, Ints
from runs.history.database import Ids, insert, listed
from runs.history.tail import Block
from runs.models import HistoryChunk, HistoryTail, Stream, StreamName
from runs.statements import Change, Question, deleting, send, together, updating

log = logging.getLogger(__name__)

SEAL_AFTER = 4096  # unsealed lines of a stream from which on they are sealed
STRETCH = 16384  # lines a chunk may hold
_GROWING = 256  # columns of a stretch up to which it grows: they are in memory together
_AT_ONCE = 1000  # columns whose chunks are in memory together
_READ_AT_ONCE = 32  # columns of a growing stretch whose bytes are in memory together

# The tail rows of one writer's stream from a line on.
TAIL = Question(
    lambda run, stream, writer, start: (
        HistoryTail.objects.filter(run_id=run, stream=stream, writer=writer, first_line__gte=start)
        .order_by("first_line")
        .values_list("first_line", "data")
    ),
    [uuid.UUID, str, str, int],
    blobs=True,
)
_LAST = Question(
    lambda run, writer, spine: (
        HistoryChunk.objects.filter(run_id=run, writer=writer, column_id=spine)
        .order_by("-first_line")
        .values_list("first_line", "count")[:1]
    ),
    [uuid.UUID, str, uuid.UUID],
)
_CHUNKS = Question(
    lambda run, writer, first_line, columns: HistoryChunk.objects.filter(
        run_id=run, writer=writer, first_line=first_line, column_id__in=listed(columns)
    ).values_list("column_id", "data"),
    [uuid.UUID, str, int, str],
    blobs=True,
)
_CHUNK_KEY = ["run_id", "column_id", "writer", "first_line"]


class Piece(NamedTuple):
    """One key in some lines, in order of line."""

    lines: Ints
    steps: Ints
    numbers: Floats  # NaN where there is none
    others: dict[int, Any]  # what float64 can't tell, by place

    def values(self, start: int, stop: int) -> codec.Values:
        """The values from line `start` up to `stop`, lines counted from `start`."""
        low, high = np.searchsorted(self.lines, (start, stop)).tolist()
        others = {place - low: value for place, value in self.others.items() if low <= place < high}
        numbers, strange = self.numbers[low:high], [p for p, value in others.items() if not codec.is_number(value)]
        if strange:
            numbers = np.delete(numbers, strange)
        return codec.Values(self.lines[low:high] - start, self.steps[low:high], numbers, others)


def stream_seal(
    *, project_id: uuid.UUID, stream: Stream, fresh: Sequence[Block] = (), later: list[Change] | None = None
) -> None:
    """Move the tail of one writer's stream into chunks and rollups. The caller holds the run's lock.

    `fresh` are lines after those of the tail rows, placed by line number; `stream.lines` counts them already. What
    needs no answer is added to `later`, if that is given.
    """
    changes = [] if later is None else later
    key = {"run_id": stream.run_id, "stream": stream.stream, "writer": stream.writer}
    parts: list[tuple[int, Sequence[Block]]] = []
    spine = keys.spine_id(project_id, stream.stream)
    rows, last = together((TAIL, [*key.values(), 0]), (_LAST, [stream.run_id, stream.writer, spine]))
    for first_line, data in rows:
        try:
            parts.append((first_line, tail.decode(bytes(data))))
        except codec.Corrupt as error:
            log.error("Tail of run %s at line %d is lost: %s", stream.run_id, first_line, error)
    blocks = tail.joined([*parts, (0, fresh)])
    lines = np.sort(np.concatenate([np.empty(0, np.int64), *(block.places for block in blocks)]))
    pieces = _pieces(stream.stream, lines, blocks)
    before = None
    if last and last[0][1] + len(lines) <= STRETCH and len(pieces) <= _GROWING:
        before = _growing(project_id, stream, last[0][0], pieces.keys())
    if before:
        borders = [before.first_line]
    else:
        count = -(-len(lines) // STRETCH)
        borders = [int(lines[len(lines) * piece // count]) for piece in range(count)]
    found = iter(pieces.items())
    while some := dict(islice(found, _AT_ONCE)):
        _columns_seal(project_id, stream, [*borders, stream.lines], some, before, changes)
    stream.sealed_lines = stream.lines
    changes.append(deleting(HistoryTail, key, since=("first_line", 0)))
    changes.append(updating(Stream, key, {"lines": stream.lines, "sealed_lines": stream.lines}))
    if later is None:
        send(*changes)


class Before(NamedTuple):
    """The stream's last stretch, which new lines join."""

    first_line: int
    values: Mapping[uuid.UUID, codec.Values]  # by column, of those that have new values


def _growing(project_id: uuid.UUID, stream: Stream, first_line: int, names: Iterable[str]) -> Before | None:
    """The stretch that begins at a line, for more to join it: fewer, longer chunks are smaller and sooner read."""
    scope = keys.scope_of(stream.stream)
    columns = iter([column_id(project_id, scope, name) for name in names])
    values: dict[uuid.UUID, codec.Values] = {}
    while some := list(islice(columns, _READ_AT_ONCE)):
        for column, data in _CHUNKS(stream.run_id, stream.writer, first_line, Ids(some).text()):
            try:
                values[column] = codec.decode(data)
            except codec.Corrupt:
                return None  # what can't be read stays as it is
    return Before(first_line, values)


def _pieces(stream: str, lines: Ints, blocks: Sequence[Block]) -> dict[str, list[Piece]]:
    """All keys of the lines."""
    found: dict[str, list[Piece]] = {}
    for block in blocks:
        names = block.keys()
        steps = block.integers(names.index("_step")) if stream == StreamName.HISTORY else block.places
        for key, name in enumerate(names):
            found.setdefault(name, []).append(Piece(block.places, steps, block.numbers[key], block.others.get(key, {})))
    if stream != StreamName.HISTORY and len(lines):
        found[keys.SPINES[stream]] = [Piece(lines, lines, lines.astype(np.float64), {})]
    return found


def _columns_seal(
    project_id: uuid.UUID,
    stream: Stream,
    borders: Sequence[int],
    found: Mapping[str, Sequence[Piece]],
    before: Before | None,
    later: list[Change],
) -> None:
    """A chunk for each key and stretch, and their numbers in the rollups. Stretches lie between borders."""
    scope, spine = keys.scope_of(stream.stream), keys.SPINES[stream.stream]
    chunks: list[HistoryChunk] = []
    fresh: dict[uuid.UUID, list[codec.Values]] = {}
    for key, pieces in found.items():
        column, piece = column_id(project_id, scope, key), _joined(pieces)
        for first_line, end in pairwise(borders):
            values = piece.values(first_line, end)
            if not len(values.lines):
                continue
            whole = codec.joined(before.values[column], values) if before and column in before.values else values
            chunks.append(
                HistoryChunk(
                    run_id=stream.run_id,
                    column_id=column,
                    writer=stream.writer,
                    first_line=first_line,
                    count=len(whole.lines),
                    first_step=int(whole.steps.min()),
                    last_step=int(whole.steps.max()),
                    data=codec.encode(whole),
                )
            )
            if len(values.numbers) and not (key == spine and stream.stream != StreamName.HISTORY):
                fresh.setdefault(column, []).append(values)
    if before:
        insert(chunks, later, key=_CHUNK_KEY, replacing=["count", "first_step", "last_step", "data"])
    else:
        insert(chunks, later)
    levels.add(project_id=project_id, run_id=stream.run_id, fresh=fresh, later=later)


def _joined(pieces: Sequence[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    arrays = [np.concatenate(some) for some in zip(*(piece[:3] for piece in pieces), strict=True)]
    values = chain.from_iterable(
        ((before + place, value) for place, value in piece.others.items())
        for before, piece in zip(accumulate((len(piece.lines) for piece in pieces), initial=0), pieces, strict=False)
    )
    order = np.argsort(arrays[0])
    place_of = np.argsort(order).tolist()
    others = dict(sorted((place_of[place], value) for place, value in values))
    return Piece(arrays[0][order], arrays[1][order], arrays[2][order], others)
