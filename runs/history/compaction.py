"""Tails into chunks: the only place where chunks are written."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence

import numpy as np

from runs.columns import column_id
from runs.history import codec, keys, levels, tail
from runs.history.codec import Ints
from runs.models import HistoryChunk, HistoryTail, Stream, StreamName

log = logging.getLogger(__name__)

SEAL_AFTER = 4096  # unsealed lines of a stream from which on they are sealed
STRETCH = 8192  # lines a chunk may hold


def stream_seal(*, project_id: uuid.UUID, stream: Stream) -> None:
    """Move the tail of one writer's stream into chunks and rollups. The caller holds the run's lock."""
    tails = HistoryTail.objects.filter(run_id=stream.run_id, stream=stream.stream, writer=stream.writer)
    numbers: list[int] = []
    rows: list[tail.Row] = []
    for first_line, data in tails.order_by("first_line").values_list("first_line", "data"):
        try:
            found = tail.rows_of(data)
        except codec.Corrupt as error:
            log.error("Tail of run %s at line %d is lost: %s", stream.run_id, first_line, error)
            continue
        numbers += range(first_line, first_line + len(found))
        rows += found
    pieces = -(-len(rows) // STRETCH)
    fresh: dict[uuid.UUID, list[codec.Values]] = {}
    for piece in range(pieces):
        part = slice(len(rows) * piece // pieces, len(rows) * (piece + 1) // pieces)
        for column, values in _stretch_seal(project_id, stream, numbers[part], rows[part]):
            fresh.setdefault(column, []).append(values)
    levels.add(project_id=project_id, run_id=stream.run_id, fresh=fresh)
    tails.delete()
    stream.sealed_lines = stream.lines
    Stream.objects.filter(pk=stream.pk).update(sealed_lines=stream.lines)


def _stretch_seal(
    project_id: uuid.UUID, stream: Stream, numbers: Sequence[int], rows: Sequence[tail.Row]
) -> Iterator[tuple[uuid.UUID, codec.Values]]:
    """Store one chunk per column of these lines; yields what has numbers."""
    scope, spine = keys.scope_of(stream.stream), keys.SPINES[stream.stream]
    line_numbers = np.array(numbers, dtype=np.int64)
    steps = line_numbers
    if stream.stream == StreamName.HISTORY:
        steps = np.array([row["_step"] for row in rows], dtype=np.int64)
    offsets = line_numbers - line_numbers[0]
    columns = tail.columns(rows)
    if spine not in columns:
        columns[spine] = None, numbers
    chunks = []
    for key, (places, values) in columns.items():
        at: slice | Ints = slice(None) if places is None else np.array(places)
        coded = codec.values_from(offsets[at], steps[at], values)
        column = column_id(project_id, scope, key)
        chunks.append(
            HistoryChunk(
                run_id=stream.run_id,
                column_id=column,
                writer=stream.writer,
                first_line=numbers[0],
                count=len(values),
                first_step=int(coded.steps.min()),
                last_step=int(coded.steps.max()),
                data=codec.encode(coded),
            )
        )
        if len(coded.numbers) and not (key == spine and stream.stream != StreamName.HISTORY):
            yield column, coded
    HistoryChunk.objects.bulk_create(chunks)
